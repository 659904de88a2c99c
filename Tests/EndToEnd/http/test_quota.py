"""The quota of a caller: every answer of v1 has it, and requests beyond it are refused."""

import re
import socket
import threading
import time
import unittest

from support.service import Server, ServiceCase, event, eventually
from support.wire import Connection

TOLD = re.compile(r'"default";r=(\d+);t=(\d+)\Z')


class Quota(ServiceCase):
    """A quota of 10 a second and 20 at once; each test has an address of its own."""

    settings = {"quota_per_second": 10, "quota_burst": 20}
    events = (event(1_000),)
    sources = iter(range(2, 250))

    def setUp(self):
        self.source = f"127.0.0.{next(Quota.sources)}"

    def connect(self):
        """Connect from this test's address."""
        return Connection(self.server.port, source=self.source)

    def standing(self, answer):
        """Return the remaining requests and the seconds until the bucket is full, from an answer."""
        self.assertEqual(answer.header("ratelimit-policy"), '"default";q=20;w=2')
        told = TOLD.match(answer.header("ratelimit") or "")
        self.assertTrue(told, answer)
        return int(told[1]), int(told[2])

    def test_every_answer_tells(self):
        """Answers of the fast path and of the router, good and bad, count down and have the rest."""
        with self.connect() as connection:
            known, began = None, time.monotonic()
            for place, (method, path, fields, status) in enumerate((
                    ("GET", "/v1/events", (), 200), ("GET", "/v1/events/main/availability", (), 200),
                    ("GET", "/v1/events/main/availability", ("If-None-Match: *",), 304),
                    ("HEAD", "/v1/events/main/availability", (), 200), ("GET", "/v1/nothing", (), 404),
                    ("POST", "/v1/events/main/holds", (), 400), ("DELETE", "/v1/holds/H1", (), 401),
                    ("PUT", "/v1/events", (), 405), ("GET", "http://localhost/v1/events", (), 200),
                    ("GET", "/v1/holds/H1", (), 401))):
                answer = connection.ask(method, path, fields, None if method in ("GET", "HEAD") else b"")
                self.assertEqual(answer.status, status, answer)
                remaining, full = self.standing(answer)
                # The bucket gets ten tokens a second back meanwhile.
                back = 10 * (time.monotonic() - began) + 1
                self.assertTrue(19 - place <= remaining <= 19 - place + back, (place, back, answer))
                self.assertIn(full, (1, 2))
                self.assertTrue(known is None or remaining >= known - 1)
                known = remaining

    def test_one_bucket_for_all_connections(self):
        """Many connections of one caller share a quota; another caller has another one."""
        statuses = []

        def ask():
            with self.connect() as connection:
                for _ in range(5):
                    answer = connection.ask("GET", "/v1/events")
                    statuses.append(answer.status)
                    if answer.status != 200:
                        self.assert_problem(answer, 429, "quota-exceeded")

        began = time.monotonic()
        crowd = [threading.Thread(target=ask) for _ in range(20)]
        [one.start() for one in crowd]
        [one.join() for one in crowd]
        most = 20 + 10 * (time.monotonic() - began) + 1
        self.assertEqual(len(statuses), 100)
        self.assertTrue(20 <= statuses.count(200) <= most, (statuses.count(200), most))
        with Connection(self.server.port, source=f"127.0.1.{self.source.split('.')[-1]}") as other:
            self.assertEqual(self.standing(other.ask("GET", "/v1/events"))[0], 19)


class Off(unittest.TestCase):
    """Nothing is counted by default."""

    def test_nothing_is_told(self):
        """Without a quota no request is refused and no answer has a quota."""
        with Server(event(10)) as server, server.connect() as connection:
            for path in ("/v1/events", "/v1/events/main/availability") * 200:
                answer = connection.ask("GET", path)
                self.assertEqual((answer.status, answer.header("ratelimit"), answer.header("ratelimit-policy")),
                                 (200, None, None))


@unittest.skipUnless(socket.has_ipv6, "there is no IPv6 here")
class BothInternets(unittest.TestCase):
    """A service that listens on IPv6 and accepts IPv4, too."""

    def test_mapped_addresses_are_told_apart(self):
        """IPv4 callers with IPv4-mapped addresses have a bucket each."""
        server = Server(event(10), host="::", quota_per_second=1, quota_burst=3)
        self.addCleanup(server.__exit__)
        server.launch()

        def listening():
            return re.search(r"Listening\s+http://\[::\]:(\d+)", server.stdout())

        if not eventually(lambda: listening() or server.process.poll() is not None) or not listening():
            self.skipTest("the service cannot listen on IPv6 here")
        for source, host in (("127.0.0.2", "127.0.0.1"), ("127.0.0.3", "127.0.0.1"), ("::1", "::1")):
            with Connection(int(listening()[1]), source=source, host=host) as connection:
                self.assertEqual([connection.ask("GET", "/v1/events").status for _ in range(3)], [200] * 3, source)
                # One token a second comes back.
                self.assertTrue(eventually(lambda: connection.ask("GET", "/v1/events").status == 429, every=0), source)
