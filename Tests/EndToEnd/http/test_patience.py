"""Slow, silent, many and bad connections: they are closed in time and do not slow others."""

import random
import resource
import socket
import threading
import time

from support import crowd
from support.service import Server, ServiceCase, event, eventually
from support.wire import Connection, ProtocolBroken, request

SHORT = 1


class Patience(ServiceCase):
    """Time limits of one second each; the service checks them once a second."""

    events = (event(100_000),)
    settings = {"timeouts_request_seconds": SHORT, "timeouts_idle_seconds": 3}

    def trickle(self, connection, data, every=0.15, most=6.0):
        """Send byte by byte until all is sent, the service answers or closes; return how long that took."""
        began = time.monotonic()
        connection.socket.settimeout(every)
        for byte in data:
            if time.monotonic() - began > most:
                break
            try:
                connection.send(bytes([byte]))
                if not connection.socket.recv(1, socket.MSG_PEEK):
                    break
                connection.socket.settimeout(5)
                break
            except socket.timeout:
                continue
            except OSError:
                break
        connection.socket.settimeout(5)
        return time.monotonic() - began

    def test_slow_headers_are_cut_off(self):
        """A connection whose headers trickle is closed, with 408 or silently, soon after the time for a request."""
        for start in (b"G", b"GET /remaining_tickets HTTP/1.1\r\nHost: l\r\nX: ", b"\r\n\r\n\r\nG"):
            with self.subTest(start=start), self.server.connect() as connection:
                connection.send(start)
                took = self.trickle(connection, b"ET /" + b"a" * 200)
                self.assertLess(took, SHORT + 3)
                self.assertGreater(took, 0.1)
                for answer in connection.answers_until_closed():
                    self.assert_problem(answer, 408, "request-timeout")

    def test_nobody_is_cut_off_before_the_time(self):
        """A request has its full time, whenever in the service's second it begins."""
        for phase in (0.2, 0.5, 0.8):
            # The closing shows when the service's second begins.
            with self.server.connect() as connection:
                connection.send(b"G")
                connection.answers_until_closed()
            time.sleep(phase)
            with self.subTest(phase=phase), self.server.connect() as connection:
                began = time.monotonic()
                connection.send(b"G")
                connection.answers_until_closed()
                self.assertGreater(time.monotonic() - began, SHORT - 0.05)

    def test_slow_bodies_are_cut_off(self):
        """A request whose body trickles is refused with 408, in the fast path and in the router."""
        before = self.server.remaining()
        for target in ("/buy_ticket/GA", "/nothing"):
            for kind, data in (("Content-Length: 500", b"a" * 500),
                               ("Transfer-Encoding: chunked", b"1\r\na\r\n" * 80)):
                with self.subTest(target=target, kind=kind), self.server.connect() as connection:
                    connection.send(request("POST", target, [kind]))
                    took = self.trickle(connection, data)
                    self.assertLess(took, SHORT + 3)
                    late = connection.answers_until_closed()
                    self.assertEqual(len(late), 1, late)
                    for answer in late:
                        self.assert_problem(answer, 408, "request-timeout")
        self.assertEqual(self.server.remaining(), before)

    def test_silent_connections_are_closed(self):
        """A connection without a request, or without another one, is closed silently after the idle time."""
        silent, used, routed, empty = (self.server.connect(timeout=7) for _ in range(4))
        used.ask("GET", "/remaining_tickets")
        routed.ask("GET", "/health/live")
        # Some old clients send an empty line after a body; it does not start a request.
        empty.ask("POST", "/buy_ticket/NO", body=b"")
        empty.send(b"\r\n")
        began = time.monotonic()
        for connection in (silent, used, routed, empty):
            with connection:
                connection.expect_closed()
                self.assertTrue(1.8 < time.monotonic() - began < 6, time.monotonic() - began)

    def test_connection_in_use_is_not_idle(self):
        """A connection with regular requests outlives the idle time."""
        with self.server.connect() as connection:
            for _ in range(5):
                self.assertEqual(connection.ask("GET", "/remaining_tickets").status, 200)
                time.sleep(1)

    def test_nobody_outlives_the_timeouts(self):
        """Every connection without further requests is closed in the end, whatever state it is in."""
        live = request("GET", "/health/live")
        shapes = {
            "pipeline of routed requests, half closed": (live * 50, True),
            "mixed pipeline, half closed": ((live + request("POST", "/buy_ticket/GA", body=b"")) * 20, True),
            "upgrade": (request("GET", "/remaining_tickets", ["Connection: Upgrade", "Upgrade: x"]) + live,
                        False),
            "CONNECT": (request("CONNECT", "x:1") + live, False),
            "routed body that stops": (request("POST", "/nothing", ["Content-Length: 9"]) + b"abc", False),
            "expectation in vain": (
                request("GET", "/health/live", ["Expect: 100-continue", "Content-Length: 9"]), False),
        }
        connections = {}
        try:
            for name, (data, halves) in shapes.items():
                connections[name] = self.server.connect(timeout=8)
                connections[name].send(data)
                if halves:
                    connections[name].half_close()
            for name, connection in connections.items():
                with self.subTest(shape=name):
                    while connection.more():
                        connection.rest = b""
        finally:
            for connection in connections.values():
                connection.close()


