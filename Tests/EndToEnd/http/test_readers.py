"""Clients that send requests and do not read: they keep no connection for ever, and no memory."""

import json
import shutil
import socket
import time
import unittest

from support.service import Server, ServiceCase, event, eventually
from support.strace import Strace
from support.wire import Connection, request

WRITE = 2
# With so many types the availability fills more than a packet.
WIDE = event({f"pool-{number}": 10_000 for number in range(60)})
def most_memory(server, seconds):
    """Return the most memory that the service took in so many seconds."""
    until, most = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        most = max(most, server.memory())
        time.sleep(0.05)
    return most


class Readers(ServiceCase):
    """A service that waits two seconds for its client to take a byte."""

    events = (WIDE, event(1_000_000, "hall"))
    settings = {"timeouts_write_seconds": WRITE, "timeouts_idle_seconds": 3, "limits_connections": 60}

    def stuck(self, data):
        """Return a connection with a small window that sends requests and does not read."""
        connection = Connection(self.server.port, 30, receive_buffer=4_096)
        connection.socket.settimeout(3)
        try:
            connection.send(data)
        except socket.timeout:
            # The kernel's buffers are full on both sides, as intended.
            pass
        return connection

    def test_nobody_keeps_a_connection_by_not_reading(self):
        """A client that does not take its answers, from the router, the fast path or a stream, loses its connection after
        the time for writing, and buyers and probes can connect."""
        shapes = {
            "router": request("GET", "/openapi.json") * 40,
            "router, last": request("GET", "/openapi.json") * 40 + request("GET", "/docs", ["Connection: close"]),
            "fast path": request("GET", "/remaining_tickets") * 30_000,
            "mixed": (request("GET", "/v1/events/main/availability") * 40 + request("GET", "/openapi.json")) * 100,
        }
        for name, data in shapes.items():
            with self.subTest(name):
                many = [self.stuck(data) for _ in range(3)]
                self.assert_all_end(many)
        self.assertEqual(self.server.get("/health/ready").status, 200)
        self.assertEqual(self.server.buy("POOL-1").status, 200)

    def assert_all_end(self, connections):
        """Check that the service has closed all of them; only what the kernel keeps still comes."""
        eventually(lambda: self.open_connections() == 0, every=0.1)
        self.assertEqual(self.open_connections(), 0)
        for connection in connections:
            connection.close()

    def open_connections(self):
        """Return how many connections the service has on its port."""
        inode = {line.split()[9] for kind in ("tcp", "tcp6") for line in open(f"/proc/{self.server.process.pid}/net/{kind}")
                 if line.split()[1].endswith(f":{self.server.port:04X}") and line.split()[3] == "01"}
        return len(inode)


    def test_a_stream_that_is_not_read(self):
        """A listener that does not read loses its connection when more waits for it than the kernel keeps."""
        connection = self.stuck(request("GET", "/v1/events/main/availability/stream"))
        with self.server.connect() as buyer:
            def change():
                for number in range(60):
                    self.assertEqual(buyer.ask("POST", f"/buy_ticket/POOL-{number}", body=b"").status, 200)
                    time.sleep(0.01)
                return self.open_connections() <= 1

            self.assertTrue(eventually(change, timeout=60, every=0.2))
        connection.close()

    def test_answers_do_not_gather(self):
        """Requests whose answers a client does not read take no memory."""
        reads = request("GET", "/v1/events/main/availability")
        before = self.server.memory()
        many = [self.stuck(reads * 20_000) for _ in range(5)]
        self.assertLess(most_memory(self.server, 1.0) - before, 16 << 20)
        for connection in many:
            connection.close()


class SlowReaders(ServiceCase):
    """A service that waits so long that a client on a busy machine has read a little more."""

    events = (WIDE,)
    settings = {"timeouts_write_seconds": 6, "timeouts_idle_seconds": 6}

    def test_a_slow_reader_gets_everything(self):
        """The service waits for a client that reads slowly, longer than the times for idling and writing, also when all
        answers are written."""
        for headers in ((), ("Connection: close",)):
            with self.subTest(headers=headers), Connection(self.server.port, receive_buffer=65_536) as connection:
                connection.send(request("GET", "/openapi.json") * 39 + request("GET", "/openapi.json", headers))
                began = time.monotonic()
                while time.monotonic() - began < 8:
                    connection.rest += connection.socket.recv(65_536)
                    time.sleep(0.5)
                bodies = {connection.answer().body for _ in range(40)}
                self.assertEqual(len(bodies), 1)
                json.loads(bodies.pop())


@unittest.skipUnless(shutil.which("strace"), "strace is not here")
class Stall(unittest.TestCase):
    """A disk that stalls."""

    def test_answers_behind_one_that_waits(self):
        """While the disk stalls, the service stops reading from a connection that sends on and on, and answers everything in
        order afterwards."""
        places = {f"pool-{number}": 10_000 for number in range(60)}
        count = 20_000
        with Server(event(places)) as server, server.connect(timeout=60) as connection:
            with Strace(server, "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=4000000"):
                before = server.memory()
                connection.socket.settimeout(2)
                asked = request("POST", "/buy_ticket/POOL-1", body=b"")
                asked += request("GET", "/v1/events/main/availability") * count
                sent = 0
                try:
                    while sent < len(asked):
                        sent += connection.socket.send(asked[sent:sent + 65_536])
                except socket.timeout:
                    pass
                self.assertLess(most_memory(server, 2.0) - before, 16 << 20)
                self.assertEqual(server.get("/health/live").status, 200)
            connection.socket.settimeout(60)
            self.assertEqual(connection.answer().json()["process"], "success")
            for _ in range(sent // len(request("GET", "/v1/events/main/availability")) // 2):
                self.assertEqual(connection.answer().status, 200)
