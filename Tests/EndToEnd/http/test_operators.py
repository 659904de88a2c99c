"""Operators: keys, events that change while they sell, purchases, returns, audit, recount."""

import concurrent.futures
import csv
import io
import json
import os
import sqlite3
import stat
import subprocess
import time

from support.service import ServiceCase, Server, binary, clean_environment, command, embedded_only, event, make_key

SHOP = event({"floor": 10_000}, "shop", types=[
    {"code": "GA", "name": "Floor", "price": 500, "pools": ["floor"]},
    {"code": "BOX", "name": "Box, 4 seats", "price": 4000, "pools": ["floor"]}])
BRIEF = event({"floor": 1}, "brief", hold_seconds=1, grace_seconds=0)


class Operators(ServiceCase):
    """One service, a key for each role."""

    events = (SHOP, BRIEF)
    names = iter(range(1, 1_000_000))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)
        cls.looks = make_key(cls.server, "viewer", "accounts")

    def call(self, method, target, body=None, token="operator", headers=(), kind="application/json"):
        """Ask as the operator, or with another token, or with none; return the answer and its JSON."""
        fields = list(headers)
        if token:
            fields.append(f"Authorization: Bearer {self.key if token == 'operator' else token}")
        if body is not None:
            fields.append(f"Content-Type: {kind}")
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.server.ask(method, target, fields, body=b"" if data is None and method != "GET" else data)
        is_json = "json" in (answer.header("content-type") or "") and "x-ndjson" not in answer.header("content-type")
        return answer, json.loads(answer.body) if answer.body and is_json else None

    def refused(self, pair, status, code):
        """Check that an answer is this problem."""
        self.assert_problem(pair[0], status, code)
        return pair[1]

    def sell(self, lines=(("GA", 1),), hall="shop", buyer=None, payment=None):
        """Hold and purchase; return the hold's answer."""
        body = {"lines": [{"type": kind, "quantity": count} for kind, count in lines]}
        if buyer:
            body["buyer"] = buyer
        answer, told = self.call("POST", f"/v1/events/{hall}/holds", body, token=None,
                                 headers=[f"Idempotency-Key: sell-{next(self.names):016}"])
        self.assertEqual(answer.status, 201, told)
        paid = {"payment_reference": payment} if payment else {}
        answer, bought = self.call("POST", f"/v1/holds/{told['id']}/purchase", paid, token=told["token"])
        self.assertEqual(answer.status, 200, bought)
        return told

    def make(self, name=None, places=10, **members):
        """Define a new event; return its name and tag."""
        name = name or f"event-{next(self.names)}"
        document = event(places, name, **members)
        answer, told = self.call("PUT", f"/v1/events/{name}", document)
        self.assertEqual(answer.status, 201, told)
        return name, answer.header("etag")

    def test_who_may(self):
        """Every operator's call needs a key; a viewer's key only reads; all wrong keys get the same answer."""
        calls = [("PUT", "/v1/events/x", {}), ("PATCH", "/v1/events/shop", {}), ("DELETE", "/v1/events/shop", None),
                 ("GET", "/v1/events/shop/purchases", None), ("GET", "/v1/events/shop/reconciliation", None),
                 ("GET", "/v1/reconciliation/unconfirmed", None), ("POST", "/v1/holds/H1/paid-back", {}),
                 ("POST", "/v1/purchases/P1/return", {}), ("GET", "/v1/audit", None), ("GET", "/v1/invariants", None),
                 ("GET", "/v1/search", None), ("GET", "/v1/events/shop/holds", None),
                 ("GET", "/v1/events/shop/counts", None)]
        wrong = [None, "x", "hfk_", self.key[:-1], self.key[:-1] + ("A" if self.key[-1] != "A" else "Q"),
                 self.key.replace("hfk_", "HFK_"), "hfk_aaaaaaaa_" + self.key[13:]]
        for method, path, body in calls:
            for token in wrong:
                answer, _ = pair = self.call(method, path, body, token=token)
                self.refused(pair, 401, "unauthenticated")
                self.assertEqual(answer.header("www-authenticate"), "Bearer")
            pair = self.call(method, path, body, token=self.looks)
            if method == "GET":
                self.assertEqual(pair[0].status, 200)
            else:
                self.refused(pair, 403, "forbidden")

    def test_revoked_at_once(self):
        """A key that is revoked while the service runs stops working; only making it shows its secret."""
        credential = make_key(self.server, name="Leaving <b>\u00e9")
        self.assertEqual(self.call("GET", "/v1/audit", token=credential)[0].status, 200)
        self.refused(self.call("GET", "/v1/holds/H999", token=credential), 404, "unknown-hold")
        name = credential.split("_")[1]
        listed = command("key", "list", *self.server.place)
        self.assertIn(name, listed.stdout)
        self.assertNotIn(credential[13:], listed.stdout)
        gone = command("key", "revoke", name, *self.server.place)
        self.assertEqual(gone.returncode, 0, gone.stderr)
        self.refused(self.call("GET", "/v1/holds/H999", token=credential), 401, "unauthenticated")
        self.refused(self.call("GET", "/v1/audit", token=credential), 401, "unauthenticated")
        self.assertIn("revoked", command("key", "list", *self.server.place).stdout)
        self.assertEqual(command("key", "revoke", "nobody00", *self.server.place).returncode, 1)
        if self.server.redis:
            return self.assertNotIn(credential[13:], str(self.server.redis.ask("HGETALL", "holdfast:{operators}")))
        file = os.path.join(str(self.server.data), "operators.sqlite")
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
        with open(file, "rb") as content:
            self.assertNotIn(credential[13:].encode(), content.read())
        self.assertNotIn(credential[13:], self.server.everything_said())

    def test_wrong_use_of_keys(self):
        """A wrong role or name is refused with 64."""
        data = str(self.server.data)
        for arguments in (["--role", "king", "--name", "x"], ["--role", "viewer", "--name", ""],
                          ["--role", "viewer", "--name", "x" * 101], ["--role", "viewer", "--name", "a\tb"],
                          ["--role", "viewer"]):
            self.assertEqual(command("key", "create", *arguments, "--data", data).returncode, 64, arguments)

    def test_a_key_that_cannot_be_shown_is_not_made(self):
        """If standard output cannot be written, the command says so and makes no key; lists say so, too."""
        place = self.server.place
        before = command("key", "list", *place).stdout
        for arguments in (["create", "--role", "viewer", "--name", "nobody"], ["list"]):
            with open("/dev/full", "w") as full:
                run = subprocess.run([binary(), "key", *arguments, *place], stdout=full, stderr=subprocess.PIPE,
                                     timeout=60, text=True, env=clean_environment())
            self.assertEqual(run.returncode, 73, run)
            self.assertIn("No space left", run.stderr)
        self.assertEqual(command("key", "list", *place).stdout, before)

    def test_defining(self):
        """An event is made once, and replaced only with the tag of its current state."""
        name, tag = self.make()
        path, document = f"/v1/events/{name}", event(20, name)
        self.refused(self.call("PUT", path, document), 428, "precondition-required")
        self.refused(self.call("PUT", path, document, headers=['If-Match: "0"']), 412, "precondition-failed")
        self.refused(self.call("PUT", path, document, headers=["If-Match: W/\"0\""]), 412, "precondition-failed")
        self.refused(self.call("PUT", path, document, headers=["If-None-Match: *", f"If-Match: {tag}"]),
                     412, "precondition-failed")
        answer, told = self.call("PUT", path, document, headers=[f'If-Match: "other", {tag}'])
        self.assertEqual((answer.status, told["definition"]["pools"]), (200, document["pools"]))
        self.assertNotEqual(answer.header("etag"), tag)
        self.assertEqual(self.call("GET", path)[0].header("etag"), answer.header("etag"))
        self.refused(self.call("PUT", path, document, headers=[f"If-Match: {tag}"]), 412, "precondition-failed")
        del document["id"]
        self.assertEqual(self.call("PUT", path, document, headers=["If-Match: *"])[0].status, 200)
        self.refused(self.call("PUT", "/v1/events/not-there", event(1, "not-there"), headers=["If-Match: *"]),
                     412, "precondition-failed")
        answer, told = self.call("PUT", "/v1/events/put-new", document, headers=["If-None-Match: *"])
        self.assertEqual((answer.status, answer.header("location")), (201, "/v1/events/put-new"))

    def test_bad_definitions(self):
        """All mistakes are reported at once with their places, and nothing is changed."""
        document = event(20, "another")
        told = self.refused(self.call("PUT", "/v1/events/bad", document), 422, "validation-failed")
        self.assertEqual([e["pointer"] for e in told["errors"]], ["/id"])
        document = event(-1, "bad", hold_seconds=0, wrong=1)
        told = self.refused(self.call("PUT", "/v1/events/bad", document), 422, "validation-failed")
        self.assertEqual({e["pointer"] for e in told["errors"]},
                         {"/hold_seconds", "/wrong"} | {f"/pools/{pool}" for pool in document["pools"]})
        self.refused(self.call("PUT", "/v1/events/b%20d", document), 422, "validation-failed")
        self.refused(self.call("PUT", "/v1/events/bad", b"{"), 400, "malformed-request")
        self.refused(self.call("PUT", "/v1/events/bad", b'{"id":"bad","id":"bad"}'), 400, "malformed-request")
        self.refused(self.call("PUT", "/v1/events/bad", document, kind="text/plain"), 415, "unsupported-media-type")
        self.refused(self.call("PUT", "/v1/events/bad", [1]), 422, "validation-failed")
        self.refused(self.call("GET", "/v1/events/bad"), 404, "unknown-event")

    def test_changing_while_selling(self):
        """A patch changes capacity, sale window, price and pause for everything after it."""
        name, tag = self.make(places=4)
        path = f"/v1/events/{name}"
        pool = next(iter(event(4, name)["pools"]))

        def patch(body, headers=("If-Match: *",), kind="application/merge-patch+json"):
            return self.call("PATCH", path, body, headers=headers, kind=kind)

        def hold():
            return self.call("POST", path + "/holds", {"lines": [{"type": "GA", "quantity": 1}]}, token=None,
                             headers=[f"Idempotency-Key: c-{next(self.names):016}"])

        self.refused(patch({"paused": True}, headers=()), 428, "precondition-required")
        self.refused(patch({"paused": True}, headers=['If-Match: "1000"']), 412, "precondition-failed")
        answer, told = patch({"paused": True}, headers=[f"If-Match: {tag}"])
        self.assertEqual((answer.status, told["state"], told["paused"]), (200, "paused", True))
        self.refused(hold(), 409, "sale-paused")
        answer, told = patch({"paused": False, "pools": {pool: 1}}, kind="application/json")
        self.assertEqual((told["state"], told["definition"]["pools"]), ("open", {pool: 1}))
        self.assertEqual(hold()[0].status, 201)
        self.refused(hold(), 409, "temporarily-held")
        types = told["definition"]["types"]
        types[0]["price"] = 777
        patch({"pools": {pool: 2}, "types": types})
        self.assertEqual(hold()[1]["lines"][0]["price"], 777)
        patch({"pools": {pool: 100}, "sale": {"closes_at": "2001-01-01T00:00:00Z"}})
        self.refused(hold(), 409, "sale-ended")
        answer, told = patch({"sale": {"closes_at": None}})
        self.assertEqual(told["definition"]["sale"], {"opens_at": None, "closes_at": None})
        self.assertEqual(hold()[0].status, 201)
        for body, pointer in (({"paused": 1}, "/paused"), ({"id": "other"}, "/id"), ({"pool": {}}, "/pool"),
                              ({"pools": {pool: None}}, "/pools"), ([], "")):
            told = self.refused(patch(body), 422, "validation-failed")
            self.assertIn(pointer, [e["pointer"] for e in told["errors"]])
        self.refused(self.call("PATCH", "/v1/events/nowhere", {}, headers=["If-Match: *"]), 404, "unknown-event")

    def test_many_change_at_once(self):
        """Of twenty changes with the same tag one succeeds; of twenty with `*` all do."""
        name, tag = self.make()
        path = f"/v1/events/{name}"

        def change(number, match):
            return self.call("PATCH", path, {"name": f"n{number}"}, headers=[f"If-Match: {match}"])[0].status

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            seen = list(pool.map(lambda n: change(n, tag), range(20)))
        self.assertEqual(sorted(seen), [200] + [412] * 19)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.assertEqual(set(pool.map(lambda n: change(n, "*"), range(20, 40))), {200})

    def test_cancelling(self):
        """A cancelled event ends its holds, owes payments back and can be reinstated until something was paid back."""
        name, _ = self.make()
        kind = self.call("GET", f"/v1/events/{name}")[1]["definition"]["types"][0]["code"]

        def hold():
            return self.call("POST", f"/v1/events/{name}/holds", {"lines": [{"type": kind, "quantity": 1}]}, token=None,
                             headers=[f"Idempotency-Key: cancel-{next(self.names):016}"])

        def change(verb, **more):
            return self.call("POST", f"/v1/events/{name}/{verb}", **more)

        bought, kept = self.sell([(kind, 1)], name), hold()[1]
        self.refused(change("cancel", token=self.looks), 403, "forbidden")
        self.refused(change("cancel", body={"reason": "x"}), 422, "validation-failed")
        answer, told = change("cancel?reason=The%20singer%20is%20ill")
        self.assertEqual((answer.status, told["state"], told["types"][0]["state"]), (200, "cancelled", "cancelled"))
        self.assertEqual(change("cancel", body={})[1]["state"], "cancelled")
        self.refused(hold(), 410, "event-cancelled")
        path = f"/v1/holds/{kept['id']}"
        self.refused(self.call("GET", path, token=kept["token"]), 410, "event-cancelled")
        self.refused(self.call("POST", f"{path}/extend", token=kept["token"]), 410, "event-cancelled")
        told = self.refused(self.call("POST", f"{path}/purchase", {"payment_reference": f"late-{name}"}), 410,
                            "event-cancelled")
        self.assertIs(told["refund_required"], True)
        owed = self.call("GET", f"/v1/events/{name}/reconciliation", token=self.looks)[1]["refunds"]
        self.assertEqual([(one["payment_reference"], one["reason"]) for one in owed],
                         [(f"late-{name}", "event_cancelled")])
        left = self.call("GET", f"/v1/events/{name}/availability")[1]
        self.assertEqual((left["state"], left["free"], left["types"][0]["free"]), ("cancelled", 0, 0))
        self.assertEqual(change("reinstate")[1]["state"], "open")
        self.assertEqual(self.call("GET", path, token=kept["token"])[1]["state"], "held")
        change("cancel")
        self.call("POST", f"/v1/purchases/P{bought['id'][1:]}/return")
        self.refused(change("reinstate"), 409, "cancellation-final")

    def test_removing(self):
        """An event can be removed until something of it was sold."""
        name, tag = self.make()
        path = f"/v1/events/{name}"
        self.refused(self.call("DELETE", path), 428, "precondition-required")
        self.assertEqual(self.call("DELETE", path, headers=[f"If-Match: {tag}"])[0].status, 204)
        self.refused(self.call("GET", path), 404, "unknown-event")
        self.refused(self.call("DELETE", path, headers=["If-Match: *"]), 404, "unknown-event")
        self.make(name)
        sold = self.sell(hall=name)
        self.refused(self.call("DELETE", path, headers=["If-Match: *"]), 409, "event-has-sales")
        self.assertEqual(self.call("POST", f"/v1/purchases/P{sold['id'][1:]}/return")[0].status, 200)
        self.refused(self.call("DELETE", path, headers=["If-Match: *"]), 409, "event-has-sales")

    def test_purchases(self):
        """The pages of the list have every purchase once; the exports agree."""
        name, _ = self.make(places=1000, types=SHOP["types"], pools=SHOP["pools"])
        path = f"/v1/events/{name}/purchases"
        sold = [self.sell([("GA", 1 + number % 2)] + [("BOX", 1)] * (number % 3 == 0), name, payment=f"{name}-{number}",
                          buyer='a "b", c' if number == 3 else None) for number in range(25)]
        answer, told = self.call("POST", f"/v1/purchases/P{sold[4]['id'][1:]}/return")
        self.assertEqual((answer.status, told["state"]), (200, "returned"))
        part, _ = self.call("POST", f"/v1/purchases/P{sold[3]['id'][1:]}/return",
                            {"lines": [{"type": "GA", "quantity": 1}]}, headers=["Idempotency-Key: part"])
        self.assertEqual(part.status, 200)
        target, seen = f"{path}?limit=10", []
        while target:
            answer, told = self.call("GET", target)
            seen += told["purchases"]
            link = answer.header("link")
            self.assertEqual(link is None, told["next_cursor"] is None)
            target = link and link[1:link.index(">")]
        self.assertEqual([one["hold"] for one in seen], [one["id"] for one in sold])
        self.assertEqual([len(one["lines"]) for one in seen][:4], [2, 1, 1, 2])
        self.assertEqual(seen[3]["buyer"], 'a "b", c')
        self.assertEqual(seen[0]["total"], 4500)
        self.assertEqual([one["state"] for one in seen].count("returned"), 1)
        self.assertIsNotNone(seen[4]["returned_at"])
        answer, _ = self.call("GET", path, headers=["Accept: application/x-ndjson"])
        self.assertEqual([json.loads(line) for line in answer.body.splitlines()], seen)
        answer, _ = self.call("GET", path, headers=["Accept: text/csv;q=1, */*"])
        rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
        self.assertEqual(sum(int(row["total"]) for row in rows), sum(one["total"] for one in seen))
        self.assertEqual([row["purchase"] for row in rows], [one["id"] for one in seen for _ in one["lines"]])
        for sum_of in ("returned_total", "kept_total"):
            self.assertEqual(sum(int(row[sum_of]) for row in rows), sum(one[sum_of] for one in seen))
        self.assertEqual(seen[3]["kept_total"], seen[3]["total"] - seen[3]["returned_total"])
        self.assertEqual([line["returned"] for line in seen[3]["lines"]], [1, 0])
        self.assertEqual((seen[3]["state"], seen[4]["kept_total"]), ("purchased", 0))
        self.assertIn('a "b", c', [row["buyer"] for row in rows])
        for query in ("limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=c!", "formulas=x"):
            self.refused(self.call("GET", f"{path}?{query}"), 422, "validation-failed")
        self.refused(self.call("GET", "/v1/events/nowhere/purchases"), 404, "unknown-event")

    def test_return(self):
        """A purchase is returned once, a repeat gets the same answer, and only a purchase can be returned."""
        told = self.sell()
        path = f"/v1/purchases/P{told['id'][1:]}/return"
        before = self.call("GET", "/v1/events/shop/availability")[1]["free"]
        self.assertEqual(self.call("POST", path, headers=["Idempotency-Key: r1"])[0].status, 200)
        again, _ = self.call("POST", path)
        self.assertEqual((again.status, again.header("idempotency-replayed")), (200, "true"))
        self.assertEqual(self.call("GET", "/v1/events/shop/availability")[1]["free"], before + 1)
        hold = f"/v1/holds/{told['id']}"
        for method, target in (("POST", hold + "/purchase"), ("POST", hold + "/extend"), ("DELETE", hold)):
            self.refused(self.call(method, target, token=told["token"]), 409, "purchase-returned")
        self.refused(self.call("POST", "/v1/purchases/P999999/return"), 404, "unknown-purchase")
        self.refused(self.call("POST", "/v1/purchases/H1/return"), 404, "unknown-purchase")
        _, held = self.call("POST", "/v1/events/shop/holds", {"lines": [{"type": "GA", "quantity": 1}]}, token=None,
                            headers=["Idempotency-Key: nobody-buys-this-one"])
        self.refused(self.call("POST", f"/v1/purchases/P{held['id'][1:]}/return"), 409, "not-purchased")
        self.refused(self.call("POST", path, {"why": 1}), 422, "validation-failed")

    def test_return_a_part(self):
        """A part is returned once for each key, never more than there is, and with its reason in the audit."""
        told = self.sell([("GA", 3)])
        purchase = f"P{told['id'][1:]}"
        path = f"/v1/purchases/{purchase}/return"

        def give_back(body, key="k1"):
            return self.call("POST", path, body, headers=[f"Idempotency-Key: {key}"] if key else [])

        one = {"lines": [{"type": "GA", "quantity": 1}], "reason": "ill"}
        answer, told = give_back(one)
        self.assertEqual((answer.status, answer.header("idempotency-replayed")), (200, None))
        self.assertEqual((told["state"], told["lines"][0]["returned"]), ("purchased", 1))
        self.assertEqual(told["kept_total"], told["total"] - told["returned_total"])
        answer, again = give_back(one)
        self.assertEqual((answer.status, answer.header("idempotency-replayed")), (200, "true"))
        self.assertEqual(again["lines"], told["lines"])
        self.refused(give_back({**one, "reason": "other"}), 422, "idempotency-key-reused")
        self.refused(give_back(one, None), 400, "idempotency-key-missing")
        problem = self.refused(give_back({"lines": [{"type": "GA", "quantity": 3}]}, "k2"), 409, "return-too-large")
        self.assertEqual((problem["ticket_type"], problem["remaining"]), ("GA", 2))
        wrong = {"lines": [{"type": "no/code", "quantity": 0}, {"quantity": 1, "x": 1}], "reason": "\n", "z": 1}
        problem = self.refused(give_back(wrong, "k3"), 422, "validation-failed")
        self.assertEqual({error["pointer"] for error in problem["errors"]},
                         {"/lines/0/type", "/lines/0/quantity", "/lines/1/type", "/lines/1/x", "/reason", "/z"})
        self.refused(give_back({"lines": []}, "k3"), 422, "validation-failed")
        answer, told = self.call("POST", path)
        self.assertEqual((answer.status, told["state"], told["kept_total"]), (200, "returned", 0))
        self.refused(give_back(one, "k4"), 409, "purchase-returned")
        answer, _ = give_back(one)
        self.assertEqual(answer.header("idempotency-replayed"), "true")
        _, audit = self.call("GET", "/v1/audit?limit=1000")
        reasons = [entry["reason"] for entry in audit["entries"] if entry["subject"] == purchase]
        self.assertEqual(reasons, ["ill", None])
        self.refused(self.call("POST", path, headers=["Idempotency-Key: " + "x" * 256]), 422, "validation-failed")

    def test_returns_at_once(self):
        """Two operators who return the same at the same time return no more than there is, and each knows what came of it."""
        def give_back(purchase, body, key):
            headers = [f"Idempotency-Key: {key}"] if key else []
            return self.call("POST", f"/v1/purchases/{purchase}/return", body, headers=headers)

        one = {"lines": [{"type": "GA", "quantity": 1}]}
        with concurrent.futures.ThreadPoolExecutor(8) as operators:
            purchase = f"P{self.sell([('GA', 3)])['id'][1:]}"
            told = list(operators.map(lambda key: give_back(purchase, one, f"operator-{key}"), range(8)))
            self.assertEqual(sorted(answer.status for answer, _ in told), [200] * 3 + [409] * 5)
            self.assertEqual({body["code"] for answer, body in told if answer.status == 409}, {"purchase-returned"})
            self.assertEqual(self.call("GET", f"/v1/purchases/{purchase}")[1]["kept_total"], 0)
            purchase = f"P{self.sell([('GA', 3)])['id'][1:]}"
            told = list(operators.map(lambda _: give_back(purchase, one, "the-same-form"), range(8)))
            replayed = sorted(answer.header("idempotency-replayed") or "" for answer, _ in told)
            self.assertEqual(({answer.status for answer, _ in told}, replayed), ({200}, [""] + ["true"] * 7))
            self.assertEqual({json.dumps(body["lines"]) for _, body in told}, {json.dumps(told[0][1]["lines"])})
            told = list(operators.map(lambda key: give_back(purchase, {}, key), [None] * 8))
            self.assertEqual({answer.status for answer, _ in told}, {200})
        kept = self.call("GET", f"/v1/purchases/{purchase}")[1]
        self.assertEqual((kept["state"], kept["kept_total"], kept["lines"][0]["returned"]), ("returned", 0, 3))
        audit = self.call("GET", "/v1/audit?limit=1000&order=newest")[1]["entries"]
        self.assertEqual(len([entry for entry in audit if entry["subject"] == purchase]), 2)

    def test_reconciliation(self):
        """A late payment for places that are gone is listed until an operator marks it paid back."""
        _, late = self.call("POST", "/v1/events/brief/holds", {"lines": [{"type": "GA", "quantity": 1}], "buyer": "z"},
                            token=None, headers=["Idempotency-Key: paid-for-too-late"])
        time.sleep(1.1)
        # On a busy machine another hold of a second could end before it is purchased.
        self.assertEqual(self.call("PATCH", "/v1/events/brief", {"hold_seconds": 300}, headers=["If-Match: *"])[0].status, 200)
        self.sell(hall="brief")
        told = self.refused(self.call("POST", f"/v1/holds/{late['id']}/purchase", {"payment_reference": "too-late"},
                                      token=late["token"]), 410, "hold-expired")
        self.assertTrue(told["refund_required"])
        path = "/v1/events/brief/reconciliation"
        self.assertEqual(self.call("GET", path, token=self.looks)[1]["refunds"], [])
        _, told = self.call("GET", path + "/unconfirmed", token=self.looks)
        self.assertEqual([(one["hold"], one["payment_reference"], one["buyer"]) for one in told["refunds"]],
                         [(late["id"], "too-late", "z")])
        self.assertIsNone(told["next_cursor"])
        again = self.call("POST", f"/v1/holds/{late['id']}/purchase", {"payment_reference": "too-late"})
        self.assertTrue(self.refused(again, 410, "hold-expired")["refund_required"])
        _, told = self.call("GET", path, token=self.looks)
        self.assertEqual([(one["payment_reference"], one["reason"], one["confirmed"]) for one in told["refunds"]],
                         [("too-late", "places_gone", True)])
        self.assertEqual(self.call("GET", path + "/unconfirmed", token=self.looks)[1]["refunds"], [])

    def test_holds_by_operators(self):
        """The operator's key works on any hold, the viewer's only reads it, and the audit has the changes."""
        _, held = self.call("POST", "/v1/events/shop/holds", {"lines": [{"type": "GA", "quantity": 1}]}, token=None,
                            headers=["Idempotency-Key: changed-by-operator"])
        path = f"/v1/holds/{held['id']}"
        self.assertEqual(self.call("GET", path, token=self.looks)[0].status, 200)
        self.refused(self.call("DELETE", path, token=self.looks), 403, "forbidden")
        self.assertEqual(self.call("POST", path + "/extend")[0].status, 200)
        self.assertEqual(self.call("POST", path + "/purchase")[0].status, 200)
        self.refused(self.call("GET", "/v1/holds/H99999999"), 404, "unknown-hold")
        entries = self.call("GET", "/v1/audit?limit=1000")[1]["entries"]
        mine = [(one["action"], one["name"]) for one in entries if one["subject"] == held["id"]]
        self.assertEqual(mine, [("hold.extend", "Anna"), ("hold.purchase", "Anna")])

    def test_audit(self):
        """The audit has every change with key, moment and subject, and nothing that changed nothing."""
        name, tag = self.make()
        self.call("PATCH", f"/v1/events/{name}", {"paused": True}, headers=["If-Match: *"])
        self.call("PATCH", f"/v1/events/{name}", {"paused": True}, headers=["If-Match: *"])
        self.call("PATCH", f"/v1/events/{name}", {"paused": False}, headers=["If-Match: *"])
        self.call("PATCH", f"/v1/events/{name}", {"name": "x"}, headers=[f"If-Match: {tag}"])
        self.call("PATCH", f"/v1/events/{name}", {"name": "x"}, headers=["If-Match: *"])
        self.call("DELETE", f"/v1/events/{name}", headers=["If-Match: *"])
        seen, target = [], "/v1/audit?limit=7"
        while target:
            answer, told = self.call("GET", target, token=self.looks)
            seen += told["entries"]
            target = answer.header("link") and answer.header("link")[1:answer.header("link").index(">")]
        mine = [one for one in seen if one["subject"] == name]
        self.assertEqual([one["action"] for one in mine],
                         ["event.define", "event.pause", "event.resume", "event.change", "event.delete"])
        self.assertEqual({one["key"] for one in mine}, {self.key.split("_")[1]})
        self.assertEqual({one["event"] for one in mine}, {name})
        self.assertEqual([one["differences"] for one in mine[1:4]],
                         [[{"member": "/paused", "from": False, "to": True}],
                          [{"member": "/paused", "from": True, "to": False}],
                          [{"member": "/name", "from": mine[3]["differences"][0]["from"], "to": "x"}]])
        self.assertTrue(all(one["from"] is None for one in mine[0]["differences"]))
        self.assertTrue(all(one["to"] is None for one in mine[4]["differences"]))
        numbers = [one["sequence"] for one in seen if not one["action"].startswith("key.")]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(seen[0]["name"], "holdfast serve")

    def test_invariants(self):
        """The recount agrees with the availability and says so."""
        self.sell([("GA", 3)])
        answer, told = self.call("GET", "/v1/invariants")
        self.assertEqual((answer.status, told["holds_true"], told["broken"]), (200, True, None))
        shop = next(one for one in told["events"] if one["event"] == "shop")["pools"][0]
        self.assertTrue(shop["balanced"])
        self.assertEqual(shop["free"] + shop["held"] + shop["sold"], shop["capacity"])
        self.assertGreaterEqual(shop["sold"], 3)


