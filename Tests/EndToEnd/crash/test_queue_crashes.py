"""kill -9 while people join a queue, are drawn, are let in and buy: no number twice, no second draw, and nobody loses the turn."""

import hashlib
import itertools
import json
import os
import random
import threading
import time
import unittest

from support import crowd
from support.service import Server, embedded_only, event, eventually, make_key
from support.wire import request

# One death in each phase, and several while people are let in; `run --rounds` asks for more.
ROUNDS = int(os.environ.get("END_TO_END_ROUNDS", "8"))
PLACES = 60
FAR = "2999-01-01T00:00:00Z"


def positions(document):
    """Return where the numbers of a draw stand, as docs/queue.md has it."""
    seed = bytes.fromhex(document["draw"]["seed"])
    order = sorted(range(document["draw"]["count"]),
                   key=lambda number: hashlib.sha256(seed + number.to_bytes(8, "big")).digest())
    return {number: position for position, number in enumerate(order)}


class Evening:
    """The queue of one event, and the answers that its people got."""

    def __init__(self, case, server, name, operator):
        self.case, self.server, self.name, self.operator = case, server, name, operator
        self.keys = itertools.count()
        # By number: the entry as its join answered it, with its token.
        self.entries = {}
        # By number: the position of the pass, the request for a hold, the hold, what was bought.
        self.passes, self.asked, self.held, self.used = {}, {}, {}, {}
        # By name.
        self.holds, self.bought = {}, {}
        self.head, self.draw, self.commitment, self.order = 0, None, None, None

    # What operators do: each is done again until it is known to be done.

    def change(self, method, path, body, kind="application/json"):
        """Send an operator's change; return what the service answered."""
        headers = [f"Authorization: Bearer {self.operator}", f"Content-Type: {kind}", "If-Match: *"]
        answer = self.server.ask(method, f"/v1/events/{self.name}{path}", headers, json.dumps(body).encode())
        self.case.assertIn(answer.status, (200, 201), answer)
        return answer.json()

    def let_in(self, server):
        """Let everybody in, unless it is over, where that is refused."""
        if self.seen(server.get(self.path).json())["phase"] != "over":
            self.change("PATCH", "/queue", {"let_in": 3_000})

    def define(self):
        """Make the event; its queue opens at once, and its sale when somebody says so."""
        body = event(PLACES, self.name, sale={"opens_at": FAR}, queue={
            "opens_at": "2020-01-01T00:00:00Z", "turn_seconds": 3600, "beacon": {"name": "dice", "wait_seconds": 3600}})
        answer = self.server.ask("PUT", f"/v1/events/{self.name}", [
            f"Authorization: Bearer {self.operator}", "Content-Type: application/json"], json.dumps(body).encode())
        self.case.assertEqual(answer.status, 201, answer)

    def until(self, phase):
        """Wait for a phase."""
        if not eventually(lambda: self.seen(self.server.get(self.path).json())["phase"] == phase):
            said = self.server.ask("GET", self.path, [f"Authorization: Bearer {self.operator}"]).json()
            self.case.fail(f"not {phase}: {said}; held {self.held}, asked and not bought {set(self.asked) - set(self.used)}")

    @property
    def path(self):
        """The path of the queue."""
        return f"/v1/events/{self.name}/queue"

    # What everybody sees.

    def seen(self, document):
        """Check that a public document takes back nothing that one before it said."""
        case, draw = self.case, document["draw"]
        if document["phase"] == "closed":
            # A node that has just begun has not asked the store yet.
            return document
        case.assertEqual(self.commitment or draw["commitment"], draw["commitment"])
        self.commitment = draw["commitment"]
        case.assertGreaterEqual(document["head"], self.head)
        self.head = document["head"]
        if self.draw and draw["count"] is not None:
            case.assertEqual(self.draw["count"], draw["count"])
        if draw["seed"]:
            case.assertIn(self.draw, (None, draw))
            if self.draw is None:
                self.draw, self.order = draw, positions(document)
        elif self.draw:
            raise AssertionError("what was drawn is not drawn any more")
        return document

    def watch(self, is_over):
        """Read the public document again and again."""
        while not is_over():
            reply = yield crowd.get(self.path)
            if reply is not None and reply.status == 200:
                self.seen(json.loads(reply.body))
            yield 0.005

    # What people do.

    def join(self, is_over):
        """Join again and again, each time as somebody else."""
        while not is_over():
            reply = yield request("POST", self.path, body=b"")
            if reply is None or reply.status == 503:
                # Whether it has a number, nobody knows.
                pass
            elif reply.status == 201:
                entry = json.loads(reply.body)
                self.case.assertNotIn(entry["number"], self.entries, "a number was given twice")
                self.entries[entry["number"]] = entry
                if entry["pass"]:
                    self.note_called(entry, entry)
            else:
                # A node that has just begun has not heard of the queue.
                self.case.assertEqual((reply.status, reply["code"]), (409, "queue-not-open"), reply.body)
            yield 0.02

    def note_called(self, entry, seen):
        """Remember a pass; its position is the one that was drawn."""
        number = entry["number"]
        # Somebody may be called before the next look at the public document shows the draw. The end compares all of them.
        if self.order:
            self.case.assertEqual(seen["position"], self.order.get(number, number))
        self.case.assertEqual(self.passes.setdefault(number, seen["position"]), seen["position"])

    def buy(self, chance, is_over, share):
        """Look for a share of all entries; hold and buy for those that are called, or give the places back."""
        while not is_over():
            for number, entry in list(self.entries.items()):
                if is_over():
                    return
                if number % share[1] != share[0] or number in self.used:
                    continue
                if number in self.held:
                    yield from self.finish(number, chance)
                    continue
                reply = yield self.look(entry)
                if reply is None or reply.status != 200:
                    self.check_failure(reply)
                    continue
                seen = json.loads(reply.body)
                if seen["state"] in ("called", "inside"):
                    self.note_called(entry, seen)
                    yield from self.hold(number, seen["pass"], chance)
                    continue
                self.case.assertEqual(seen["state"], "waiting", seen)
                self.case.assertNotIn(number, self.passes, f"{seen} lost the turn")
            yield 0.01

    def look(self, entry):
        """Return the bytes of a look."""
        return request("GET", f"/v1/queue-entries/{entry['id']}", [f"Authorization: Bearer {entry['token']}"])

    def check_failure(self, reply):
        """Check that what was no answer is one of a service that begins or ends."""
        if reply is not None and reply.status != 503:
            # It has not heard of the queue yet.
            self.case.assertEqual((reply.status, reply["code"]), (404, "unknown-queue-entry"), reply.body)

    def hold(self, number, text, chance):
        """Hold with a pass. Without an answer the next attempt repeats the request."""
        key, quantity = self.asked.setdefault(number, (f"a-hold-of-{number}-{next(self.keys):08}", chance.choice((1, 1, 2))))
        reply = yield request("POST", f"/v1/events/{self.name}/holds", [
            "Content-Type: application/json", f"Idempotency-Key: {key}", f"Queue-Pass: {text}"],
            json.dumps({"lines": [{"type": "GA", "quantity": quantity, "min_quantity": 1}]}).encode())
        if reply is None or reply.status == 503:
            return
        if reply.status != 201:
            # Never because of a turn that is over, or of a pass that was used.
            self.case.assertIn(reply["code"], ("sold-out", "temporarily-held", "queue-pass-required"), reply.body)
            return
        told = json.loads(reply.body)
        self.case.assertEqual(self.holds.setdefault(told["id"], number), number, "one hold for two entries")
        self.held[number] = told

    def finish(self, number, chance):
        """Buy what is held, or now and then release it, and leave the pass for another hold."""
        told = self.held[number]
        bearer = [f"Authorization: Bearer {told['token']}"]
        if told.setdefault("fate", chance.random()) < 0.15:
            reply = yield request("DELETE", f"/v1/holds/{told['id']}", bearer)
            if reply is not None and reply.status != 503:
                self.case.assertEqual(reply.status, 200, reply.body)
                del self.held[number], self.asked[number]
            return
        reply = yield request("POST", f"/v1/holds/{told['id']}/purchase", bearer, b"")
        if reply is None or reply.status == 503:
            return
        self.case.assertEqual(reply.status, 200, reply.body)
        del self.held[number]
        self.used[number] = self.bought[reply["purchase"]] = sum(line["quantity"] for line in told["lines"])

    # The end.

    def check(self):
        """Compare the answers that people got with what the box office has."""
        case, server = self.case, self.server
        self.until("over")
        for number, entry in self.entries.items():
            answer = server.ask("GET", f"/v1/queue-entries/{entry['id']}", [f"Authorization: Bearer {entry['token']}"])
            case.assertEqual(answer.status, 200, f"entry {number} is gone: {answer}")
            seen = answer.json()
            case.assertEqual(seen["position"], self.order.get(number, number))
            if number in self.used:
                case.assertEqual(seen["state"], "done", seen)
            elif number in self.passes:
                case.assertIn(seen["state"], ("called", "inside", "done"), f"{seen} lost the turn")
        sold = {row["id"]: row for row in server.purchases(self.name)}
        case.assertEqual(set(self.bought), set(sold))
        case.assertEqual(sum(self.bought.values()), PLACES)
        places = server.get(f"/v1/events/{self.name}/availability").json()
        case.assertEqual(places["free"], 0, places)


