"""Operators watch a sale in a browser, and stop it."""

import json

from support.browser import BrowserCase
from support.service import command, event, make_key


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

    def api(self, method, target, body=None, *headers):
        """Call the API as the operator."""
        return self.server.ask(method, target, [
            f"Authorization: Bearer {self.key}", "Content-Type: application/json",
            f"Idempotency-Key: operating-{next(self.names):012}", *headers],
            b"" if body is None else json.dumps(body).encode())

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
        page.shows("3 held")
        before = page.js("document.querySelector('[data-live=asof]').textContent")
        page.wait(f"document.querySelector('[data-live=asof]').textContent !== {json.dumps(before)}")
        self.assertEqual(page.js("window.isTheSame"), True)
        self.assertEqual(page.js("document.querySelector('#f-pool-floor').value"), "21")
        # So does one that was left, in a part that is replaced.
        page.fill("#why", "the hall is full").js("document.activeElement.blur()")
        self.hold(1)
        page.shows("4 held")
        self.assertEqual(page.js("document.querySelector('#why').value"), "the hall is full")

    def test_broken_line(self):
        """Without a line the page says that its figures are old, and afterwards goes on; signed out elsewhere, it says so."""
        page = self.operator("/operate")
        page.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        page.shows("The connection is broken")
        page.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        page.wait("!document.body.innerText.includes('The connection is broken')")
        # Chromium reports each request without a line as an error.
        page.errors = [error for error in page.errors if "ERR_INTERNET_DISCONNECTED" not in error]
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

    def test_pressed_while_it_changes(self):
        """What somebody else changes puts no other button under the pointer: Pause and Resume have places of their own, and a
        button that has just moved does nothing."""
        page = self.operator("/operate/events/other", width=390, height=844)
        place = page.js("""(() => {
            const box = document.querySelector("button[value=pause]").getBoundingClientRect();
            return [box.left + box.width / 2, box.width];
        })()""")
        # Pressed at the moment at which the pause of another operator arrives, and the text for buyers moves everything.
        page.js("""new MutationObserver((_, observer) => {
            const button = document.querySelector(".stop button[value=resume]");
            if (!button) return;
            observer.disconnect();
            window.wasPressed = button.dispatchEvent(new MouseEvent("click", { detail: 1, bubbles: true, cancelable: true }));
        }).observe(document.querySelector("[data-live=stop]"), { childList: true })""")
        paused = self.api("PATCH", "/v1/events/other", {"paused": True, "notice": "Back at eight"}, "If-Match: *")
        self.assertEqual(paused.status, 200, paused)
        page.shows("Buyers read: Back at eight").wait("window.wasPressed === false")
        self.assertEqual(self.api("GET", "/v1/events/other").json()["state"], "paused")
        resume = page.js("""(() => {
            const box = document.querySelector("button[value=resume]").getBoundingClientRect();
            return [box.left, box.top + box.height / 2];
        })()""")
        self.assertGreater(resume[0], place[0] + place[1] / 2)
        there = page.js(f"document.elementFromPoint({place[0]}, {resume[1]}).closest('button')")
        self.assertIsNone(there)
        page.press_button("Resume the sale").shows("The sale goes on.")
        self.api("PATCH", "/v1/events/other", {"notice": None}, "If-Match: *")

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
        page.open(self.url("/operate/sales")).fill("#q", "anna@example.org").press_button("Show").shows(held["id"])
        self.assertNotIn("anna", page.js("location.href"))
        self.check(page)
        for target in ("/operate", "/operate/events/gala", "/operate/sales", "/operate/new-event", "/operate/nothing",
                       "/operate/types/gala?type=GA", f"/operate/holds/{held['id']}", f"/operate/holds/{bought['id']}", "/operate/refunds",
                       "/operate/audit", "/operate/exports", "/operate/keys"):
            with self.subTest(target=target):
                self.check(page.open(self.url(target)))
        page.open(self.url("/operate/events/gala")).fill("#f-pool-floor", "1").press_button("Show the effect")
        self.check(page.shows("more are held and sold"))
        page.open(self.url("/operate/events/gala")).fill("#f-pool-floor", "many").press_button("Show the effect")
        self.check(page.shows("must be a whole number"))
        page.open(self.url("/operate/new-event")).fill("#f-name", "x" * 201).fill("#f-type-1-price", "12.345")
        self.check(page.press_button("Make the event").shows("must have 1 to 200 characters"))
        page.press_button("Price in EUR")
        self.assertEqual(page.js("document.activeElement.id"), "f-type-1-price")

    def check(self, page):
        """Check a page as everybody may see it."""
        self.assert_accessible(page)
        self.assert_fits(page)

    def test_more_types(self):
        """A new event has as many ticket types as somebody adds, with a script and without; none that was typed is lost."""
        page = self.operator("/operate/new-event").fill("#f-name", "Long Night").fill("#f-type-1-price", "1")
        self.assertFalse(page.js("!!document.querySelector('[data-grow]')"))
        page.fill("#f-type-5-code", "FIVE").fill("#f-type-5-price", "5")
        page.press_button("One more ticket type").shows("Ticket type 6")
        self.assertEqual(page.js("document.activeElement.id"), "f-type-6-code")
        self.assertEqual(page.js("document.activeElement.value"), "")
        page.fill("#f-type-6-code", "SIX").fill("#f-type-6-price", "x").press_button("One more ticket type")
        self.check(page.shows("Ticket type 7"))
        page.press_button("Make the event").wait("document.querySelector('#e-type-6-price')")
        page.press_button("One more ticket type").shows("Ticket type 8")
        self.assertFalse(page.js("!!document.querySelector('[data-row=\"8\"] .mistake')"))
        self.check(page)
        page.fill("#f-type-6-price", "6").press_button("Make the event").shows("€6.00")
        types = self.api("GET", "/v1/events/long-night").json()["definition"]["types"]
        self.assertEqual([(one["code"], one["price"]) for one in types], [("GA", 100), ("FIVE", 500), ("SIX", 600)])

    def test_price(self):
        """A price is changed from the event's page, after its effect was shown."""
        page = self.operator("/operate/events/other")
        page.press_button("GA").shows("Ticket type GA, from floor").fill("#f-price", "12.5").fill("#reason", "dearer")
        page.press_button("Show the effect").shows("keep theirs").press_button("Change it").shows("The event is changed.")
        page.open(self.url("/operate/events/other")).shows("€12.50").shows("Reason: dearer")

    def test_keyboard(self):
        """An operator signs in, pauses and resumes by keyboard alone."""
        page = self.person("/operate/events/other").tab_to("#key").type(self.key)
        page.key("Enter")
        page.shows("Pause the sale").tab_to("#notice").type("Back soon")
        page.tab_to("button[value=pause]").key("Enter")
        page.shows("The sale is paused.").tab_to("button[value=resume]").key("Enter")
        page.shows("The sale goes on.")

    def test_session_over(self):
        """When a session is over the page says so by itself, a form changes nothing, and signing in leads back."""
        key = make_key(self.server, "operator", "Otto")
        page = self.operator("/operate/events/gala", key)
        other = self.tab(page, "/operate/new-event").fill("#f-name", "Lost").fill("#f-type-1-price", "1")
        revoked = command("key", "revoke", key.split("_")[1], *self.server.place)
        self.assertEqual(revoked.returncode, 0, revoked.stderr)
        page.shows("You are signed out").shows("Nothing was changed")
        other.press_button("Make the event").shows("You are signed out")
        self.assertEqual(self.api("GET", "/v1/events/lost").status, 404)
        page.fill("#key", self.key).click("form button.primary").shows("Pause the sale")
        self.assertEqual(page.js("location.pathname"), "/operate/events/gala")

    def test_first_view(self):
        """The overview is small: 70 KB at most."""
        page = self.operator("/operate")
        page.received = 0
        page.call("Network.clearBrowserCache")
        page.open(self.url("/operate")).shows("Overview")
        self.assertLess(page.received, 70_000)
