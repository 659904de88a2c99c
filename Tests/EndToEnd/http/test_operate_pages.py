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

    def find(self, **fields):
        """Search for holds and purchases; return the status and text of the page with what was found."""
        self.page("/operate/sales")
        answer = self.send("/operate/sales", **fields)
        return self.page(answer.header("location"))

    def sign_in(self, key, to="/operate"):
        """Sign in; return the answer."""
        return self.ask("POST", "/operate/sign-in", urlencode({"key": key, "to": to}).encode(), [FORM])


class OperatePages(ServiceCase):
    """A service with one event, an operator, a viewer and a shop."""

    # So that a test can say that it comes through TLS.
    settings = {"proxies_trusted": "127.0.0.1"}
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

    def pay_back(self, hold, *payments):
        """Note payments for a hold as paid back: the next test begins with none."""
        for payment in payments:
            noted = self.api("POST", f"/v1/holds/{hold['id']}/paid-back", {"payment_reference": payment})
            self.assertLess(noted.status, 300, noted)

    def tag(self, html, name):
        """Return the state of an event that the first form about it sends back."""
        form = html[html.index(f'action="/operate/events/{name}"'):]
        return re.search(r'name="etag" value="([^"]+)"', form)[1].replace("&quot;", '"')

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
        tag = self.tag(browser.page("/operate")[1], "other")
        self.assertEqual(browser.send("/operate/events/other", action="resume", etag=tag).status, 303)
        self.assertEqual(browser.send("/operate/events/other", action="pause").status, 303)
        self.assertEqual(self.api("GET", "/v1/events/other").json()["definition"]["notice"], "Back at <b>eight</b>")
        # Somebody paused again since the form was shown: that pause is not ended unseen.
        for fields in ({"etag": tag}, {}):
            answer = browser.send("/operate/events/other", action="resume", reason="fine again", **fields)
            self.assertEqual(answer.status, 412)
            self.assertIn("Somebody else has changed the event", answer.body.decode())
            self.assertIn('value="fine again"', answer.body.decode())
        _, html = browser.page("/operate/events/other")
        self.assertIn('name="remove_notice" value="1" checked', html)
        resume = {"action": "resume", "remove_notice": "1", "etag": self.tag(html, "other")}
        self.assertEqual(browser.send("/operate/events/other", **resume).status, 303)
        # Sent twice, it resumes once.
        self.assertEqual(browser.send("/operate/events/other", **resume).status, 303)
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
        self.assertRegex(html, r"Places in floor</a></strong> must be a whole number")
        self.assertRegex(html, r"On sale until \(UTC\)</a></strong> must be a day and a time")
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
        found = browser.find(q=" anna@example.org ", event="sales")
        self.assertIn(held["id"], found[1])
        self.assertEqual(browser.send("/operate/sales", q=held["id"]).header("location"), f"/operate/holds/{held['id']}")
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

    def test_what_is_known_of_a_sale(self):
        """The page of a hold has its note, its access code, what was not checked for it, and who sold it."""
        self.api("PUT", "/v1/events/door", event(20, "door", codes={"club": {"count": 1, "tickets": 9}}))
        self.api("POST", "/v1/events/door/pause")
        code = self.api("GET", "/v1/events/door/codes?batch=club").json()["codes"][0]["code"]
        body = {"lines": [{"type": "GA", "quantity": 1}], "override": ["pause", "limits"], "code": code}
        held = self.api("POST", "/v1/events/door/holds", body, "Idempotency-Key: operate-door-0001").json()
        shop = make_key(self.server, "shop", "webshop")
        sold = self.server.ask("POST", f"/v1/holds/{held['id']}/purchase",
                               [f"Authorization: Bearer {shop}", "Content-Type: application/json"], b"{}")
        self.assertEqual(sold.status, 200)
        purchase = f"/v1/purchases/P{held['id'][1:]}"
        noted = self.api("PATCH", purchase, {"note": "aisle <3>"})
        self.assertEqual(noted.status, 200, noted.body)
        for key, text in ((self.key, f"club 1 · {code}"), (self.viewer, "club 1")):
            _, html = self.browser(key).page(f"/operate/holds/{held['id']}")
            facts = [re.sub(r"<[^>]+>| $", "", part) for part in re.findall(r"<dd>(.*?)</dd>", html)]
            for fact in ("aisle &lt;3&gt;", text, "pause limits of a buyer", "webshop"):
                self.assertIn(fact, facts)

    def test_names_in_no_address(self):
        """Whom somebody searches for is in no address; the session remembers it, and nobody else's does."""
        held = self.hold(1, "other", buyer="carla@example.org")
        browser, other = self.browser(), self.browser(self.viewer)
        browser.page("/operate/sales")
        location = browser.send("/operate/sales", q="carla@example.org", event="other", state="held").header("location")
        self.assertEqual(location, "/operate/sales?event=other&find=1&state=held")
        status, html = browser.page(location)
        self.assertEqual(status, 200)
        self.assertIn(f'/operate/holds/{held["id"]}"', html)
        self.assertIn('value="carla@example.org"', html)
        self.assertNotIn("carla", "".join(re.findall(r'href="[^"]*"', html)))
        for someone in (other, self.browser()):
            status, html = someone.page(location)
            self.assertEqual(status, 404)
            self.assertIn("Please type it again", html)
            self.assertNotIn(f'/operate/holds/{held["id"]}"', html)
        self.assertEqual(browser.ask("GET", "/operate/sales?q=carla%40example.org").status, 400)
        # Without a name it is a list like any other.
        self.assertEqual(browser.send("/operate/sales", q="", event="other").header("location"), "/operate/sales?event=other")

    def test_new_event(self):
        """An event is made from a form with defaults; all its mistakes are shown at once, each at its field."""
        browser = self.browser()
        status, html = browser.page("/operate/new-event")
        self.assertEqual(status, 200)
        for default in ('name="currency" maxlength="400" autocomplete="off" value="EUR"',
                        'name="type-1-code" maxlength="400" autocomplete="off" value="GA"',
                        'name="hold_seconds" inputmode="numeric" pattern="[0-9]*" value="300"',
                        '<option value="shop" selected>', 'T10:00"'):
            self.assertIn(default, html)
        fields = {"name": "", "code": "no code", "currency": "euro", "opens_at": "2040-01-01T20:00",
                  "closes_at": "2039-01-01T20:00", "hold_seconds": "long", "max_extensions": "101",
                  "tickets_per_hold": "0", "tickets_per_buyer": "-1", "holds_per_buyer": "",
                  "completion": "anybody", "late_payment": "strict", "disclose": "counts",
                  "type-1-code": "GA", "type-1-name": "A" * 201, "type-1-price": "", "type-1-places": "many",
                  "type-2-code": "GA", "type-2-name": "Lounge", "type-2-price": "1.234,5", "type-2-places": "10"}
        answer = browser.send("/operate/new-event", **fields)
        html = answer.body.decode()
        self.assertEqual(answer.status, 422)
        wrong = set(re.findall(r'class="mistake" id="e-([^"]+)"', html))
        self.assertEqual(wrong, {
            "name", "code", "currency", "closes_at", "hold_seconds", "max_extensions", "tickets_per_hold",
            "tickets_per_buyer", "completion", "type-1-name", "type-1-price", "type-1-places", "type-2-code",
            "type-2-price"})
        self.assertEqual({name for name in wrong if f'href="#f-{name}"' in html}, wrong)
        self.assertIn('value="1.234,5" aria-invalid="true" aria-describedby="e-type-2-price"', html)
        fields |= {"name": "Über-Fest & <b>Söhne</b>", "code": "", "currency": "EUR", "closes_at": "", "hold_seconds": "600",
                   "max_extensions": "2", "tickets_per_hold": "4", "tickets_per_buyer": "", "completion": "shop",
                   "type-1-name": "Eintritt", "type-1-price": "12,50", "type-1-places": "7",
                   "type-2-code": "RED", "type-2-price": "8", "type-2-places": ""}
        answer = browser.send("/operate/new-event", **fields)
        self.assertEqual(answer.status, 303, answer.body.decode())
        self.assertEqual(answer.header("location"), "/operate/events/ueber-fest-b-soehne-b?done=made")
        made = self.api("GET", "/v1/events/ueber-fest-b-soehne-b").json()["definition"]
        self.assertEqual(made["pools"], {"GA": 7})
        self.assertEqual([(one["code"], one["name"], one["price"], one["pools"]) for one in made["types"]],
                         [("GA", "Eintritt", 1250, ["GA"]), ("RED", "Lounge", 800, ["GA"])])
        self.assertEqual((made["sale"]["opens_at"], made["sale"]["closes_at"], made["hold_seconds"], made["completion"]),
                         ("2040-01-01T20:00:00.000Z", None, 600, "shop"))
        # It is there now: a second one of this code is refused, and the first one stays.
        answer = browser.send("/operate/new-event", **fields | {"type-1-places": "9"})
        self.assertEqual(answer.status, 409)
        self.assertIn('id="e-code"', answer.body.decode())
        self.assertEqual(self.api("GET", "/v1/events/ueber-fest-b-soehne-b").json()["definition"]["pools"], {"GA": 7})
        # More rows are asked for without losing what was typed; as many types as a definition may have fit.
        few = {"name": "Many", "type-1-price": "1", "type-1-places": "9", "type-5-price": "wrong"}
        grown = browser.send("/operate/new-event", **few, more="1")
        html = grown.body.decode()
        self.assertEqual((grown.status, html.count("<fieldset")), (200, 10))
        self.assertIn('name="rows" value="10"', html)
        self.assertIn('name="type-5-price" inputmode="decimal" autocomplete="off" value="wrong"', html)
        self.assertNotIn('class="mistake"', html)
        for rows, shown in (("0", 5), ("x", 5), ("12", 12), ("99999", 1024)):
            self.assertEqual(browser.send("/operate/new-event", **few, rows=rows).body.decode().count("<fieldset"), shown)
        many = fields | {"name": "Many", "rows": "7"}
        for number in range(3, 301):
            many |= {f"type-{number}-code": f"T{number}", f"type-{number}-price": str(number)}
        answer = browser.send("/operate/new-event", **many)
        self.assertEqual(answer.header("location"), "/operate/events/many?done=made", answer.body.decode()[:2000])
        self.assertEqual([one["price"] for one in self.api("GET", "/v1/events/many").json()["definition"]["types"]],
                         [1250, 800] + [number * 100 for number in range(3, 301)])
        viewer = self.browser(self.viewer)
        self.assertEqual(viewer.page("/operate/new-event")[0], 403)
        self.assertNotIn("/operate/new-event", viewer.page("/operate")[1])
        viewer.page("/operate")
        self.assertEqual(viewer.send("/operate/new-event", **fields | {"code": "another"}).status, 403)

    def test_price(self):
        """A ticket type's price and terms are changed after their effect was shown; another one's change is seen."""
        definition = event(10, "priced", types=[
            {"code": "GA", "name": "Floor", "price": 8900, "pools": ["floor"]},
            {"code": "RED", "price": 4500, "pools": ["floor"], "limits": {"tickets_per_hold": 4}}])
        self.api("PUT", "/v1/events/priced", definition)
        held = self.hold(1, "priced")
        browser = self.browser()
        _, html = browser.page("/operate/events/priced")
        self.assertIn('href="/operate/types/priced?type=RED"', html)
        self.assertIn("at most 4 in a hold", html)
        target = "/operate/types/priced"
        status, html = browser.page(target + "?type=GA")
        self.assertEqual(status, 200)
        self.assertIn('value="89.00"', html)
        etag = re.search(r'name="etag" value="([^"]+)"', html)[1].replace("&quot;", '"')
        fields = {"etag": etag, "type": "GA", "price": "95.5", "min_tickets_per_hold": "2", "tickets_per_hold": "1"}
        answer = browser.send(target, action="check", **fields)
        self.assertEqual(answer.status, 422)
        self.assertEqual(re.findall(r'class="mistake" id="e-([^"]+)"', answer.body.decode()), ["min_tickets_per_hold"])
        fields["tickets_per_hold"] = "6"
        html = browser.send(target, action="check", **fields).body.decode()
        self.assertRegex(html, r"Price in EUR<br>.*keep theirs.*89\.00.*95\.50")
        unchanged = self.api("GET", "/v1/events/priced").json()["definition"]["types"]
        self.assertEqual([one["price"] for one in unchanged], [8900, 4500])
        self.assertEqual(self.api("PATCH", "/v1/events/priced", {"name": "Renamed"}, "If-Match: *").status, 200)
        answer = browser.send(target, action="apply", **fields)
        self.assertEqual(answer.status, 412)
        html = answer.body.decode()
        self.assertIn("Somebody else has changed the event", html)
        fields["etag"] = re.search(r'name="etag" value="([^"]+)"', html)[1].replace("&quot;", '"')
        answer = browser.send(target, action="apply", reason="dearer", **fields)
        self.assertEqual((answer.status, answer.header("location")), (303, target + "?type=GA&done=changed"))
        self.assertIn("The event is changed.", browser.page(answer.header("location"))[1])
        now = self.api("GET", "/v1/events/priced").json()["definition"]
        self.assertEqual([one["price"] for one in now["types"]], [9550, 4500])
        self.assertEqual(now["types"][0]["limits"], {"min_tickets_per_hold": 2, "tickets_per_hold": 6, "tickets_per_buyer": None})
        self.assertEqual(now["name"], "Renamed")
        self.assertEqual(self.api("GET", f"/v1/holds/{held['id']}").json()["total"], 8900)
        # The event's page says who did it, and what is owed back.
        for payment, status in (("owed-1", 200), ("owed-2", 409)):
            paid = self.api("POST", f"/v1/holds/{held['id']}/purchase", {"payment_reference": payment})
            self.assertEqual(paid.status, status)
        _, html = browser.page("/operate/events/priced")
        self.assertIn('<a href="/operate/refunds">1</a> (€89.00)', html)
        self.assertEqual(self.api("GET", "/v1/events/priced/pulse").json()["refunds_owed"],
                         {"count": 1, "more": False, "totals": [{"currency": "EUR", "total": 8900}]})
        self.assertIn("Reason: dearer", html)
        self.assertLess(html.index("dearer"), html.index("defined"))
        # What moves by itself is asked for without the rest.
        _, live = browser.page("/operate/events/priced?live=1")
        self.assertNotIn("dearer", live)
        self.assertIn('data-live="places"', live)
        viewer = self.browser(self.viewer)
        _, html = viewer.page(target + "?type=RED")
        self.assertIn("45.00", html)
        self.assertNotIn('name="price"', html)
        self.assertEqual(viewer.send(target, action="apply", **fields | {"price": "1"}).status, 403)
        self.assertEqual(browser.page(target + "?type=none")[0], 404)
        self.assertEqual(browser.page(target)[0], 404)
        # A window that is over ends the sale, and the page says so first.
        html = browser.send("/operate/events/priced", action="check", closes_at="2020-01-01T00:00").body.decode()
        self.assertIn("With this change the sale&#39;s state is at once: sale has ended.", html)

    def test_audit(self):
        """The newest change comes first, and a long audit has pages."""
        self.api("PUT", "/v1/events/busy", event(5, "busy"))
        browser = self.browser()
        for number in range(60):
            patch = self.api("PATCH", f"/v1/events/busy?reason=number-{number}.", {"paused": number % 2 == 0}, "If-Match: *")
            self.assertEqual(patch.status, 200)
        _, html = browser.page("/operate/audit?event=busy")
        self.assertEqual(re.findall(r"Reason: number-(\d+)\.", html), [str(number) for number in range(59, 9, -1)])
        older = re.search(r'class="button" href="([^"]*cursor=[^"]*)"', html)[1].replace("&amp;", "&")
        _, html = browser.page(older)
        self.assertEqual(re.findall(r"Reason: number-(\d+)\.", html), [str(number) for number in range(9, -1, -1)])
        self.assertIn('href="/operate/audit?event=busy"', html)
        self.assertNotRegex(html, r'class="button" href="[^"]*cursor=')
        # What is typed wrong can be typed again.
        status, html = browser.page("/operate/audit?event=busy&key=Anna")
        self.assertEqual(status, 422)
        self.assertIn('name="key" value="Anna"', html)
        self.assertIn("a key by its eight characters", html)
        self.assertNotIn("Nothing was changed.", html)

    def test_refusals(self):
        """Who is signed in can sign out on every page, and what the connection refuses is a page, too."""
        browser = self.browser()
        for target in ("/operate/nothing", "/operate/events/none", "/operate/holds/H999999"):
            status, html = browser.page(target)
            self.assertEqual(status, 404)
            self.assertIn('action="/operate/sign-out"', html)
        self.assertNotIn("/operate/sign-out", Browser(self.server).page("/operate/nothing")[1])
        answer = browser.send("/operate/events/other", action="pause", reason="x" * 200_000)
        self.assertEqual((answer.status, answer.header("content-type")), (413, "text/html; charset=utf-8"))
        self.assertIn("/operate/sign-out", answer.body.decode())

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
        self.assertIn("olaf@example.org", browser.find(q="olaf@example.org")[1])
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
            more = re.search(r'class="button" href="(/operate/refunds\?[^"]*cursor=[^"]*)"', html)
            target = more and more[1].replace("&amp;", "&")
        self.assertEqual(sorted(seen), sorted(f"own-{payment}." for payment in range(1, 53)))
        for payment in seen:
            self.assertEqual(browser.send("/operate/refunds", hold=bought["id"], payment=payment).status, 303)
        self.assertIn("Nothing is to be paid back", browser.page("/operate/refunds")[1])

    def test_bound_key_and_what_ended(self):
        """A key of some events opens their holds however they ended, and no other; it searches one of its events at a time."""
        self.api("PUT", "/v1/events/over", event(9, "over"))
        key = self.api("POST", "/v1/keys", {"name": "Otto", "role": "operator", "events": ["over"]}).json()["credential"]
        bought, held, foreign = self.hold(2, "over"), self.hold(1, "over"), self.hold(1, "other")
        for payment, status in (("over-1", 200), ("over-2", 409)):
            paid = self.api("POST", f"/v1/holds/{bought['id']}/purchase", {"payment_reference": payment})
            self.assertEqual(paid.status, status)
        self.assertEqual(self.api("POST", "/v1/events/over/cancel", {}).status, 200)
        browser = self.browser(key)
        status, html = browser.page(f"/operate/holds/{held['id']}")
        self.assertEqual(status, 200)
        self.assertIn("the hold has ended with it", html)
        self.assertNotIn("Release the hold", html)
        status, html = browser.page(f"/operate/holds/{bought['id']}")
        self.assertEqual(status, 200)
        self.assertIn("over-1", html)
        self.assertNotIn("the hold has ended with it", html)
        once = re.search(r'name="once" value="([^"]+)"', html)[1]
        fields = {"action": "return", "once": once, "return-GA": "2"}
        self.assertEqual(browser.send(f"/operate/holds/{bought['id']}", **fields).status, 303)
        for hold in (foreign["id"], "H999999"):
            self.assertEqual(browser.page(f"/operate/holds/{hold}")[0], 403)
        self.pay_back(bought, "over-2")

        def search(query):
            answer = self.server.ask("GET", f"/v1/search?{query}", [f"Authorization: Bearer {key}"])
            return answer.status, [one["id"] for one in answer.json().get("holds", [])]

        self.assertEqual(search("event=over"), (200, [held["id"], bought["id"]]))
        self.assertEqual(search(f"purchase=P{bought['id'][1:]}"), (200, [bought["id"]]))
        self.assertEqual(search(f"event=over&hold={foreign['id']}"), (200, []))
        for query in ("", "payment_reference=over-1", "event=other", f"hold={foreign['id']}", "hold=H999999",
                      f"event=other&hold={held['id']}"):
            self.assertEqual(search(query), (403, []), query)

    def test_removed_event(self):
        """A key of several events goes on with those that are left; with none left its pages are empty."""
        for name in ("zz-gone", "zz-left"):
            self.api("PUT", f"/v1/events/{name}", event(9, name))
        made = [self.api("POST", "/v1/keys", {"name": "Ina", "role": "operator", "events": events}).json()["credential"]
                for events in (["zz-gone", "zz-left"], ["zz-gone"])]
        held = self.hold(1, "zz-left", buyer="ina@example.org")
        for payment, status in (("left-1", 200), ("left-2", 409)):
            paid = self.api("POST", f"/v1/holds/{held['id']}/purchase", {"payment_reference": payment})
            self.assertEqual(paid.status, status)
        self.assertEqual(self.api("DELETE", "/v1/events/zz-gone", None, "If-Match: *").status, 204)
        browser = self.browser(made[0])
        for target in ("/operate/refunds", "/operate/refunds?event=zz-gone&cursor=c1"):
            status, html = browser.page(target)
            self.assertEqual(status, 200)
            self.assertIn("left-2", html)
        self.assertIn(f'/operate/holds/{held["id"]}"', browser.find(q="ina@example.org")[1])
        browser = self.browser(made[1])
        for target in ("/operate", "/operate/refunds", "/operate/sales", "/operate/exports", "/operate/audit"):
            status, html = browser.page(target)
            self.assertEqual(status, 200, target)
            self.assertNotIn("zz-left", html)
        status, html = browser.find(q="ina@example.org")
        self.assertEqual(status, 200)
        self.assertNotIn(held["id"], html)
        self.pay_back(held, "left-2")

    def test_untouched_fields(self):
        """What a field cannot show is not a change: parts of a second, and blanks around a name."""
        definition = event(9, "exact", name=" Exact ", sale={"closes_at": "2040-01-01T20:00:30.125Z"}, types=[
            {"code": "GA", "name": " Floor ", "price": 100, "pools": ["floor"],
             "sale": {"opens_at": "2039-01-01T20:00:00.5Z"}}])
        self.assertEqual(self.api("PUT", "/v1/events/exact", definition).status, 201)
        browser = self.browser()
        for target, fields in (("/operate/events/exact", ("name", "opens_at", "closes_at")),
                               ("/operate/types/exact?type=GA", ("name", "opens_at", "closes_at", "price"))):
            _, html = browser.page(target)
            # Browsers cut the seconds if there are none, and some people the blanks.
            sent = {name: re.search(rf' name="{name}"[^>]* value="([^"]*)"', html)[1].strip() for name in fields}
            html = browser.send(target, action="check", etag=self.tag(html, "exact") if "events" in target else "", **sent)
            self.assertIn("You changed nothing.", html.body.decode(), target)
        html = browser.send("/operate/events/exact", action="check", closes_at="2040-01-01T20:00:31").body.decode()
        self.assertIn("20:00:31", html)

    def test_addresses(self):
        """What a page shows stays when its language changes, when somebody has to sign in for it, and after a form."""
        self.api("PUT", "/v1/events/kept", event(60, "kept"))
        held = self.hold(1, "kept")
        for payment in range(53):
            paid = self.api("POST", f"/v1/holds/{held['id']}/purchase", {"payment_reference": f"kept-{payment}."})
            self.assertEqual(paid.status, 409 if payment else 200)
        browser = self.browser()
        for target in ("/operate/types/kept?type=GA", "/operate/sales?event=kept&state=purchased", "/operate?from=1"):
            _, html = browser.page(target + "&done=changed&lang=en")
            self.assertIn(f'href="{target}&lang=de"'.replace("&", "&amp;"), html)
            self.assertEqual(browser.page(target + "&lang=de")[0], 200)
            browser.page(target + "&lang=en")
            stranger = Browser(self.server)
            location = stranger.ask("GET", target + "&done=changed").header("location")
            _, html = stranger.page(location)
            to = re.search(r'name="to" value="([^"]*)"', html)[1].replace("&amp;", "&")
            self.assertEqual(to, target)
            self.assertEqual(stranger.sign_in(self.viewer, to).header("location"), target)
        # Who notes payments on a later page stays there.
        bound = self.api("POST", "/v1/keys", {"name": "Kai", "role": "operator", "events": ["kept"]}).json()["credential"]
        browser = self.browser(bound)
        _, html = browser.page("/operate/refunds")
        later = re.search(r'class="button" href="(/operate/refunds\?[^"]*cursor=[^"]*)"', html)[1].replace("&amp;", "&")
        _, html = browser.page(later)
        left = re.findall(r'name="payment" value="(kept-\d+\.)"', html)
        self.assertEqual(len(left), 2)
        for payment in left:
            target = re.search(r'class="row all" method="post" action="([^"]*)"', html)[1].replace("&amp;", "&")
            answer = browser.send(target, hold=held["id"], payment=payment)
            self.assertEqual((answer.status, answer.header("location")), (303, later + "&done=paid_back"))
        _, html = browser.page(later)
        self.assertNotIn("Nothing is to be paid back", html)
        self.assertIn('href="/operate/refunds"', html)
        # What is not owed is refused in the reader's language.
        browser.headers.append("Accept-Language: de")
        answer = browser.send(later, hold=held["id"], payment="never-owed")
        self.assertEqual(answer.status, 404)
        self.assertIn("Diese Zahlung ist nicht mehr zu erstatten", answer.body.decode())
        self.pay_back(held, *(f"kept-{payment}." for payment in range(1, 53) if f"kept-{payment}." not in left))

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
        wrong = browser.send("/operate/keys", action="make", name="", role="king", events="bühne")
        self.assertEqual(wrong.status, 422)
        for text in ("For whom", "must have 1 to 100 characters", "must be one of the choices", "must be codes of events"):
            self.assertIn(text, wrong.body.decode())
        # In German each mistake is in German.
        german = self.browser(None, "Accept-Language: de")
        german.page("/operate/keys")
        wrong = german.send("/operate/keys", action="make", name="", role="king", events="bühne").body.decode()
        for text in ("Für wen", "muss 1 bis 100 Zeichen haben", "muss eine der Möglichkeiten sein", "müssen Kürzel"):
            self.assertIn(text, wrong)
        long = german.send("/operate/keys", action="revoke", id="none", reason="x" * 501).body.decode()
        self.assertIn("muss 1 bis 500 Zeichen haben", long)
        for text in (wrong, long):
            self.assertNotRegex(text, r"\b(must|query|cannot)\b")
        # Reloaded, the page with a new key sends its form again: that makes no other key.
        once = re.search(r'name="once" value="([^"]+)"', browser.page("/operate/keys")[1])[1]
        fields = {"action": "make", "once": once, "role": "operator", "events": "gala other"}
        html = browser.send("/operate/keys", **fields, name="").body.decode()
        self.assertIn('<option value="operator" selected>', html)
        self.assertIn('name="events" autocomplete="off" value="gala other"', html)
        self.assertEqual(browser.send("/operate/keys", **fields, name="Once").status, 201)
        answer = browser.send("/operate/keys", **fields, name="Once")
        self.assertEqual(answer.status, 409)
        self.assertIn("its key was made", answer.body.decode())
        self.assertNotIn("hfk_", answer.body.decode())
        self.assertEqual(answer.body.decode().count('class="name">Once<'), 1)
        self.assertEqual(browser.send("/operate/keys", action="revoke", id=credential.split("_")[1]).status, 303)
        self.assertEqual(ben.page("/operate")[0], 303)
