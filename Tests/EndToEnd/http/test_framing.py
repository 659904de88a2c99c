"""Bodies, expectations, limits, and bytes that are no HTTP."""

import re

from support.service import ServiceCase, event
from support.wire import request

BODY = 4096
HEADERS = 2048
LANE, ROUTED = "/buy_ticket/GA", "/nothing"
CONTINUE = "Expect: 100-continue"


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

    def test_body_where_none_belongs(self):
        """A body that nobody asked for is passed over, and the next request is not read out of it."""
        inside = request("POST", "/buy_ticket/GA", body=b"")
        for method, target, status in (("POST", LANE, 200), ("GET", "/remaining_tickets", 200),
                                       ("POST", "/complete_purchase/x", 404), ("POST", ROUTED, 404),
                                       ("GET", "/health/live", 200), ("DELETE", "/remaining_tickets", 405)):
            for body in (b"", b"{}", inside, b"\r\n\r\n", b"\0" * BODY):
                with self.subTest(method=method, target=target, size=len(body)), \
                        self.server.connect() as connection:
                    before = self.server.remaining()
                    self.assertEqual(connection.ask(method, target, body=body).status, status)
                    left = connection.ask("GET", "/remaining_tickets").json()["num_tickets"]
                    self.assertEqual(before - left, 1 if status == 200 and target == LANE else 0)

    def test_chunked_bodies(self):
        """A chunked body is read to its end, whatever its chunks are, and the next request is understood."""
        bodies = (b"0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"1\r\na\r\n" * 50 + b"0\r\n\r\n",
                  b"00003\r\nabc\r\n0\r\n\r\n", b"A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n")
        for target, status in ((LANE, 200), (ROUTED, 404)):
            for body in bodies:
                with self.subTest(target=target, body=body[:20]), self.server.connect() as connection:
                    connection.send(request("POST", target, ["Transfer-Encoding: chunked"]) + body)
                    self.assertEqual(connection.answer().status, status)
                    self.assertEqual(connection.ask("GET", "/remaining_tickets").status, 200)

    def test_expectation_is_met(self):
        """A client that waits for 100 Continue gets it before it sends its body, in the fast path
        and in the router."""
        for method, target, status in (("POST", LANE, 200), ("POST", ROUTED, 404),
                                       ("GET", "/health/live", 200), ("GET", "/remaining_tickets", 200),
                                       ("PUT", "/remaining_tickets", 405)):
            with self.subTest(method=method, target=target), self.server.connect(timeout=3) as connection:
                connection.send(request(method, target, [CONTINUE, "Content-Length: 5"]))
                self.assertTrue(connection.more(), "neither 100 Continue nor an answer")
                if connection.rest.startswith(b"HTTP/1.1 100 "):
                    connection.send(b"hello")
                    answer = connection.answer()
                    self.assertEqual(answer.interim, [100])
                    self.assertEqual(answer.status, status)
                    self.assertEqual(connection.ask("GET", "/remaining_tickets").status, 200)
                else:
                    self.assertEqual(connection.answer().status, status)

    def test_expectation_behind_other_requests(self):
        """100 Continue comes in its place behind the answers that were owed before it."""
        before = request("POST", LANE, body=b"") + request("GET", "/health/live")
        for target, status in ((LANE, 200), (ROUTED, 404)):
            with self.subTest(target=target), self.server.connect(timeout=3) as connection:
                connection.send(before + request("POST", target, [CONTINUE, "Content-Length: 5"]))
                self.assertEqual([connection.answer().interim for _ in range(2)], [[], []])
                while not connection.rest:
                    self.assertTrue(connection.more())
                connection.send(b"hello")
                answer = connection.answer()
                self.assertEqual((answer.status, answer.interim), (status, [100]))

    def test_expectation_of_a_body_that_is_too_large(self):
        """A body announced as too large is refused with 413 and not asked for with 100."""
        for method, target in (("POST", LANE), ("POST", ROUTED), ("PUT", "/health/live"), ("GET", LANE)):
            with self.subTest(method=method, target=target), self.server.connect(timeout=3) as connection:
                connection.send(request(method, target, [CONTINUE, f"Content-Length: {BODY + 1}"]))
                answer = connection.answer()
                self.assertEqual((answer.status, answer.interim), (413, []))

    def test_unknown_expectation(self):
        """Another expectation than 100-continue is refused with 417."""
        for target in (LANE, ROUTED):
            with self.subTest(target=target), self.server.connect(timeout=3) as connection:
                fields = ["Expect: 200-maybe", "Content-Length: 5"]
                connection.send(request("POST", target, fields) + b"hello")
                self.closed_after(connection, 417, "expectation-failed")

    def test_expectation_of_an_old_client_is_passed_over(self):
        """HTTP/1.0 knows no 100 Continue and is sent none."""
        with self.server.connect() as connection:
            connection.send(request("POST", LANE, [CONTINUE], b"hello", version="1.0"))
            answer = connection.answer()
            self.assertEqual((answer.status, answer.interim), (200, []))

    def test_announced_body_that_is_too_large(self):
        """A body announced as larger than the limit is refused with 413, even if the client sends it all."""
        before = self.server.remaining()
        for method, target in (("POST", LANE), ("POST", ROUTED), ("PUT", "/health/live"),
                               ("GET", "/health/live"), ("GET", "/remaining_tickets")):
            for sent in (0, BODY + 1, 3_000_000):
                announced = max(sent, BODY + 1)
                with self.subTest(method=method, target=target, sent=sent), \
                        self.server.connect(timeout=3) as connection:
                    connection.send(request(method, target, [f"Content-Length: {announced}"]))
                    try:
                        connection.send(b"z" * sent)
                    except OSError:
                        pass
                    self.closed_after(connection, 413, "content-too-large")
        self.assertEqual(self.server.remaining(), before)

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

    def test_chunked_body_that_grows_too_large(self):
        """A chunked body is refused with 413 as soon as it passes the limit, however small its chunks."""
        before = self.server.remaining()
        for target in (LANE, "/complete_purchase/x"):
            for chunk in (b"400\r\n" + b"z" * 1024 + b"\r\n", b"1\r\nz\r\n"):
                with self.subTest(target=target, chunk=chunk[:6]), \
                        self.server.connect(timeout=3) as connection:
                    connection.send(request("POST", target, ["Transfer-Encoding: chunked"]))
                    try:
                        for _ in range(50):
                            connection.send(chunk * 100)
                    except OSError:
                        pass
                    self.closed_after(connection, 413, "content-too-large")
        self.assertEqual(self.server.remaining(), before)

    def test_body_of_exactly_the_limit(self):
        """A body of exactly the limit is taken, announced or chunked."""
        for target, status in ((LANE, 200), (ROUTED, 404)):
            self.assertEqual(self.server.ask("POST", target, body=b"z" * BODY).status, status)
            with self.server.connect() as connection:
                chunk = f"{BODY:x}\r\n".encode() + b"z" * BODY + b"\r\n0\r\n\r\n"
                connection.send(request("POST", target, ["Transfer-Encoding: chunked"]) + chunk)
                self.assertEqual(connection.answer().status, status)

    def test_header_limits(self):
        """Too much of request line and headers is refused with 431 in one form or another, never served."""
        long = "x" * (HEADERS + 1)
        shapes = {
            "target": request("GET", "/" + long), "query": request("GET", "/remaining_tickets?" + long),
            "value": request("GET", "/remaining_tickets", ["X: " + long]),
            "name": request("GET", "/remaining_tickets", [long + ": x"]),
            "many": request("GET", "/remaining_tickets", [f"X-{n}: {'x' * 40}" for n in range(90)]),
            "count": request("GET", "/remaining_tickets", [f"X-{n}: " for n in range(150)]),
            "token": request("POST", "/complete_purchase/" + long, body=b""),
        }
        for name, data in shapes.items():
            with self.subTest(shape=name), self.server.connect(timeout=3) as connection:
                connection.send(data)
                self.closed_after(connection, 431, "headers-too-large")

    def test_megabyte_of_path(self):
        """A path of a megabyte is refused at once, and its sender learns why though it is still sending."""
        for start in (b"GET /", b"POST /buy_ticket/", b"GET /remaining_tickets?", b"GET http://"):
            with self.subTest(start=start), self.server.connect(timeout=5) as connection:
                try:
                    connection.send(start + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: l\r\n\r\n")
                except OSError:
                    pass
                self.closed_after(connection, 431, "headers-too-large")

    def test_broken_http_is_told_and_closed(self):
        """What is no HTTP is answered 400 in valid JSON, and the connection is closed."""
        broken = (b"hello\r\n\r\n", b"\0\0\0\0\0\0", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                  b"GET / HTTX/1.1\r\n\r\n",
                  b"GET / HTTP/1.1\r\nHost: l\r\nX\r\n\r\n",
                  b"GET / HTTP/1.1\r\nHo\0st: l\r\n\r\n", b"GET / HTTP/1.1\r\nHost: l\0\r\n\r\n",
                  b"GET /\0 HTTP/1.1\r\nHost: l\r\n\r\n", b"GET /\x7f\x01 HTTP/1.1\r\nHost: l\r\n\r\n",
                  b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                  b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                  b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"GET /nothing HTTP/1.1 x\r\n\r\n",
                  b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                  b"POST /buy_ticket/GA HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                  b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"{\"a\": 1}\r\n", b"<\r\n")
        for data in broken:
            with self.subTest(data=data[:50]), self.server.connect(timeout=3) as connection:
                connection.send(data)
                self.closed_after(connection, 400, "malformed-request")

    def test_broken_http_does_not_take_answers_with_it(self):
        """Answers that are owed when something broken arrives are given, then the 400, then the end."""
        live, left = request("GET", "/health/live"), request("GET", "/remaining_tickets")
        buy = request("POST", LANE, body=b"")
        for before in ((left,), (buy,), (live,), (buy, live), (live, buy), (buy, left) * 20,
                       (live, left, buy) * 5):
            for rest in (b"", b"x" * 100_000):
                with self.subTest(before=[b[:12] for b in before[:3]], rest=len(rest)), \
                        self.server.connect(timeout=3) as connection:
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
                with self.subTest(path=path, method=method), self.server.connect(timeout=3) as connection:
                    rest = b" HTTP/1.1\r\nHost: l\r\nContent-Length: 0\r\n\r\n"
                    connection.send(method + b" " + path + rest)
                    answer = connection.answer()
                    self.assertIn(answer.status, (200, 400, 404, 405))
                    answer.json()

    def test_unknown_methods(self):
        """Methods that nobody serves are refused as 404, 405 or 400, and the connection is not confused."""
        targets = (("/remaining_tickets", 405), ("/nothing", 404), ("/health/live", 405), ("*", 404))
        for method in ("OPTIONS", "TRACE", "PROPFIND", "BREW", "get", "LINK", "X" * 50, "PURGE", "QUERY",
                       "M-SEARCH"):
            for target, most in targets:
                with self.subTest(method=method, target=target), self.server.connect(timeout=3) as connection:
                    connection.send(request(method, target) + request("GET", "/remaining_tickets"))
                    answer = connection.answer()
                    self.assertIn(answer.status, (400, most))
                    answer.json()
                    if answer.status == 400:
                        connection.expect_closed()
                    else:
                        self.assertIn("num_tickets", connection.answer().json())

    def test_connect_and_upgrade_are_not_followed(self):
        """CONNECT opens no tunnel, and an offer to upgrade is passed over or refused."""
        with self.server.connect(timeout=3) as connection:
            connection.send(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n")
            self.assertIn(connection.answer().status, (400, 404, 405, 501))
        for offer in ("h2c", "websocket", "TLS/1.0"):
            for target in ("/remaining_tickets", "/health/live"):
                with self.subTest(offer=offer, target=target), self.server.connect(timeout=3) as connection:
                    fields = ["Connection: Upgrade, HTTP2-Settings", f"Upgrade: {offer}",
                              "HTTP2-Settings: AAMAAABk"]
                    connection.send(request("GET", target, fields) + request("GET", "/remaining_tickets"))
                    first = connection.answer()
                    self.assertIn(first.status, (200, 400))
                    if first.status == 200 and not first.closes:
                        self.assertIn("num_tickets", connection.answer().json())
                    else:
                        connection.expect_closed()

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

    def test_absolute_targets_go_nowhere(self):
        """A target with a scheme is read as its path or refused, and one that is no path is refused."""
        for target, status in (("http://x/health/live", 200), ("http://x", 404), ("ftp://x/health/live", 200),
                               ("http://x/buy_ticket/NO", 404), ("*", 404)):
            with self.subTest(target=target):
                answer = self.server.get(target)
                self.assertIn(answer.status, (status, 400, 405))
                self.assertTrue(re.search(rb'"', answer.body))
