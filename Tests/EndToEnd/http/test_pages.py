"""Pages for people, as a browser without scripts gets them."""

import re

from support.service import ServiceCase, event, eventually, make_key
from support.wire import request

BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
# Markup, a quotation mark that is one character with its accent, text from right to left, and something long.
NAME = "<b>Gala</b> \"\u0301 & 'Söhne' \u05d0\u05d1 " + "🎭" * 20


class Pages(ServiceCase):
    """A service with an event of each kind."""

    events = (
        event(identifier="gala", name=NAME, types=[
            {"code": "GA", "price": 8900, "pools": ["floor"]}, {"code": "VIP", "price": 24900, "pools": ["floor"]}]),
        event(identifier="later", sale={"opens_at": "2040-01-01T20:00:00Z"}),
        event(identifier="over", sale={"closes_at": "2020-01-01T20:00:00Z"}))

    def page(self, target, *headers, status=200, method="GET", body=None):
        """Return a page's HTML; check what every page has."""
        answer = self.server.ask(method, target, [BROWSER, *headers], body)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.header("content-type"), "text/html; charset=utf-8")
        self.assertEqual(answer.header("referrer-policy"), "same-origin")
        self.assertEqual(answer.header("x-content-type-options"), "nosniff")
        policy = answer.header("content-security-policy")
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        html = answer.body.decode()
        self.assertEqual(answer.header("content-language"), re.search(r'<html lang="(\w+)">', html)[1])
        return html

    def test_events(self):
        """The first page lists the events with their state, in the reader's language."""
        html = self.page("/")
        self.assertIn("from €89.00", html)
        self.assertIn('href="/events/gala"', html)
        self.assertRegex(html, r'(?s)later.*not yet on sale.*<time datetime="2040-01-01T20:00:00.000Z">1 January 2040')
        self.assertIn("sale has ended", html)
        german = self.page("/", "Accept-Language: de-CH,de;q=0.9,en;q=0.8")
        self.assertIn("ab 89,00\u00a0€", german)
        self.assertIn("Verkauf beendet", german)

    def test_names_are_shown(self):
        """A name with markup in it is shown as it is, and is not markup."""
        html = self.page("/")
        self.assertIn("&lt;b&gt;Gala&lt;/b&gt; &quot;\u0301 &amp; &#39;Söhne&#39; \u05d0\u05d1 " + "🎭" * 20, html)

    def test_programs_get_what_they_got(self):
        """A program that asks for no page at / gets a problem, as before there were pages."""
        for headers in ((), ["Accept: application/json"], ["Accept: application/problem+json"]):
            self.assert_problem(self.server.ask("GET", "/", headers), 404, "not-found")
        self.assertEqual(self.server.ask("GET", "/", ["Accept: */*"]).status, 200)
        self.assert_problem(self.server.ask("POST", "/", body=b""), 405, "method-not-allowed")
        self.assert_problem(self.server.ask("GET", "/v1/nothing", [BROWSER]), 404, "not-found")

    def test_refusals_are_pages(self):
        """What is not there is a page with a way on, for people; a method or a query that does not fit, too."""
        html = self.page("/nothing/here", status=404)
        self.assertIn("There is nothing here", html)
        self.assertIn('href="/"', html)
        self.page("/", status=405, method="DELETE")
        self.page("/?nonsense=1", status=400)
        self.assertIn("Hier ist nichts", self.page("/nothing", "Accept-Language: de", status=404))

    def test_language_is_remembered(self):
        """A reader who chose a language gets it on the next page, whatever the browser says."""
        answer = self.server.ask("GET", "/?lang=de", [BROWSER, "Accept-Language: en"])
        cookie = answer.header("set-cookie")
        self.assertRegex(cookie, r"^holdfast_language=de; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax$")
        self.assertIn("Veranstaltungen", self.page("/", "Accept-Language: en", "Cookie: a=b; " + cookie.split(";")[0]))
        self.assertIn("Events", self.page("/", "Cookie: holdfast_language=xx"))

    def test_files_are_kept_for_ever(self):
        """The files of a page are found, may be kept for ever, and their names change with their bytes."""
        html = self.page("/")
        paths = re.findall(r'(?:href|src)="(/pages/[^"]+)"', html)
        self.assertEqual(len(paths), 3)
        size = len(html.encode())
        for path in paths:
            answer = self.server.get(path)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.header("cache-control"), "public, max-age=31536000, immutable")
            self.assertRegex(path, r"\.[0-9a-z]{8,}\.(css|js|svg)$")
            size += len(answer.body)
        self.assertLess(size, 60 * 1024)
        self.assert_problem(self.server.get("/pages/pages.0.css"), 404, "not-found")


