"""Money: who completes, what is owed back, and the terms of a hold."""

import json
import uuid

from support.service import ServiceCase, command, event, eventually, make_key

PRICED = [{"code": "GA", "name": "Floor", "price": 500, "pools": ["floor"]}]


class Money(ServiceCase):
    """One service with an event that the shop completes, one that a token completes, and one for free."""

    events = (event(1_000, "shop", types=PRICED, completion="shop"), event(1_000, "token", types=PRICED),
              event(1_000, "free"))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)
        cls.looks = make_key(cls.server, "viewer", "accounts")
        cls.shop = make_key(cls.server, "shop", "webshop")

    @property
    def url(self):
        """The service's address."""
        return f"http://127.0.0.1:{self.server.port}"

    def call(self, method, target, body=None, token=None, headers=()):
        """Ask with a token or key, or with none; return the answer and its JSON."""
        fields = [*headers]
        if token:
            fields.append(f"Authorization: Bearer {token}")
        if body is not None:
            fields.append("Content-Type: application/json")
        data = None if body is None else json.dumps(body).encode()
        answer = self.server.ask(method, target, fields, body=b"" if data is None and method != "GET" else data)
        return answer, json.loads(answer.body) if answer.body else None

    def refused(self, pair, status, code):
        """Check that an answer is this problem, and return it."""
        self.assert_problem(pair[0], status, code)
        return pair[1]

    def hold(self, hall, **more):
        """Hold a ticket and return the answer."""
        answer, told = self.call("POST", f"/v1/events/{hall}/holds",
                                 {"lines": [{"type": "GA", "quantity": 1}]} | more,
                                 headers=[f"Idempotency-Key: {uuid.uuid4()}"])
        self.assertEqual(answer.status, 201, told)
        return told

    def owed(self, path="/v1/reconciliation", **chosen):
        """Return the list of debts."""
        told = self.call("GET", path + "?limit=1000", token=self.looks)[1]["refunds"]
        return [one for one in told if all(one[name] == value for name, value in chosen.items())]

    def test_the_shop_completes(self):
        """A token alone completes nothing; the shop's key does, in the fast path and the router, and lists what it sold alone."""
        held = self.hold("shop")
        path = f"/v1/holds/{held['id']}"
        told = self.refused(self.call("POST", path + "/purchase", {"payment_reference": "s1"}, held["token"]), 403,
                            "forbidden")
        self.assertIn("shop", told["detail"])
        self.assertEqual(self.call("GET", path, token=self.shop)[1]["state"], "held")
        self.assertEqual(self.call("POST", path + "/extend", token=held["token"])[0].status, 200)
        for repeat in (None, "true", "true"):
            answer, told = self.call("POST", path + "/purchase", {"payment_reference": "s1"}, self.shop)
            self.assertEqual((answer.status, told["state"]), (200, "purchased"))
            self.assertEqual(answer.header("idempotency-replayed"), repeat)
        self.refused(self.call("POST", path + "/purchase", {"payment_reference": "s1"}, held["token"]), 403, "forbidden")
        self.refused(self.call("POST", path + "/purchase", {}, self.looks), 403, "forbidden")
        other = self.hold("shop")
        self.assertEqual(self.call("DELETE", f"/v1/holds/{other['id']}", token=self.shop)[1]["state"], "released")
        self.refused(self.call("DELETE", "/v1/holds/nonsense", token=self.shop), 404, "unknown-hold")
        told = self.call("GET", "/v1/events/shop/purchases?limit=1000", token=self.shop)[1]["purchases"]
        self.assertEqual({one["sold_by"] for one in told}, {"webshop"})
        self.assertIn(held["id"], [one["hold"] for one in told])
        for target in ("/v1/reconciliation", "/v1/audit", "/v1/invariants"):
            self.refused(self.call("GET", target, token=self.shop), 403, "forbidden")
        for method, target in (("PATCH", "/v1/events/shop"), ("DELETE", "/v1/events/shop"),
                               ("POST", "/v1/holds/H1/paid-back")):
            self.refused(self.call(method, target, {}, self.shop), 403, "forbidden")
        entries = self.call("GET", "/v1/audit?limit=1000", token=self.looks)[1]["entries"]
        self.assertEqual([one for one in entries if one["subject"] == held["id"]], [])

    def test_the_classic_call(self):
        """The classic call takes the shop's key in addition to the token; a wrong key gets a classic refusal."""
        key = make_key(self.server, "shop", "another")
        for credential, status, code in ((None, 403, "forbidden"), ("hfk_aaaaaaaa_" + "A" * 43, 401, "unauthenticated"),
                                         (self.looks, 403, "forbidden")):
            fields = [f"Authorization: Bearer {credential}"] if credential else []
            token = self.hold("shop")["token"]
            self.assert_refusal(self.server.ask("POST", f"/complete_purchase/{token}", fields, body=b""), status, code)
        held = self.hold("shop")
        path, fields = f"/complete_purchase/{held['token']}", [f"Authorization: Bearer {key}"]
        for _ in range(3):
            answer = self.server.ask("POST", path, fields, body=b"")
            self.assertEqual((answer.status, answer.json()), (200, {"success": True, "purchase": "P" + held["id"][1:]}))
        unknown = "/complete_purchase/" + "A" * 32
        self.assert_refusal(self.server.ask("POST", unknown, fields, body=b""), 404, "unknown-hold")

    def test_a_revoked_key(self):
        """A revoked key of a shop soon stops working, although look-ups are cached."""
        key = make_key(self.server, "shop", "leaving")
        held = self.hold("shop")
        path = f"/v1/holds/{held['id']}/purchase"
        self.assertEqual(self.call("POST", path, {}, key)[0].status, 200)
        self.assertEqual(command("key", "revoke", key.split("_")[1], *self.server.place).returncode, 0)
        self.assertTrue(eventually(lambda: self.call("POST", path, {}, key)[0].status == 401))
        self.refused(self.call("POST", path, {}, key), 401, "unauthenticated")

    def test_debts(self):
        """A payment that bought nothing is listed once, whatever the reason, settled if it buys something, and paid back."""
        bought, gone, late = self.hold("token"), self.hold("token", buyer="ann"), self.hold("token")
        path = f"/v1/holds/{bought['id']}/purchase"
        mark = str(uuid.uuid4())
        self.assertEqual(self.call("POST", path, {"payment_reference": mark + "-1"}, bought["token"])[0].status, 200)
        told = self.refused(self.call("POST", path, {"payment_reference": mark + "-2"}, self.shop), 409,
                            "payment-conflict")
        self.assertTrue(told["refund_required"])
        self.call("DELETE", f"/v1/holds/{gone['id']}", token=gone["token"])
        for credential in (gone["token"], self.shop, self.key):
            told = self.refused(self.call("POST", f"/v1/holds/{gone['id']}/purchase",
                                          {"payment_reference": mark + "-3"}, credential), 409, "hold-released")
            self.assertTrue(told["refund_required"])
        listed = [(one["hold"], one["event"], one["reason"], one["total"], one["currency"], one["buyer"])
                  for one in self.owed() if one["payment_reference"].startswith(mark)]
        self.assertEqual(listed, [(bought["id"], "token", "already_purchased", 500, "EUR", None),
                                  (gone["id"], "token", "released", 500, "EUR", "ann")])
        self.assertEqual(self.owed("/v1/events/token/reconciliation", payment_reference=mark + "-3"),
                         self.owed(payment_reference=mark + "-3"))
        self.assertEqual(self.owed("/v1/events/free/reconciliation"), [])
        # A payment that buys something later is no longer owed.
        self.assertEqual(self.call("POST", f"/v1/holds/{late['id']}/purchase", {"payment_reference": mark + "-3"},
                                   late["token"])[0].status, 200)
        self.assertEqual(self.owed(payment_reference=mark + "-3"), [])
        # A payment that was paid back buys nothing.
        back = f"/v1/holds/{bought['id']}/paid-back"
        self.refused(self.call("POST", back, {"payment_reference": mark + "-2"}, self.looks), 403, "forbidden")
        self.refused(self.call("POST", back, {"payment_reference": mark + "-1"}, self.key), 404, "unknown-debt")
        self.refused(self.call("POST", back, {}, self.key), 422, "validation-failed")
        said = command("refund", "paid-back", bought["id"], mark + "-2", "--url", self.url,
                       env={"HOLDFAST_KEY": self.key})
        self.assertEqual((said.returncode, said.stdout), (0, f"{mark}-2 of {bought['id']} is paid back\n"), said.stderr)
        answer, told = self.call("POST", back, {"payment_reference": mark + "-2"}, self.key)
        self.assertEqual((answer.status, answer.header("idempotency-replayed"), told["state"]), (200, "true", "paid_back"))
        self.assertEqual(self.owed(payment_reference=mark + "-2"), [])
        other = self.hold("token")
        told = self.refused(self.call("POST", f"/v1/holds/{other['id']}/purchase", {"payment_reference": mark + "-2"},
                                      other["token"]), 409, "payment-conflict")
        self.assertFalse(told["refund_required"])
        entries = self.call("GET", "/v1/audit?limit=1000", token=self.looks)[1]["entries"]
        self.assertEqual([one["action"] for one in entries if one["subject"] == f"{bought['id']} {mark}-2"],
                         ["payment.paid_back"])

    def test_debts_outlive_nothing(self):
        """An event with a confirmed debt cannot be removed; an unconfirmed debt stops nothing, and outlives its event."""
        name = f"event-{uuid.uuid4().hex[:8]}"
        tag = self.call("PUT", f"/v1/events/{name}", event(1, name), self.key)[0].header("etag")
        held = self.hold(name)
        self.call("DELETE", f"/v1/holds/{held['id']}", token=held["token"])
        for reference, credential in ((name + "-a", held["token"]), (name + "-b", self.shop)):
            self.refused(self.call("POST", f"/v1/holds/{held['id']}/purchase", {"payment_reference": reference},
                                   credential), 409, "hold-released")
        remove = ("DELETE", f"/v1/events/{name}", None, self.key, [f"If-Match: {tag}"])
        self.refused(self.call(*remove), 409, "event-has-debts")
        listed = command("refund", "list", name, "--url", self.url, env={"HOLDFAST_KEY": self.looks})
        self.assertEqual(listed.stdout.split("\n")[1].split()[:4], [held["id"], name, name + "-b", "released"])
        self.assertEqual(self.call("POST", f"/v1/holds/{held['id']}/paid-back", {"payment_reference": name + "-b"},
                                   self.key)[0].status, 200)
        self.assertEqual(self.call(*remove)[0].status, 204)
        self.assertEqual([one["event"] for one in self.owed("/v1/reconciliation/unconfirmed",
                                                            payment_reference=name + "-a")], [name])

    def test_what_a_hold_was_told(self):
        """A hold keeps currency, deadline and extensions whatever the operator changes, in answers, lists and exports."""
        name = f"terms-{uuid.uuid4().hex[:8]}"
        self.call("PUT", f"/v1/events/{name}", event(9, name, types=PRICED), self.key)
        before, sold, gone = self.hold(name), self.hold(name), self.hold(name)
        self.call("POST", f"/v1/holds/{sold['id']}/purchase", {"payment_reference": name}, sold["token"])
        self.call("DELETE", f"/v1/holds/{gone['id']}", token=gone["token"])
        self.call("POST", f"/v1/holds/{gone['id']}/purchase", {"payment_reference": name + "-x"}, self.shop)
        change = {"currency": "JPY", "grace_seconds": 40, "hold_seconds": 20, "max_extensions": 0}
        answer, told = self.call("PATCH", f"/v1/events/{name}", change, self.key, ["If-Match: *"])
        self.assertEqual(answer.status, 200, told)
        after, now = self.hold(name), self.call("GET", f"/v1/holds/{before['id']}", token=before["token"])[1]
        for member in ("expires_at", "currency", "extensions_remaining", "lines", "total"):
            self.assertEqual(now[member], before[member], member)
        self.assertEqual((after["currency"], after["extensions_remaining"]), ("JPY", 0))
        self.assertEqual(self.call("POST", f"/v1/holds/{before['id']}/extend", token=before["token"])[0].status, 200)
        self.call("POST", f"/v1/holds/{after['id']}/purchase", {}, after["token"])
        listed = self.call("GET", f"/v1/events/{name}/purchases", token=self.looks)[1]["purchases"]
        self.assertEqual([(one["id"], one["currency"]) for one in listed],
                         [("P" + sold["id"][1:], "EUR"), ("P" + after["id"][1:], "JPY")])
        rows = self.server.ask("GET", f"/v1/events/{name}/purchases",
                               [f"Authorization: Bearer {self.looks}", "Accept: text/csv"]).body.decode().split()
        self.assertEqual([row.split(",")[8] for row in rows[1:]], ["EUR", "JPY"])
        self.assertEqual([one["currency"] for one in self.owed(payment_reference=name + "-x")], ["EUR"])

    def test_long_names(self):
        """Payment references and buyers can have up to 255 bytes in every call and list, and no more."""
        longest = "ö" * 127 + "x"
        held = self.hold("token", buyer=longest)
        path = f"/v1/holds/{held['id']}/purchase"
        for wrong in (longest + "y", ""):
            self.refused(self.call("POST", path, {"payment_reference": wrong}, held["token"]), 422, "validation-failed")
        self.assertEqual(self.call("POST", path, {"payment_reference": longest}, held["token"])[0].status, 200)
        listed = self.call("GET", "/v1/events/token/purchases?limit=1000", token=self.looks)[1]["purchases"]
        self.assertEqual([(one["buyer"], one["payment_reference"]) for one in listed if one["hold"] == held["id"]],
                         [(longest, longest)])
        told = self.refused(self.call("POST", path, {"payment_reference": longest[:-1] + "z"}, self.shop), 409,
                            "payment-conflict")
        self.assertTrue(told["refund_required"])
        self.assertEqual([one["buyer"] for one in self.owed(payment_reference=longest[:-1] + "z")], [longest])

    def test_it_is_said(self):
        """The start and `event show` name the priced events that a buyer can complete without paying."""
        said = self.server.everything_said()
        line = next(line for line in said.split("\n") if "Completion" in line)
        self.assertIn("without paying: token;", line)
        for name, words in (("shop", "the shop"), ("token", "need not pay"), ("free", "anyone with the token\n")):
            shown = command("event", "show", name, "--url", self.url, env={"HOLDFAST_KEY": self.looks}).stdout
            self.assertIn(words, shown.replace("  ", "").replace(" \n", "\n"), shown)