class Lasting(ServiceCase):
    """Operators' changes outlive the process."""

    events = (SHOP,)

    def test_after_kill(self):
        """Definitions, tags, pauses, removals and the audit are the same after kill -9."""
        key = make_key(self.server)

        def call(method, target, body=None, headers=()):
            fields = [f"Authorization: Bearer {key}", *headers]
            if body is not None:
                fields.append("Content-Type: application/json")
            data = b"" if method != "GET" else None
            return self.server.ask(method, target, fields, json.dumps(body).encode() if body is not None else data)

        self.assertEqual(call("PUT", "/v1/events/gone", event(3, "gone")).status, 201)
        self.assertEqual(call("PUT", "/v1/events/kept", event(3, "kept")).status, 201)
        self.assertEqual(call("PATCH", "/v1/events/kept", {"paused": True}, ["If-Match: *"]).status, 200)
        self.assertEqual(call("DELETE", "/v1/events/gone", headers=["If-Match: *"]).status, 204)
        before = [call("GET", path) for path in ("/v1/events/kept", "/v1/audit", "/v1/events")]
        self.server.kill9()
        self.server.start()
        after = [call("GET", path) for path in ("/v1/events/kept", "/v1/audit", "/v1/events")]
        self.assertEqual([one.body for one in before], [one.body for one in after])
        self.assertEqual(before[0].header("etag"), after[0].header("etag"))
        self.assertEqual(call("PUT", "/v1/events/gone", event(3, "gone")).status, 201)
        self.assertEqual(self.server.verify().returncode, 0)

    @embedded_only
    def test_damaged_keys(self):
        """With an unreadable file of keys no key works, the answer says only that, and selling goes on."""
        with Server(event(5)) as server:
            key = make_key(server)
            with open(os.path.join(str(server.data), "operators.sqlite"), "r+b") as file:
                file.truncate(4096)
                file.write(b"x" * 4096)
            answer = server.ask("GET", "/v1/audit", [f"Authorization: Bearer {key}"])
            self.assert_problem(answer, 500, "internal-error")
            self.assertNotIn("sqlite", answer.body.decode().lower())
            self.assertNotIn(key[13:], server.everything_said())
            self.assertEqual(server.buy().status, 200)

    @embedded_only
    def test_long_export(self):
        """An export of many purchases is complete and in order, and its memory does not grow with it."""
        with Server(event(200_000)) as server:
            key = make_key(server)
            for number in (1, 3):
                self.sell_rows(server, 60_000 * number)
                before = server.memory()
                answer = server.ask("GET", "/v1/events/main/purchases",
                                    [f"Authorization: Bearer {key}", "Accept: application/x-ndjson"])
                names = [json.loads(line)["id"] for line in answer.body.splitlines()]
                self.assertEqual(names, [f"P{one}" for one in range(1, 60_000 * number + 1)])
                # Meanwhile the service makes its search index. The export itself has 45 MB.
                self.assertLess(server.memory() - before, 32 << 20)

    def sell_rows(self, server, until):
        """Write purchases directly into the ledger of a stopped service, since only reading matters here."""
        server.stop()
        ledger = sqlite3.connect(server.ledger)
        with ledger:
            ledger.execute("""
                WITH RECURSIVE n(i) AS (SELECT coalesce((SELECT max(id) FROM holds), 0) + 1
                                        UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                INSERT INTO holds SELECT i, 10 + 2 * i, (SELECT at FROM definitions), 0,
                  (SELECT at FROM definitions) + 302000, 0, 1, 0, 0, NULL FROM n""", [until])
            ledger.execute("""
                INSERT INTO purchases SELECT id, 11 + 2 * id, at, 0, NULL FROM holds
                WHERE NOT EXISTS (SELECT 1 FROM purchases WHERE hold = id)""")
        ledger.close()
        server.start()