class QueueCrashes(unittest.TestCase):
    """The process is killed."""

    @embedded_only
    def test_kill_in_every_phase(self):
        """kill -9 while people join, while they are drawn, at the beacon, while they are let in and buy, and when it is over: no
        number is given twice, there is no second draw, the head never goes back, and nobody who was called loses the turn."""
        seed = random.SystemRandom().randrange(1 << 32)
        print(f"(seed {seed}, {ROUNDS} rounds)", end=" ", flush=True)
        self.chance, self.left = random.Random(seed), ROUNDS
        with Server(event(1)) as server:
            operator = make_key(server)
            for number in itertools.count():
                if self.left <= 0:
                    break
                self.play(server, Evening(self, server, f"evening-{number}", operator))
            self.assertEqual(server.starts, ROUNDS + 1)
            self.assertEqual(server.stop(), 0)
            checked = server.verify()
            self.assertEqual(checked.returncode, 0, checked)

    def play(self, server, evening):
        """Play one evening, with a death in each phase."""
        evening.define()
        evening.until("gathering")
        self.die(server, evening)
        evening.until("gathering")
        self.assertGreater(len(evening.entries), 0)
        evening.change("PATCH", "", {"sale": {"opens_at": None}}, "application/merge-patch+json")
        evening.until("drawing")
        self.die(server, evening)
        evening.until("drawing")
        # The death comes around the moment at which the value does; whatever became of it, it comes again.
        self.die(server, evening, lambda: evening.change("PUT", "/queue/beacon", {"name": "dice", "value": "3 1 4"}))
        evening.change("PUT", "/queue/beacon", {"name": "dice", "value": "3 1 4"})
        for _ in range(4):
            self.die(server, evening)
        # People whose joining was cut off have numbers and never look. For 90 seconds admission keeps places for them.
        evening.let_in(server)
        # The others buy what is left, and the service is not killed again.
        self.crowd(server, evening, lambda: evening.seen(server.get(evening.path).json())["phase"] != "over")
        self.die(server, evening)
        evening.check()

    def die(self, server, evening, also=None):
        """Kill the service at a random moment while people ask, and start it again, unless all rounds were played."""
        if self.left <= 0:
            if also:
                also()
            return
        self.left -= 1
        port, over, failures = [server.port], threading.Event(), []

        def death():
            try:
                time.sleep(self.chance.uniform(0.02, 0.4))
                port[0] = None
                server.kill9()
                server.start()
                port[0] = server.port
                time.sleep(self.chance.uniform(0.1, 0.3))
            except BaseException as error:
                failures.append(error)
            finally:
                over.set()

        def operator():
            try:
                also()
            except OSError:
                # The service died of it, or before.
                pass
            except AssertionError as error:
                if server.is_alive() and port[0]:
                    failures.append(error)

        threads = [threading.Thread(target=death)] + ([threading.Thread(target=operator)] if also else [])
        for thread in threads:
            thread.start()
        try:
            self.run_crowd(lambda: port[0], evening, over.is_set)
        finally:
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])

    def crowd(self, server, evening, goes_on):
        """Let people ask until something is so."""
        over = threading.Event()

        def wait():
            eventually(lambda: not goes_on(), timeout=60, every=0.1)
            over.set()

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            self.run_crowd(lambda: server.port, evening, over.is_set)
        finally:
            over.set()
            thread.join()

    def run_crowd(self, port, evening, is_over):
        """Let people join, look, hold and buy, while others watch."""
        buyers = 4
        scripts = [evening.join(is_over) for _ in range(3)] + [evening.watch(is_over)] + [
            evening.buy(random.Random(self.chance.random()), is_over, (n, buyers)) for n in range(buyers)]
        crowd.Crowd(port, patience=120).run(scripts)


if __name__ == "__main__":
    unittest.main()