class Crowds(ServiceCase):
    """Many connections."""

    events = (event(1_000_000),)
    settings = {"timeouts_request_seconds": 2}

    def fill(self, server, count):
        """Return so many connections in use, when the service has no others."""
        def alone():
            places = [server.connect() for _ in range(count)]
            try:
                if all(one.ask("GET", "/remaining_tickets").status == 200 for one in places):
                    return places
            except (OSError, ProtocolBroken):
                pass
            for one in places:
                one.close()
            return None

        found = []
        # The probe of the start may still be open.
        self.assertTrue(eventually(lambda: found.append(alone()) or found[-1]))
        return found[-1]

    def test_limit_of_connections(self):
        """With a limit of eight, the ninth connection is refused and closed at once, except for probes; it is served if
        another one ends while it waits."""
        for settings, words in (({"limits_connections": 8}, "there is room for"),
                                ({"limits_connections_per_caller": 8}, "from your network")):
            with self.subTest(settings), Server(event(100), **settings) as server:
                eight = self.fill(server, 8)
                with server.connect() as ninth:
                    answer = ninth.ask("GET", "/remaining_tickets")
                    self.assert_problem(answer, 503, "temporary-reduced-capacity")
                    self.assertIn(words, answer.json()["detail"])
                    self.assertTrue(answer.closes and 1 <= int(answer.header("retry-after")) <= 6)
                    ninth.expect_closed()
                for path in ("/health/live", "/health/ready"):
                    answer = server.get(path)
                    self.assertEqual((answer.status, answer.closes), (200, True))
                with server.connect() as silent:
                    began = time.monotonic()
                    silent.expect_closed()
                    self.assertLess(time.monotonic() - began, 5)
                for connection in eight:
                    self.assertEqual(connection.ask("GET", "/remaining_tickets").status, 200)
                with server.connect() as patient:
                    patient.send(b"GET /remaining_tickets HTTP/1.1\r\n")
                    eight.pop().close()
                    time.sleep(0.3)
                    patient.send(b"Host: localhost\r\n\r\n")
                    answer = patient.answer()
                    self.assertEqual((answer.status, answer.closes), (200, False))
                    eight.pop().reset()
                    self.assertTrue(eventually(lambda: server.get("/remaining_tickets").status == 200))
                for connection in eight:
                    connection.close()
                said = [line for line in server.stderr().splitlines() if "turned away" in line]
                self.assertEqual(len(said), 1, said)

    def test_probes_find_a_place(self):
        """While a client opens connections without end, at most the limit are served, and every probe is answered."""
        with Server(event(100), limits_connections=20, threads=2) as server:
            over = threading.Event()
            served, opened = [], []

            def flood():
                while not over.is_set() and len(opened) < 3_000:
                    try:
                        opened.append(server.connect(timeout=2))
                        opened[-1].send(b"GET /health/ready HTTP/1.1\r\n")
                    except OSError:
                        pass

            def probe():
                try:
                    return server.get("/health/ready").status
                except (OSError, ProtocolBroken):
                    return None

            def ask(connection):
                try:
                    served.append(connection.ask("GET", "/remaining_tickets").status == 200)
                except (OSError, ProtocolBroken):
                    served.append(False)

            thread = threading.Thread(target=flood)
            thread.start()
            try:
                waits = []
                for _ in range(40):
                    began = time.monotonic()
                    self.assertTrue(eventually(lambda: probe() == 200, timeout=5))
                    waits.append(time.monotonic() - began)
                    time.sleep(0.02)
            finally:
                over.set()
                thread.join()
            self.assertLess(sorted(waits)[-3], 2, waits)
            for connection in opened:
                connection.close()
            self.assertTrue(eventually(lambda: server.get("/remaining_tickets").status == 200))
            many = [server.connect(timeout=5) for _ in range(60)]
            threads = [threading.Thread(target=ask, args=(one,)) for one in many]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            self.assertLessEqual(sum(served), 20)
            for connection in many:
                connection.close()

    def test_open_files(self):
        """The start raises the limit of open files; with too few of them it says how many connections would fit."""
        def limit(soft, hard):
            return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

        with Server(event(100), limits_connections=2_000, before=limit(64, 3_000)) as server:
            many = [server.connect() for _ in range(300)]
            for connection in many:
                self.assertEqual(connection.ask("GET", "/remaining_tickets").status, 200)
            for connection in many:
                connection.close()
        server = Server(event(100), limits_connections=2_900, before=limit(64, 3_000), threads=1)
        try:
            server.launch()
            self.assertEqual(server.process.wait(20), 78)
            self.assertIn("set limits.connections to 2104 or less", server.stderr())
        finally:
            server.__exit__()

    def honest(self, count):
        """Let eight buyers hold and complete, and return the 99th percentile of their waits."""
        def buyer():
            for _ in range(count):
                hold = yield crowd.post("/buy_ticket/GA")
                self.assertEqual(hold.status, 200)
                done = yield crowd.post(f"/complete_purchase/{hold['token']}")
                self.assertEqual(done.status, 200)
                left = yield crowd.get("/remaining_tickets")
                self.assertEqual(left.status, 200)

        buyers = crowd.Crowd(lambda: self.server.port, patience=40)
        buyers.run([buyer() for _ in range(8)])
        return crowd.p99(buyers.latencies)

    def test_bad_connections_do_not_stop_honest_ones(self):
        """1,000 bad connections hardly slow the others, and memory stays bounded."""
        alone = self.honest(150)
        memory = self.server.memory()
        chance = random.Random(6)
        kinds = (b"", b"GET /rem", b"POST /buy_ticket/GA HTTP/1.1\r\nContent-Length: 9\r\n\r\nab",
                 b"\0garbage\r\n\r\n", b"GET /" + b"a" * 20_000,
                 b"POST /nothing HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
                 b"GET /health/live HTTP/1.1\r\nHost: l\r\n\r\n" * 30,
                 b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
        bad = []
        over = threading.Event()

        def pester():
            while not over.wait(0.005):
                place = chance.randrange(len(bad))
                try:
                    bad[place].send(chance.choice((b"a", b"\r\n", b"1\r\n", b"X: y\r\n")))
                except OSError:
                    bad[place].close()
                    bad[place] = Connection(self.server.port, timeout=1)
                    bad[place].send(chance.choice(kinds))

        thread = threading.Thread(target=pester)
        try:
            for number in range(1000):
                bad.append(Connection(self.server.port, timeout=1))
                bad[-1].send(kinds[number % len(kinds)])
            thread.start()
            beside = self.honest(150)
            grown = self.server.memory() - memory
        finally:
            over.set()
            if thread.ident:
                thread.join()
            for connection in bad:
                connection.reset()
        told = f"alone {alone * 1000:.1f} ms, beside {beside * 1000:.1f} ms"
        self.assertLess(beside, max(3 * alone, 0.15), told)
        self.assertLess(grown, 96 << 20)
