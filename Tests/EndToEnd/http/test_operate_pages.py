"""The operators' pages, as a browser without scripts gets them."""

import json
import re
from urllib.parse import urlencode

from support.service import ServiceCase, command, event, make_key

BROWSER = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
FORM = "Content-Type: application/x-www-form-urlencoded"
NAME = "<b>Gala</b> & \"more\""


class Browser:
    """A browser that keeps the cookie of one operator."""

    def __init__(self, server, *headers):
        self.server = server
        self.headers = [BROWSER, *headers]
        self.cookie = None
        self.token = ""

    def ask(self, method, target, body=None, headers=()):
        """Ask once, with the cookie."""
        cookie = [f"Cookie: {self.cookie}"] if self.cookie else []
        answer = self.server.ask(method, target, [*self.headers, *cookie, *headers], body)
        given = answer.header("set-cookie")
        if given and given.startswith("holdfast_operator="):
            self.cookie = given.split(";")[0]
        return answer

    def page(self, target):
        """Return a page's status and text; remember what its forms have to send."""
        answer = self.ask("GET", target)
        html = answer.body.decode()
        found = re.search(r'name="form" value="([^"]+)"', html)
        if found:
            self.token = found[1]
        return answer.status, html

    def send(self, target, headers=(), **fields):
        """Send a form."""
        body = urlencode({"form": self.token} | fields).encode()
        return self.ask("POST", target, body, [FORM, *headers])

    def sign_in(self, key, to="/operate"):
        """Sign in; return the answer."""
        return self.ask("POST", "/operate/sign-in", urlencode({"key": key, "to": to}).encode(), [FORM])


