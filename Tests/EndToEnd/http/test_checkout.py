"""How buyers pay on the pages, as a browser without scripts and a shop see it (R55 Checkout)."""

import hmac
import json
import os
import pathlib
import re
import tempfile
import unittest
import urllib.parse

from support.service import Server, ServiceCase, command, event, eventually, make_key

BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FORM = "Content-Type: application/x-www-form-urlencoded"
PAY = "https://pay.example/start"
SECRET = b"a secret of the box office and the shop"
PRICED = [{"code": "GA", "price": 8900, "pools": ["floor"]}, {"code": "CHILD", "pools": ["floor"]}]


def secret_file(text=SECRET + b"\n", mode=0o600):
    """Return the path of a file with a secret."""
    descriptor, path = tempfile.mkstemp(prefix="holdfast-secret-")
    os.write(descriptor, text)
    os.close(descriptor)
    os.chmod(path, mode)
    return path


class Paying(ServiceCase):
    """A service with an event for each way to pay."""

    events = (
        event(50, "shop", completion="shop", checkout={"url": PAY}, types=PRICED),
        event(2, "brief", completion="shop", checkout={"url": PAY}, types=PRICED, hold_seconds=1, grace_seconds=0),
        event(2, "strict", completion="shop", checkout={"url": PAY}, types=PRICED, hold_seconds=1, grace_seconds=0,
              late_payment="strict"),
        event(2, "mild", completion="shop", checkout={"url": PAY}, types=PRICED, hold_seconds=1, grace_seconds=0),
        event(9, "off", completion="shop", checkout={"url": PAY}, types=PRICED),
        event(2, "won", completion="shop", checkout={"url": PAY}, types=PRICED, hold_seconds=1, grace_seconds=0),
        event(5, "demo", checkout="demo", types=PRICED), event(5, "free", checkout="free"),
        event(5, types=PRICED))

    @classmethod
    def setUpClass(cls):
        cls.settings = {"public_url": "https://tickets.example", "checkout_secret_file": secret_file()}
        cls.addClassCleanup(os.unlink, cls.settings["checkout_secret_file"])
        super().setUpClass()
        cls.key = make_key(cls.server, "shop")

    def hold(self, name, form="q.GA=1"):
        """Hold places by a form; return the path of the hold's page and the header with its cookie."""
        answer = self.server.ask("POST", f"/events/{name}/holds", [BROWSER, FORM], form.encode())
        self.assertEqual(answer.status, 303, answer)
        return answer.header("location"), "Cookie: " + answer.header("set-cookie").split(";")[0]

    def page(self, path, cookie, *headers):
        """Return the page of a hold."""
        return self.server.ask("GET", path, [BROWSER, cookie, *headers])

    def pay(self, path, cookie, *headers):
        """Press the button that pays."""
        return self.server.ask("POST", path + "/pay", [BROWSER, FORM, cookie, *headers], b"")

    def complete(self, path, reference):
        """Complete a hold as the shop does."""
        return self.server.ask(
            "POST", f"/v1{path}/purchase", [f"Authorization: Bearer {self.key}", "Content-Type: application/json"],
            json.dumps({"payment_reference": reference}).encode())

    def state(self, path, cookie):
        """Return the hold as the page's script sees it."""
        return self.server.ask("GET", path, ["Accept: application/json", cookie]).json()

    def test_address(self):
        """The button leads to the shop's page with all that it needs, signed, and with no token."""
        path, cookie = self.hold("shop", "q.GA=2&q.CHILD=1")
        page = self.page(path, cookie, "Accept-Language: de")
        self.assertIn("178,00\u00a0€ bezahlen", page.body.decode())
        self.assertIn("Sie bezahlen bei pay.example", page.body.decode())
        # A shop may send buyers on to a bank, and browsers look at each address on the way.
        self.assertIn("form-action 'self' https:;", page.header("content-security-policy"))
        answer = self.pay(path, cookie, "Accept-Language: de")
        self.assertEqual(answer.status, 303)
        address, _, query = answer.header("location").partition("?")
        self.assertEqual(address, PAY)
        signed, _, signature = query.rpartition("&signature=")
        self.assertEqual(signature, hmac.new(SECRET, signed.encode(), "sha256").hexdigest())
        members = dict(urllib.parse.parse_qsl(signed, strict_parsing=True))
        end = self.state(path, cookie)["expires_at"]
        back = f"https://tickets.example{path}?payment="
        self.assertEqual(members, {
            "hold": path.removeprefix("/holds/"), "event": "shop", "amount": "17800", "currency": "EUR", "language": "de",
            "expires_at": end, "return_url": back + "sent", "cancel_url": back + "none"})
        self.assertNotIn(cookie.partition("=")[2], answer.header("location"))

    def test_coming_back(self):
        """A buyer who comes back reads what is to be expected, and can still pay; rubbish in the query changes nothing."""
        path, cookie = self.hold("shop")
        sent = self.page(path + "?payment=sent", cookie).body.decode()
        self.assertIn("Waiting for your payment", sent)
        self.assertIn(f'<noscript><p><a class="button" href="{path}?payment=sent">Look again</a>', sent)
        self.assertIn("You have not paid after all?", sent)
        self.assertIn("You have not paid</h2>", self.page(path + "?payment=none", cookie).body.decode())
        rubbish = self.page(path + "?payment=%3Cscript%3E", cookie)
        self.assertEqual(rubbish.status, 200)
        self.assertNotIn("Waiting", rubbish.body.decode())
        self.assertEqual(self.page(path + "?paid=1", cookie).status, 400)

    def test_paid(self):
        """The shop's purchase is on the page; the page reports a second payment, which buys nothing."""
        path, cookie = self.hold("shop")
        self.assertEqual(self.complete(path, "one").status, 200)
        answer = self.page(path + "?payment=sent", cookie)
        self.assertEqual(answer.status, 303)
        purchase = [answer.header("location"), "Cookie: " + answer.header("set-cookie").split(";")[0]]
        self.assertNotIn("goes back to you", self.page(*purchase).body.decode())
        self.assert_problem(self.complete(path, "two"), 409, "payment-conflict")
        self.assertIn("that money goes back to you", self.page(*purchase).body.decode())
        seen = self.server.ask("GET", f"/v1{path}", [f"Authorization: Bearer {self.key}"]).json()
        self.assertEqual((seen["state"], seen["refund_owed"]), ("purchased", True))
        self.assertNotIn("late", seen)

    def test_late(self):
        """A late payment that wins the places says so; one that does not is owed back, on the page and in the API."""
        first, mine = self.hold("brief", "q.GA=2")
        self.assertTrue(eventually(lambda: self.state(first, mine)["state"] == "expired"))
        second, other = self.hold("brief", "q.GA=2")
        self.assertEqual(self.complete(second, "in-time").status, 200)
        self.assertNotIn("came too late", self.page(first, mine).body.decode())
        self.assert_problem(self.complete(first, "late-1"), 410, "hold-expired")
        page = self.page(first + "?payment=sent", mine).body.decode()
        self.assertIn("Your payment came too late", page)
        self.assertNotIn("data-watched", page)
        self.assertTrue(self.state(first, mine)["refund_owed"])
        back = self.server.ask(
            "POST", f"/v1{first}/paid-back",
            [f"Authorization: Bearer {make_key(self.server)}", "Content-Type: application/json"],
            b'{"payment_reference": "late-1"}')
        self.assertEqual(back.status, 200, back)
        seen = self.state(first, mine)
        self.assertEqual((seen.get("paid_back"), seen.get("refund_owed")), (True, None))
        page = self.page(first + "?payment=sent", mine).body.decode()
        self.assertIn("Your money was paid back", page)
        for wrong in ("came too late", "data-watched", "Waiting"):
            self.assertNotIn(wrong, page)
        self.assertEqual(self.page(second, other).status, 303)

    def test_cancelled(self):
        """A cancelled event's holds and purchases are pages in words: what is owed, what was paid back, and a way on."""
        operator = [f"Authorization: Bearer {make_key(self.server)}", "Content-Type: application/json"]

        def operate(path, **body):
            answer = self.server.ask("POST", "/v1" + path, operator, json.dumps(body).encode())
            self.assertEqual(answer.status, 200, answer)

        bought, buyer = self.hold("off")
        free, guest = self.hold("off", "q.CHILD=1")
        self.assertEqual(self.complete(bought, "bought").status, 200)
        self.assertEqual(self.complete(bought, "again").status, 409)
        self.assertEqual(self.complete(free, "nothing").status, 200)
        held, mine = self.hold("off")
        other, theirs = self.hold("off")
        operate("/events/off/cancel")
        self.assertIn("If you have paid, your money goes back to you.", self.page(other, theirs).body.decode())
        self.assert_problem(self.complete(held, "too-late"), 410, "event-cancelled")
        answers = [self.page(held, mine), self.pay(held, mine), self.page(held.replace("holds/H", "purchases/P"), mine),
                   self.server.ask("POST", held + "/extend", [BROWSER, FORM, mine], b"")]
        for answer in answers:
            self.assertEqual(answer.status, 410)
            page = answer.body.decode()
            self.assertIn("<h1>The event was cancelled</h1>", page)
            self.assertIn("Your payment has arrived", page)
            self.assertIn('href="/"', page)
        self.assertIn("Die Veranstaltung ist abgesagt", self.page(held, mine, "Accept-Language: de").body.decode())
        self.assert_problem(self.server.ask("GET", held, ["Accept: application/json", mine]), 410, "event-cancelled")
        purchase = bought.replace("holds/H", "purchases/P")
        page = self.page(purchase, buyer).body.decode()
        for text in ("<h1>The event was cancelled</h1>", "what you paid for them goes back to you",
                     "It is noted, and that money goes back to you"):
            self.assertIn(text, page)
        self.assertIn("The tickets are no longer good. You need not do anything.",
                      self.page(free.replace("holds/H", "purchases/P"), guest).body.decode())
        operate(f"/purchases/{purchase.rpartition('/')[2]}/return")
        operate(f"{bought}/paid-back", payment_reference="again")
        page = self.page(purchase, buyer).body.decode()
        self.assertIn("What you paid for them was paid back to you", page)
        self.assertNotIn(buyer.partition("=")[2], page)
        self.assertIn("That money was paid back to you", page)
        self.assertNotIn("goes back", page)
        # Released, or behind its time, a hold can be looked at again.
        self.assertEqual(self.server.ask("POST", held + "/release", [BROWSER, FORM, mine], b"").status, 303)
        page = self.page(held, mine).body.decode()
        self.assertIn("The event was cancelled", page)
        self.assertIn("Your payment has arrived", page)
        self.assertNotIn("Try again", page)
        operate(f"{held}/paid-back", payment_reference="too-late")
        self.assertIn("Your money was paid back", self.page(held, mine).body.decode())

    def test_from_a_frame(self):
        """A tab that a frame opens pays with the code of the form, and gets the hold's cookie; another code does nothing."""
        path, cookie = self.hold("shop")
        other, theirs = self.hold("shop")
        code, wrong = (one.partition("=")[2].encode() for one in (cookie, theirs))
        self.assertNotIn(code.decode(), self.page(path, cookie).body.decode())
        answer = self.server.ask("POST", path + "/pay", [BROWSER, FORM], b"code=" + code)
        self.assertEqual(answer.status, 303)
        self.assertTrue(answer.header("location").startswith(PAY + "?hold="), answer)
        self.assertEqual(answer.header("set-cookie"),
                         f"{cookie.removeprefix('Cookie: ')}; Path={path}; Max-Age=604800; HttpOnly; SameSite=Lax; Secure")
        for body in (b"code=" + wrong, b"code=", b""):
            refused = self.server.ask("POST", path + "/pay", [BROWSER, FORM], body)
            self.assertEqual((refused.status, refused.header("set-cookie")), (404, None))
        forged = self.server.ask("POST", path + "/pay", [BROWSER, FORM, "Sec-Fetch-Site: cross-site"], b"code=" + code)
        self.assertEqual((forged.status, forged.header("set-cookie")), (403, None))

    def test_never_late(self):
        """Where a late payment wins nothing, the page promises no places."""
        for name, promised in (("strict", False), ("mild", True)):
            path, cookie = self.hold(name, "q.CHILD=1")
            self.assertTrue(eventually(lambda path=path, cookie=cookie: self.state(path, cookie)["state"] == "expired"))
            page = self.page(path, cookie).body.decode()
            self.assertEqual("if the same places are still free" in page, promised, name)
            self.assertEqual("comes too late for these places" in page, not promised, name)

    def test_late_and_won(self):
        """A late payment that wins the places back is on the page of the purchase."""
        path, cookie = self.hold("won")
        self.assertTrue(eventually(lambda: self.state(path, cookie)["state"] == "expired"))
        page = self.page(path + "?payment=sent", cookie).body.decode()
        self.assertIn("Waiting for your payment", page)
        self.assertIn("data-awaits", page)
        self.assertEqual(self.pay(path, cookie).status, 409)
        self.assertEqual(self.complete(path, "late-2").json()["late"], True)
        answer = self.page(path, cookie)
        bought = self.page(answer.header("location"), "Cookie: " + answer.header("set-cookie").split(";")[0])
        self.assertIn("Your payment arrived late", bought.body.decode())

    def test_nothing_to_pay(self):
        """What costs nothing has a button of its own, at the shop as well."""
        path, cookie = self.hold("shop", "q.CHILD=1")
        self.assertIn("Get the tickets</button>", self.page(path, cookie).body.decode())
        self.assertIn("&amount=0&", self.pay(path, cookie).header("location"))
        path, cookie = self.hold("free")
        self.assertIn("Get the tickets</button>", self.page(path, cookie).body.decode())
        self.assertIn("/purchases/", self.pay(path, cookie).header("location"))

    def test_demonstration(self):
        """An event that says so is paid by demonstration anywhere; `main` only at home, and here it is not."""
        path, cookie = self.hold("demo")
        self.assertIn("This is a demonstration", self.page(path, cookie).body.decode())
        self.assertIn("/purchases/", self.pay(path, cookie).header("location"))
        path, cookie = self.hold("main")
        with self.subTest("main"):
            self.assertNotIn("demonstration", self.page(path, cookie, "Origin: http://127.0.0.1").body.decode())
            self.assertEqual(self.pay(path, cookie).status, 409)

    def test_definitions(self):
        """What contradicts the rest of a definition is refused at its place; a demonstration is a warning."""
        key = [f"Authorization: Bearer {make_key(self.server)}", "Content-Type: application/json"]
        cases = (({"url": PAY}, "token", "/checkout"), ("demo", "shop", "/checkout"), ("free", "token", "/checkout"),
                 ({"url": "http://pay.example"}, "shop", "/checkout/url"), ({}, "shop", "/checkout/url"),
                 ("cash", "token", "/checkout"))
        for checkout, completion, pointer in cases:
            with self.subTest(checkout=checkout):
                definition = event(5, "new", checkout=checkout, completion=completion, types=PRICED)
                answer = self.server.ask("PUT", "/v1/events/new", key, json.dumps(definition).encode())
                self.assert_problem(answer, 422, "validation-failed")
                self.assertEqual([one["pointer"] for one in answer.json()["errors"]], [pointer])
        made = self.server.ask("PUT", "/v1/events/new", key, json.dumps(event(5, "new", checkout="demo")).encode())
        self.assertEqual((made.status, [one["pointer"] for one in made.json()["warnings"]]), (201, ["/checkout"]))
        self.assertEqual(made.json()["definition"]["checkout"], "demo")


