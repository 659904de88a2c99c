"""Pipelines on the running program; PipeliningTests and EndingTests have the tables."""

import json
import random
import time

from support.service import ServiceCase, event
from support.wire import Connection, request

BUY = request("POST", "/buy_ticket/GA", body=b"")
NO_TYPE = request("POST", "/buy_ticket/NO", body=b"")
LEFT = request("GET", "/remaining_tickets")
LIVE = request("GET", "/health/live")
NOTHING = request("GET", "/nothing")
WRONG = request("DELETE", "/remaining_tickets")
POSTED = request("POST", "/nothing", body=b"x" * 100)
CHUNKED = request("POST", "/nothing", ["Transfer-Encoding: chunked"]) + b"3\r\nabc\r\n0\r\n\r\n"
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

    def test_half_closed_client_that_reads_slowly_gets_everything(self):
        """Of an answer longer than the kernel's buffers, a client that closed its side loses nothing."""
        for headers in ([], ["Connection: close"]):
            with self.subTest(headers=headers), Connection(self.server.port, receive_buffer=4096) as connection:
                connection.send(request("GET", "/openapi.json") * 4 + request("GET", "/openapi.json", headers))
                connection.half_close()
                for _ in range(5):
                    self.assertIn(b"openapi", connection.answer().body)
                connection.expect_closed()

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