class OperatePages(ServiceCase):
    """A service with one event, an operator, a viewer and a shop."""

    events = (event(10, "gala", name=NAME), event(5, "other"))
    names = iter(range(1, 1_000_000))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)
        cls.viewer = make_key(cls.server, "viewer", "Vera")

    def browser(self, key=None, *headers):
        """Return a browser that is signed in."""
        browser = Browser(self.server, *headers)
        self.assertEqual(browser.sign_in(key or self.key).status, 303)
        return browser

    def api(self, method, target, body=None, *headers):
        """Call the API as the operator."""
        fields = [f"Authorization: Bearer {self.key}", "Content-Type: application/json", *headers]
        return self.server.ask(method, target, fields, b"" if body is None else json.dumps(body).encode())

    def hold(self, quantity=1, name="other", buyer=None):
        """Hold some places; return the answer."""
        body = {"lines": [{"type": "GA", "quantity": quantity}]} | ({"buyer": buyer} if buyer else {})
        return self.api("POST", f"/v1/events/{name}/holds", body,
                        f"Idempotency-Key: operate-{next(self.names):012}").json()

    def test_signing_in(self):
        """Only a working operator's or viewer's key signs in; the cookie is for these pages alone; links lead nowhere else."""
        browser = Browser(self.server)
        self.assertEqual(browser.ask("GET", "/operate/events/gala").header("location"),
                         "/operate/sign-in?to=%2Foperate%2Fevents%2Fgala")
        status, html = browser.page("/operate/sign-in?to=%2Foperate%2Fevents%2Fgala")
        self.assertEqual(status, 200)
        self.assertIn('name="to" value="/operate/events/gala"', html)
        wrong = browser.sign_in("hfk_00000000_" + "A" * 43)
        self.assertEqual(wrong.status, 401)
        self.assertIn("This key is not known", wrong.body.decode())
        self.assertIsNone(wrong.header("set-cookie"))
        self.assertEqual(browser.sign_in(make_key(self.server, "shop", "till")).status, 403)
        answer = browser.sign_in(f" {self.viewer} ", "/operate/events/gala")
        self.assertEqual((answer.status, answer.header("location")), (303, "/operate/events/gala"))
        attributes = answer.header("set-cookie").split("; ")[1:]
        self.assertEqual(attributes, ["Path=/operate", "Max-Age=43200", "HttpOnly", "SameSite=Strict"])
        secure = Browser(self.server, "X-Forwarded-Proto: https").sign_in(self.viewer)
        self.assertTrue(secure.header("set-cookie").endswith("; Secure"))
        for target in ("//evil.example/", "https://evil.example/", "/v1/events", "/operate\\evil", "/operateevil"):
            self.assertEqual(browser.sign_in(self.viewer, target).header("location"), "/operate", target)

    def test_signing_out(self):
        """Signing out ends the session, everywhere every one of the key; a revoked key has none."""
        one, two, three = self.browser(), self.browser(), self.browser(self.viewer)
        old = one.cookie
        self.assertEqual(one.send("/operate/sign-out").status, 303)
        one.cookie = old
        self.assertEqual(one.page("/operate")[0], 303)
        self.assertEqual(two.page("/operate")[0], 200)
        one.sign_in(self.key)
        self.assertEqual(one.send("/operate/sign-out", everywhere="1").status, 303)
        answer = two.ask("GET", "/operate")
        self.assertEqual((answer.status, answer.header("location")), (303, "/operate/sign-in?to=%2Foperate&out=1"))
        self.assertEqual(three.page("/operate")[0], 200)
        key = make_key(self.server, "viewer", "Rita")
        rita = self.browser(key)
        self.assertEqual(rita.page("/operate")[0], 200)
        revoked = command("key", "revoke", key.split("_")[1], *self.server.place)
        self.assertEqual(revoked.returncode, 0, revoked.stderr)
        self.assertEqual(rita.page("/operate")[0], 303)

    def test_forged_forms(self):
        """A form from another site, or without the session's own text, changes nothing."""
        browser = self.browser()
        browser.page("/operate/events/gala")
        for headers in (["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"], ["Origin: http://evil.example"]):
            answer = browser.send("/operate/events/gala", headers, action="pause")
            self.assertEqual(answer.status, 403, headers)
        browser.token = "A" * 32
        self.assertEqual(browser.send("/operate/events/gala", action="pause").status, 403)
        self.assertFalse(self.api("GET", "/v1/events/gala").json()["paused"])

    def test_overview_and_event(self):
        """They show names as text, places, rates and what is wrong; in German, too; a viewer sees no buttons."""
        self.hold(3, "gala")
        _, html = self.browser().page("/operate")
        self.assertIn("&lt;b&gt;Gala&lt;/b&gt; &amp; &quot;more&quot;", html)
        self.assertIn("Nothing is wrong.", html)
        self.assertIn("Pause the sale", html)
        self.assertRegex(html, r"3 held.*7 free")
        viewer = self.browser(self.viewer, "Accept-Language: de")
        _, html = viewer.page("/operate/events/gala")
        self.assertRegex(html, r"3 reserviert.*7 frei")
        self.assertIn("Die Bücher gehen auf", html)
        self.assertNotIn("<form method=\"post\" action=\"/operate/events", html)
        answer = viewer.send("/operate/events/gala", action="pause")
        self.assertEqual(answer.status, 403)
        self.assertIn("Ihr Schlüssel darf das nicht", answer.body.decode())
        self.assertEqual(viewer.page("/operate/events/none")[0], 404)

    def test_pause_and_resume(self):
        """An operator pauses and resumes, and the audit says why."""
        browser = self.browser()
        browser.page("/operate/events/other")
        answer = browser.send("/operate/events/other", action="pause", reason="Zu viel los & <schnell>",
                              notice="Back at <b>eight</b>")
        self.assertEqual((answer.status, answer.header("location")), (303, "/operate/events/other?done=paused"))
        status, html = browser.page("/operate/events/other?done=paused")
        self.assertIn("The sale is paused.", html)
        self.assertIn("Resume the sale", html)
        self.assertIn("Buyers read: Back at &lt;b&gt;eight&lt;/b&gt;", html)
        now = self.server.ask("GET", "/v1/events/other").json()
        self.assertEqual((now["paused"], now["definition"]["notice"]), (True, "Back at <b>eight</b>"))
        _, html = browser.page("/operate/audit?event=other")
        self.assertIn("Reason: Zu viel los &amp; &lt;schnell&gt;", html)
        # The overview shows no text, so it changes none; the event's page asks.
        self.assertEqual(browser.send("/operate/events/other", action="resume").status, 303)
        self.assertEqual(browser.send("/operate/events/other", action="pause").status, 303)
        self.assertEqual(self.api("GET", "/v1/events/other").json()["definition"]["notice"], "Back at <b>eight</b>")
        self.assertIn('name="remove_notice" value="1" checked', browser.page("/operate/events/other")[1])
        self.assertEqual(browser.send("/operate/events/other", action="resume", remove_notice="1").status, 303)
        now = self.api("GET", "/v1/events/other").json()
        self.assertFalse(now["paused"])
        self.assertNotIn("notice", now["definition"])
        self.assertEqual([entry["action"] for entry in self.api("GET", "/v1/audit?event=other").json()["entries"]][-2:],
                         ["event.pause", "event.resume"])
        # What is refused can be typed on.
        long = browser.send("/operate/events/other", action="pause", reason="ü" * 260, notice="Soon")
        self.assertEqual(long.status, 422)
        self.assertIn("ü" * 260, long.body.decode())
        self.assertIn('name="notice" maxlength="160" value="Soon"', long.body.decode())
        self.assertNotIn("made up", browser.page("/operate/events/other?done=made%20up")[1])

    def test_change(self):
        """A change is shown with its effect before it is made; mistakes stand at their fields; another one's change is seen."""
        made = self.api("PUT", "/v1/events/change", event(20, "change"))
        self.assertEqual(made.status, 201)
        self.hold(4, "change")
        browser = self.browser()
        target = "/operate/events/change"

        def tag(html):
            return re.search(r'name="etag" value="([^"]+)"', html)[1].replace("&quot;", '"')

        etag = tag(browser.page(target)[1])
        wrong = browser.send(target, action="check", etag=etag, **{"pool-floor": "many", "closes_at": "soon"})
        self.assertEqual(wrong.status, 422)
        html = wrong.body.decode()
        self.assertRegex(html, r"Places in floor</strong> must be a whole number")
        self.assertRegex(html, r"On sale until \(UTC\)</strong> must be a day and a time")
        self.assertIn('value="many"', html)
        html = browser.send(target, action="check", etag=etag, **{"pool-floor": "2"}).body.decode()
        self.assertIn("2 more are held and sold than there are places", html)
        html = browser.send(target, action="check", etag=etag, **{
            "pool-floor": "25", "closes_at": "2040-01-01T20:00", "tickets_per_buyer": "6"}).body.decode()
        self.assertIn("21 free instead of 16; 4 held and sold", html)
        self.assertNotIn("Somebody else", html)
        # Somebody else is faster.
        self.assertEqual(self.api("PATCH", "/v1/events/change", {"pools": {"floor": 30}}, "If-Match: *").status, 200)
        fields = {"pool-floor": "25", "closes_at": "2040-01-01T20:00", "tickets_per_buyer": "6"}
        answer = browser.send(target, action="apply", etag=etag, **fields)
        self.assertEqual(answer.status, 412)
        html = answer.body.decode()
        self.assertIn("Somebody else has changed the event", html)
        self.assertIn("21 free instead of 26", html)
        self.assertEqual(browser.send(target, action="apply", etag=tag(html), **fields).status, 303)
        now = self.api("GET", "/v1/events/change").json()["definition"]
        self.assertEqual((now["pools"]["floor"], now["sale"]["closes_at"], now["limits"]["tickets_per_buyer"]),
                         (25, "2040-01-01T20:00:00.000Z", 6))

    def test_sales(self):
        """Holds are found, looked at and released; purchases are returned in part, once; debts are noted as paid back."""
        self.api("PUT", "/v1/events/sales", event(20, "sales"))
        browser = self.browser()
        held = self.hold(2, "sales", buyer="anna@example.org")
        self.assertTrue(any("anna@example.org" in page for page in [
            browser.page("/operate/sales?q=anna%40example.org&event=sales&state=")[1]]))
        answer = browser.ask("GET", f"/operate/sales?q={held['id']}&event=&state=")
        self.assertEqual(answer.header("location"), f"/operate/holds/{held['id']}")
        _, html = browser.page(f"/operate/holds/{held['id']}")
        self.assertIn("Release the hold", html)
        self.assertEqual(browser.send(f"/operate/holds/{held['id']}", action="release").status, 303)
        self.assertIn("released", browser.page(f"/operate/holds/{held['id']}")[1])
        bought = self.hold(3, "sales")
        paid = self.api("POST", f"/v1/holds/{bought['id']}/purchase", {"payment_reference": "pay-1"})
        self.assertEqual(paid.status, 200)
        again = self.api("POST", f"/v1/holds/{bought['id']}/purchase", {"payment_reference": "pay-2"})
        self.assertEqual(again.status, 409)
        _, html = browser.page(f"/operate/holds/{bought['id']}")
        once = re.search(r'name="once" value="([^"]+)"', html)[1]
        fields = {"action": "return", "once": once, "return-GA": "2", "reason": "ill"}
        for _ in range(2):
            self.assertEqual(browser.send(f"/operate/holds/{bought['id']}", **fields).status, 303)
        kept = self.api("GET", f"/v1/purchases/P{bought['id'][1:]}").json()
        self.assertEqual([line["returned"] for line in kept["lines"]], [2])
        _, html = browser.page("/operate/refunds")
        self.assertIn("pay-2", html)
        self.assertEqual(browser.send("/operate/refunds", hold=bought["id"], payment="pay-2").status, 303)
        self.assertNotIn("pay-2", browser.page("/operate/refunds")[1])
        self.assertEqual(browser.page("/operate/holds/H999999")[0], 404)

    def test_bound_key(self):
        """A key of one event reads and changes nothing of another, and works whole for its own."""
        self.api("PUT", "/v1/events/own", event(90, "own"))
        made = self.api("POST", "/v1/keys", {"name": "Olga", "role": "operator", "events": ["own"]})
        self.assertEqual(made.status, 201)
        browser = self.browser(made.json()["credential"])
        _, html = browser.page("/operate")
        self.assertNotIn('href="/operate/keys"', html)
        for fields in ({"action": "check", "pool-floor": "3"}, {"action": "apply", "pool-floor": "3", "etag": "*"},
                       {"action": "check", "pool-floor": "many"}, {"action": "pause"}, {"action": "resume"}):
            answer = browser.send("/operate/events/gala", **fields)
            html = answer.body.decode()
            self.assertEqual(answer.status, 403, fields)
            self.assertNotIn("Gala", html)
            self.assertIn("Your key may not do this", html)
        answer = browser.ask("GET", "/operate/exports/gala?what=report")
        self.assertEqual((answer.status, answer.header("content-type")), (403, "text/html; charset=utf-8"))
        _, html = browser.page("/operate/sales")
        self.assertIn('<option value="own" selected>', html)
        self.assertNotIn('<option value="">all', html)
        self.hold(1, "own", buyer="olaf@example.org")
        self.assertIn("olaf@example.org", browser.page("/operate/sales?q=olaf%40example.org")[1])
        bought = self.hold(3, "own")
        target = f"/operate/holds/{bought['id']}"
        for payment in range(53):
            paid = self.api("POST", f"/v1/holds/{bought['id']}/purchase", {"payment_reference": f"own-{payment}."})
            self.assertEqual(paid.status, 409 if payment else 200)
        _, html = browser.page(target)
        fields = {"action": "return", "once": re.search(r'name="once" value="([^"]+)"', html)[1]}
        for wrong in ("1,5", "abc", "-1"):
            answer = browser.send(target, **fields, **{"return-GA": wrong, "reason": "ill"})
            self.assertEqual(answer.status, 422, wrong)
            self.assertIn(f'value="{wrong}"', answer.body.decode())
        self.assertEqual(browser.send(target, **fields, **{"return-GA": "1"}).status, 303)
        lines = self.api("GET", f"/v1/purchases/P{bought['id'][1:]}").json()["lines"]
        self.assertEqual([line["returned"] for line in lines], [1])
        # All of its refunds are found, page by page.
        seen, target = [], "/operate/refunds"
        while target:
            _, html = browser.page(target)
            seen += re.findall(r'name="payment" value="(own-\d+\.)"', html)
            more = re.search(r'href="(/operate/refunds\?[^"]*cursor=[^"]*)"', html)
            target = more and more[1].replace("&amp;", "&")
        self.assertEqual(sorted(seen), sorted(f"own-{payment}." for payment in range(1, 53)))
        for payment in seen:
            self.assertEqual(browser.send("/operate/refunds", hold=bought["id"], payment=payment).status, 303)
        self.assertIn("Nothing is to be paid back", browser.page("/operate/refunds")[1])

    def test_waits_of_pages(self):
        """What pages sell counts in the waiting times, as what programs sell does."""
        def waits():
            return self.api("GET", "/v1/events/other/pulse").json()["waits"]["holds"]["count"]

        before = waits()
        answer = self.server.ask("POST", "/events/other/holds", [BROWSER, FORM], b"q.GA=1")
        self.assertEqual(answer.status, 303)
        self.assertEqual(waits(), before + 1)

    def test_signing_in_again(self):
        """Who signs in again has one session, not two."""
        browser = self.browser()
        old = browser.cookie
        browser.sign_in(self.key)
        self.assertNotEqual(browser.cookie, old)
        self.assertEqual(browser.page("/operate")[0], 200)
        browser.cookie = old
        self.assertEqual(browser.page("/operate")[0], 303)

    def test_exports_and_keys(self):
        """Exports are those of the API; a key is made, shown once, and revoked."""
        browser = self.browser()
        self.assertEqual(browser.page("/operate/exports")[0], 200)
        answer = browser.ask("GET", "/operate/exports/gala?what=report")
        self.assertEqual((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8; header=present"))
        self.assertIn("attachment", answer.header("content-disposition"))
        self.assertEqual(browser.ask("GET", "/operate/exports/gala?what=everything").status, 404)
        browser.page("/operate/keys")
        made = browser.send("/operate/keys", action="make", name="Ben", role="viewer", events="gala")
        self.assertEqual(made.status, 201)
        credential = re.search(r"hfk_[\w-]+", made.body.decode())[0]
        self.assertNotIn(credential, browser.page("/operate/keys")[1])
        ben = self.browser(credential)
        status, html = ben.page("/operate")
        self.assertEqual(status, 200)
        self.assertNotIn("/operate/events/other", html)
        self.assertEqual(ben.page("/operate/events/other")[0], 403)
        self.assertEqual(ben.page("/operate/refunds")[0], 200)
        self.assertEqual(ben.page("/operate/keys")[0], 403)
        wrong = browser.send("/operate/keys", action="make", name="", role="king")
        self.assertEqual(wrong.status, 422)
        self.assertEqual(browser.send("/operate/keys", action="revoke", id=credential.split("_")[1]).status, 303)
        self.assertEqual(ben.page("/operate")[0], 303)
