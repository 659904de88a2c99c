"""Reports: what an event sold, in sums that agree with its lists."""

import csv
import io
import json

from support.service import ServiceCase, command, embedded_only, event, make_key

SHOP = event({"floor": 100}, "shop", limits={"tickets_per_hold": 100}, types=[
    {"code": "GA", "price": 500, "pools": ["floor"]}, {"code": "BOX", "price": 4000, "pools": ["floor"]}])


class Reports(ServiceCase):
    """One service that has sold a little."""

    events = (SHOP, SHOP | {"id": "tour"}, event(5, "empty"))
    names = iter(range(1, 1_000_000))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)
        cls.looks = make_key(cls.server, "viewer", "accounts")

    def call(self, method, target, body=None, token=None, headers=()):
        """Ask, with a key or a token if one is given."""
        fields = [*headers, *([f"Authorization: Bearer {token}"] if token else []), "Content-Type: application/json"]
        return self.server.ask(method, target, fields, body=b"" if body is None else json.dumps(body).encode())

    def hold(self, *lines, name="shop"):
        """Hold; return the answer."""
        return self.call("POST", f"/v1/events/{name}/holds",
                         {"lines": [{"type": kind, "quantity": count} for kind, count in lines]},
                         headers=[f"Idempotency-Key: report-{next(self.names):016}"])

    def report(self, query="", token=None, headers=(), name="shop"):
        """Ask for a report as a viewer."""
        return self.call("GET", f"/v1/events/{name}/report{query}", token=token or self.looks, headers=headers)

    def test_sums(self):
        """Its sums are those of the list of purchases and of the recount; it counts refusals; CSV says the same."""
        bought = []
        for lines in ([("GA", 2)], [("GA", 1), ("BOX", 3)], [("BOX", 4)]):
            told = self.hold(*lines).json()
            self.assertEqual(self.call("POST", f"/v1/holds/{told['id']}/purchase", {}, told["token"]).status, 200)
            bought.append("P" + told["id"][1:])
        self.assertEqual(self.call("POST", f"/v1/purchases/{bought[2]}/return", token=self.key).status, 200)
        released = self.hold(("GA", 5)).json()
        self.assertEqual(self.call("DELETE", f"/v1/holds/{released['id']}", token=released["token"]).status, 200)
        self.assertEqual(self.hold(("GA", 7)).status, 201)
        for _ in range(2):
            self.assert_problem(self.hold(("GA", 99)), 409, "insufficient-quantity")
        told = self.report().json()
        self.assertEqual(told["holds"], {"made": 5, "held": 1, "released": 1, "expired": 0, "purchased": 3})
        self.assertEqual((told["conversion_permille"], told["tickets_held"]), (600, 7))
        self.assertEqual(told["refused"]["reasons"], [{"code": "insufficient-quantity", "count": 2}])
        sums = {"purchases": 3, "sold": 10, "returned": 4, "kept": 6, "gross": 29_500, "returned_amount": 16_000,
                "kept_amount": 13_500}
        self.assertEqual(told["totals"], [{"currency": "EUR", **sums}])
        listed = self.call("GET", "/v1/events/shop/purchases", token=self.looks).json()["purchases"]
        self.assertEqual(sum(one["total"] for one in listed), sums["gross"])
        self.assertEqual(sum(one["total"] for one in listed if one["state"] == "purchased"), sums["kept_amount"])
        counted = self.call("GET", "/v1/invariants", token=self.looks).json()["events"][0]["pools"][0]
        self.assertEqual((counted["sold"], counted["held"]), (sums["kept"], told["tickets_held"]))
        for rows in ("by_type", "by_day"):
            for name in sums:
                if (rows, name) != ("by_type", "purchases"):
                    self.assertEqual(sum(row[name] for row in told[rows]), sums[name], (rows, name))
        self.assertEqual([(row["type"], row["price"], row["kept"]) for row in told["by_type"]],
                         [("BOX", 4000, 3), ("GA", 500, 3)])
        answer = self.report(headers=["Accept: text/csv"])
        self.assertEqual(answer.header("content-type"), "text/csv; charset=utf-8; header=present")
        rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
        self.assertEqual({row["figure"]: int(row["value"]) for row in rows if row["section"] == "total"}, sums)
        self.assertIn({"section": "refused", "name": "insufficient-quantity", "price": "", "currency": "",
                       "figure": "count", "value": "2"}, rows)

    @embedded_only
    def test_commands(self):
        """The command shows the same from the service and from its ledger, as JSON, CSV and tables."""
        told = self.hold(("GA", 59), name="tour").json()
        self.assertEqual(self.call("POST", f"/v1/holds/{told['id']}/purchase", {}, told["token"]).status, 200)
        self.assert_problem(self.hold(("GA", 99), name="tour"), 409, "insufficient-quantity")
        told = self.report(name="tour").json()
        place = {"HOLDFAST_URL": f"http://127.0.0.1:{self.server.port}", "HOLDFAST_KEY": self.looks}
        shown = command("report", "tour", "--json", "--utc-offset", "+02:00", env=place)
        self.assertEqual(json.loads(shown.stdout)["by_type"], told["by_type"], shown)
        self.assertEqual(json.loads(shown.stdout)["utc_offset"], "+02:00")
        read = command("report", "tour", "--json", "--ledger", str(self.server.data))
        self.assertEqual((json.loads(read.stdout)["totals"], json.loads(read.stdout)["refused"]),
                         (told["totals"], None), read)
        table = command("report", "tour", env=place).stdout
        for part in ("100.0 %", "29,500", "insufficient-quantity 1"):
            self.assertIn(part, table)
        for arguments in ((), ("--ledger", str(self.server.data))):
            rows = command("report", "tour", "--csv", *arguments, env={} if arguments else place).stdout
            self.assertIn("total,,,EUR,gross,29500", rows)
        for arguments, status in ((["--utc-offset", "2"], 64), (["--csv", "--json"], 64),
                                  (["--ledger", "/nowhere"], 66)):
            self.assertEqual(command("report", "tour", *arguments, env=place).returncode, status, arguments)
        self.assertEqual(command("report", "other", "--ledger", str(self.server.data)).returncode, 1)

    def test_forms(self):
        """An empty event has an empty report; a wrong offset, event or key is refused; offsets move days."""
        told = self.report(name="empty").json()
        self.assertEqual((told["totals"], told["by_type"], told["by_day"], told["conversion_permille"]),
                         ([], [], [], None))
        self.assertEqual(told["hold_to_purchase"], {"median_ms": None, "p90_ms": None, "p99_ms": None})
        self.assertEqual(self.report("?utc_offset=%2B05:45").json()["utc_offset"], "+05:45")
        self.assertEqual(self.report("?utc_offset=-03:30").json()["utc_offset"], "-03:30")
        self.assert_problem(self.report("?utc_offset=2"), 422, "validation-failed")
        self.assert_problem(self.report("?zone=2"), 400, "malformed-request")
        self.assert_problem(self.report(name="other"), 404, "unknown-event")
        self.assert_problem(self.report(token="x"), 401, "unauthenticated")
        self.assert_problem(self.call("POST", "/v1/events/shop/report", token=self.looks), 405, "method-not-allowed")
