"""Finding (R47 Search): holds and purchases by what operators know of them, by call and by command."""

import json
import os
import urllib.parse

from support.service import ServiceCase, command, embedded_only, event, eventually, make_key

FIRST = event({"floor": 1_000}, "first", types=[
    {"code": "GA", "price": 500, "pools": ["floor"]}, {"code": "BOX", "price": 4000, "pools": ["floor"]}])
SECOND = event({"floor": 1_000}, "second", types=[{"code": "GA", "price": 700, "pools": ["floor"]}])
BUYER = "Ann+ \u00e9@example.org"


class Finding(ServiceCase):
    """One service with two events."""

    events = (FIRST, SECOND)
    names = iter(range(1, 1_000_000))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server, "viewer")

    def hold(self, hall, kind="GA", count=1, buyer=None):
        """Hold tickets; return the hold."""
        body = {"lines": [{"type": kind, "quantity": count}]} | ({"buyer": buyer} if buyer else {})
        answer = self.server.ask("POST", f"/v1/events/{hall}/holds", [
            "Content-Type: application/json", f"Idempotency-Key: finding-{next(self.names):016}"], json.dumps(body).encode())
        self.assertEqual(answer.status, 201, answer)
        return answer.json()

    def buy(self, hold, payment):
        """Purchase a hold; return its purchase's name."""
        answer = self.server.ask("POST", f"/v1/holds/{hold['id']}/purchase", [
            "Content-Type: application/json", f"Authorization: Bearer {hold['token']}"],
            json.dumps({"payment_reference": payment}).encode())
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["purchase"]

    def look(self, path, **members):
        """Ask as a viewer; return the answer."""
        query = "?" + urllib.parse.urlencode(members) if members else ""
        return self.server.ask("GET", path + query, [f"Authorization: Bearer {self.key}"])

    def found(self, path="/v1/search", **members):
        """Return the names of the holds of all pages."""
        names = []
        while True:
            answer = self.look(path, **members)
            self.assertEqual(answer.status, 200, answer)
            names += [each["id"] for each in answer.json()["holds"]]
            cursor = answer.json()["next_cursor"]
            if not cursor:
                self.assertIsNone(answer.header("link"))
                return names
            self.assertIn(f"cursor={cursor}>", answer.header("link"))
            members["cursor"] = cursor

    def run_it(self, *arguments):
        """Run a command as the viewer; return its output."""
        run = command(*arguments, env={"HOLDFAST_URL": f"http://127.0.0.1:{self.server.port}", "HOLDFAST_KEY": self.key})
        self.assertEqual((run.returncode, run.stderr), (0, ""), run)
        return run.stdout

    def test_search(self):
        """What was just answered is found by each member of a query, newest first, in pages."""
        held = self.hold("first", "BOX", 2, BUYER)
        sold = self.hold("first", "GA", 3, BUYER)
        purchase = self.buy(sold, "pay & 7")
        other = self.hold("second", buyer=BUYER)
        mine = [held["id"], sold["id"], other["id"]]
        self.assertEqual(sorted(self.found(buyer=BUYER)), sorted(mine))
        self.assertEqual(self.found(buyer=BUYER, event="first", limit=1), [sold["id"], held["id"]])
        self.assertEqual(self.found(buyer=BUYER, state="purchased"), [sold["id"]])
        self.assertEqual(self.found(buyer=BUYER, event="first", type="BOX"), [held["id"]])
        self.assertEqual(self.found(payment_reference="pay & 7"), [sold["id"]])
        self.assertEqual(self.found(hold=held["id"]), [held["id"]])
        self.assertEqual(self.found(purchase=purchase, hold=sold["id"]), [sold["id"]])
        self.assertEqual(self.found(hold="H123456789"), [])
        self.assertEqual(self.found(buyer="nobody"), [])
        self.assertEqual(self.found(buyer=BUYER, to="2020-01-01T00:00:00Z"), [])
        live = self.found("/v1/events/first/holds", buyer=BUYER)
        self.assertEqual(live, [held["id"]])
        self.assertEqual(self.found("/v1/events/first/holds", buyer=BUYER, state="any"), [sold["id"], held["id"]])
        shown = self.look("/v1/search", purchase=purchase).json()["holds"][0]
        self.assertEqual((shown["state"], shown["total"], shown["buyer"]), ("purchased", 1500, BUYER))
        self.assertEqual(shown["expires_at"], sold["expires_at"])
        one = self.look(f"/v1/purchases/{purchase}")
        self.assertEqual((one.status, one.json()), (200, shown["purchase"]))

    def test_counts(self):
        """Counts follow each hold, purchase and release at once."""
        def counts():
            told = self.look("/v1/events/second/counts").json()["counts"]
            return {each["state"]: (each["holds"], each["tickets"], each["amount"]) for each in told}

        before = counts().get("purchased", (0, 0, 0))
        hold = self.hold("second", count=4)
        self.assertEqual(counts()["held"][1] % 4, len(self.found("/v1/events/second/holds", buyer=BUYER)))
        self.buy(hold, f"counted {next(self.names)}")
        self.assertEqual(counts()["purchased"], (before[0] + 1, before[1] + 4, before[2] + 2_800))

    def test_refused(self):
        """Unknown members, wrong values and contradictions are refused, all of them at once."""
        self.assert_problem(self.look("/v1/search", color="red"), 400, "malformed-request")
        self.assert_problem(self.look("/v1/events/first/holds", event="first"), 400, "malformed-request")
        answer = self.look("/v1/search", hold="H1", purchase="P2", state="sold", limit=0, cursor="?", type="GA")
        self.assert_problem(answer, 422, "validation-failed")
        self.assertEqual(len(answer.json()["errors"]), 5)
        self.assert_problem(self.look("/v1/events/nothing/holds"), 404, "unknown-event")
        self.assert_problem(self.look("/v1/events/nothing/counts"), 404, "unknown-event")
        for name in ("P999999", "H1", "P01", "x"):
            self.assert_problem(self.look(f"/v1/purchases/{name}"), 404, "unknown-purchase")
        held = self.hold("first")
        self.assert_problem(self.look(f"/v1/purchases/P{held['id'][1:]}"), 404, "unknown-purchase")
        self.assertEqual(self.server.ask("DELETE", "/v1/events/first/holds").header("allow"), "GET, HEAD, POST")

    def test_commands(self):
        """`holdfast find`, `hold show` and `purchase show` print tables, or the service's JSON."""
        hold = self.hold("first", "BOX", 2, "find@example.org")
        purchase = self.buy(hold, "paid & found")
        table = self.run_it("find", "--buyer", "find@example.org")
        for word in (hold["id"], "first", "purchased", "8,000", "EUR", "paid & found"):
            self.assertIn(word, table)
        told = json.loads(self.run_it("find", "--payment", "paid & found", "--json"))
        self.assertEqual([each["id"] for each in told["holds"]], [hold["id"]])
        self.assertIn("Nothing was found", self.run_it("find", "--buyer", "nobody"))
        self.assertIn("2 × BOX at 4,000", self.run_it("purchase", "show", purchase))
        self.assertIn("find@example.org", self.run_it("hold", "show", hold["id"]))
        self.assertEqual(json.loads(self.run_it("hold", "show", hold["id"], "--json")), told["holds"][0])
        for arguments in (["hold", "show", "H123456789"], ["purchase", "show", "P123456789"], ["find", "--state", "sold"]):
            run = command(*arguments, env={
                "HOLDFAST_URL": f"http://127.0.0.1:{self.server.port}", "HOLDFAST_KEY": self.key})
            self.assertEqual(run.returncode, 1, run)
        self.assertEqual(command("find", "--type", "GA").returncode, 64)

    @embedded_only
    def test_killed(self):
        """After a crash, and without its file, the index is made anew, and finds the same."""
        hold = self.hold("first", buyer="killed")
        self.buy(hold, "kept")
        index = os.path.join(str(self.server.data), "search.sqlite")
        for is_removed in (False, True):
            self.server.kill9()
            if is_removed:
                os.remove(index)
            self.server.start()
            self.assertTrue(eventually(lambda: self.look("/v1/search").status == 200))
            self.assertEqual(self.found(buyer="killed"), [hold["id"]])
            self.assertEqual(self.found(payment_reference="kept"), [hold["id"]])
        self.assertEqual(os.stat(index).st_mode & 0o777, 0o600)
