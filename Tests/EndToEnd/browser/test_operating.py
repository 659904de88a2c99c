"""Operators watch a sale in a browser, and stop it."""

import json

from support.browser import BrowserCase
from support.service import event, make_key


class Operating(BrowserCase):
    """A service with a sale that moves."""

    events = (event(20, "gala", name="A very long name " * 6 + "Donaudampfschifffahrtsgesellschaft"), event(9, "other"))
    names = iter(range(1, 1_000_000))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)

    def operator(self, target="/operate", key=None, **options):
        """Return the page of somebody who signed in there."""
        page = self.person(target, **options)
        page.fill("#key", key or self.key).click("form button.primary")
        page.wait(f"location.pathname === {json.dumps(target)} && document.readyState === 'complete'")
        return page

    def api(self, method, target, body=None):
        """Call the API as the operator."""
        return self.server.ask(method, target, [
            f"Authorization: Bearer {self.key}", "Content-Type: application/json",
            f"Idempotency-Key: operating-{next(self.names):012}"], b"" if body is None else json.dumps(body).encode())

    def hold(self, quantity, name="gala", buyer=None):
        """Hold some places; return the answer."""
        body = {"lines": [{"type": "GA", "quantity": quantity}]} | ({"buyer": buyer} if buyer else {})
        return self.api("POST", f"/v1/events/{name}/holds", body).json()

    def test_figures_move(self):
        """What happens is on the page within seconds, without loading it again; a field that is being filled stays."""
        page = self.operator("/operate/events/gala")
        page.js("window.isTheSame = true")
        page.fill("#f-pool-floor", "21").js("document.querySelector('#f-pool-floor').focus()")
        self.hold(3)
        page.shows("3 held", 5)
        before = page.js("document.querySelector('[data-live=asof]').textContent")
        page.wait(f"document.querySelector('[data-live=asof]').textContent !== {json.dumps(before)}", 5)
        self.assertEqual(page.js("window.isTheSame"), True)
        self.assertEqual(page.js("document.querySelector('#f-pool-floor').value"), "21")
        # So does one that was left, in a part that is replaced.
        page.fill("#why", "the hall is full").js("document.activeElement.blur()")
        self.hold(1)
        page.shows("4 held", 5)
        self.assertEqual(page.js("document.querySelector('#why').value"), "the hall is full")

    def test_broken_line(self):
        """Without a line the page says that its figures are old, and afterwards goes on; signed out elsewhere, it says so."""
        page = self.operator("/operate")
        page.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        page.shows("The connection is broken")
        page.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        page.wait("!document.body.innerText.includes('The connection is broken')")
        self.operator("/operate").press_button("Sign out everywhere").shows("Sign in")
        page.shows("You are signed out")

    def test_stopped_with_one_hand(self):
        """On a phone the first screen says whether the event sells and whether something is wrong, and stops it."""
        page = self.operator("/operate/events/other", width=390, height=844)
        for selector in ("h1", ".badge", ".notice", ".stop button[value=pause]"):
            bottom = page.js(f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().bottom")
            self.assertLess(bottom, 844, selector)
        page.fill("#notice", "Back at eight").press_button("Pause the sale").shows("The sale is paused.")
        page.shows("Buyers read: Back at eight")
        self.assertEqual(self.api("GET", "/v1/events/other").json()["state"], "paused")
        page.press_button("Resume the sale").shows("The sale goes on.")
        self.assertEqual(self.api("GET", "/v1/events/other").json()["state"], "open")

    def test_capacity(self):
        """A change of places shows its effect before it is made."""
        page = self.operator("/operate/events/other")
        page.fill("#f-pool-floor", "12").press_button("Show the effect").shows("12 free instead of 9")
        page.press_button("Change it").shows("The event is changed.").shows("12 in all")

    def test_pages(self):
        """axe finds nothing on any page in any theme, and each fits on 320 px."""
        held = self.hold(2, buyer="anna@example.org")
        bought = self.hold(1)
        for payment in ("pay-1", "pay-2"):
            self.api("POST", f"/v1/holds/{bought['id']}/purchase", {"payment_reference": payment})
        self.hold(99)
        page = self.person("/operate/sign-in")
        self.check(page)
        page = self.operator("/operate")
        for target in ("/operate", "/operate/events/gala", "/operate/sales?q=anna%40example.org&event=gala&state=held",
                       f"/operate/holds/{held['id']}", f"/operate/holds/{bought['id']}", "/operate/refunds",
                       "/operate/audit", "/operate/exports", "/operate/keys"):
            with self.subTest(target=target):
                self.check(page.open(self.url(target)))
        page.open(self.url("/operate/events/gala")).fill("#f-pool-floor", "1").press_button("Show the effect")
        self.check(page.shows("more are held and sold"))
        page.open(self.url("/operate/events/gala")).js(
            "document.querySelector('#f-pool-floor').removeAttribute('pattern')")
        page.fill("#f-pool-floor", "many").press_button("Show the effect")
        self.check(page.shows("must be a whole number"))

    def check(self, page):
        """Check a page as everybody may see it."""
        page.call("Emulation.setDeviceMetricsOverride", width=320, height=800, deviceScaleFactor=1, mobile=False)
        self.assertLessEqual(page.js("document.documentElement.scrollWidth"), 320, page.text())
        self.assert_accessible(page)

    def test_first_view(self):
        """The overview is small: 70 KB at most."""
        page = self.operator("/operate")
        page.received = 0
        page.call("Network.clearBrowserCache")
        page.open(self.url("/operate")).shows("Overview")
        self.assertLess(page.received, 70_000)
