"""Queues over HTTP: joining, the draw, turns, passes, and what is refused (Q1 Phases to Q10 One decision)."""

import datetime
import json
import pathlib
import re
import subprocess
import sys
import unittest

from support import ROOT, forging
from support.wire import request
from support.service import RoleCase, Server, command, embedded_only, event, eventually


def moment(seconds):
    """Return the moment so many seconds from now."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Queues(RoleCase):
    """Events whose buyers queue."""

    names = iter(range(1, 1_000_000))

    def make(self, places=100, opens_in=None, joins_in=-60, **queue):
        """Define an event whose sale opens in so many seconds, or is open; return its name."""
        name = f"hall-{next(self.names)}"
        definition = event({"floor": places}, name, queue=queue)
        if opens_in is not None:
            definition["sale"] = {"opens_at": moment(opens_in)}
            queue["opens_at"] = moment(joins_in)
        answer, told = self.call("PUT", f"/v1/events/{name}", definition, "operator")
        self.assertEqual(answer.status, 201, told)
        return name

    def open_sale(self, name):
        """Let the sale open now: when everybody has joined, however long that took."""
        answer, told = self.call("PATCH", f"/v1/events/{name}", {"sale": {"opens_at": moment(0)}}, "operator", ["If-Match: *"])
        self.assertEqual(answer.status, 200, told)

    def queue(self, name):
        """Return the public document."""
        return self.call("GET", f"/v1/events/{name}/queue")[1]

    def until(self, name, phase):
        """Wait for the phase; return the document."""
        self.assertTrue(eventually(lambda: self.queue(name)["phase"] == phase), self.queue(name))
        return self.queue(name)

    def join(self, name, *headers, body=None, key=None):
        """Join when the queue is open; return the entry."""
        self.assertTrue(eventually(lambda: self.queue(name)["phase"] != "closed"))
        answer, told = self.call("POST", f"/v1/events/{name}/queue", body, key, headers)
        self.assertEqual(answer.status, 201, told)
        self.assertEqual(answer.header("location"), f"/v1/queue-entries/{told['id']}")
        return told

    def look(self, entry, method="GET"):
        """Look at an entry, or leave with it."""
        answer, told = self.call(method, f"/v1/queue-entries/{entry['id']}", key=entry["token"])
        self.assertEqual(answer.status, 200, told)
        return told

    def hold(self, name, text=None, quantity=1, **more):
        """Hold places with a pass, or without one."""
        headers = [f"Idempotency-Key: a-hold-in-a-queue-{next(self.names):06}"]
        if text is not None:
            headers.append(f"Queue-Pass: {text}")
        return self.call("POST", f"/v1/events/{name}/holds",
                         {"lines": [{"type": "GA", "quantity": quantity}]} | more, headers=headers)

    def called(self, entry):
        """Wait for the turn of an entry; return it with its pass."""
        self.assertTrue(eventually(lambda: self.look(entry)["state"] == "called"), self.look(entry))
        return self.look(entry)

    def test_sale(self):
        """People join, are drawn, hold with their passes and buy; the draw and the receipts can be checked by anybody."""
        name = self.make(opens_in=3_600)
        entries = [self.join(name) for _ in range(3)]
        self.assertEqual([entry["number"] for entry in entries], [0, 1, 2])
        for entry in entries:
            seen = self.look(entry)
            self.assertEqual((seen["state"], seen["position"], seen["pass"]), ("waiting", None, None))
            self.assertNotIn("token", seen)
        document = self.queue(name)
        self.assertEqual((document["phase"], document["draw"]["secret"]), ("gathering", None))
        commitment = document["draw"]["commitment"]
        self.assert_problem(self.hold(name)[0], 403, "queue-pass-required")
        self.open_sale(name)
        document = self.until(name, "moving")
        self.assertEqual((document["draw"]["count"], document["draw"]["commitment"]), (3, commitment))
        first, second, third = [self.called(entry) for entry in entries]
        self.assertEqual(sorted(entry["position"] for entry in (first, second, third)), [0, 1, 2])
        self.assert_problem(self.hold(name, first["pass"][:-1] + ("A" if first["pass"][-1] != "A" else "B"))[0],
                            403, "queue-pass-required")
        answer, hold = self.hold(name, first["pass"], 2)
        self.assertEqual(answer.status, 201, hold)
        self.assert_problem(self.hold(name, first["pass"])[0], 409, "pass-used")
        self.assertEqual(self.look(entries[0])["state"], "inside")
        bearer = [f"Authorization: Bearer {hold['token']}"]
        self.assertEqual(self.call("POST", f"/v1/holds/{hold['id']}/purchase", {}, headers=bearer)[0].status, 200)
        self.assertEqual(self.look(entries[0])["state"], "done")
        self.assertEqual(self.look(entries[1], "DELETE")["state"], "closed")
        self.assert_problem(self.hold(name, second["pass"])[0], 410, "turn-over")
        self.server.restart()
        again = self.called(entries[2])
        self.assertEqual(again["pass"], third["pass"])
        self.assertEqual(self.hold(name, again["pass"])[0].status, 201)
        self.assertGreaterEqual(self.queue(name)["head"], document["head"])
        self.check_draw(name, entries, [first, second, third])

    def check_draw(self, name, entries, drawn):
        """Draw again with the command and with the lines of the documentation."""
        room = pathlib.Path(self.server.room)
        document = room / "draw.json"
        document.write_bytes(self.server.get(f"/v1/events/{name}/queue").body)
        told = command("queue", "check-draw", document, "--receipt", entries[1]["receipt"])
        self.assertEqual((told.returncode, told.stderr), (0, ""), told)
        self.assertIn(f"number 1 has position {drawn[1]['position']}", told.stdout)
        script = re.search(r"```python\n(.*?)```", (ROOT / "docs/queue.md").read_text(), re.S)[1]
        lines = [line for line in script.splitlines() if line]
        self.assertLessEqual(len([line for line in lines if not line.startswith("import")]), 10)
        (room / "check.py").write_text(script)
        # The last of these numbers joins after the draw.
        told = subprocess.run([sys.executable, room / "check.py", document, "0", "1", "2", "5000"], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(told.stdout.split(), [*(str(entry["position"]) for entry in drawn), "5000"], told)
        changed = json.loads(document.read_text())
        changed["draw"]["count"] += 1
        document.write_text(json.dumps(changed))
        told = command("queue", "check-draw", document)
        self.assertEqual((told.returncode, told.stdout), (1, ""), told)
        self.assertIn("the seed does not follow", told.stderr)
        forged = entries[1]["receipt"].replace(" 1 ", " 2 ", 1)
        document.write_bytes(self.server.get(f"/v1/events/{name}/queue").body)
        told = command("queue", "check-draw", document, "--receipt", forged)
        self.assertEqual(told.returncode, 1, told)
        self.assertIn("was not signed", told.stderr)

    @embedded_only
    def test_early(self):
        """A pass whose turn never began is refused, even if it has the signature of the service."""
        name = self.make()
        self.join(name)
        answer, told = self.hold(name, forging.turn(self.server, name, 900, 900))
        self.assert_problem(answer, 409, "not-your-turn")
        self.assertEqual((told["position"], told["retryable"]), (900, True))

    def test_first_come(self):
        """Without an opening of the sale there is no draw, and who comes when nobody waits gets the pass at once."""
        name = self.make(places=3)
        entry = self.join(name)
        self.assertEqual((entry["state"], entry["position"]), ("called", 0))
        self.assertEqual(self.hold(name, entry["pass"], 3)[0].status, 201)
        self.assertEqual(self.join(name)["state"], "waiting")

    def test_paused_sale(self):
        """A pause of the sale stops the turns that run; the pass from before it is good after it."""
        name = self.make()
        joined = self.join(name)
        entry = self.called(joined)
        target, headers = f"/v1/events/{name}", ["If-Match: *"]
        self.assertEqual(self.call("PATCH", target, {"paused": True}, "operator", headers)[0].status, 200)
        stands = self.look(joined)
        self.assertEqual(stands["state"], "called")
        self.assertTrue(eventually(lambda: self.look(joined)["server_time"] > stands["server_time"]))
        later = self.look(joined)
        self.assertEqual(later["turn_ends_in_ms"], stands["turn_ends_in_ms"])
        self.assertGreater(later["turn_ends_at"], stands["turn_ends_at"])
        self.assert_problem(self.hold(name, entry["pass"])[0], 409, "sale-paused")
        self.assertEqual(self.call("PATCH", target, {"paused": False}, "operator", headers)[0].status, 200)
        self.assertEqual(self.hold(name, entry["pass"])[0].status, 201)

    def test_shared(self):
        """Of two clients that hold with one pass at once, one has places; the other one can have them when these were given back."""
        name = self.make(places=50)
        entry = self.join(name)
        text = self.called(entry)["pass"]
        body = json.dumps({"lines": [{"type": "GA", "quantity": 1}]}).encode()
        for _ in range(5):
            with self.server.connect() as one, self.server.connect() as other:
                for connection in (one, other):
                    connection.send(request("POST", f"/v1/events/{name}/holds", [
                        "Content-Type: application/json", f"Idempotency-Key: a-hold-in-a-queue-{next(self.names):06}",
                        f"Queue-Pass: {text}"], body))
                answers = sorted((one.answer(), other.answer()), key=lambda answer: answer.status)
            self.assertEqual(answers[0].status, 201, answers)
            self.assert_problem(answers[1], 409, "pass-used")
            hold = answers[0].json()
            self.assertEqual(self.call("DELETE", f"/v1/holds/{hold['id']}", key=hold["token"])[0].status, 200)

    def test_receipt(self):
        """Who lost the receipt gets it again with the token, and nobody else does."""
        name = self.make()
        mine, other = self.join(name), self.join(name)
        path = f"/v1/queue-entries/{mine['id']}/receipt"
        answer, told = self.call("GET", path, key=mine["token"])
        self.assertEqual((answer.status, told), (200, {"receipt": mine["receipt"]}))
        self.assert_problem(self.call("GET", path, key=other["token"])[0], 404, "unknown-queue-entry")
        self.assert_problem(self.call("GET", path)[0], 401, "unauthenticated")

    def test_over(self):
        """Who listens learns at once that it is over; when a place comes back the queue goes on."""
        name = self.make(places=1)
        entry = self.join(name)
        with self.server.connect() as listener:
            listener.send(request("GET", f"/v1/events/{name}/availability/stream", ["Accept: text/event-stream"]))
            self.assertEqual(listener.head()[0], 200)
            answer, hold = self.hold(name, entry["pass"])
            self.assertEqual(answer.status, 201, hold)
            bearer = [f"Authorization: Bearer {hold['token']}"]
            answer, bought = self.call("POST", f"/v1/holds/{hold['id']}/purchase", {}, headers=bearer)
            self.assertEqual(answer.status, 200, bought)
            phase = None
            while phase != "over":
                block = listener.until(b"\n\n").decode()
                if block.startswith("event: queue\n"):
                    phase = json.loads(block.split("data: ", 1)[1])["phase"]
        self.assertEqual(self.join(name)["state"], "waiting")
        answer, told = self.call("POST", f"/v1/purchases/{bought['purchase']}/return", {}, "operator")
        self.assertEqual(answer.status, 200, told)
        self.until(name, "moving")

    def test_joins(self):
        """A key makes a retry safe, and a shop joins for its buyers, each of whom has one entry."""
        name = self.make()
        key = "Idempotency-Key: a-join-of-somebody-1"
        first, again = self.join(name, key), self.join(name, key)
        self.assertEqual((first["id"], first["token"], first["receipt"]),
                         (again["id"], again["token"], again["receipt"]))
        self.assert_problem(self.call("POST", f"/v1/events/{name}/queue", {"buyer": "ann"})[0], 422,
                            "validation-failed")
        name = self.make(identity="buyer")
        self.until(name, "moving")
        self.assert_problem(self.call("POST", f"/v1/events/{name}/queue", {"buyer": "ann"})[0], 401, "unauthenticated")
        self.assert_problem(self.call("POST", f"/v1/events/{name}/queue", {}, "shop")[0], 422, "validation-failed")
        ann, same, bob = [self.join(name, body={"buyer": buyer}, key="shop") for buyer in ("ann", "ann", "bob")]
        self.assertEqual((ann["id"], ann["token"]), (same["id"], same["token"]))
        self.assertNotEqual(ann["id"], bob["id"])
        text = self.called(ann)["pass"]
        self.assert_problem(self.hold(name, text, buyer="bob")[0], 403, "forbidden")
        self.assertEqual(self.hold(name, text, buyer="ann")[0].status, 201)

    def test_beacon(self):
        """The announced value is taken once, under its name, after the count was published."""
        name = self.make(opens_in=3_600, beacon={"name": "dice of the mayor", "wait_seconds": 60})
        entries = [self.join(name) for _ in range(4)]
        value = {"name": "dice of the mayor", "value": "3 1 4 1 A"}
        path = f"/v1/events/{name}/queue/beacon"
        self.assert_problem(self.call("PUT", path, value, "operator")[0], 409, "beacon-refused")
        self.open_sale(name)
        document = self.until(name, "drawing")
        self.assertEqual((document["draw"]["count"], document["draw"]["secret"]), (4, None))
        self.assertEqual(document["draw"]["beacon_name"], "dice of the mayor")
        self.assert_problem(self.call("PUT", path, value | {"name": "other dice"}, "operator")[0], 409, "beacon-refused")
        self.assert_problem(self.call("PUT", path, {"value": 5, "more": 1}, "operator")[0], 422, "validation-failed")
        for unfit in ("", " - ", "3141…", "dé"):
            self.assert_problem(
                self.call("PUT", path, value | {"value": unfit}, "operator")[0], 422, "validation-failed")
        self.assert_problem(self.call("PUT", path, value, "viewer")[0], 403, "forbidden")
        answer, told = self.call("PUT", path, value, "operator")
        self.assertEqual(answer.status, 200, told)
        self.assertEqual((told["draw"]["beacon"], told["draw"]["witnessed"]), ("3141a", True))
        for spelling in ("3 1 4 1 A", "3141a", " 3-1-4-1-a\n"):
            again = self.call("PUT", path, value | {"value": spelling}, "operator")[0]
            self.assertEqual(again.header("idempotency-replayed"), "true", spelling)
        key = {"HOLDFAST_KEY": self.keys["operator"], "HOLDFAST_URL": f"http://127.0.0.1:{self.server.port}"}
        done = command("queue", "beacon", name, value["name"], "3.1.4.1.A", env=key)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assert_problem(self.call("PUT", path, value | {"value": "6"}, "operator")[0], 409, "beacon-refused")
        self.assertEqual(sorted(self.called(entry)["position"] for entry in entries), [0, 1, 2, 3])
        audit = self.call("GET", f"/v1/audit?event={name}&order=newest", key="operator")[1]["entries"]
        self.assertIn("queue.beacon", [entry["action"] for entry in audit])

    def test_operators(self):
        """Operators pause, change the rate and let people in, by calls and commands; the audit has each change."""
        name = self.make(places=3)
        key = {"HOLDFAST_KEY": self.keys["operator"], "HOLDFAST_URL": f"http://127.0.0.1:{self.server.port}"}
        first = self.join(name)
        self.assertEqual(self.hold(name, first["pass"], 3)[0].status, 201)
        second = self.join(name)
        told = command("queue", "pause", name, "--reason", "cleaning", env=key)
        self.assertEqual((told.returncode, told.stderr), (0, ""), told)
        self.assertEqual(self.until(name, "paused")["joined"], 2)
        self.assertEqual(command("queue", "let-in", name, "1", env=key).returncode, 0)
        told = command("queue", "show", name, env=key)
        self.assertIn("paused", told.stdout)
        self.assertEqual(command("queue", "rate", name, "7", env=key).returncode, 0)
        self.assertEqual(command("queue", "resume", name, env=key).returncode, 0)
        self.assertEqual(self.called(second)["state"], "called")
        seen = self.call("GET", f"/v1/events/{name}/queue", key="viewer")[1]
        self.assertEqual((seen["most_per_second"], seen["paused"], seen["admission"]["free"]), (7, False, 0))
        self.assertNotIn("admission", self.queue(name))
        path = f"/v1/events/{name}/queue"
        answer, told = self.call("PATCH", path, {"paused": 1, "most_per_second": 0, "let_in": -1, "x": 1}, "operator")
        self.assert_problem(answer, 422, "validation-failed")
        self.assertEqual({mistake["pointer"] for mistake in told["errors"]},
                         {"/paused", "/most_per_second", "/let_in", "/x"})
        self.assert_problem(self.call("PATCH", path, {"paused": True}, "viewer")[0], 403, "forbidden")
        self.assert_problem(self.call("PATCH", path, {"paused": True})[0], 401, "unauthenticated")
        audit = self.call("GET", f"/v1/audit?event={name}&order=newest", key="operator")[1]["entries"]
        changes = [entry for entry in audit if entry["action"] == "queue.adjust"]
        self.assertEqual(len(changes), 4, audit)
        self.assertIn("cleaning", [entry.get("reason") for entry in changes])

    def test_refused(self):
        """Whatever is wrong with an entry gets one answer, and a queue that is not open says when it will be."""
        name = self.make(opens_in=7_200, joins_in=3_600)
        self.assertEqual((self.queue(name)["phase"], self.queue(name)["draw"]["commitment"]), ("closed", None))
        answer, told = self.call("POST", f"/v1/events/{name}/queue")
        self.assert_problem(answer, 409, "queue-not-open")
        self.assertGreater(told["retry_after_ms"], 3_000_000)
        self.assert_problem(self.call("PATCH", f"/v1/events/{name}/queue", {"paused": True}, "operator")[0], 409,
                            "queue-not-open")
        open_now = self.make()
        mine, other = self.join(open_now), self.join(open_now)
        elsewhere = self.join(self.make())
        for path, token in ((mine["id"], other["token"]), ("E99.hall", mine["token"]), ("E0.none", mine["token"]),
                            ("x", mine["token"]), (mine["id"], elsewhere["token"]), (mine["id"], "x")):
            for method in ("GET", "DELETE"):
                self.assert_problem(self.call(method, f"/v1/queue-entries/{path}", key=token)[0], 404,
                                    "unknown-queue-entry")
        self.assert_problem(self.call("GET", f"/v1/queue-entries/{mine['id']}")[0], 401, "unauthenticated")
        self.assert_problem(self.hold(open_now, self.join(self.make())["pass"])[0], 403, "queue-pass-required")
        plain = event(5, f"hall-{next(self.names)}")
        self.call("PUT", f"/v1/events/{plain['id']}", plain, "operator")
        for method in ("GET", "POST"):
            self.assert_problem(self.call(method, f"/v1/events/{plain['id']}/queue")[0], 404, "not-found")
        self.assert_problem(self.call("GET", "/v1/events/nowhere/queue")[0], 404, "unknown-event")


class Classic(unittest.TestCase):
    """The classic calls of an event with a queue."""

    def test_sale(self):
        """Without a pass nothing is sold, and with one the classic call sells."""
        with Server(event(5, queue={})) as server:
            answer = server.ask("POST", "/buy_ticket/GA", [], b"")
            self.assertEqual((answer.status, answer.json()["code"]), (403, "queue-pass-required"))
            entry = server.ask("POST", "/v1/events/main/queue", [], b"").json()
            answer = server.ask("POST", "/buy_ticket/GA", [f"Queue-Pass: {entry['pass']}"], b"")
            self.assertEqual((answer.status, answer.json()["success"]), (200, True), answer)


if __name__ == "__main__":
    unittest.main()
