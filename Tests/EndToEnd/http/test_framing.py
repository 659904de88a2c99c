"""What the tables of FramingTests cannot show: sockets that are reset, memory, and bytes that are no text."""

from support.service import ServiceCase, event
from support.wire import request

BODY = 4096
HEADERS = 2048
LANE, ROUTED = "/buy_ticket/GA", "/nothing"


class Framing(ServiceCase):
    """Requests with a body, with large headers, or broken ones."""

    events = (event(100_000),)
    settings = {"limits_body_bytes": BODY, "limits_header_bytes": HEADERS}

    def closed_after(self, connection, status, code):
        """Check one problem, then the end."""
        answer = connection.answer()
        self.assert_problem(answer, status, code)
        self.assertTrue(answer.closes)
        connection.expect_closed()

    def test_refused_before_the_body(self):
        """A request that the service can refuse by its head is refused without its body."""
        for fields, status, code in ((["Expect: 200-maybe"], 417, "expectation-failed"),
                                     (["Content-Encoding: gzip"], 415, "unsupported-media-type"),
                                     ([f"Content-Length: {BODY + 1}"], 413, "content-too-large")):
            with self.subTest(code), self.server.connect() as connection:
                length = [] if status == 413 else ["Content-Length: 5"]
                connection.send(request("POST", LANE, fields + length))
                self.closed_after(connection, status, code)

    def test_endless_body_behind_the_answer_is_not_read_for_ever(self):
        """A client whose body never ends is cut off soon after the limit, though its answer was given
        before."""
        for method, target in (("POST", ROUTED), ("GET", "/health/live")):
            with self.subTest(target=target), self.server.connect(timeout=3) as connection:
                connection.send(request(method, target, ["Transfer-Encoding: chunked"]))
                sent, piece = 0, b"1000\r\n" + b"z" * 4096 + b"\r\n"
                with self.assertRaises(OSError, msg="it reads on and on"):
                    while sent < 50_000_000:
                        sent += connection.socket.send(piece * 10)

    def test_megabyte_of_path(self):
        """A path of a megabyte is refused at once, and its sender learns why though it is still sending."""
        for start in (b"GET /", b"POST /buy_ticket/", b"GET /remaining_tickets?", b"GET http://"):
            with self.subTest(start=start), self.server.connect() as connection:
                try:
                    connection.send(start + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: l\r\n\r\n")
                except OSError:
                    pass
                self.closed_after(connection, 431, "headers-too-large")

    def test_broken_http_does_not_take_answers_with_it(self):
        """Answers that are owed when something broken arrives are given, then the 400, then the end."""
        live, left = request("GET", "/health/live"), request("GET", "/remaining_tickets")
        buy = request("POST", LANE, body=b"")
        for before in ((left,), (buy,), (live,), (buy, live), (live, buy), (buy, left) * 20,
                       (live, left, buy) * 5):
            for rest in (b"", b"x" * 100_000):
                with self.subTest(before=[b[:12] for b in before[:3]], rest=len(rest)), \
                        self.server.connect() as connection:
                    connection.send(b"".join(before) + b"this is not HTTP\r\n\r\n" + rest)
                    for _ in before:
                        self.assertEqual(connection.answer().status, 200)
                    self.closed_after(connection, 400, "malformed-request")

    def test_strange_bytes_in_paths(self):
        """Bytes and escapes that are no UTF-8 get a plain refusal in valid JSON, with nothing of them
        repeated."""
        for path in (b"/\xff\xfe", b"/buy_ticket/\xff", b"/complete_purchase/\xc3\x28", b"/buy_ticket/%ff%fe",
                     b"/buy_ticket/%00", b"/%", b"/%f", b"/buy_ticket/%", b"/\xf0\x9f\x8e\x9f",
                     b"/buy_ticket/\"\\",
                     b"/remaining_tickets?\xff", b"/buy_ticket/\xed\xa0\x80", b"/complete_purchase/%zz"):
            for method in (b"GET", b"POST"):
                with self.subTest(path=path, method=method), self.server.connect() as connection:
                    rest = b" HTTP/1.1\r\nHost: l\r\nContent-Length: 0\r\n\r\n"
                    connection.send(method + b" " + path + rest)
                    answer = connection.answer()
                    self.assertIn(answer.status, (200, 400, 404, 405))
                    answer.json()

    def test_bytes_behind_an_upgrade_are_bounded(self):
        """What a client sends behind an offer to upgrade, or behind CONNECT, is not gathered without end."""
        for start in (request("GET", "/remaining_tickets", ["Connection: Upgrade", "Upgrade: websocket"]),
                      request("CONNECT", "x:1"), b"PRI * HTTP/2.0\r\n\r\n"):
            before = self.server.memory()
            with self.subTest(start=start[:20]), self.server.connect(timeout=2) as connection:
                connection.send(start)
                try:
                    for _ in range(200):
                        connection.send(b"\0" * (1 << 20))
                except OSError:
                    pass
                self.assertLess(self.server.memory() - before, 48 << 20)
