"""The quota of a caller: every answer of v1 has it, and requests beyond it are refused."""

import json
import re
import socket
import threading
import time
import unittest

from support.service import Server, ServiceCase, event
from support.wire import Connection, request

JSON = "Content-Type: application/json"
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

    def refused(self, answer, path="/v1/events"):
        """Check that an answer is 429, and return the milliseconds until the next try."""
        self.assert_problem(answer, 429, "quota-exceeded")
        document = answer.json()
        self.assertTrue(document["retryable"])
        self.assertEqual(document["instance"], path)
        self.assertTrue(1 <= document["retry_after_ms"] <= 102, document)
        self.assertEqual(answer.header("retry-after"), "1")
        self.assertEqual(self.standing(answer)[0], 0)
        return document["retry_after_ms"]

    def test_every_answer_tells(self):
        """Answers of the fast path and of the router, good and bad, count down and have the rest."""
        with self.connect() as connection:
            known = None
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
                # The bucket gets at most one token back meanwhile.
                self.assertTrue(19 - place <= remaining <= 20 - place, (place, answer))
                self.assertIn(full, (1, 2))
                self.assertTrue(known is None or remaining >= known - 1)
                known = remaining

    def test_classic_counts(self):
        """The classic calls count, too, and are refused in their form; probes do not count."""
        with self.connect() as connection:
            connection.send(request("GET", "/remaining_tickets") * 10 + request("POST", "/buy_ticket/GA", body=b"") * 15)
            answers = [connection.answer() for _ in range(25)]
            self.assertEqual([answer.status for answer in answers][:20], [200] * 20)
            self.assertIsNone(answers[0].header("ratelimit"))
            self.assert_refusal(answers[-1], 429, "quota-exceeded")
            self.assertEqual(answers[-1].header("retry-after"), "1")
            self.assertEqual(self.standing(answers[-1])[0], 0)
            for path in ("/health/live", "/health/ready") * 20:
                answer = connection.ask("GET", path)
                self.assertEqual((answer.status, answer.header("ratelimit")), (200, None))

    def test_only_probes_pass(self):
        """Paths that only look like a probe count."""
        with self.connect() as connection:
            for number in range(30):
                answer = connection.ask("GET", f"/health/nothing-{number}")
            self.assertEqual(answer.status, 429)
            self.assertEqual(connection.ask("GET", "/health/ready/").status, 200)
            self.assertEqual(connection.ask("GET", "/health/live?x=1").status, 200)

    def test_refused_in_order_and_nothing_done(self):
        """Of a pipeline the first 20 are answered, the others refused in their places, and nothing is done for them."""
        lines = json.dumps({"lines": [{"type": "GA", "quantity": 1}]}).encode()
        left = self.server.get("/v1/events/main/availability").json()["free"]

        def hold(number):
            return request("POST", "/v1/events/main/holds", [JSON, f"Idempotency-Key: quota-test-{self.source}-{number}"], lines)

        with self.connect() as connection:
            connection.send(b"".join(hold(n) + request("GET", "/v1/events/") for n in range(20)))
            answers = [connection.answer() for _ in range(40)]
            held = [answer for answer in answers if answer.status == 201]
            self.assertEqual([answer.status for answer in answers[:20]], [201, 200] * 10)
            self.assertTrue({answer.status for answer in answers[22:]} <= {429}, answers)
            self.refused(answers[-1])
            self.refused(answers[-2], "/v1/events/main/holds")
        now = self.server.get("/v1/events/main/availability").json()["free"]
        self.assertEqual(now, left - len(held))

    def test_comes_back(self):
        """After the given wait one request succeeds; after two seconds the whole burst does."""
        with self.connect() as connection:
            for _ in range(30):
                answer = connection.ask("GET", "/v1/events")
            time.sleep(self.refused(answer) / 1000)
            self.assertEqual(connection.ask("GET", "/v1/events").status, 200)
            self.refused(connection.ask("GET", "/v1/events"))
            time.sleep(2.05)
            self.assertEqual(self.standing(connection.ask("GET", "/v1/events"))[0], 19)

    def test_one_bucket_for_all_connections(self):
        """Many connections of one caller share a quota; another caller has another one."""
        statuses = []

        def ask():
            with self.connect() as connection:
                for _ in range(5):
                    statuses.append(connection.ask("GET", "/v1/events").status)

        began = time.monotonic()
        crowd = [threading.Thread(target=ask) for _ in range(20)]
        [one.start() for one in crowd]
        [one.join() for one in crowd]
        most = 20 + 10 * (time.monotonic() - began) + 1
        self.assertEqual(len(statuses), 100)
        self.assertTrue(20 <= statuses.count(200) <= most, (statuses.count(200), most))
        with Connection(self.server.port, source=f"127.0.1.{self.source.split('.')[-1]}") as other:
            self.assertEqual(self.standing(other.ask("GET", "/v1/events"))[0], 19)

    def test_body_of_a_refused_request(self):
        """The body of a refused request is skipped; one that is too large still ends its connection."""
        with self.connect() as connection:
            for _ in range(25):
                answer = connection.ask("POST", "/v1/nothing", [JSON], b"x" * 1000)
            self.refused(answer, "/v1/nothing")
            connection.send(request("POST", "/v1/nothing", ["Content-Length: 65537"]))
            self.assert_problem(connection.answer(), 413, "content-too-large")
            connection.expect_closed()


class Off(unittest.TestCase):
    """Nothing is counted by default."""

    def test_nothing_is_told(self):
        """Without a quota no request is refused and no answer has a quota."""
        with Server(event(10)) as server, server.connect() as connection:
            for path in ("/v1/events", "/v1/events/main/availability") * 200:
                answer = connection.ask("GET", path)
                self.assertEqual((answer.status, answer.header("ratelimit"), answer.header("ratelimit-policy")),
                                 (200, None, None))

    def test_burst_of_a_second(self):
        """Without a burst setting the burst is one second's requests; the classic status applies to refusals, too."""
        with Server(event(10), quota_per_second=3, classic_status="403") as server:
            with Connection(server.port, source="127.0.0.9") as connection:
                connection.send(request("GET", "/remaining_tickets") * 5)
                answers = [connection.answer() for _ in range(5)]
                self.assertEqual([answer.status for answer in answers], [200, 200, 200, 429, 429])
                self.assertEqual(answers[-1].header("ratelimit-policy"), '"default";q=3;w=1')


@unittest.skipUnless(socket.has_ipv6, "there is no IPv6 here")
class BothInternets(unittest.TestCase):
    """A service that listens on IPv6 and accepts IPv4, too."""

    def test_mapped_addresses_are_told_apart(self):
        """IPv4 callers with IPv4-mapped addresses have a bucket each."""
        server = Server(event(10), host="::", quota_per_second=1, quota_burst=3)
        self.addCleanup(server.__exit__)
        server.launch()
        port = None
        until = time.monotonic() + 20
        while port is None and time.monotonic() < until:
            found = re.search(r"Listening\s+http://\[::\]:(\d+)", server.stdout())
            port = int(found[1]) if found else None
            time.sleep(0.02)
        if port is None:
            self.skipTest("the service cannot listen on IPv6 here")
        for source, host in (("127.0.0.2", "127.0.0.1"), ("127.0.0.3", "127.0.0.1"), ("::1", "::1")):
            with Connection(port, source=source, host=host) as connection:
                statuses = [connection.ask("GET", "/v1/events").status for _ in range(4)]
                self.assertEqual(statuses, [200, 200, 200, 429], source)
