"""Keys as calls: made, bound to events, ended, revoked, audited (R48 Operator keys, R49 Audit differences)."""

import csv
import datetime
import io
import json
import urllib.parse

from support.service import ServiceCase, command, event, eventually, make_key

EVENTS = (event(1_000, "east"), event(1_000, "west", disclose="buckets"), event(1_000, "stall", completion="shop"))


class Keys(ServiceCase):
    """One service with two events, and an operator of both."""

    events = EVENTS
    numbers = iter(range(1, 1_000_000))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)

    def call(self, method, target, body=None, key=None, headers=()):
        """Ask with a key, the operator's if none is given; return the answer and its JSON."""
        fields = [f"Authorization: Bearer {key or self.key}", *headers]
        if body is not None:
            fields.append("Content-Type: application/json")
        answer = self.server.ask(method, target, fields, body=json.dumps(body).encode() if body is not None else b"")
        is_json = (answer.header("content-type") or "").startswith("application/")
        return answer, answer.json() if answer.body and is_json and "x-ndjson" not in answer.header("content-type") else None

    def make(self, role="operator", name="Ben", reason=None, **members):
        """Make a key with a call; return its document."""
        target = "/v1/keys" + (f"?reason={urllib.parse.quote(reason)}" if reason else "")
        answer, told = self.call("POST", target, {"name": name, "role": role} | members)
        self.assertEqual(answer.status, 201, told)
        self.assertEqual(answer.header("location"), f"/v1/keys/{told['id']}")
        self.assertEqual(answer.header("cache-control"), "no-store")
        return told

    def hold(self, hall):
        """Hold a place; return the hold's document."""
        answer = self.server.ask("POST", f"/v1/events/{hall}/holds",
                                 ["Content-Type: application/json", f"Idempotency-Key: keys-{next(self.numbers):016}"],
                                 body=b'{"lines": [{"type": "GA", "quantity": 1}]}')
        self.assertEqual(answer.status, 201, answer)
        return answer.json()

    def refused(self, pair, status, code):
        """Check that an answer is this problem."""
        self.assert_problem(pair[0], status, code)
        return pair[1]

    def entries(self, query=""):
        """Read the audit in pages of three along the links."""
        seen, target = [], "/v1/audit?limit=3" + query
        while target:
            answer, told = self.call("GET", target)
            self.assertEqual(answer.status, 200, told)
            seen += told["entries"]
            link = answer.header("link")
            self.assertEqual(link is None, told["next_cursor"] is None)
            target = link and link[1:link.index(">")]
        return seen

    def test_life(self):
        """A key is made and shown once, works at once, is listed, and is revoked at once; the audit has both, and why."""
        made = self.make("viewer", "Ben <b>\u00e9", reason="the auditor's visit, \u00fc")
        self.assertEqual((made["role"], made["events"], made["state"]), ("viewer", None, "valid"))
        self.assertEqual(made["made_by"], {"key": self.key.split("_")[1], "name": "Anna"})
        self.assertEqual(self.call("GET", "/v1/invariants", key=made["credential"])[0].status, 200)
        listed = self.call("GET", "/v1/keys?limit=1000")[1]["keys"]
        self.assertEqual([one for one in listed if one["id"] == made["id"]],
                         [{name: made[name] for name in made if name != "credential"}])
        self.assertNotIn(made["credential"][13:], json.dumps(listed))
        pages, target = [], "/v1/keys?limit=1"
        while target:
            answer, told = self.call("GET", target)
            pages += told["keys"]
            target = answer.header("link") and answer.header("link")[1:answer.header("link").index(">")]
        self.assertEqual(pages, self.call("GET", "/v1/keys?limit=1000")[1]["keys"])
        for _ in range(2):
            answer, _ = self.call("DELETE", f"/v1/keys/{made['id']}?reason=done")
            self.assertEqual((answer.status, answer.body), (204, b""))
        self.refused(self.call("GET", "/v1/audit", key=made["credential"]), 401, "unauthenticated")
        mine = [one for one in self.entries() if one["subject"] == made["id"]]
        self.assertEqual([(one["action"], one["name"], one["event"], one["reason"]) for one in mine],
                         [("key.make", "Anna", None, "the auditor's visit, \u00fc"), ("key.revoke", "Anna", None, "done")])
        self.assertEqual(mine[0]["differences"], [{"member": "/name", "from": None, "to": made["name"]},
                                                  {"member": "/role", "from": None, "to": "viewer"}])

    def test_wrong(self):
        """All mistakes of a body are reported at once with their places; nobody else manages keys; a reason has bounds."""
        told = self.refused(self.call("POST", "/v1/keys", {
            "name": "a\nb", "role": "boss", "events": ["no code!", "east"], "expires_at": "tomorrow", "more": 1}),
            422, "validation-failed")
        self.assertEqual(sorted(one["pointer"] for one in told["errors"]),
                         ["/events/0", "/expires_at", "/more", "/name", "/role"])
        told = self.refused(self.call("POST", "/v1/keys", {"events": ["east", "east"]}), 422, "validation-failed")
        self.assertEqual(sorted(one["pointer"] for one in told["errors"]), ["/events", "/name", "/role"])
        for members in ({"expires_at": "2020-01-01T00:00:00Z"}, {"events": []}):
            self.refused(self.call("POST", "/v1/keys", {"name": "x", "role": "shop"} | members), 422, "validation-failed")
        for reason in ("", "%0a", "x" * 501):
            self.refused(self.call("POST", f"/v1/keys?reason={reason}", {"name": "x", "role": "shop"}), 422,
                         "validation-failed")
        self.refused(self.call("GET", "/v1/keys?reason=x"), 400, "malformed-request")
        self.refused(self.call("GET", "/v1/keys/nobody00?reason=x"), 405, "method-not-allowed")
        self.refused(self.call("DELETE", "/v1/keys/nobody00"), 404, "unknown-key")
        others = [self.make("viewer"), self.make("shop"), self.make(events=["east"])]
        for key in (one["credential"] for one in others):
            for method, path, body in (("GET", "/v1/keys", None), ("POST", "/v1/keys", {}), ("DELETE", "/v1/keys/x", None)):
                self.refused(self.call(method, path, body, key=key), 403, "forbidden")
        for query in ("limit=0", "cursor=c1", "event=no%20code", "key=x", "since=yesterday"):
            self.refused(self.call("GET", f"/v1/audit?{query}"), 422, "validation-failed")

    def test_bound(self):
        """A key that is bound to an event does everything there, and nothing with any other event or with all."""
        bound = self.make(events=["east", "later"])["credential"]
        shop = self.make("shop", events=["east"])["credential"]
        mine, other = self.hold("east"), self.hold("west")
        tag = ["If-Match: *"]
        for method, path, body, headers in (
                ("GET", "/v1/events/east/purchases", None, ()), ("PATCH", "/v1/events/east", {"name": "East"}, tag),
                ("GET", f"/v1/holds/{mine['id']}", None, ()), ("PUT", "/v1/events/later", event(5, "later"), ()),
                ("POST", f"/v1/holds/{mine['id']}/purchase", {}, ()), ("DELETE", "/v1/events/later", None, tag),
                ("POST", f"/v1/purchases/P{mine['id'][1:]}/return", {}, ()), ("GET", "/v1/audit", None, ())):
            answer, told = self.call(method, path, body, key=bound, headers=headers)
            self.assertIn(answer.status, (200, 201, 204), (path, told))
        for method, path, body in (
                ("GET", "/v1/events/west/purchases", None), ("PATCH", "/v1/events/west", {"name": "x"}),
                ("PUT", "/v1/events/new", event(5, "new")), ("DELETE", "/v1/events/west", None),
                ("GET", f"/v1/holds/{other['id']}", None), ("DELETE", f"/v1/holds/{other['id']}", None),
                ("POST", f"/v1/holds/{other['id']}/extend", {}), ("POST", f"/v1/holds/{other['id']}/purchase", {}),
                ("POST", f"/v1/holds/{other['id']}/paid-back", {"payment_reference": "x"}),
                ("POST", f"/v1/purchases/P{other['id'][1:]}/return", {}), ("GET", "/v1/reconciliation", None),
                ("GET", "/v1/invariants", None), ("GET", "/v1/audit?event=west", None), ("GET", "/v1/holds/H999999", None)):
            self.refused(self.call(method, path, body, key=bound, headers=tag), 403, "forbidden")
        # The look of a buyer finds no hold of a cancelled event; the event's shop still reports what was paid for it.
        boxed = self.make("shop", events=["later", "boxed"])["credential"]
        self.assertEqual(self.call("PUT", "/v1/events/boxed", event(5, "boxed"))[0].status, 201)
        paid = self.hold("boxed")
        self.assertEqual(self.call("POST", "/v1/events/boxed/cancel", {})[0].status, 200)
        told = self.refused(
            self.call("POST", f"/v1/holds/{paid['id']}/purchase", {"payment_reference": "boxed-1"}, key=boxed), 410,
            "event-cancelled")
        self.assertIs(told["refund_required"], True)
        owed = self.call("GET", "/v1/reconciliation?limit=1000")[1]
        self.assertIn("boxed-1", json.dumps(owed))
        # Numbers that the event does not disclose stay hidden.
        types = self.call("GET", "/v1/events/west/availability", key=bound)[1]["types"]
        self.assertTrue(all("free" not in one for one in types), types)
        types = self.call("GET", "/v1/events/west/availability")[1]["types"]
        self.assertTrue(all("free" in one for one in types), types)
        # A shop asks more than once, so that its key is known to the event loops.
        second = self.hold("east")
        for _ in range(3):
            self.refused(self.call("POST", f"/v1/holds/{other['id']}/purchase", {}, key=shop), 403, "forbidden")
            self.assertEqual(self.call("POST", f"/v1/holds/{second['id']}/purchase", {}, key=shop)[0].status, 200)
            answer = self.server.ask("POST", f"/complete_purchase/{other['token']}", [f"Authorization: Bearer {shop}"])
            self.assertEqual(answer.status, 403, answer)
        seen = self.call("GET", "/v1/audit?limit=1000", key=bound)[1]["entries"]
        self.assertLessEqual({one["event"] for one in seen}, {"east", "later"})
        self.assertIn("event.delete", [one["action"] for one in seen])

    def complete(self, hall, key=None, body=None):
        """Hold a place and complete it with a key, or with its token; return the number of hold and purchase."""
        held = self.hold(hall)
        path = f"/v1/holds/{held['id']}/purchase"
        self.assertEqual(self.call("POST", path, body or {}, key=key or held["token"])[0].status, 200)
        return held["id"][1:]

    def test_shop(self):
        """A shop returns what it sold, wherever, which the audit has; what a token completed it does not."""
        shop = self.make("shop", "booth")
        for hall in ("stall", "east"):
            path = f"/v1/purchases/P{self.complete(hall, shop['credential'])}/return"
            answer, told = self.call("POST", path, {}, key=shop["credential"])
            self.assertEqual((answer.status, told["state"]), (200, "returned"))
        for number in (self.complete("east"), 999999):
            self.refused(self.call("POST", f"/v1/purchases/P{number}/return", {}, key=shop["credential"]), 403, "forbidden")
        self.assertEqual([(one["action"], one["name"]) for one in self.entries(f"&key={shop['id']}")],
                         [("purchase.return", "booth")] * 2)

    def test_two_shops(self):
        """A shop neither touches nor sees what another one or an operator sold; a new key of its name takes over."""
        north, south = (self.make("shop", name)["credential"] for name in ("north", "south"))
        theirs, ours = self.complete("stall", north, {"payment_reference": "north-1"}), self.complete("stall", south)
        desk = self.complete("stall", self.key)
        listed = "/v1/events/stall/purchases"
        for number, key in ((theirs, south), (desk, south), (ours, north), ("999999", north)):
            purchase = f"/v1/purchases/P{number}"
            said = {self.refused(self.call(*asked, key=key, headers=["Idempotency-Key: two-shops"]), 403, "forbidden")["detail"]
                    for asked in (("GET", purchase), ("PATCH", purchase, {"note": "mine"}),
                                  ("POST", purchase + "/return", {}),
                                  ("POST", purchase + "/return", {"lines": [{"type": "GA", "quantity": 1}]}),
                                  ("PATCH", f"/v1/holds/H{number}", {"note": "mine"}))}
            self.assertEqual(len(said), 1)
            self.refused(self.call("GET", f"/v1/holds/H{number}", key=key), 404, "unknown-hold")
        live = self.hold("stall")["id"]
        for asked in (("PATCH", f"/v1/holds/{live}", {"note": "mine"}), ("POST", f"/v1/purchases/P{live[1:]}/return", {}),
                      ("POST", f"/v1/purchases/P{live[1:]}/return", {"lines": [{"type": "GA", "quantity": 1}]}),
                      ("PATCH", f"/v1/purchases/P{live[1:]}", {"note": "mine"}), ("GET", f"/v1/purchases/P{live[1:]}")):
            # It may be another shop's any moment.
            self.refused(self.call(*asked, key=north, headers=["Idempotency-Key: two-shops"]), 403, "forbidden")
        self.assertEqual(self.call("GET", f"/v1/holds/{live}", key=north)[1]["state"], "held")
        for asked in (("DELETE", f"/v1/holds/H{theirs}"), ("POST", f"/v1/holds/H{theirs}/extend", {})):
            self.refused(self.call(*asked, key=south), 409, "already-purchased")
        for _ in range(2):
            # The first time the router looks the key up, the second time the fast path knows it.
            self.refused(self.call("POST", f"/v1/holds/H{theirs}/purchase", {}, key=south), 409, "already-purchased")
        self.refused(self.call("POST", f"/v1/holds/H{theirs}/purchase", {"payment_reference": "south-1"}, key=south), 409,
                     "payment-conflict")
        for key, own, name in ((north, theirs, "north"), (south, ours, "south")):
            told = self.call("GET", listed, key=key)[1]["purchases"]
            self.assertEqual([(one["id"], one["sold_by"]) for one in told], [("P" + own, name)])
            self.assertEqual(self.call("GET", f"/v1/purchases/P{own}", key=key)[1]["sold_by"], name)
            self.assertEqual(self.call("GET", f"/v1/holds/H{own}", key=key)[1]["state"], "purchased")
            for form in ("text/csv", "application/x-ndjson"):
                text = self.call("GET", listed, key=key, headers=[f"Accept: {form}"])[0].body.decode()
                self.assertEqual([number for number in (theirs, ours, desk) if f"P{number}" in text], [own])
        seen = {one["id"]: one["sold_by"] for one in self.call("GET", listed + "?limit=1000")[1]["purchases"]}
        self.assertEqual([seen["P" + number] for number in (theirs, ours, desk)], ["north", "south", self.name()])
        for target in ("/v1/search", "/v1/events/stall/holds", "/v1/events/stall/counts", "/v1/events/stall/report"):
            self.refused(self.call("GET", target, key=north), 403, "forbidden")
        self.server.stop()
        self.server.start()
        successor = self.make("shop", "north")["credential"]
        self.assertEqual(self.call("PATCH", f"/v1/purchases/P{theirs}", {"note": "moved"}, key=successor)[1]["note"], "moved")
        self.assertEqual(self.call("POST", f"/v1/purchases/P{theirs}/return", {}, key=successor)[0].status, 200)
        self.refused(self.call("POST", f"/v1/purchases/P{theirs}/return", {}, key=south), 403, "forbidden")

    def name(self):
        """The name of the operator's key."""
        return next(one["name"] for one in self.call("GET", "/v1/keys?limit=1000")[1]["keys"]
                    if one["id"] == self.key.split("_")[1])

    def test_end(self):
        """A key with an end works until then; a shop's key too, though it was looked up a moment ago."""
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=6)
        keys = [self.make(role, expires_at=end.isoformat())["credential"] for role in ("operator", "shop")]
        paths = ("/v1/audit", f"/v1/holds/{self.hold('east')['id']}")
        self.assertEqual([self.call("GET", path, key=key)[0].status for path, key in zip(paths, keys)], [200, 200])
        statuses = {200}

        def is_over():
            found = [self.call("GET", path, key=key)[0].status for path, key in zip(paths, keys)]
            statuses.update(found)
            return found == [401, 401]
        self.assertTrue(eventually(is_over))
        self.assertGreaterEqual(datetime.datetime.now(datetime.timezone.utc), end)
        self.assertEqual(statuses, {200, 401})
        states = {one["state"] for one in self.call("GET", "/v1/keys?limit=1000")[1]["keys"]
                  if one["expires_at"] and one["id"] in [key.split("_")[1] for key in keys]}
        self.assertEqual(states, {"expired"})

    def test_commands(self):
        """The command makes a key with events and an end, and the audit has it as the machine's doing."""
        run = command("key", "create", "--role", "operator", "--name", "Cleo", "--for-event", "east", "--for-event", "west",
                      "--expires", "2999-12-31", "--reason", "on tour", *self.server.place)
        self.assertEqual(run.returncode, 0, run.stderr)
        key = next(word for word in run.stdout.split() if word.startswith("hfk_"))
        self.assertEqual(self.call("GET", "/v1/events/west/purchases", key=key)[0].status, 200)
        listed = command("key", "list", *self.server.place).stdout
        self.assertIn("Cleo, for east, west, until 3000-01-01T00:00:00.000Z", listed)
        name = key.split("_")[1]
        self.assertEqual(command("key", "revoke", name, "--reason", "home", *self.server.place).returncode, 0)
        mine = [(one["action"], one["reason"]) for one in self.entries("&key=-") if one["subject"] == name]
        self.assertEqual(mine, [("key.make", "on tour"), ("key.revoke", "home")])
        for wrong in (["--expires", "2020-01-01"], ["--for-event", "x", "--for-event", "x"], ["--reason", "a\nb"]):
            run = command("key", "create", "--role", "shop", "--name", "x", *wrong, *self.server.place)
            self.assertEqual(run.returncode, 64, run.stdout)

    def test_audit(self):
        """The audit is filtered and exported with reasons and differences, as a call and as a command."""
        self.call("PATCH", "/v1/events/west?reason=%3Drain%2C%20again", {"name": "Wet"}, headers=["If-Match: *"])
        entry = self.entries("&event=west")[-1]
        self.assertEqual((entry["reason"], entry["differences"][-1]["to"]), ("=rain, again", "Wet"))
        self.assertEqual({one["event"] for one in self.entries("&event=west")}, {"west"})
        since = self.entries(f"&event=west&since={urllib.parse.quote(entry['at'])}")
        self.assertEqual(since, [one for one in self.entries("&event=west") if one["at"] >= entry["at"]])
        everything = self.entries()
        lines = self.server.ask("GET", "/v1/audit", [f"Authorization: Bearer {self.key}", "Accept: application/x-ndjson"])
        self.assertEqual([json.loads(line) for line in lines.body.decode().splitlines()], everything)
        answer = self.server.ask("GET", "/v1/audit?event=west", [f"Authorization: Bearer {self.key}", "Accept: text/csv"])
        rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
        last = {"reason": "'=rain, again", "member": "/name", "to": "Wet", "event": "west", "differences_left_out": "0"}
        self.assertEqual({name: rows[-1][name] for name in last}, last)
        environment = {"HOLDFAST_URL": f"http://127.0.0.1:{self.server.port}", "HOLDFAST_KEY": self.key}
        run = command("event", "pause", "west", "--reason", "a storm & \u00fc", env=environment)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.entries("&event=west")[-1]["reason"], "a storm & \u00fc")
        self.assertEqual(command("event", "resume", "west", env=environment).returncode, 0)
        everything = self.entries()
        table = command("audit", "--event", "west", env=environment)
        self.assertEqual(table.returncode, 0, table.stderr)
        self.assertIn('→ "Wet"', table.stdout)
        self.assertIn("reason: =rain, again", table.stdout)
        exported = command("audit", "--format", "ndjson", env=environment)
        self.assertEqual([json.loads(line) for line in exported.stdout.splitlines()], everything)
        self.assertEqual(command("audit", "--event", "west", "--since", "2999-01-01", env=environment).stdout,
                         "Nothing was changed.\n")

    def test_the_last(self):
        """The last key that manages keys revokes itself by no call; the command does, and makes another one."""
        for one in self.call("GET", "/v1/keys?limit=1000")[1]["keys"]:
            if one["state"] == "valid" and one["id"] != self.key.split("_")[1]:
                self.assertEqual(self.call("DELETE", f"/v1/keys/{one['id']}")[0].status, 204)
        self.make("viewer"), self.make(events=["east"])
        mine = self.key.split("_")[1]
        self.refused(self.call("DELETE", f"/v1/keys/{mine}"), 409, "last-operator-key")
        second = self.make()
        self.assertEqual(self.call("DELETE", f"/v1/keys/{mine}", key=second["credential"])[0].status, 204)
        self.refused(self.call("DELETE", f"/v1/keys/{second['id']}", key=second["credential"]), 409, "last-operator-key")
        self.assertEqual(command("key", "revoke", second["id"], *self.server.place).returncode, 0)
        type(self).key = make_key(self.server)
        self.assertEqual(self.call("GET", "/v1/keys")[0].status, 200)
