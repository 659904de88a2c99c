"""Places that are kept back: who may draw on them, who sees them, and how they are released (R45 Allocations)."""

import csv
import datetime
import io
import unittest

from support.service import RoleCase, event, eventually

HALL = event({"floor": 10}, "hall") | {"allocations": {"floor": {"guests": 4}}}


class Allocations(RoleCase):
    """A hall of ten, four of them for guests."""

    events = (HALL,)
    names = iter(range(1, 1_000_000))

    def hold(self, quantity, key=None, hall="hall", **line):
        """Ask for tickets."""
        body = {"lines": [{"type": "GA", "quantity": quantity} | line]}
        return self.call("POST", f"/v1/events/{hall}/holds", body, key,
                         [f"Idempotency-Key: allocations-{next(self.names):06}"])

    def make(self, allocations):
        """Define an event of ten places; return its name."""
        name = f"hall-{next(self.names)}"
        answer, told = self.call("PUT", f"/v1/events/{name}", event({"floor": 10}, name) | {"allocations": allocations},
                                 "operator")
        self.assertEqual(answer.status, 201, told)
        return name

    def test_who_draws(self):
        """Keys of shops and operators draw on an allocation, everybody else gets what is not kept back."""
        hall = self.make({"floor": {"guests": 4}})
        self.assert_problem(self.hold(1, hall=hall, allocation="guests")[0], 401, "unauthenticated")
        self.assert_problem(self.hold(1, "hfk_00000000_nobody", hall, allocation="guests")[0], 401, "unauthenticated")
        self.assert_problem(self.hold(1, "viewer", hall, allocation="guests")[0], 403, "forbidden")
        self.assert_problem(self.hold(1, "shop", hall, allocation="nobody")[0], 404, "unknown-allocation")
        self.assert_problem(self.hold(1, "operator", hall, allocation="a b")[0], 422, "validation-failed")
        self.assert_problem(self.hold(7, hall=hall)[0], 409, "insufficient-quantity")
        for key in ("shop", "operator", "shop"):
            answer, told = self.hold(1, key, hall, allocation="guests")
            self.assertEqual(answer.status, 201, told)
            self.assertEqual(told["lines"], [{"type": "GA", "allocation": "guests", "quantity": 1, "price": 0}])
        self.assertEqual(self.hold(5, "viewer", hall)[0].status, 201, "a hold without an allocation needs no right")
        answer, bought = self.call("POST", f"/v1/holds/{told['id']}/purchase", {}, "shop")
        self.assertEqual((answer.status, bought["lines"][0]["allocation"]), (200, "guests"))
        listed = self.call("GET", f"/v1/events/{hall}/purchases", key="viewer")[1]["purchases"]
        self.assertEqual([line["allocation"] for line in listed[0]["lines"]], ["guests"])
        rows = self.server.ask("GET", f"/v1/events/{hall}/purchases",
                               [f"Authorization: Bearer {self.keys['viewer']}", "Accept: text/csv"]).body.decode()
        self.assertEqual([row["allocation"] for row in csv.DictReader(io.StringIO(rows))], ["guests"])

    def test_who_sees(self):
        """The public sees what is left for it and nothing of allocations; every key sees them."""
        hall = self.make({"floor": {"guests": 4}})
        self.hold(1, "shop", hall, allocation="guests")
        answer, left = self.call("GET", f"/v1/events/{hall}/availability")
        self.assertEqual((left["free"], left["types"][0]["free"]), (6, 6))
        self.assertNotIn("guests", answer.body.decode())
        self.assertNotIn("allocations", self.call("GET", f"/v1/events/{hall}")[1]["definition"])
        for key in self.keys:
            other, left = self.call("GET", f"/v1/events/{hall}/availability", key=key)
            self.assertEqual(left["allocations"], [
                {"pool": "floor", "allocation": "guests", "places": 4, "held": 1, "sold": 0, "left": 3,
                 "released_at": None, "released": False}])
            self.assertNotEqual(other.header("etag"), answer.header("etag"), "other documents have other tags")
            told = self.call("GET", f"/v1/events/{hall}", key=key)[1]["definition"]["allocations"]
            self.assertEqual(told, {"floor": {"guests": {"places": 4, "released_at": None}}})
        told = self.call("GET", "/v1/invariants", key="viewer")[1]
        pools = next(found for found in told["events"] if found["event"] == hall)["pools"]
        self.assertEqual([(pool["pool"], pool.get("allocation"), pool["capacity"], pool["held"]) for pool in pools],
                         [("floor", None, 10, 1), ("floor", "guests", 4, 1)])
        self.assertTrue(told["holds_true"], told)

    def test_released(self):
        """A patch releases an allocation at once; a moment releases one by itself."""
        hall = self.make({"floor": {"guests": 4, "press": {"places": 1, "released_at": "2020-01-01T00:00:00Z"}}})
        before = self.server.get(f"/v1/events/{hall}/availability")
        self.assertEqual(before.json()["free"], 6)
        self.assert_problem(self.hold(1, "shop", hall, allocation="press")[0], 404, "unknown-allocation")
        answer, told = self.call("PATCH", f"/v1/events/{hall}", {"allocations": {"floor": {"guests": None}}},
                                 "operator", ["If-Match: *"])
        self.assertEqual(answer.status, 200, told)
        self.assertEqual(self.server.get(f"/v1/events/{hall}/availability").json()["free"], 10)
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=6)
        timed = self.make({"floor": {"guests": {"places": 4, "released_at": soon.isoformat()}}})
        seen = self.server.get(f"/v1/events/{timed}/availability")
        self.assertEqual(seen.json()["free"], 6)
        free = lambda: self.server.get(f"/v1/events/{timed}/availability").json()["free"]
        self.assertTrue(eventually(lambda: free() == 10))
        after = self.server.get(f"/v1/events/{timed}/availability")
        self.assertNotEqual(after.header("etag"), seen.header("etag"), "the tag changes with the numbers")

    def test_wrong_definitions(self):
        """Every wrong allocation is named with its place, all at once."""
        wrong = {"floor": {"guests": -1, "a b": 2, "press": {"released_at": 5}}, "cellar": {"guests": 1}}
        answer, told = self.call("PUT", "/v1/events/wrong", event({"floor": 1}, "wrong") | {"allocations": wrong},
                                 "operator")
        self.assert_problem(answer, 422, "validation-failed")
        self.assertEqual({mistake["pointer"] for mistake in told["errors"]}, {
            "/allocations/floor/guests", "/allocations/floor/a b", "/allocations/floor/press/places",
            "/allocations/floor/press/released_at", "/allocations/cellar"})


if __name__ == "__main__":
    unittest.main()
