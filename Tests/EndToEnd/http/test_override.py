"""Holds at the door, past checks of the sale: who may take them, and what stays of them (R43 Override)."""

import csv
import io
import json
import unittest

from support.service import RoleCase, event

CLOSED = {"sale": {"closes_at": "2020-01-01T00:00:00Z"}}


class Override(RoleCase):
    """A hall whose sale has closed."""

    events = (event(4, "hall") | CLOSED, event(4, "open"))
    names = iter(range(1, 1_000_000))

    def hold(self, override, key=None, hall="hall", name=None, **members):
        """Ask for one ticket."""
        body = {"lines": [{"type": "GA", "quantity": 1}]} | members
        if override is not None:
            body["override"] = override
        return self.call("POST", f"/v1/events/{hall}/holds", body, key,
                         [f"Idempotency-Key: {name or f'override-number-{next(self.names):06}'}"])

    def overrides(self):
        """The audit's entries about overrides: name of the key, hold, checks."""
        told = self.call("GET", "/v1/audit?limit=1000", key="operator")[1]
        return [(entry["name"], entry["subject"], entry["event"], entry["differences"])
                for entry in told["entries"] if entry["action"] == "hold.override"]

    def test_door(self):
        """Shops, known or new, and operators go past the closed sale, and nobody else; the audit has each hold."""
        for key, status, code in ((None, 401, "unauthenticated"), ("hfk_00000000_nobody", 401, "unauthenticated"),
                                  ("viewer", 403, "forbidden")):
            self.assert_problem(self.hold(["window"], key)[0], status, code)
        self.assert_problem(self.hold(None, "shop")[0], 409, "sale-ended")
        self.assert_problem(self.hold(["pause", "limits", "queue"], "shop")[0], 409, "sale-ended")
        self.assertEqual(self.overrides(), [])
        taken = []
        # The second hold of the shop is answered on the fast path, since its key is known by then.
        for key in ("shop", "shop", "operator"):
            answer, told = self.hold(["queue", "window"], key, name=f"at-the-door-{len(taken)}-{key}")
            self.assertEqual(answer.status, 201, told)
            again, same = self.hold(["window", "queue"], key, name=f"at-the-door-{len(taken)}-{key}")
            self.assertEqual((again.status, same["id"], again.header("idempotency-replayed")), (201, told["id"], "true"))
            other = self.hold(["window"], key, name=f"at-the-door-{len(taken)}-{key}")[0]
            self.assert_problem(other, 422, "idempotency-key-reused")
            taken.append(told["id"])
        seen = self.overrides()
        self.assertEqual([(hold, hall) for _, hold, hall, _ in seen], [(hold, "hall") for hold in taken])
        self.assertEqual({json.dumps(differences) for _, _, _, differences in seen},
                         {json.dumps([{"member": "/override", "from": None, "to": ["window", "queue"]}])})
        answer, bought = self.call("POST", f"/v1/holds/{taken[0]}/purchase", {"payment_reference": "door-1"}, "shop")
        self.assertEqual((answer.status, bought["state"]), (200, "purchased"))
        told = self.call("GET", "/v1/search?event=hall", key="viewer")[1]["holds"]
        self.assertEqual({one["id"]: one["override"] for one in told}, {hold: ["window", "queue"] for hold in taken})
        told = self.call("GET", "/v1/purchases/P" + taken[0][1:], key="viewer")[1]
        self.assertEqual((told["override"], told["code"]), (["window", "queue"], None))
        rows = self.call("GET", "/v1/events/hall/purchases", key="viewer", headers=["Accept: text/csv"])[0].body.decode()
        self.assertEqual([(row["override"], row["code_batch"]) for row in csv.DictReader(io.StringIO(rows))],
                         [("window queue", "")])
        self.assertEqual(self.hold(["window"], "shop")[0].status, 201)
        self.assert_problem(self.hold(["window", "pause", "limits", "queue"], "shop")[0], 409, "temporarily-held")
        told = self.call("GET", "/v1/invariants", key="viewer")[1]
        self.assertTrue(told["holds_true"], told)

    def test_wrong(self):
        """Every wrong name is reported with its place, and beside other mistakes; a key is asked for after that."""
        for key in ("shop", "operator", None):
            answer, told = self.hold(["window", "Window", "window", 7], key, "open", buyer="")
            self.assert_problem(answer, 422, "validation-failed")
            self.assertEqual({mistake["pointer"] for mistake in told["errors"]},
                             {"/override/1", "/override/2", "/override/3", "/buyer"})
        for wrong in ([], "window", {}, ["window"] * 5):
            answer, told = self.hold(wrong, "shop", "open")
            self.assert_problem(answer, 422, "validation-failed")
            self.assertEqual([mistake["pointer"] for mistake in told["errors"]], ["/override"])


if __name__ == "__main__":
    unittest.main()
