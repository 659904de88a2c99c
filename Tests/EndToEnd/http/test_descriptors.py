"""How many connections a process may have open, and what happens at the end of that."""

import os
import pathlib
import re
import resource
import select
import time
import unittest

from support.processes import TICKS, free_ports
from support.service import Server, event, eventually
from support.wire import Connection, request


def metric(port, name):
    """Return the value of a metric."""
    with Connection(port) as connection:
        text = connection.ask("GET", "/metrics").body.decode()
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])


def processor_time(process):
    """Return how long a process has used a processor, in seconds."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Descriptors(unittest.TestCase):
    """A service whose shell allows few open files at first."""

    def start(self, soft, hard, **settings):
        """Start a service with these limits of open files."""
        self.metrics, = free_ports(1)
        server = Server(event(10), metrics_listen=f"127.0.0.1:{self.metrics}", **settings,
                        before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
        self.addCleanup(server.__exit__)
        return server

    def opened(self, server, count):
        """Open so many connections."""
        found = []
        for _ in range(count):
            found.append(server.connect())
            self.addCleanup(found[-1].close)
        return found

    def is_answered(self, connection):
        """Wait a moment; return whether there is something to read."""
        return bool(select.select([connection.socket], [], [], 0.05)[0])

    def test_soft_limit(self):
        """The soft limit is raised to the hard one, so more connections than it are served; those beyond `limits.connections` are
        answered once, closed and counted."""
        server = self.start(200, 4_000, limits_connections=300)
        server.start()
        self.assertEqual(metric(self.metrics, "process_max_fds"), 4_000)
        # The probe of the start may still be open.
        self.assertTrue(eventually(lambda: metric(self.metrics, "holdfast_connections") == 0))
        connections = self.opened(server, 300)
        for connection in connections:
            self.assertEqual(connection.ask("GET", "/v1/events").status, 200)
        refused = metric(self.metrics, 'holdfast_refused_for_load_total{class="connection"}')
        for connection in self.opened(server, 3):
            connection.send(request("GET", "/v1/events"))
            self.assertEqual([answer.status for answer in connection.answers_until_closed()], [503])
        self.assertEqual(metric(self.metrics, 'holdfast_refused_for_load_total{class="connection"}'), refused + 3)

    def test_hard_limit(self):
        """If the hard limit has no room for `limits.connections`, the start says what would fit."""
        server = self.start(200, 1_000, limits_connections=5_000)
        server.launch()
        self.assertEqual(server.process.wait(60), 78)
        self.assertIn("5000 connections need", server.stderr())

    def test_none_left(self):
        """If nothing is left all the same, open connections are served, nothing spins, and who waits is served when there is room
        again."""
        server = self.start(4_000, 4_000, limits_connections=300)
        server.start()
        first, = self.opened(server, 1)
        self.assertEqual(first.ask("GET", "/v1/events").status, 200)
        limit = len(os.listdir(f"/proc/{server.process.pid}/fd")) + 2
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, 4_000))
        waiting = self.opened(server, 20)[-1]
        waiting.send(request("GET", "/v1/events"))
        used, began = processor_time(server.process), time.monotonic()
        while time.monotonic() < began + 1:
            self.assertEqual(first.ask("GET", "/v1/events").status, 200)
            self.assertFalse(self.is_answered(waiting))
        self.assertLess(processor_time(server.process) - used, 0.5)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (4_000, 4_000))
        self.assertTrue(eventually(lambda: self.is_answered(waiting)))
        self.assertEqual(waiting.head()[0], 200)
