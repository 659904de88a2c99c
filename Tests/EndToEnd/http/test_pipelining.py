"""Answers in the order of their requests, of the fast path, of the router, and mixed."""

import itertools
import json
import random
import time

from support.service import ServiceCase, event, eventually
from support.wire import Connection, request

BUY = request("POST", "/buy_ticket/GA", body=b"")
NO_TYPE = request("POST", "/buy_ticket/NO", body=b"")
LEFT = request("GET", "/remaining_tickets")
LIVE = request("GET", "/health/live")
NOTHING = request("GET", "/nothing")
WRONG = request("DELETE", "/remaining_tickets")
POSTED = request("POST", "/nothing", body=b"x" * 100)
CHUNKED = request("POST", "/nothing", ["Transfer-Encoding: chunked"]) + b"3\r\nabc\r\n0\r\n\r\n"
HEAD = request("HEAD", "/remaining_tickets")
KINDS = {
    "buy": (BUY, 200, "token"), "no_type": (NO_TYPE, 404, "unknown-ticket-type"),
    "left": (LEFT, 200, "num_tickets"), "live": (LIVE, 200, '"live"'),
    "nothing": (NOTHING, 404, "not-found"), "wrong": (WRONG, 405, "not-allowed"),
    "posted": (POSTED, 404, "not-found"), "chunked": (CHUNKED, 404, "not-found"),
}


