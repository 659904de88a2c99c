"""Slow, silent, many and bad connections: they are closed in time and do not slow others."""

import random
import resource
import socket
import threading
import time

from support import crowd
from support.service import Server, ServiceCase, event, eventually
from support.wire import PATIENCE, Connection, ProtocolBroken

SHORT = 1


class Patience(ServiceCase):
    """Time limits of one second each; the service checks them once a second."""

    events = (event(100_000),)
    settings = {"timeouts_request_seconds": SHORT, "timeouts_idle_seconds": 3}

    def trickle(self, connection, data, every=0.15, most=60.0):
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
                break
            except socket.timeout:
                continue
            except OSError:
                break
        connection.socket.settimeout(PATIENCE)
        return time.monotonic() - began

    def test_slow_headers_are_cut_off(self):
        """The service cuts off headers that trickle, with 408 or without a word; EndingTests has the other cases."""
        with self.server.connect() as connection:
            connection.send(b"G")
            took = self.trickle(connection, b"ET /" + b"a" * 200)
            # All of it would take half a minute.
            self.assertTrue(0.1 < took < SHORT + 20, took)
            for answer in connection.answers_until_closed():
                self.assert_problem(answer, 408, "request-timeout")


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

    def test_probes_find_a_place(self):
        """While a client opens connections without end, at most the limit are served, and every probe is answered."""
        with Server(event(100), limits_connections=20, threads=2) as server:
            over = threading.Event()
            served, opened = [], []

            def flood():
                while not over.is_set() and len(opened) < 3_000:
                    try:
                        opened.append(server.connect())
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
                    self.assertTrue(eventually(lambda: probe() == 200))
                    waits.append(time.monotonic() - began)
                    time.sleep(0.02)
            finally:
                over.set()
                thread.join()
            self.assertLess(sorted(waits)[-3], 20, waits)
            for connection in opened:
                connection.close()
            self.assertTrue(eventually(lambda: server.get("/remaining_tickets").status == 200))
            many = [server.connect() for _ in range(60)]
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
            self.assertEqual(server.process.wait(PATIENCE), 78)
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

        buyers = crowd.Crowd(lambda: self.server.port)
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
                    bad[place] = Connection(self.server.port)
                    bad[place].send(chance.choice(kinds))

        thread = threading.Thread(target=pester)
        try:
            for number in range(1000):
                bad.append(Connection(self.server.port))
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
        alone = max(alone, self.honest(150))
        told = f"alone {alone * 1000:.1f} ms, beside {beside * 1000:.1f} ms"
        # Other tests take the machine, now more and now less; behind a connection that stops the others it would be seconds.
        self.assertLess(beside, max(3 * alone, 1), told)
        self.assertLess(grown, 96 << 20)
