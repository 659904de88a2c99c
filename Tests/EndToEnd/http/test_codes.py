"""Access codes: who gets them, what they open, and what became of each (R46 Access codes)."""

import csv
import io
import json
import unittest

from support.service import RoleCase, event

HALL = event({"floor": 10}, "hall")


class Codes(RoleCase):
    """A hall of ten whose sale opens in a thousand years."""

    events = (HALL,)
    names = iter(range(1, 1_000_000))

    def hold(self, hall, quantity=1, kind="GA", **more):
        """Ask for tickets as a buyer."""
        body = {"lines": [{"type": kind, "quantity": quantity}]} | more
        return self.call("POST", f"/v1/events/{hall}/holds", body,
                         headers=[f"Idempotency-Key: access-codes-{next(self.names):06}"])

    def make(self, codes, **members):
        """Define an event of ten places, four of them for guests; return its name."""
        name = f"hall-{next(self.names)}"
        definition = event({"floor": 10}, name, allocations={"floor": {"guests": 4}}, codes=codes, **members)
        answer, told = self.call("PUT", f"/v1/events/{name}", definition, "operator")
        self.assertEqual(answer.status, 201, told)
        return name

    def listed(self, hall, batch="club", more=""):
        """Return the codes of a batch."""
        return self.call("GET", f"/v1/events/{hall}/codes?batch={batch}{more}", key="operator")[1]["codes"]

    def test_sale(self):
        """Before the sale opens a code sells, from what is kept back and at its price, as often as it is good for."""
        hall = self.make({"club": {"count": 3, "tickets": 2, "allocation": "guests", "price": 700,
                                   "opens_at": "2020-01-01T00:00:00Z"}}, sale={"opens_at": "3000-01-01T00:00:00Z"})
        codes = self.listed(hall)
        self.assertEqual([code["state"] for code in codes], ["unused"] * 3)
        self.assert_problem(self.hold(hall)[0], 409, "sale-not-started")
        text = codes[0]["code"].replace("-", "").lower()
        answer, told = self.hold(hall, code=text)
        self.assertEqual(answer.status, 201, told)
        self.assertEqual(told["lines"], [{"type": "GA", "allocation": "guests", "quantity": 1, "price": 700}])
        answer, refused = self.hold(hall, 2, code=text)
        self.assert_problem(answer, 409, "access-code-used-up")
        self.assertEqual(refused["remaining"], 1)
        bearer = [f"Authorization: Bearer {told['token']}"]
        self.assertEqual(self.call("POST", f"/v1/holds/{told['id']}/purchase", {}, headers=bearer)[0].status, 200)
        self.assertEqual(self.hold(hall, 1, code=codes[1]["code"])[0].status, 201)
        seen = [(code["state"], code["held"], code["sold"], code["left"]) for code in self.listed(hall)]
        self.assertEqual(seen, [("sold", 0, 1, 1), ("held", 1, 0, 1), ("unused", 0, 0, 2)])

    def test_refused(self):
        """Whatever is wrong with a code gets one answer; other events' and revoked codes do, too."""
        hall = self.make({"club": {"count": 2, "tickets": 2}})
        other = self.make({"club": {"count": 2, "tickets": 2}})
        codes = [code["code"] for code in self.listed(hall)]
        for wrong in ("", "x", "0" * 20, codes[0][:-1] + ("0" if codes[0][-1] != "0" else "1"),
                      self.listed(other)[0]["code"]):
            self.assert_problem(self.hold(hall, code=wrong)[0], 404, "unknown-access-code")
        self.assert_problem(self.hold("hall", code=codes[0])[0], 404, "unknown-access-code")
        self.assert_problem(self.hold(hall, code=5)[0], 422, "validation-failed")
        patch = {"codes": {"club": {"revoked": [2]}}}
        self.assertEqual(self.call("PATCH", f"/v1/events/{hall}", patch, "operator", ["If-Match: *"])[0].status, 200)
        self.assertEqual(self.hold(hall, code=codes[0])[0].status, 201)
        self.assert_problem(self.hold(hall, code=codes[1])[0], 404, "unknown-access-code")
        self.assertEqual([code["state"] for code in self.listed(hall)], ["held", "revoked"])
        patch = {"codes": {"club": {"types": ["GA"], "revoked": True}}}
        self.assertEqual(self.call("PATCH", f"/v1/events/{hall}", patch, "operator", ["If-Match: *"])[0].status, 200)
        self.assert_problem(self.hold(hall, code=codes[0])[0], 404, "unknown-access-code")

    def test_repeated(self):
        """A request is the same one, however its code is spelled, and when its batch is there no longer."""
        hall = self.make({"club": {"count": 1, "tickets": 2}})
        text = self.listed(hall)[0]["code"]
        key = [f"Idempotency-Key: access-codes-{next(self.names):06}"]
        body = {"lines": [{"type": "GA", "quantity": 1}], "code": text}
        answer, held = self.call("POST", f"/v1/events/{hall}/holds", body, headers=key)
        self.assertEqual(answer.status, 201, held)
        body["code"] = text.replace("-", "").lower()
        self.assertEqual(self.call("POST", f"/v1/events/{hall}/holds", body, headers=key)[1]["id"], held["id"])
        patch = {"codes": {"club": None}}
        self.assertEqual(self.call("PATCH", f"/v1/events/{hall}", patch, "operator", ["If-Match: *"])[0].status, 200)
        self.assertEqual(self.call("POST", f"/v1/events/{hall}/holds", body, headers=key)[1]["id"], held["id"])

    def test_types_and_time(self):
        """A code is good for its types and in its time."""
        types = [{"code": "GA", "pools": ["floor"]}, {"code": "VIP", "pools": ["floor"]}]
        hall = self.make({"club": {"count": 1, "tickets": 2, "types": ["GA"]},
                          "later": {"count": 1, "tickets": 1, "opens_at": "3000-01-01T00:00:00Z"},
                          "past": {"count": 1, "tickets": 1, "closes_at": "2020-01-01T00:00:00Z"}}, types=types)
        answer, told = self.hold(hall, kind="VIP", code=self.listed(hall)[0]["code"])
        self.assert_problem(answer, 409, "access-code-mismatch")
        self.assertEqual(told["ticket_type"], "VIP")
        answer, told = self.hold(hall, code=self.listed(hall, "later")[0]["code"])
        self.assert_problem(answer, 409, "sale-not-started")
        self.assertEqual(told["opens_at"], "3000-01-01T00:00:00.000Z")
        answer, told = self.hold(hall, code=self.listed(hall, "past")[0]["code"])
        self.assert_problem(answer, 409, "sale-ended")

    def test_who_sees(self):
        """Only operators see codes; every key sees the batches, and the public nothing."""
        hall = self.make({"club": {"count": 3, "tickets": 2}})
        path = f"/v1/events/{hall}/codes?batch=club"
        self.assert_problem(self.call("GET", path)[0], 401, "unauthenticated")
        for role in ("shop", "viewer"):
            self.assert_problem(self.call("GET", path, key=role)[0], 403, "forbidden")
        self.assertNotIn("club", self.call("GET", f"/v1/events/{hall}")[0].body.decode())
        for role in self.keys:
            told = self.call("GET", f"/v1/events/{hall}", key=role)[1]["definition"]["codes"]
            self.assertEqual(told["club"]["count"], 3)
        for query in ("", "?batch=none", "?batch=club&limit=0", "?batch=club&cursor=x"):
            answer = self.call("GET", f"/v1/events/{hall}/codes{query}", key="operator")[0]
            self.assert_problem(answer, 422, "validation-failed")
        first, told = self.call("GET", path + "&limit=2", key="operator")
        self.assertEqual([code["number"] for code in told["codes"]], [1, 2])
        link = first.header("link").split(">")[0][1:]
        self.assertEqual([code["number"] for code in self.call("GET", link, key="operator")[1]["codes"]], [3])
        rows = self.call("GET", path, key="operator", headers=["Accept: text/csv"])[0].body.decode()
        texts = [code["code"] for code in self.listed(hall)]
        self.assertEqual([row["code"] for row in csv.DictReader(io.StringIO(rows))], texts)
        # A cursor behind the greatest number.
        self.assertEqual(self.call("GET", path + "&cursor=c1y2p0ij32e8e7", key="operator")[1]["codes"], [])
        lines = self.call("GET", path, key="operator", headers=["Accept: application/x-ndjson"])[0].body.decode()
        self.assertEqual([json.loads(line)["code"] for line in lines.splitlines()], texts)

    def test_documents(self):
        """Documents of holds and purchases name the code; its text is for operators, and buyers see nothing of it."""
        hall = self.make({"club": {"count": 3, "tickets": 2}})
        text = self.listed(hall)[1]["code"]
        answer, held = self.hold(hall, code=text)
        self.assertEqual(answer.status, 201, held)
        self.assertNotIn("club", answer.body.decode())
        path = f"/v1/holds/{held['id']}/purchase"
        self.assertEqual(self.call("POST", path, {}, "operator")[0].status, 200)
        named = {"batch": "club", "number": 2}
        for role, code in (("operator", named | {"text": text}), ("viewer", named)):
            found = self.call("GET", f"/v1/search?event={hall}", key=role)[1]["holds"]
            self.assertEqual([(one["code"], one["purchase"]["code"], one["override"]) for one in found], [(code, code, [])])
            self.assertEqual(self.call("GET", "/v1/purchases/P" + held["id"][1:], key=role)[1]["code"], code)
            listed = f"/v1/events/{hall}/purchases"
            self.assertEqual([one["code"] for one in self.call("GET", listed, key=role)[1]["purchases"]], [code])
            lines = self.call("GET", listed, key=role, headers=["Accept: application/x-ndjson"])[0].body.decode()
            self.assertEqual([json.loads(line)["code"] for line in lines.splitlines()], [code])
            rows = self.call("GET", listed, key=role, headers=["Accept: text/csv"])[0].body.decode()
            self.assertEqual([[row[name] for name in ("code_batch", "code_number", "code_text", "override", "erased_at")]
                              for row in csv.DictReader(io.StringIO(rows))], [["club", "2", code.get("text", ""), "", ""]])

    def test_wrong_definitions(self):
        """Every wrong batch is named with its place, all at once."""
        wrong = {"a b": {"count": 1, "tickets": 1, "types": ["c d"]}, "none": 7,
                 "club": {"count": 0, "tickets": "x", "types": ["NO", 5, "a b"], "more": 1},
                 "press": {"count": 1, "tickets": 1, "allocation": "nobody", "price": -1, "revoked": [2]}}
        answer, told = self.call("PUT", "/v1/events/wrong", event({"floor": 1}, "wrong", codes=wrong), "operator")
        self.assert_problem(answer, 422, "validation-failed")
        self.assertEqual({mistake["pointer"] for mistake in told["errors"]}, {
            "/codes/a b", "/codes/a b/types/0", "/codes/none", "/codes/club/count", "/codes/club/tickets",
            "/codes/club/types/0", "/codes/club/types/1", "/codes/club/types/2", "/codes/club/more",
            "/codes/press/allocation", "/codes/press/price", "/codes/press/revoked/0"})


if __name__ == "__main__":
    unittest.main()
