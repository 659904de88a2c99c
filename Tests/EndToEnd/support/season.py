"""What a season has, and the comparison of everything that a service says of it with a test's own account."""

import collections
import csv
import io
import json
import os
import re
import urllib.parse

from support.service import command, eventually

EVENINGS = 39
EVENTS = [f"night-{number}" for number in range(EVENINGS)] + ["festival"]
PREMIERE, CANCELLED, STRICT = "night-7", "night-13", ("night-1", "night-2", "night-3")
CLOSED = [f"night-{number}" for number in range(20, 25)]
PAST, FUTURE = "2020-01-01T00:00:00Z", "3000-01-01T00:00:00Z"

MOMENTS = ("purchased_at", "returned_at", "erased_at")


def definition(name):
    """Return an evening, or the festival, whose pass takes a place on both days."""
    number = EVENTS.index(name)
    common = {"id": name, "hold_seconds": 3_600, "completion": "shop" if number % 2 else "token",
              "late_payment": "strict" if name in STRICT else "reacquire"}
    if name == "festival":
        prices = {"D1": (3_000, ["day1"]), "D2": (3_500, ["day2"]), "PASS": (5_000, ["day1", "day2"])}
        return common | {"pools": {"day1": 300, "day2": 300}, "types": [
            {"code": code, "price": price, "pools": pools} for code, (price, pools) in prices.items()]}
    prices = {"EARLY": (1_500, ["hall", "early"]), "NOW": (1_800, ["hall"]), "GA": (2_000, ["hall"])}
    return common | {
        "pools": {"hall": 320, "early": 40}, "allocations": {"hall": {"guests": 6, "press": 4}},
        "codes": {"club": {"count": 8, "tickets": 4, "types": ["GA"], "price": 1_200, "opens_at": PAST},
                  "press": {"count": 4, "tickets": 1, "allocation": "press", "price": 0, "opens_at": PAST}},
        "sale": {"opens_at": FUTURE} if name == PREMIERE else {},
        "types": [{"code": code, "price": price, "pools": pools} for code, (price, pools) in prices.items()]}


def known(purchase):
    """Return what the account knows of a purchase."""
    told = {name: value for name, value in purchase.items() if name not in MOMENTS}
    if isinstance(told.get("code"), dict):
        # Only operators are shown it; `check_codes` compares the texts.
        told["code"].pop("text", None)
    told.pop("code_text", None)
    return told


