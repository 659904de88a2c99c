"""The pulse: how a sale goes right now."""

import json

from support.service import ServiceCase, event, make_key

SHOP = event({"floor": 100}, "shop", limits={"tickets_per_hold": 100},
             types=[{"code": "GA", "price": 500, "pools": ["floor"]}])


class Pulses(ServiceCase):
    """One service that sells a little."""

    events = (SHOP, event(5, "idle"))

    def ask(self, method, target, body=None, token=None, headers=()):
        """Ask, with a key or a token if one is given."""
        fields = [*headers, *([f"Authorization: Bearer {token}"] if token else []), "Content-Type: application/json"]
        return self.server.ask(method, target, fields, body=b"" if body is None else json.dumps(body).encode())

    def hold(self, quantity, name):
        """Hold; return the answer."""
        return self.ask("POST", "/v1/events/shop/holds", {"lines": [{"type": "GA", "quantity": quantity}]},
                        headers=[f"Idempotency-Key: pulse-{name:016}"])

    def test_document(self):
        """It has the numbers of now, what happened in the last hour, refusals, waits and health; viewers may read it."""
        viewer = make_key(self.server, "viewer", "looks")
        held = [self.hold(2, name).json() for name in range(4)]
        self.assertEqual(self.ask("POST", f"/v1/holds/{held[0]['id']}/purchase", {}, held[0]["token"]).status, 200)
        self.assertEqual(self.ask("DELETE", f"/v1/holds/{held[1]['id']}", token=held[1]["token"]).status, 200)
        self.assert_problem(self.hold(99, 9), 409, "insufficient-quantity")
        answer = self.ask("GET", "/v1/events/shop/pulse", token=viewer)
        self.assertEqual((answer.status, answer.header("cache-control")), (200, "no-store"))
        told = answer.json()
        self.assertEqual(told["pools"], [{"pool": "floor", "capacity": 100, "free": 94, "held": 4, "sold": 2,
                                          "oversubscribed": 0, "closed": False}])
        self.assertEqual((told["event"], told["state"], told["balanced"]), ("shop", "open", True))
        self.assertIn(told["holds"], (2, None))
        self.assertGreater(told["next_hold_ends_at"], held[2]["expires_at"])
        hour = told["last_hour"]
        self.assertEqual([hour[name] for name in ("holds", "purchases", "releases", "refusals")], [4, 1, 1, 1])
        self.assertEqual(len(hour["minutes"]), 60)
        self.assertEqual(sum(minute["holds"] for minute in hour["minutes"][-5:]), 4)
        self.assertEqual(told["since_start"]["refused"], [{"code": "insufficient-quantity", "count": 1}])
        self.assertEqual(told["refunds_owed"], {"count": 0, "more": False, "totals": []})
        self.assertEqual((told["waits"]["holds"]["count"], told["waits"]["purchases"]["count"]), (5, 1))
        self.assertGreater(told["waits"]["writes"]["p99_us"], 0)
        self.assertEqual((told["health"]["status"], told["health"]["reason"]), ("ready", None))
        self.assertTrue(told["health"]["durability"]["purchases"])
        idle = self.ask("GET", "/v1/events/idle/pulse", token=viewer).json()
        self.assertIsNone(idle["next_hold_ends_at"])
        self.assertEqual(idle["last_hour"]["holds"], 0)

    def test_refused(self):
        """It needs a key that reads lists; an event that is not there has none."""
        shop = make_key(self.server, "shop", "till")
        self.assert_problem(self.ask("GET", "/v1/events/shop/pulse"), 401, "unauthenticated")
        self.assert_problem(self.ask("GET", "/v1/events/shop/pulse", token=shop), 403, "forbidden")
        viewer = make_key(self.server, "viewer", "other")
        self.assert_problem(self.ask("GET", "/v1/events/none/pulse", token=viewer), 404, "unknown-event")
        self.assert_problem(self.ask("GET", "/v1/events/shop/pulse?x=1", token=viewer), 400, "malformed-request")
