"""Forgetting people: what an erasure answers, refuses and leaves (R41 Erasure)."""

import json
import uuid

from support.service import ServiceCase, command, event, make_key

PRICED = [{"code": "GA", "name": "Floor", "price": 500, "pools": ["floor"]}]


class Erasing(ServiceCase):
    """One service, with an operator's key, a shop's and a viewer's."""

    events = (event(1_000, "main", types=PRICED), event(1_000, "other", types=PRICED))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)
        cls.looks = make_key(cls.server, "viewer", "accounts")
        cls.shop = make_key(cls.server, "shop", "webshop")

    def call(self, target, body, token=None):
        """POST with a key; return the answer and its JSON."""
        answer = self.server.ask(
            "POST", target, [f"Authorization: Bearer {token or self.key}", "Content-Type: application/json"],
            body=json.dumps(body).encode())
        return answer, answer.json()

    def hold(self, buyer, hall="main"):
        """Hold a ticket for a buyer; return the number."""
        answer = self.server.ask(
            "POST", f"/v1/events/{hall}/holds",
            ["Content-Type: application/json", f"Idempotency-Key: {uuid.uuid4()}"],
            body=json.dumps({"lines": [{"type": "GA", "quantity": 1}], "buyer": buyer}).encode())
        self.assertEqual(answer.status, 201, answer)
        return answer.json()["id"]

    def buy(self, hold, payment):
        """Complete a hold with the shop's key; return the answer and its JSON."""
        return self.call(f"/v1/holds/{hold}/purchase", {"payment_reference": payment}, self.shop)

    def listed(self, hold, hall="main"):
        """Return a purchase from the list."""
        answer = self.server.ask("GET", f"/v1/events/{hall}/purchases?limit=1000", [f"Authorization: Bearer {self.looks}"])
        return next(one for one in answer.json()["purchases"] if one["hold"] == hold)

    def swept(self, **wanted):
        """Erase all pages; return the sums."""
        holds, purchases, in_the_way, cursor = 0, 0, [], None
        while True:
            answer, told = self.call("/v1/erasures", wanted | {"cursor": cursor})
            self.assertEqual(answer.status, 200, told)
            holds, purchases = holds + told["holds"], purchases + told["purchases"]
            in_the_way += told["in_the_way"]
            cursor = told["next_cursor"]
            if cursor is None:
                return holds, purchases, in_the_way

    def test_returning_what_was_erased(self):
        """An erased purchase is returned as any other: once for each key, no more than there is, and nobody is named."""
        hold = self.hold("rita@example.org")
        self.assertEqual(self.buy(hold, "pay-rita")[0].status, 200)
        self.assertEqual(self.swept(buyer="rita@example.org")[:2], (1, 1))
        path = f"/v1/purchases/P{hold[1:]}/return"

        def give_back(quantity, key):
            answer = self.server.ask(
                "POST", path, [f"Authorization: Bearer {self.key}", "Content-Type: application/json", f"Idempotency-Key: {key}"],
                body=json.dumps({"lines": [{"type": "GA", "quantity": quantity}]}).encode())
            return answer.status, answer.json()

        status, told = give_back(2, "erased-1")
        self.assertEqual((status, told["code"], told["remaining"]), (409, "return-too-large", 1))
        for _ in range(2):
            status, told = give_back(1, "erased-2")
            self.assertEqual((status, told["state"], told["kept_total"]), (200, "returned", 0))
        self.assertEqual(give_back(1, "erased-3")[1]["code"], "purchase-returned")
        self.assertEqual(self.listed(hold)["buyer"], None)

    def test_a_purchase(self):
        """Buyer and payment go, once; sums stay; the same payment is still known; what is owed comes first."""
        hold, other = self.hold("ann"), self.hold("ben")
        purchase = "P" + hold[1:]
        self.assert_problem(self.call(f"/v1/purchases/{purchase}/erase", {})[0], 409, "not-purchased")
        self.assertEqual(self.buy(hold, "ann-1")[0].status, 200)
        self.assert_problem(self.buy(hold, "ann-2")[0], 409, "payment-conflict")
        self.assert_problem(self.call(f"/v1/purchases/{purchase}/erase", {})[0], 409, "hold-has-debt")
        self.assertEqual(self.call(f"/v1/holds/{hold}/paid-back", {"payment_reference": "ann-2"})[0].status, 200)
        answer, told = self.call(f"/v1/purchases/{purchase}/erase", {"dry_run": True})
        self.assertEqual((answer.status, told), (200, {"purchase": purchase, "hold": hold, "dry_run": True}))
        self.assertEqual(self.listed(hold)["buyer"], "ann")
        for repeat in (None, "true"):
            answer, told = self.call(f"/v1/purchases/{purchase}/erase", {})
            self.assertEqual((answer.status, told["dry_run"]), (200, False))
            self.assertEqual(answer.header("idempotency-replayed"), repeat)
        listed = self.listed(hold)
        self.assertEqual((listed["buyer"], listed["payment_reference"], listed["total"]), (None, None, 500))
        self.assertIsNotNone(listed["erased_at"])
        self.assertEqual(self.buy(hold, "ann-1")[0].header("idempotency-replayed"), "true")
        self.assertIs(self.buy(other, "ann-1")[1]["refund_required"], False)
        self.assertIs(self.buy(other, "ann-2")[1]["refund_required"], False)
        audit = self.server.ask("GET", "/v1/audit?limit=1000", [f"Authorization: Bearer {self.looks}"])
        self.assertNotIn("ann-", audit.body.decode())
        self.assertIn("purchase.erase", audit.body.decode())
        self.assert_problem(self.call("/v1/purchases/P99999/erase", {})[0], 404, "unknown-purchase")

    def test_a_person_and_an_event(self):
        """Everything of a buyer goes, in one event or in all; a live hold is in the way until it ends."""
        live, sold = self.hold("cy"), self.hold("cy", "other")
        self.buy(sold, "cy-1")
        self.assertEqual(self.swept(buyer="cy", event="other", dry_run=True), (1, 1, []))
        in_the_way = [{"hold": live, "reason": "hold_is_live"}]
        self.assertEqual(self.swept(buyer="cy", dry_run=True), (1, 1, in_the_way))
        self.assertEqual(self.swept(buyer="cy"), (1, 1, in_the_way))
        self.assertEqual(self.swept(buyer="cy"), (0, 0, in_the_way))
        self.server.ask("DELETE", f"/v1/holds/{live}", [f"Authorization: Bearer {self.shop}"])
        self.assertEqual(self.swept(buyer="cy"), (1, 0, []))
        for number in range(3):
            self.buy(self.hold(f"dee-{number}", "other"), f"dee-{number}")
        self.assertEqual(self.swept(event="other", before="2020-01-01T00:00:00Z"), (0, 0, []))
        # A cursor behind the greatest number of a hold.
        answer, told = self.call("/v1/erasures", {"buyer": "cy", "cursor": "c1y2p0ij32e8e7"})
        self.assertEqual((answer.status, told["holds"]), (200, 0))
        self.assertEqual(self.swept(event="other", before="2999-01-01T00:00:00Z"), (3, 3, []))

    def test_wrong_requests(self):
        """Everything wrong is named at once, and only operators erase."""
        def pointers(body):
            answer, told = self.call("/v1/erasures", body)
            self.assert_problem(answer, 422, "validation-failed")
            return sorted(one["pointer"] for one in told["errors"])
        self.assertEqual(pointers({}), [""])
        self.assertEqual(pointers({"event": "main"}), ["/before"])
        self.assertEqual(pointers({"before": "2026-01-01T00:00:00Z"}), ["/event"])
        self.assertEqual(pointers({"buyer": "a", "before": "2026-01-01T00:00:00Z"}), ["/before"])
        self.assertEqual(
            pointers({"buyer": "", "event": "?", "dry_run": 1, "cursor": "x", "more": 1}),
            ["/buyer", "/cursor", "/dry_run", "/event", "/more"])
        answer, _ = self.call("/v1/erasures", {"event": "none", "before": "2026-01-01T00:00:00Z"})
        self.assert_problem(answer, 404, "unknown-event")
        for key in (self.shop, self.looks):
            for target in ("/v1/erasures", "/v1/purchases/P1/erase"):
                self.assert_problem(self.call(target, {"buyer": "a"}, key)[0], 403, "forbidden")

    def test_the_command(self):
        """It shows first what it would do, and says what was in the way with its exit status."""
        environment = {"HOLDFAST_URL": f"http://127.0.0.1:{self.server.port}", "HOLDFAST_KEY": self.key}
        sold, live = self.hold("eve"), self.hold("eve")
        self.buy(sold, "eve-1")
        shown = command("forget", "--buyer", "eve", env=environment)
        self.assertEqual(shown.returncode, 1, shown)
        self.assertIn("1 holds, 1 of them purchases, would be erased; --apply does it", shown.stdout)
        self.assertIn(f"{live}: the hold is live", shown.stdout)
        self.assertEqual(self.listed(sold)["buyer"], "eve")
        done = command("forget", "--purchase", "P" + sold[1:], "--apply", env=environment)
        self.assertEqual((done.returncode, done.stdout), (0, f"P{sold[1:]} is erased\n"), done)
        self.assertIsNone(self.listed(sold)["buyer"])
        wrong = command("forget", "--event", "main", env=environment)
        self.assertEqual(wrong.returncode, 64, wrong)
