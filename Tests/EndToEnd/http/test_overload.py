"""Overload of the disk: which requests are refused first, which last, and how."""

import json
import shutil
import time
import unittest

from support.service import Server, event, eventually
from support.strace import Strace
from support.wire import request

JSON = "Content-Type: application/json"
BODY = json.dumps({"lines": [{"type": "GA", "quantity": 1}]}).encode()
# The most facts in the queue; reads of holds, holds, and extensions with releases are refused at these parts of it.
QUEUE = 16_384
MADE = 5_000
# A connection may have at most a thousand requests waiting.
CONNECTIONS = 5
# Seconds that the disk hangs if nobody lets it go on before.
STALL = 120


def hold(key):
    """Return the bytes of a request for a ticket."""
    return request("POST", "/v1/events/main/holds", [JSON, f"Idempotency-Key: overload-test-{key}"], BODY)


def about(method, told, tail=""):
    """Return the bytes of a request about a hold."""
    return request(method, f"/v1/holds/{told['id']}{tail}", [f"Authorization: Bearer {told['token']}"], b"")


@unittest.skipUnless(shutil.which("strace"), "strace is not here")
class Overload(unittest.TestCase):
    """A disk that stalls under load."""

    def test_order_of_refusal(self):
        """Reads of holds are refused first, then holds, then extensions and releases, completions last; availability never
        waits. A refusal comes at once, says when to try again, and nothing was done."""
        with Server(event(100_000, hold_seconds=600)) as server:
            with server.connect(timeout=60) as connection:
                connection.send(b"".join(hold(f"made-{number}") for number in range(MADE)))
                made = [connection.answer().json() for _ in range(MADE)]
            free = server.remaining()
            crowd = [[server.connect(timeout=60) for _ in range(CONNECTIONS)] for _ in range(3)]
            probe = server.connect(timeout=60)
            # The disk hangs until the end of this block.
            with Strace(server, "-e", "trace=fdatasync", "-e", f"inject=fdatasync:delay_enter={STALL}000000") as disk:
                began = time.monotonic()
                # The disk has the first batch; later requests gather.
                crowd[0][0].send(hold("first"))
                self.assertTrue(eventually(lambda: disk.count("fdatasync")))
                self.gather(server, crowd[0], [hold(f"a-{n}") for n in range(QUEUE // 4)], free - 1 - QUEUE // 4)
                self.refused(probe, about("GET", made[0]))
                self.gather(server, crowd[1], [hold(f"b-{n}") for n in range(QUEUE // 4)], free - 1 - QUEUE // 2)
                hints = {self.refused(probe, hold(f"c-{n}")) for n in range(20)}
                self.assertGreater(len(hints), 10, "all are told to come back at the same moment")
                releases = [about("DELETE", told) for told in made[:QUEUE // 4]]
                self.gather(server, crowd[2], releases, free - 1 - QUEUE // 4)
                self.refused(probe, about("DELETE", made[-1]))
                self.refused(probe, about("POST", made[-1], "/extend"))
                probe.send(about("POST", made[-2], "/purchase"))
                self.assertTrue(eventually(server.has_read_everything))
                self.assertLess(time.monotonic() - began, STALL, "the disk moved on before all was asked")
            self.assertEqual(probe.answer().json()["state"], "purchased")
            self.assertEqual(crowd[0][0].answer().status, 201)
            for connections, status in zip(crowd, (201, 201, 200)):
                told = {one.answer().status for number, one in enumerate(connections)
                        for _ in range(number, QUEUE // 4, CONNECTIONS)}
                self.assertEqual(told, {status})
            # Refused requests hold nothing, and succeed when they are repeated.
            probe.send(about("DELETE", made[-1]) + hold("c-0"))
            self.assertEqual([probe.answer().status for _ in range(2)], [200, 201])
            self.assertEqual(server.remaining(), free - 1 - QUEUE // 4)
            for connection in [*sum(crowd, []), probe]:
                connection.close()
            server.stop()
            self.assertEqual(server.verify().returncode, 0)

    def gather(self, server, connections, requests, free):
        """Send requests that will wait, and check with the availability that the service took them."""
        for number, connection in enumerate(connections):
            connection.send(b"".join(requests[number::CONNECTIONS]))
        seen = []

        def are_taken():
            seen[:] = [server.get("/v1/events/main/availability").json()["free"]]
            return seen == [free]
        self.assertTrue(eventually(are_taken), (seen, free))

    def refused(self, connection, asked):
        """Check that a request is refused while the disk hangs, and return when to try again."""
        connection.send(asked)
        answer = connection.answer()
        self.assertEqual(answer.status, 503, answer)
        told = answer.json()
        self.assertEqual((told["code"], told["retryable"]), ("temporary-reduced-capacity", True))
        self.assertTrue(500 <= told["retry_after_ms"] <= 3_000)
        self.assertEqual(int(answer.header("retry-after")), told["retry_after_ms"] // 1000 + 1)
        return told["retry_after_ms"]
