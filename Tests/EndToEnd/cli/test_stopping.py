"""Stopping a service, in time and sooner, and starts that fail."""

import json
import re
import signal
import socket
import threading
import time
import unittest

from support.service import Server, command, event, eventually, rows
from support.wire import PATIENCE, request

STREAM = request("GET", "/v1/events/main/availability/stream")


class Stopping(unittest.TestCase):
    """Services that get a signal to stop."""

    def test_other_signals_end_nothing(self):
        """A closed terminal and other signals do not end the service."""
        with Server(event(100)) as server:
            for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
                server.process.send_signal(number)
            self.assertEqual(server.buy().status, 200)
            time.sleep(0.1)
            self.assertEqual(server.buy().status, 200)
            self.assertEqual(server.stop(), 0)

    def test_lame_duck(self):
        """A service that gets a signal is not ready at once, but serves for its lame-duck time, new connections too; then
        it stops."""
        with Server(event(100), timeouts_lame_duck_seconds=6) as server, server.connect() as connection:
            self.assertEqual(connection.ask("GET", "/health/ready").status, 200)
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            self.assertTrue(eventually(lambda: server.get("/health/ready").status == 503))
            answer = server.get("/health/ready")
            self.assertEqual((answer.status, answer.json()["code"]), (503, "not-ready"))
            self.assertEqual(server.get("/health/live").status, 200)
            held = server.buy().json()["token"]
            self.assertEqual(connection.ask("POST", f"/complete_purchase/{held}", body=b"").status, 200)
            self.assertEqual(server.process.wait(PATIENCE), 0)
            self.assertGreaterEqual(time.monotonic() - began, 5.9)
            self.assertEqual(server.verify().returncode, 0)

    def test_a_second_signal_does_not_wait(self):
        """After a second signal the service waits for nothing, and the ledger has everything that was answered."""
        # Longer than the test waits.
        for settings in ({"timeouts_lame_duck_seconds": 120}, {"timeouts_drain_seconds": 120}):
            for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)):
                with self.subTest(settings=settings, first=first), Server(event(100), **settings) as server, \
                        server.connect() as connection, server.connect() as stream:
                    stream.send(STREAM)
                    self.assertEqual(stream.head()[0], 200)
                    token = server.buy().json()["token"]
                    connection.send(request("POST", "/buy_ticket/GA", ["Content-Length: 5"]) + b"hel")
                    server.process.send_signal(first)
                    self.assertTrue(eventually(server.is_stopping))
                    self.assertTrue(server.is_alive())
                    server.process.send_signal(second)
                    self.assertEqual(server.process.wait(PATIENCE), 0)
                    self.assertEqual(rows(server.ledger, "SELECT count(*) FROM holds"), [(1,)])
                    self.assertEqual(server.verify().returncode, 0)
                    server.settings |= {"timeouts_lame_duck_seconds": 0, "timeouts_drain_seconds": 1}
                    server.start()
                    self.assertEqual(server.complete(token).status, 200)

    def test_nothing_but_the_log_is_said(self):
        """A stop with streams, buyers and incomplete requests on several event loops prints only log lines."""
        for threads in (2, 4, 2, 8):
            with Server(event(100_000), threads=threads, timeouts_drain_seconds=1) as server:
                many = [server.connect() for _ in range(200)]
                for number, connection in enumerate(many):
                    if number % 3:
                        connection.send(STREAM)
                    elif number % 2 and threads == 4:
                        connection.send(b"POST /buy_ticket/GA HTTP/1.1\r\n")
                buyers = [threading.Thread(target=self.buy_on, args=(server,)) for _ in range(4)]
                for buyer in buyers:
                    buyer.start()
                self.assertTrue(eventually(lambda: rows(server.ledger, "SELECT count(*) FROM holds")[0][0] > 100))
                self.assertEqual(server.stop(), 0)
                for line in server.stderr().splitlines():
                    self.assertIn("message", json.loads(line))
                for one in buyers:
                    one.join()
                for connection in many:
                    connection.close()

    def buy_on(self, server):
        """Buy until the service is gone."""
        try:
            with server.connect() as connection:
                while connection.ask("POST", "/buy_ticket/GA", body=b"").status == 200:
                    pass
        except (OSError, AssertionError):
            pass

    def test_a_port_in_use(self):
        """A start on a port in use ends with 69 and says so."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            ran = command("serve", "--port", port)
        self.assertEqual(ran.returncode, 69)
        last = ran.stderr.strip().splitlines()[-1]
        self.assertEqual(
            last, f"holdfast: cannot listen on http://127.0.0.1:{port}: another process listens there; stop it, or choose "
            "another port")
        for host, words in (("192.0.2.1", "does not have that address"), ("no-such-host.invalid", "no such host")):
            ran = command("serve", "--port", 0, "--host", host)
            self.assertEqual(ran.returncode, 69)
            self.assertTrue(re.search(words, ran.stderr), ran.stderr)


class Opening(unittest.TestCase):
    """A sale that opens later."""

    def test_nobody_is_sent_to_the_same_moment(self):
        """Requests before the sale opens get a time to come back after it opens, each a different one."""
        opens_at = int(time.time()) + 300
        opens = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(opens_at))
        body = json.dumps({"lines": [{"type": "GA", "quantity": 1}]}).encode()
        with Server(event(100, sale={"opens_at": opens})) as server, server.connect() as connection:
            waits, seconds = set(), set()
            for number in range(60):
                headers = ["Content-Type: application/json", f"Idempotency-Key: before-it-opens-{number:04}"]
                most = 1000 * (opens_at - time.time())
                answer = connection.ask("POST", "/v1/events/main/holds", headers, body)
                told = answer.json()
                self.assertEqual((answer.status, told["code"]), (409, "sale-not-started"))
                least = 1000 * (opens_at - time.time())
                # The service's clock goes on evenly when that of the machine is set.
                self.assertTrue(least - 2_000 < told["retry_after_ms"] <= 1.1 * most + 2_000, told)
                self.assertEqual(int(answer.header("retry-after")), told["retry_after_ms"] // 1000 + 1)
                waits.add(told["retry_after_ms"])
                classic = connection.ask("POST", "/buy_ticket/GA", body=b"")
                self.assertEqual((classic.status, classic.json()["code"]), (409, "sale-not-started"))
                seconds.add(int(classic.header("retry-after")))
            self.assertGreater(len(waits), 40)
            self.assertGreater(len(seconds), 1)