class Unprepared(unittest.TestCase):
    """Services without the settings that a page for payments needs."""

    def test_refused(self):
        """A definition says which settings are missing, beside its other mistakes; a pause needs none of them."""
        given = event(5, "shop", completion="shop", checkout={"url": PAY})
        path = secret_file()
        self.addCleanup(os.unlink, path)
        settings = {"public_url": "http://127.0.0.1:1", "checkout_secret_file": path}
        with Server(event(5), **settings) as server:
            key = [f"Authorization: Bearer {make_key(server)}", "Content-Type: application/json"]
            self.assertEqual(server.ask("PUT", "/v1/events/shop", key, json.dumps(given).encode()).status, 201)
            self.assertEqual(server.ask("PUT", "/v1/events/old", key, json.dumps(given | {"id": "old"}).encode()).status, 201)
            server.settings = {name: value for name, value in server.settings.items() if name not in settings}
            server.restart()
            self.assertIn("cannot pay on its page", server.stderr())
            definition = given | {"id": "new", "types": []}
            answer = server.ask("PUT", "/v1/events/new", key, json.dumps(definition).encode())
            errors = [(one["pointer"], one["detail"]) for one in answer.json()["errors"]]
            self.assertEqual([pointer for pointer, _ in errors], ["/types", "/checkout/url", "/checkout/url"], errors)
            self.assertIn("checkout.secret_file", errors[1][1])
            self.assertIn("public_url", errors[2][1])
            paused = server.ask("PATCH", "/v1/events/shop", [*key, "If-Match: *"], b'{"paused": true}')
            self.assertEqual(paused.status, 200, paused)
            held = server.ask("POST", "/events/old/holds", [BROWSER, FORM], b"q.GA=1")
            cookie = "Cookie: " + held.header("set-cookie").split(";")[0]
            page = server.ask("GET", held.header("location"), [BROWSER, cookie]).body.decode()
            self.assertIn("takes no payment on this page", page)

    def test_secret_file(self):
        """A file that is not a good secret keeps the service from starting, with a sentence that says why."""
        cases = ((b"", 0o600, "it is empty"), (b" \n", 0o600, "it is empty"), (b"short\n", 0o600, "it has 5 bytes"),
                 (SECRET, 0o604, "everybody on this machine"), (SECRET, 0o602, "everybody on this machine"),
                 (b"s" * 5_000, 0o600, "4096 bytes or fewer"))
        with tempfile.TemporaryDirectory() as room:
            for text, mode, why in cases:
                with self.subTest(why=why):
                    path = secret_file(text, mode)
                    self.addCleanup(os.unlink, path)
                    said = command("serve", "--data", f"{room}/data", "--port", "0", "--checkout-secret-file", path)
                    self.assertEqual(said.returncode, 78, said)
                    self.assertRegex(said.stderr, re.escape(f"checkout.secret_file: {path}: ") + ".*" + why)
                    self.assertNotIn(text.decode().strip() or "nothing", said.stderr)
            for path in (f"{room}/missing", room, "/dev/zero"):
                said = command("serve", "--data", f"{room}/data", "--port", "0", "--checkout-secret-file", path)
                self.assertEqual(said.returncode, 78, said)
            definition = pathlib.Path(room, "shop.json")
            definition.write_text(json.dumps(event(5, "shop", completion="shop", checkout={"url": PAY})))
            said = command("serve", "--data", f"{room}/data", "--port", "0", "--event", str(definition))
            self.assertEqual(said.returncode, 78, said)
            self.assertIn("/checkout/url needs the setting checkout.secret_file", said.stderr)