class Buyers(ServiceCase):
    """What the forms of the pages do, and what they refuse."""

    events = (
        event({"floor": 5}, "gala", types=[
            {"code": "GA", "name": "Floor", "price": 8900, "pools": ["floor"]},
            {"code": "FREE", "name": "Balcony", "pools": ["floor"]},
            {"code": "SIX", "name": "Group", "pools": ["floor"], "limits": {"min_tickets_per_hold": 3}}]),
        event(5, "shop", completion="shop"), event(5, "ours"),
        event(5, "late", completion="shop", hold_seconds=1, grace_seconds=0),
        event(5, "grace", completion="shop", hold_seconds=1, grace_seconds=60),
        event(5, "twice", hold_seconds=1, grace_seconds=0, limits={"tickets_per_buyer": 2}),
        event({"floor": 50}, "wide", currency="HUF", limits={"tickets_per_hold": 50},
              types=[{"code": f"T{n}", "price": 100, "pools": ["floor"]} for n in range(300)]),
        event(5, types=[{"code": "GA", "price": 8900, "pools": ["floor"]}]),
        event(5, "paused"), event(10, "hidden", disclose="buckets"))
    FORM = "Content-Type: application/x-www-form-urlencoded"

    def send(self, target, form="", *headers):
        """Send a form."""
        return self.server.ask("POST", target, [BROWSER, self.FORM, *headers], form.encode())

    def hold(self, event="ours", form="q.GA=1"):
        """Hold places by a form; return the path of the hold's page and the header with its cookie."""
        answer = self.send(f"/events/{event}/holds", form)
        self.assertEqual(answer.status, 303, answer)
        return answer.header("location"), "Cookie: " + answer.header("set-cookie").split(";")[0]

    def test_way(self):
        """Holding, looking, extending, confirming: each leads to a page that the cookie opens."""
        path, cookie = self.hold("gala", "q.FREE=1&q.GA=&q.SIX=0")
        page = self.server.ask("GET", path, [BROWSER, cookie])
        self.assertEqual((page.status, page.header("cache-control")), (200, "no-store"))
        self.assertIn("Get the tickets", page.body.decode())
        key = re.search(r'name="key" value="([^"]+)"', page.body.decode())[1]
        for _ in range(2):
            self.assertEqual(self.send(path + "/extend", f"key={key}", cookie).header("location"), path)
        state = self.server.ask("GET", path, ["Accept: application/json", cookie]).json()
        self.assertEqual((state["state"], state["extensions_remaining"]), ("held", 2))
        self.assertNotIn("token", state)
        bought = self.send(path + "/pay", "", cookie)
        self.assertEqual((bought.status, bought.header("location")), (303, path.replace("/holds/H", "/purchases/P")))
        purchase = self.server.ask("GET", bought.header("location"),
                                   [BROWSER, "Cookie: " + bought.header("set-cookie").split(";")[0]])
        self.assertIn("You have your tickets", purchase.body.decode())
        # The page of a purchase is kept for 400 days, that of a hold for seven.
        self.assertIn("; Max-Age=34560000;", bought.header("set-cookie"))

    def test_same_form_twice(self):
        """A form that is sent twice holds once; the same key with another wish is another hold."""
        form = "key=the-key-of-one-form-1&q.GA=1"
        first, second = self.send("/events/ours/holds", form), self.send("/events/ours/holds", form)
        self.assertEqual(first.header("location"), second.header("location"))
        other = self.send("/events/ours/holds", form.replace("GA=1", "GA=2"))
        self.assertEqual(other.status, 303)
        self.assertNotEqual(first.header("location"), other.header("location"))

    def test_cookie(self):
        """The cookie is for its page alone, and no script and no other site can use it."""
        answer = self.send("/events/hidden/holds", "q.GA=1")
        path = answer.header("location")
        self.assertRegex(answer.header("set-cookie"),
                         rf"^holdfast_token=[\w-]{{32}}; Path={path}; Max-Age=604800; HttpOnly; SameSite=Lax$")

    def test_other_peoples_holds(self):
        """Without the cookie, with somebody else's or with rubbish, a hold's page is not there, and nothing happens."""
        path, cookie = self.hold("hidden")
        _, other = self.hold("hidden")
        wrong = ("X-Nothing: 1", other, "Cookie: holdfast_token=rubbish", "Cookie: holdfast_token=", cookie[:-1] + "*")
        for header in wrong:
            with self.subTest(header=header):
                answer = self.server.ask("GET", path, [BROWSER, header])
                self.assertEqual(answer.status, 404)
                self.assertIn("These places are not yours", answer.body.decode())
                for action in ("extend", "release", "pay", "again"):
                    self.assertEqual(self.send(f"{path}/{action}", "", header).status, 404)
                purchase = path.replace("/holds/H", "/purchases/P")
                self.assertIn("Type the code", self.server.ask("GET", purchase, [BROWSER, header]).body.decode())
        state = self.server.ask("GET", path, ["Accept: application/json", cookie]).json()
        self.assertEqual((state["state"], state["extensions_remaining"]), ("held", 3))

    def test_forged(self):
        """What another site's page sends is refused, and does nothing."""
        path, cookie = self.hold("hidden")
        forged = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example",
                  "Origin: null")
        for header in forged:
            for target in (f"{path}/release", "/events/hidden/holds"):
                answer = self.send(target, "q.GA=1", cookie, header)
                self.assertEqual(answer.status, 403, header)
                self.assertIn("Another page sent this", answer.body.decode())
        self.assertEqual(self.server.ask("GET", path, ["Accept: application/json", cookie]).json()["state"], "held")
        for header in ("Sec-Fetch-Site: same-origin", "Origin: http://localhost"):
            self.assertEqual(self.send(f"{path}/release", "", cookie, header).status, 303)

    def test_wrong_forms(self):
        """Each mistake in a form has its sentence, and what was written is still there."""
        cases = (
            ("", "Choose at least one ticket"), ("q.GA=0", "Choose at least one ticket"),
            ("q.GA=two", "not a number"), ("q.GA=-1", "not a number"), ("q.GA=1.5", "not a number"),
            ("q.GA=99999999999999999999", "not a number"), ("q.GA=11", "Too many tickets for one order"),
            ("q.GA=6&q.FREE=6", "Too many tickets for one order"), ("q.SIX=2", "sold from 3 tickets up"),
            ("q.NONE=1", "The offer has changed"), ("q.GA=1&q.NONE=1", "The offer has changed"),
            ("buyer=" + "a" * 299 + "&q.GA=1", "too long"))
        for form, sentence in cases:
            with self.subTest(form=form[:40]):
                answer = self.send("/events/gala/holds", form)
                self.assertEqual(answer.status, 422, answer)
                self.assertIn(sentence, answer.body.decode())
        self.assertIn('value="two"', self.send("/events/gala/holds", "q.GA=two").body.decode())
        hostile = self.send("/events/gala/holds", "q.GA=%22%3E%3Cscript%3E&buyer=" + "%F0%9F%8E%AD" * 2500)
        self.assertEqual(hostile.status, 422)
        self.assertIn('value="&quot;&gt;&lt;script&gt;"', hostile.body.decode())
        self.assertLess(len(hostile.body), 20_000)
        for form in ("q.GA=1&q.GA=2", "q.GA=%zz", "q.GA=%ff", "&".join(f"x{n}=1" for n in range(4_201))):
            self.assertEqual(self.send("/events/gala/holds", form).status, 400, form[:40])
        wrong = self.server.ask("POST", "/events/gala/holds", [BROWSER, "Content-Type: application/json"], b"{}")
        self.assertEqual(wrong.status, 415)

    def test_refusals(self):
        """A refusal has the status that the API gives, says why, and offers what there is."""
        answer = self.send("/events/gala/holds", "q.GA=9")
        self.assertEqual(answer.status, 409)
        self.assertIn("Take the", answer.body.decode())
        hidden = self.send("/events/hidden/holds", "q.GA=10&q.NONE=1")
        if hidden.status == 409:
            self.assertNotRegex(hidden.body.decode(), r"\d+ (that )?(is|are) left")
            self.assertIn("Take as many as there are", hidden.body.decode())
        self.assertEqual(self.send("/events/nothing/holds", "q.GA=1").status, 404)

    def test_shop_completes(self):
        """Where the shop completes, no page of ours says that it is paid."""
        path, cookie = self.hold("shop")
        self.assertIn("takes no payment on this page", self.server.ask("GET", path, [BROWSER, cookie]).body.decode())
        self.assertEqual(self.send(path + "/pay", "", cookie).status, 409)
        self.assertEqual(self.server.ask("GET", path, ["Accept: application/json", cookie]).json()["state"], "held")

    def over(self, path, cookie):
        """Wait until a hold's page says that its time is over; return the page."""
        def ask():
            return self.server.ask("GET", path, [BROWSER, cookie]).body.decode()
        self.assertTrue(eventually(lambda: "Your time is over" in ask()))
        return ask()

    def test_shop_completes_late(self):
        """After the end of a hold that is paid at the shop the page tells to wait, and then leads to the purchase."""
        path, cookie = self.hold("late")
        page = self.over(path, cookie)
        self.assertIn("Have you paid already?", page)
        self.assertIn("data-watched", page)
        self.assertNotIn("paid nothing", page)
        paid = self.server.ask(
            "POST", f"/v1{path}/purchase",
            [f"Authorization: Bearer {make_key(self.server, 'shop')}", "Content-Type: application/json"],
            b'{"payment_reference": "late-1"}')
        self.assertIn(paid.status, (200, 201), paid)
        self.assertEqual(self.server.ask("GET", path, [BROWSER, cookie]).status, 303)

    def test_payment_under_way(self):
        """Trying again does not release what a payment at the shop may still buy."""
        path, cookie = self.hold("grace")
        self.over(path, cookie)
        again = self.send(path + "/again", "", cookie)
        self.assertEqual(again.status, 409)
        self.assertIn("may still be arriving", again.body.decode())
        paid = self.server.ask(
            "POST", f"/v1{path}/purchase",
            [f"Authorization: Bearer {make_key(self.server, 'shop')}", "Content-Type: application/json"],
            b'{"payment_reference": "grace-1"}')
        self.assertIn(paid.status, (200, 201), paid)

    def test_again_twice(self):
        """Trying again for the same places holds once, however often it is sent; a refusal keeps the buyer."""
        path, cookie = self.hold("twice", "q.GA=2&buyer=anna%40example.org")
        key = re.search(r'name="key" value="([^"]+)"', self.over(path, cookie))[1]
        form = f"key={key}&buyer=anna%40example.org"
        first, second = (self.send(path + "/again", form, cookie) for _ in range(2))
        self.assertEqual((first.status, second.status), (303, 303))
        self.assertEqual(first.header("location"), second.header("location"))
        self.assertNotEqual(first.header("location"), path)
        refused = self.send(path + "/again", "buyer=" + "b" * 299, cookie)
        self.assertEqual(refused.status, 422)
        self.assertIn('value="' + "b" * 299, refused.body.decode())

    def test_many_types(self):
        """An event with many types is sold; too many of them in one order are refused in words."""
        page = self.server.ask("GET", "/events/wide", [BROWSER]).body.decode()
        self.assertIn('data-currency="HUF" data-decimals="2"', page)
        form = "&".join(f"q.T{n}={int(n < 2)}" for n in range(300))
        self.assertEqual(self.send("/events/wide/holds", form).status, 303)
        many = self.send("/events/wide/holds", "&".join(f"q.T{n}=1" for n in range(17)))
        self.assertEqual(many.status, 422)
        self.assertIn("16 kinds of tickets at most", many.body.decode())

    def test_nothing_pretends_to_be_alive(self):
        """Without a script no page says that it changes by itself."""
        path, cookie = self.hold("shop")
        page = self.server.ask("GET", path, [BROWSER, cookie]).body.decode()
        self.assertIn("<span hidden data-scripted>This page shows it by itself.</span>", page)

    def test_demonstration_stays_at_home(self):
        """What costs money is not given away to anybody: only `main`, and only on the machine itself."""
        path, cookie = self.hold("gala", "q.GA=1")
        self.assertEqual(self.send(path + "/pay", "", cookie).status, 409)
        path, cookie = self.hold("main", "q.GA=1")
        cases = (
            ("localhost", None, True), ("localhost:8080", "http://localhost:8080", True), ("127.0.0.1:80", None, True),
            ("[::1]:8080", None, True), ("127.evil.example", None, False), ("127.0.0.1.evil.example", None, False),
            ("127.0.0.256", None, False), ("localhost.evil.example", None, False), ("[::1].evil.example", None, False),
            ("localhost", "http://evil.example", False))
        for host, origin, is_home in cases:
            with self.subTest(host=host, origin=origin):
                headers = [f"Host: {host}", BROWSER, cookie] + ([f"Origin: {origin}"] if origin else [])
                with self.server.connect() as connection:
                    connection.send(request("GET", path, headers, host=False))
                    page = connection.answer().body.decode()
                self.assertEqual("This is a demonstration" in page, is_home)