class Pipelining(ServiceCase):
    """Many requests on one connection without waiting."""

    events = (event(1_000_000),)

    def check(self, names, connection=None, pieces=1):
        """Send requests of these kinds at once and check that the answers come in their order."""
        with connection or self.server.connect() as connection:
            data = b"".join(KINDS[name][0] for name in names)
            step = max(1, len(data) // pieces)
            for start in range(0, len(data), step):
                connection.send(data[start:start + step])
            tokens = []
            for place, name in enumerate(names):
                answer = connection.answer()
                _, status, mark = KINDS[name]
                self.assertEqual(answer.status, status, (place, name, answer))
                self.assertIn(mark, answer.body.decode(), (place, name))
                if name == "buy":
                    tokens.append(answer.json()["token"])
            connection.send(LEFT + request("GET", "/remaining_tickets", ["Connection: close"]))
            self.assertEqual([connection.answer().status for _ in range(2)], [200, 200])
            connection.expect_closed()
            self.assertEqual(len(set(tokens)), len(tokens))
            return tokens

    def test_fast_path_answers_in_order(self):
        """200 requests for the fast path, some answered at once and some after the disk, are answered in order."""
        self.check(["buy", "left", "buy", "buy", "no_type", "wrong"] * 33 + ["buy", "left"])

    def test_routed_answers_in_order(self):
        """200 requests for the router are answered in order."""
        self.check(["live", "nothing", "posted", "chunked"] * 50)

    def test_mixed_in_every_order(self):
        """Four kinds of request, for the fast path and the router, are answered in order, whichever it is."""
        for names in itertools.permutations(["buy", "live", "left", "chunked"]):
            with self.subTest(names=names):
                self.check(names)

    def test_mixed_two_hundred_deep(self):
        """200 requests mixed at random, in one piece and in 97, are answered in order."""
        chance = random.Random(20)
        for pieces in (1, 97):
            self.check([chance.choice(list(KINDS)) for _ in range(200)], pieces=pieces)

    def test_tokens_of_a_pipeline_complete_in_a_pipeline(self):
        """Holds asked for in one pipeline are completed in another, each to its own purchase, repeats to
        the same."""
        tokens = self.check(["buy", "live"] * 50)
        with self.server.connect() as connection:
            paths = [f"/complete_purchase/{token}" for token in tokens * 2]
            connection.send(b"".join(request("POST", path, body=b"") for path in paths))
            purchases = [connection.answer().json()["purchase"] for _ in tokens * 2]
        self.assertEqual(purchases[:50], purchases[50:])
        self.assertEqual(len(set(purchases)), 50)

    def test_head_in_a_pipeline_has_no_body(self):
        """HEAD between other requests does not shift the answers."""
        with self.server.connect() as connection:
            connection.send(BUY + HEAD + LIVE + HEAD + BUY + request("HEAD", "/health/live") + LEFT)
            for is_head, mark in ((0, "token"), (1, ""), (0, "live"), (1, ""), (0, "token"), (1, ""),
                                  (0, "num")):
                answer = connection.answer(is_head=bool(is_head))
                self.assertEqual(answer.status, 200)
                self.assertIn(mark, answer.body.decode())

    def test_half_closed_client_gets_its_answers(self):
        """A client that sends, closes its side and only then listens gets every answer, and then the end."""
        for names in (["buy"], ["live"], ["left"], ["buy", "live", "buy"], ["live", "buy"], ["posted"],
                      ["buy"] * 100, ["live"] * 100, ["buy", "live", "left", "chunked"] * 25):
            with self.subTest(names=names[:4]), self.server.connect() as connection:
                connection.send(b"".join(KINDS[name][0] for name in names))
                connection.half_close()
                for name in names:
                    self.assertEqual(connection.answer().status, KINDS[name][1], name)
                connection.expect_closed()

    def test_half_closed_in_the_middle_of_a_request(self):
        """A request that is cut off by the client's end is not carried out, and the connection ends."""
        before = self.server.remaining()
        for cut in (5, len(BUY) - 1):
            with self.subTest(cut=cut), self.server.connect() as connection:
                connection.send(LEFT + BUY[:cut])
                connection.half_close()
                self.assertEqual(connection.answer().status, 200)
                for answer in connection.answers_until_closed():
                    self.assertEqual(answer.status, 400)
        with self.server.connect() as connection:
            connection.send(request("POST", "/buy_ticket/GA", ["Content-Length: 5"]) + b"abc")
            connection.half_close()
            for answer in connection.answers_until_closed():
                self.assertEqual(answer.status, 400)
        self.assertEqual(self.server.remaining(), before)

    def test_requests_split_at_every_byte(self):
        """A pipeline cut in two at every byte, and one sent byte by byte, is answered as if it came whole."""
        names = ["buy", "live", "left"]
        data = b"".join(KINDS[name][0] for name in names)
        with self.server.connect() as connection:
            for cut in range(1, len(data)):
                connection.send(data[:cut])
                time.sleep(0.001)
                connection.send(data[cut:])
                self.assertEqual([connection.answer().status for _ in names], [200, 200, 200], cut)
            for byte in data:
                connection.send(bytes([byte]))
            self.assertEqual([connection.answer().status for _ in names], [200, 200, 200])

    def test_close_is_said_and_done(self):
        """After Connection: close the answer says so, the connection ends, and what came behind is not
        carried out."""
        # What an earlier test sent and did not wait for is still being carried out.
        eventually(lambda: self.server.remaining() == (time.sleep(0.1) or self.server.remaining()))
        before = self.server.remaining()
        for target in ("/remaining_tickets", "/health/live", "/nothing"):
            with self.subTest(target=target), self.server.connect() as connection:
                connection.send(request("GET", target, ["Connection: close"]) + BUY * 3)
                self.assertTrue(connection.answer().closes)
                connection.expect_closed()
        self.assertEqual(self.server.remaining(), before)

    def test_answer_before_close_survives_what_the_client_still_sends(self):
        """The last answer reaches a client that sends on and on behind Connection: close."""
        for target in ("/remaining_tickets", "/health/live"):
            for _ in range(5):
                with self.subTest(target=target), self.server.connect() as connection:
                    connection.send(request("GET", target, ["Connection: close"]) + BUY)
                    try:
                        for _ in range(20):
                            connection.send(BUY * 100)
                    except OSError:
                        pass
                    time.sleep(0.05)
                    self.assertEqual(connection.answer().status, 200)

    def test_old_clients(self):
        """HTTP/1.0 is closed after its answer, unless it asked to keep the connection, and then it is
        told."""
        for target in ("/remaining_tickets", "/health/live", "/nothing"):
            with self.subTest(target=target):
                with self.server.connect() as connection:
                    connection.send(request("GET", target, version="1.0", host=False))
                    connection.answer()
                    connection.expect_closed()
                with self.server.connect() as connection:
                    kept = request("GET", target, ["Connection: keep-alive"], version="1.0")
                    for _ in range(3):
                        connection.send(kept)
                        answer = connection.answer()
                        self.assertEqual((answer.header("connection") or "").lower(), "keep-alive")
        with self.server.connect() as connection:
            connection.send(request("POST", "/buy_ticket/GA", body=b"", version="1.0"))
            self.assertEqual(connection.answer().status, 200)
            connection.expect_closed()

    def test_flood_that_nobody_reads_is_bounded(self):
        """A client that sends requests without end and never reads is not served without end: memory
        stays."""
        for flood in (LEFT, BUY, LIVE, NOTHING):
            before = self.server.memory()
            connection = Connection(self.server.port, timeout=0.5, receive_buffer=4096)
            sent = 0
            try:
                until = time.monotonic() + 3
                while sent < 64_000_000 and time.monotonic() < until:
                    sent += connection.socket.send(flood * 1000)
            except OSError:
                pass
            finally:
                grown = self.server.memory() - before
                connection.reset()
            with self.subTest(flood=flood[:20], sent=sent):
                self.assertLess(sent, 64_000_000, "it reads on though nobody takes the answers")
                self.assertLess(grown, 48 << 20)
        self.assertEqual(self.server.get("/health/live").status, 200)

    def test_clients_that_reset_leave_nothing_behind(self):
        """Hundreds of clients that vanish with requests under way neither end the service nor slow it."""
        for number in range(300):
            connection = self.server.connect()
            connection.send([BUY * 5, BUY + LIVE, LIVE * 3, CHUNKED[:-9], BUY[:10]][number % 5])
            connection.reset()
        answer = self.server.get("/remaining_tickets")
        self.assertEqual(answer.status, 200)
        json.loads(answer.body)
