"""Correcting who bought and the note about it: what it answers, refuses and leaves (R40 Corrections)."""

import json
import uuid

from support.service import ServiceCase, command, event, make_key

PRICED = [{"code": "GA", "name": "Floor", "price": 500, "pools": ["floor"]}]


class Correcting(ServiceCase):
    """One service, with an operator's key, a shop's and a viewer's."""

    events = (event(1_000, "main", types=PRICED),
              event(1_000, "stall", types=PRICED, completion="shop", limits={"tickets_per_buyer": 2}))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)
        cls.looks = make_key(cls.server, "viewer", "accounts")
        cls.shop = make_key(cls.server, "shop", "webshop")

    def call(self, method, target, body=None, key=None, kind="application/merge-patch+json"):
        """Ask with a key; return the answer and its JSON."""
        answer = self.server.ask(
            method, target, [f"Authorization: Bearer {key or self.key}", f"Content-Type: {kind}"],
            body=json.dumps(body).encode() if body is not None else None)
        return answer, answer.json()

    def hold(self, buyer, hall="main", quantity=1):
        """Hold tickets for a buyer; return the number and the token."""
        answer = self.server.ask(
            "POST", f"/v1/events/{hall}/holds",
            ["Content-Type: application/json", f"Idempotency-Key: {uuid.uuid4()}"],
            body=json.dumps({"lines": [{"type": "GA", "quantity": quantity}], "buyer": buyer}).encode())
        self.assertEqual(answer.status, 201, answer)
        return answer.json()["id"][1:], answer.json()["token"]

    def buy(self, number):
        """Complete a hold with the shop's key."""
        path = f"/v1/holds/H{number}/purchase"
        self.assertEqual(self.call("POST", path, {}, self.shop, "application/json")[0].status, 200)

    def test_a_purchase(self):
        """What is left out stays; the same again is a repeat; lists, the export, a search and the audit have it, buyers do not."""
        number, token = self.hold("ann")
        self.buy(number)
        path = f"/v1/purchases/P{number}"
        for repeat in (None, "true"):
            answer, told = self.call("PATCH", path + "?reason=mistyped", {"buyer": "anna", "note": "aisle"})
            self.assertEqual((answer.status, told["buyer"], told["note"]), (200, "anna", "aisle"))
            self.assertEqual(answer.header("idempotency-replayed"), repeat)
        told = self.call("PATCH", path, {"note": None}, kind="application/json")[1]
        self.assertEqual((told["buyer"], told["note"]), ("anna", None))
        told = self.call("PATCH", path, {"note": "=stalls"})[1]
        self.assertEqual(told, self.call("GET", path, key=self.looks)[1])
        self.assertEqual([one["id"] for one in self.call("GET", "/v1/search?buyer=anna")[1]["holds"]], [f"H{number}"])
        self.assertEqual(self.call("GET", "/v1/search?buyer=ann")[1]["holds"], [])
        export = self.server.ask("GET", "/v1/events/main/purchases", [f"Authorization: Bearer {self.looks}", "Accept: text/csv"])
        self.assertIn(",'=stalls,webshop,,,,,\r\n", export.body.decode())
        seen = self.server.ask("GET", f"/v1/holds/H{number}", [f"Authorization: Bearer {token}"])
        self.assertNotIn("stalls", seen.body.decode())
        audit = [one for one in self.call("GET", "/v1/audit?limit=1000")[1]["entries"] if one["action"] == "purchase.correct"]
        self.assertEqual([one["reason"] for one in audit], ["mistyped", None, None])
        self.assertEqual(audit[0]["differences"], [{"member": "/buyer", "from": "ann", "to": "anna"},
                                                   {"member": "/note", "from": None, "to": "aisle"}])
        self.assertEqual(self.call("POST", path + "/erase", {}, kind="application/json")[0].status, 200)
        self.assert_problem(self.call("PATCH", path, {"note": "x"})[0], 409, "purchase-erased")
        self.assertNotIn("anna", self.server.ask("GET", "/v1/audit?limit=1000", [f"Authorization: Bearer {self.looks}"]).body.decode())

    def test_who_and_what(self):
        """Keys, limits and wrong bodies are refused, each with its place; nothing changes."""
        number, token = self.hold("ben", "stall", 2)
        other, _ = self.hold("cy", "stall", 1)
        path = f"/v1/holds/H{number}"
        self.assert_problem(self.call("PATCH", path, {"buyer": "cy"})[0], 409, "buyer-limit-reached")
        self.assert_problem(self.call("PATCH", path, {"buyer": "di"}, self.looks)[0], 403, "forbidden")
        self.assert_problem(self.call("PATCH", path, {"buyer": "di"}, token)[0], 401, "unauthenticated")
        for body, pointers in (({}, [""]), ({"buyer": "", "note": 7, "lines": []}, ["/buyer", "/note", "/lines"]),
                               ({"note": "x" * 501}, ["/note"]), ([], [""])):
            answer, told = self.call("PATCH", path, body)
            self.assertEqual((answer.status, [one["pointer"] for one in told["errors"]]), (422, pointers), body)
        self.assert_problem(self.call("PATCH", path, {"buyer": None})[0], 422, "validation-failed")
        self.assert_problem(self.call("PATCH", path, {"note": "x"}, kind="text/plain")[0], 415, "unsupported-media-type")
        self.assert_problem(self.call("DELETE", path + "?reason=x")[0], 400, "malformed-request")
        self.assert_problem(self.call("PATCH", "/v1/holds/H999999", {"note": "x"})[0], 404, "unknown-hold")
        self.assert_problem(self.call("PATCH", f"/v1/purchases/P{number}", {"note": "x"})[0], 409, "not-purchased")
        self.assert_problem(self.call("PATCH", "/v1/purchases/P999999", {"note": "x"})[0], 404, "unknown-purchase")
        # Not sold yet, and so no shop's to correct (R48 Operator keys).
        self.assert_problem(self.call("PATCH", path, {"buyer": "di"}, self.shop)[0], 403, "forbidden")
        self.assert_problem(self.call("PATCH", f"/v1/purchases/P{number}", {"note": "x"}, self.shop)[0], 403, "forbidden")
        answer, told = self.call("PATCH", path, {"buyer": "di"})
        self.assertEqual((answer.status, told["buyer"], told["state"], told["purchase"]), (200, "di", "held", None))
        self.assertEqual(self.call("PATCH", f"/v1/holds/H{other}", {"buyer": "ben"})[0].status, 200)

    def test_commands(self):
        """The commands correct and say what stands now."""
        number, _ = self.hold("eve")
        where = ("--url", f"http://127.0.0.1:{self.server.port}")
        known = {"HOLDFAST_KEY": self.key}
        run = command("hold", "correct", f"H{number}", "--buyer", "fay", "--note", "row 3", "--reason", "asked", *where, env=known)
        self.assertEqual((run.returncode, run.stdout), (0, f"H{number}: buyer fay, note row 3\n"), run.stderr)
        self.buy(number)
        run = command("purchase", "correct", f"P{number}", "--no-note", *where, env=known)
        self.assertEqual((run.returncode, run.stdout), (0, f"P{number}: buyer fay, note none\n"), run.stderr)
        self.assertEqual(command("purchase", "correct", f"P{number}", *where, env=known).returncode, 64)
        self.assertEqual(command("purchase", "correct", "P999999", "--no-note", *where, env=known).returncode, 1)
