"""Requests whose end two readers may see at different places: never two answers for one, never a hang."""

import time

from support.service import ServiceCase, event
from support.wire import request

INNER = b"POST /buy_ticket/GA HTTP/1.1\r\nHost: l\r\nContent-Length: 0\r\n\r\n"
LINE = b"POST /nothing HTTP/1.1\r\nHost: l\r\n"
LANE_LINE = b"POST /complete_purchase/x HTTP/1.1\r\nHost: l\r\n"

# Each of these must be refused as a whole: 400, and the connection is closed.
REFUSED = {
    "length and coding": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 66\r\n\r\n",
    "two equal lengths": b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "list of lengths": b"Content-Length: 0, 66\r\n\r\n",
    "length with a plus": b"Content-Length: +66\r\n\r\n",
    "length in hex": b"Content-Length: 0x42\r\n\r\n",
    "length with a space in it": b"Content-Length: 6 6\r\n\r\n",
    "empty length": b"Content-Length: \r\n\r\n",
    "negative length": b"Content-Length: -66\r\n\r\n",
    "length beyond 64 bits": b"Content-Length: 18446744073709551682\r\n\r\n",
    "unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding with a prefix": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked is not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "identity": b"Transfer-Encoding: identity\r\n\r\n",
    "quoted coding": b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before the colon": b"Content-Length : 66\r\n\r\n",
    "tab before the colon": b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "folded field": b"X: a\r\n Content-Length: 66\r\n\r\n",
    "folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "field without a name": b": x\r\n\r\n",
    "carriage return in a value": b"X: a\rContent-Length: 66\r\n\r\n",
    "bare line feed ends a field": b"X: a\nContent-Length: 66\r\n\r\n",
    "bare line feeds": b"X: a\n\n",
    "null in a name": b"Content\0-Length: 66\r\n\r\n",
    "chunk size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "chunk size in 0x": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "chunk size with a space before": b"Transfer-Encoding: chunked\r\n\r\n 0\r\n\r\n",
    "chunk size overflows": b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n",
    "chunk is longer than it says": b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "chunk size ends in a line feed": b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
    "chunk ends in a line feed": b"Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
}


class Smuggling(ServiceCase):
    """Classic shapes, each with a hold hidden where only one of the readers would find it."""

    events = (event(1000),)

    def answers(self, data):
        """Send, then a request that ends the connection, and return what was answered until it was closed."""
        with self.server.connect(timeout=3) as connection:
            connection.send(data)
            return connection.answers_until_closed()

    def test_ambiguous_requests_are_refused_as_a_whole(self):
        """A request that can be read in two ways is refused with one 400, and nothing behind it is carried
        out."""
        before = self.server.remaining()
        for name, rest in REFUSED.items():
            for line in (LINE, LANE_LINE):
                with self.subTest(name=name, line=line[:20]):
                    answers = self.answers(line + rest + INNER)
                    statuses = [answer.status for answer in answers]
                    # The head of a request with a broken body may be answered before the body is seen.
                    if rest.startswith(b"Transfer-Encoding: ") and line is LINE:
                        self.assertIn(statuses, ([400], [404], []))
                    else:
                        self.assertEqual(statuses, [400])
                        self.assert_problem(answers[0], 400, "malformed-request")
        self.assertEqual(self.server.remaining(), before)

    def test_one_request_never_gets_two_answers(self):
        """A body that breaks or stops gets one refusal at the most, and no answer besides."""
        for rest in (b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                     b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"):
            with self.subTest(rest=rest), self.server.connect(timeout=3) as connection:
                connection.send(LINE + rest)
                connection.half_close()
                self.assertIn([a.status for a in connection.answers_until_closed()], ([], [400]))
        for later in (b"zz\r\n", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            with self.subTest(later=later), self.server.connect(timeout=3) as connection:
                connection.send(LINE + b"Transfer-Encoding: chunked\r\n\r\n")
                time.sleep(0.05)
                connection.send(later)
                self.assertEqual([a.status for a in connection.answers_until_closed()], [400])

    def test_hidden_request_stays_hidden(self):
        """A request inside a body is part of the body, for each way to write a body."""
        before = self.server.remaining()
        chunk = f"{len(INNER):x}\r\n".encode() + INNER + b"\r\n0\r\n\r\n"
        end = request("GET", "/remaining_tickets", ["Connection: close"])
        for line, status in ((LINE, 404), (LANE_LINE, 404)):
            for rest in (f"Content-Length: {len(INNER)}\r\n\r\n".encode() + INNER,
                         b"Transfer-Encoding: chunked\r\n\r\n" + chunk,
                         b"Transfer-Encoding: Chunked\r\n\r\n" + chunk,
                         b"transfer-encoding:chunked\r\n\r\n" + chunk,
                         b"X-Transfer-Encoding: x\r\nTransfer-Encoding:\tchunked \r\n\r\n" + chunk,
                         f"Content-Length: {len(INNER)} \r\n\r\n".encode() + INNER,
                         b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: %d\r\n\r\n" % len(INNER) + INNER):
                with self.subTest(line=line[:20], rest=rest[:40]):
                    answers = self.answers(line + rest + end)
                    self.assertEqual([answer.status for answer in answers], [status, 200])
            # A coding of the body that is none of its frame's is refused, with all that comes behind.
            answers = self.answers(line + b"Content-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc" + INNER)
            self.assertEqual([answer.status for answer in answers], [415])
        self.assertEqual(self.server.remaining(), before)

    def test_one_host(self):
        """A request with no Host, or with two, is refused: whoever is in front may have read another one."""
        for data in (b"GET /remaining_tickets HTTP/1.1\r\n\r\n",
                     b"GET /remaining_tickets HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
                     b"GET /health/live HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"):
            with self.subTest(data=data):
                self.assertEqual([answer.status for answer in self.answers(data)], [400])
        self.assertEqual([a.status for a in self.answers(b"GET /remaining_tickets HTTP/1.0\r\n\r\n")], [200])

    def test_body_of_an_old_client(self):
        """An HTTP/1.0 request with a coding, which that version does not know, hides nothing behind it."""
        before = self.server.remaining()
        for line in (LINE, LANE_LINE):
            old = line.replace(b"HTTP/1.1", b"HTTP/1.0")
            answers = self.answers(old + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER)
            self.assertIn([answer.status for answer in answers], ([400], [404]))
        self.assertEqual(self.server.remaining(), before)

    def test_ambiguous_request_behind_good_ones(self):
        """Answers that are owed before an ambiguous request are given, and then the refusal."""
        good = request("GET", "/remaining_tickets") + request("POST", "/buy_ticket/NO", body=b"")
        for name in ("length and coding", "two lengths", "space before the colon", "folded field"):
            with self.subTest(name=name):
                answers = self.answers(good + LANE_LINE + REFUSED[name] + INNER)
                self.assertEqual([answer.status for answer in answers], [200, 404, 400])