class Checks:
    """For a test case with `evenings`, `keys`, `callers`, `server`, `did`, and `run_it` for commands."""

    def fetch(self, path, key="viewer", method="GET", body=None, accept=None):
        """Ask, again while the service has no room for it; return the answer."""
        fields = [f"Authorization: Bearer {self.keys[key]}"]
        if body is not None:
            fields.append("Content-Type: application/json")
        if method in ("PATCH", "DELETE"):
            fields.append("If-Match: *")
        if accept:
            fields.append(f"Accept: {accept}")
        found = []

        def is_there():
            found[:] = [self.callers.ask(method, path, fields, json.dumps(body).encode() if body is not None else None)]
            return found[0].status != 503
        self.assertTrue(eventually(is_there, timeout=60, every=0.1), found)
        self.assertIn(found[0].status, (200, 204), (path, found[0]))
        return found[0]

    def read(self, path, key="viewer", method="GET", body=None):
        """Ask; return the document."""
        return self.fetch(path, key, method, body).json()

    def pages(self, path, name):
        """Return the entries of a list, page by page."""
        entries, cursor = [], ""
        while True:
            told = self.read(path + cursor)
            entries += told[name]
            if not told["next_cursor"]:
                return entries
            cursor = f"&cursor={told['next_cursor']}"

    def check(self, when, part=None):
        """Compare all of it, or the forms of a quarter of the events, which take most of the time."""
        self.maxDiff = 3_000
        with self.subTest(when):
            self.check_places()
            for index, evening in enumerate(self.evenings.values()):
                self.check_sums(evening)
                self.check_export(evening)
                if part is None or index % 4 == part:
                    self.check_forms(evening)
                    self.check_codes(evening)
            self.check_debts()
            self.check_search()
            self.check_audit()
            self.check_commands()

    def check_places(self):
        """A recount has the same places."""
        told = self.read("/v1/invariants")
        self.assertTrue(told["holds_true"], told["broken"])
        counted = {each["event"]: {pool["pool"]: tuple(pool[name] for name in ("capacity", "free", "held", "sold"))
                                   for pool in each["pools"] if "allocation" not in pool} for each in told["events"]}
        self.assertEqual(counted, {name: evening.pools() for name, evening in self.evenings.items()})
        for each in told["events"]:
            evening = self.evenings[each["event"]]
            for pool in each["pools"]:
                if pool.get("allocation") in evening.kept_back(pool["pool"]):
                    self.assertEqual(pool["held"] + pool["sold"], evening.taken[pool["pool"], pool["allocation"]], pool)
        if "store" not in self.server.settings:
            said = command("verify", self.server.data, timeout=60)
            self.assertEqual(said.returncode, 0, said)
            found = re.findall(r"pool (\w+) of ([\w-]+): ([\d,]+) places = ([\d,]+) free \+ ([\d,]+) held \+ ([\d,]+) sold", said.stdout)
            for pool, name, *numbers in found:
                self.assertEqual(tuple(int(number.replace(",", "")) for number in numbers), counted[name][pool], (name, pool))
            self.assertEqual(len(found), sum(len(pools) for pools in counted.values()))

    def check_sums(self, evening):
        """The report and the counts have the same sums."""
        expected = evening.report()
        path = f"/v1/events/{evening.name}/report"
        told = self.read(path)
        self.assertEqual({name: told[name] for name in expected}, expected, evening.name)
        for name, sum_of in (expected["totals"] or [{}])[0].items():
            if name != "currency":
                self.assertEqual(sum(day[name] for day in told["by_day"]), sum_of, (evening.name, name))
        counted = {}
        for each in self.read(f"/v1/events/{evening.name}/counts")["counts"]:
            for what in ("tickets", "amount"):
                if each[what]:
                    counted[each["type"], each["state"], what] = each[what]
        self.assertEqual(counted, evening.counts(), evening.name)

    def check_export(self, evening):
        """The export has every purchase, and nothing else."""
        lines = self.fetch(f"/v1/events/{evening.name}/purchases", accept="application/x-ndjson").body.splitlines()
        told = [json.loads(line) for line in lines]
        self.assertEqual([known(one) for one in told], evening.purchases())
        self.assertEqual([one["id"] for one in told if one["erased_at"]],
                         [sale.purchase for sale in evening.in_order("purchased", "returned") if sale.is_erased])

    def check_forms(self, evening):
        """The list, page by page, and CSV of purchases and report say the same."""
        path, expected = f"/v1/events/{evening.name}", evening.report()["totals"]
        self.assertEqual([known(one) for one in self.pages(f"{path}/purchases?limit=100", "purchases")], evening.purchases())
        self.assertEqual([known(row) for row in self.rows(f"{path}/purchases?formulas=kept")], evening.rows())
        sums = {row["figure"]: int(row["value"]) for row in self.rows(f"{path}/report") if row["section"] == "total"}
        self.assertEqual(sums, {name: value for total in expected for name, value in total.items() if name != "currency"})

    def rows(self, path):
        """Return the rows of a CSV."""
        return list(csv.DictReader(io.StringIO(self.fetch(path, accept="text/csv").body.decode(), newline="")))

    def check_codes(self, evening):
        """What became of each access code."""
        for batch in evening.definition.get("codes", {}):
            told = self.read(f"/v1/events/{evening.name}/codes?batch={batch}&limit=1000", "operator")["codes"]
            self.assertEqual([tuple(code[name] for name in ("number", "state", "held", "sold", "left")) for code in told],
                             evening.listed_codes(batch), (evening.name, batch))

    def sales(self):
        """Return all sales."""
        return [sale for evening in self.evenings.values() for sale in evening.sales.values()]

    def check_debts(self):
        """What is owed back, by whose word."""
        for path, is_confirmed in (("/v1/reconciliation", True), ("/v1/reconciliation/unconfirmed", False)):
            told = [(one["event"], one["hold"], one["payment_reference"], one["total"])
                    for one in self.pages(f"{path}?limit=100", "refunds")]
            self.assertEqual(sorted(told), sorted((sale.evening.name, sale.id, sale.payment, sale.total) for sale in self.sales()
                                                  if sale.debt and sale.debt[1] is is_confirmed), path)

    def check_search(self):
        """Buyers and payments lead to their holds."""
        by_buyer = collections.defaultdict(set)
        for sale in self.sales():
            by_buyer[sale.buyer].add(sale.id)
        for buyer in [f"buyer-{number}" for number in range(0, 400, 40)] + ["buyer-7", "somebody else"]:
            found = self.pages("/v1/search?" + urllib.parse.urlencode({"buyer": buyer}), "holds")
            missing = [sale for sale in self.sales() if sale.id in by_buyer[buyer] - {hold["id"] for hold in found}]
            self.assertEqual({hold["id"] for hold in found}, by_buyer[buyer], (buyer, missing))
            for hold in found:
                sale = self.evenings[hold["event"]].sales[hold["id"]]
                self.assertEqual((hold["state"], hold["total"]), (sale.state, sale.total), sale)
        for sale in self.sales()[::400]:
            if sale.is_sold:
                found = self.read("/v1/search?" + urllib.parse.urlencode({"payment_reference": sale.payment}))["holds"]
                self.assertEqual([hold["id"] for hold in found], [] if sale.is_erased else [sale.id], sale)

    def check_audit(self):
        """The audit, as the command exports it, has what operators and shops did to sales."""
        rows = self.run_it("audit", "--format", "ndjson", key="viewer").splitlines()
        actions = collections.Counter(json.loads(row)["action"] for row in rows)
        self.assertEqual([actions[name] for name in ("purchase.return", "purchase.correct", "hold.override")],
                         [self.did[name] for name in ("returns", "corrections", "overrides")])

    def check_commands(self):
        """Commands say what calls say."""
        evening = self.evenings["night-11"]
        told = json.loads(self.run_it("report", evening.name, "--json", key="viewer"))
        self.assertEqual(told["totals"], evening.report()["totals"])
        file = os.path.join(self.room, f"export-{next(self.numbers)}.csv")
        self.run_it("export", "purchases", evening.name, "--keep-formulas", "--output", file, key="viewer")
        with open(file, newline="", encoding="utf-8") as rows:
            kept = [int(row["kept_total"]) for row in csv.DictReader(rows)]
        self.assertEqual(sum(kept), sum(sale.total - sale.returned_total for sale in evening.sales.values() if sale.is_sold))
        # A document for each page.
        found = [json.loads(page) for page in self.run_it("find", "--buyer", "buyer-80", "--json", key="viewer").splitlines()]
        self.assertEqual({hold["id"] for page in found for hold in page["holds"]},
                         {sale.id for sale in self.sales() if sale.buyer == "buyer-80"})