class BehindAProxy(ServiceCase):
    """A service that browsers reach by TLS at another address."""

    events = (event({"floor": 5}, types=[{"code": "GA", "price": 8900, "pools": ["floor"]}]), event(5, "free"))
    settings = {"public_url": "https://tickets.example"}

    def send(self, target, form, *headers):
        """Send a form."""
        return self.server.ask("POST", target, [BROWSER, Buyers.FORM, *headers], form.encode())

    def test_cookies_are_secure(self):
        """Each cookie goes by TLS only."""
        held = self.send("/events/free/holds", "q.GA=1")
        self.assertTrue(held.header("set-cookie").endswith("; Secure"))
        chosen = self.server.ask("GET", "/?lang=de", [BROWSER])
        self.assertTrue(chosen.header("set-cookie").endswith("; Secure"))

    def test_links(self):
        """The link to keep has the public address, whatever the client says in Host."""
        held = self.send("/events/free/holds", "q.GA=1")
        cookie = "Cookie: " + held.header("set-cookie").split(";")[0]
        bought = self.send(held.header("location") + "/pay", "", cookie)
        page = self.server.ask("GET", bought.header("location"), [BROWSER, cookie]).body.decode()
        self.assertRegex(page, r'href="https://tickets\.example/purchases/P\d+#[\w-]{32}"')

    def test_origin(self):
        """A form of the public address is ours; that of another one is not."""
        own = ("Origin: https://tickets.example", 303), ("Origin: https://tickets.example.evil", 403)
        for header, status in own:
            self.assertEqual(self.send("/events/free/holds", "q.GA=1", header).status, status, header)

    def test_no_demonstration(self):
        """What costs money is not given away by demonstration where the public can come."""
        held = self.send("/events/main/holds", "q.GA=1")
        cookie = "Cookie: " + held.header("set-cookie").split(";")[0]
        self.assertEqual(self.send(held.header("location") + "/pay", "", cookie).status, 409)
