"""`holdfast bench`: its requests, its measurements, and its final check."""

import itertools
import json
import os
import socket
import tempfile
import threading
import time
import unittest

from support.service import Server, ServiceCase, command, event

BIG = event({"floor": 5_000_000}, "main", hold_seconds=3600)
NONE = event({"floor": 0}, "none")
SHORT = event({"floor": 100_000}, "short", hold_seconds=1, grace_seconds=0)


class Stranger:
    """A server that is not Holdfast: it can stall, and answers with given statuses."""

    def __init__(self, statuses=(200,), stall_after=None, stall=0.0):
        self.statuses, self.stall_after, self.stall = itertools.cycle(statuses), stall_after, stall
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.began = time.monotonic()
        self.stalled = False
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A socket stays open as long as a thread waits in accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        """Accept connections until the socket is closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        """Answer the requests of one connection."""
        rest = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in rest:
                    try:
                        more = connection.recv(65536)
                    except OSError:
                        return
                    if not more:
                        return
                    rest += more
                head, _, rest = rest.partition(b"\r\n\r\n")
                with self.lock:
                    self.asked.append(head.split(b"\r\n")[0].decode())
                    late = self.stall_after is not None and time.monotonic() - self.began > self.stall_after
                    if late and not self.stalled:
                        self.stalled = True
                        time.sleep(self.stall)
                    status = next(self.statuses)
                connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok" % status)


class Bench(ServiceCase):
    """Runs of one second against Holdfast."""

    events = (BIG, NONE, SHORT)

    def bench(self, *arguments, url=None, status=0):
        """Run the bench; return its output and its result."""
        with tempfile.TemporaryDirectory() as room:
            path = os.path.join(room, "result.json")
            ran = command("bench", url or f"http://127.0.0.1:{self.server.port}", *arguments,
                          *(() if "--duration" in arguments else ("--duration", "1")), "--warm-up", "0", "--json", path,
                          timeout=60)
            self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
            with open(path, encoding="utf-8") as file:
                return ran.stdout, json.load(file)

    def test_scenarios(self):
        """Each scenario gets its answers in both APIs, and the books balance."""
        for face in ("classic", "v1"):
            for scenario in ("availability", "hold", "sale", "churn", "soldout"):
                with self.subTest(scenario=scenario, face=face):
                    where = ["--event", "none"] if scenario == "soldout" else []
                    if scenario == "soldout" and face == "classic":
                        continue
                    printed, result = self.bench("--scenario", scenario, "--api", face, *where)
                    self.assertGreater(result["answers"], 100)
                    self.assertEqual((result["unexpected"], result["lost"]), (0, 0))
                    self.assertTrue(result["books"]["balance"])
                    self.assertEqual([second["answers"] > 0 for second in result["by_second"]], [True])
                    self.assertIn("books      balance", printed)
                    self.assertRegex(printed, r"(?m)^[\d,]+/s  p50 .*  p99 .*  errors 0  left [\d,]+$")
                    latency = result["latency_us"]
                    self.assertTrue(0 < latency["p50"] <= latency["p99"] <= latency["max"])
                    if scenario == "sale":
                        self.assertGreater(result["purchased"], result["held"] // 2)
                        self.assertEqual(result["released"] > 0, face == "v1")
                        gone = result["books"]["free_before"] - result["books"]["free_after"]
                        self.assertEqual(gone, result["held"] - result["released"])
                    if scenario == "soldout":
                        self.assertEqual(result["refused"], sum(result["statuses"].values()))
        self.assertEqual(self.server.verify().returncode, 0)

    def test_rate(self):
        """An open loop sends requests at its rate, evenly or at random."""
        for arrivals in ("fixed", "poisson"):
            _, result = self.bench("--rate", "500", "--arrivals", arrivals, "--duration", "2")
            # While the machine does something else, requests wait and come later.
            for second in result["by_second"]:
                self.assertAlmostEqual(second["answers"], 500, delta=400)
            self.assertAlmostEqual(result["answers_per_second"], 500, delta=100)

    def test_somebody_elses_holds(self):
        """If others buy meanwhile, the books do not balance, and the exit status says so."""
        done = threading.Event()

        def others():
            while not done.is_set():
                self.server.buy()

        thread = threading.Thread(target=others)
        thread.start()
        try:
            printed, result = self.bench("--scenario", "hold", status=1)
        finally:
            done.set()
            thread.join()
        self.assertFalse(result["books"]["balance"])
        self.assertIn("DO NOT BALANCE", printed)

    def test_holds_that_expire(self):
        """Holds that expire during the run make the final check a range, and the books balance."""
        _, result = self.bench("--scenario", "sale", "--api", "v1", "--event", "short", "--duration", "2",
                               "--connections", "4", "--abandons", "50", "--rate", "200")
        self.assertTrue(result["books"]["balance"])
        self.assertLess(result["books"]["gone_least"], result["books"]["gone_most"])

    def test_late_payments(self):
        """A late payment wins the places back or is owed back; the final check knows both."""
        for face in ("v1", "classic"):
            with self.subTest(face=face):
                with Server(SHORT) as server:
                    _, result = self.bench(
                        "--scenario", "sale", "--api", face, "--event", "short", "--duration", "3", "--connections", "8", "--rate", "400",
                        "--late", "50", "--abandons", "0", "--releases", "0", "--repeats", "0",
                        url=f"http://127.0.0.1:{server.port}")
                self.assertTrue(result["books"]["balance"])
                # Two thirds of the holds end a second before the run does.
                late = result["purchased_late"] if face == "v1" else result["expired"]
                self.assertGreater(late, result["held"] // 6)
                self.assertEqual(result["expired"] if face == "v1" else result["purchased_late"], 0)
                # Late purchases count as purchases; half of these were in time.
                self.assertGreater(result["purchased"] - result["purchased_late"], result["held"] // 5)

    def test_all_are_released(self):
        """Shares that leave nothing for late payments are accepted."""
        _, result = self.bench("--scenario", "sale", "--api", "v1", "--abandons", "0", "--releases", "100")
        self.assertEqual((result["purchased"], result["expired"]), (0, 0))
        self.assertGreater(result["released"], 0)

    def test_page(self):
        """The page needs nothing from outside and has the plots."""
        with tempfile.TemporaryDirectory() as room:
            path = os.path.join(room, "result.html")
            ran = command("bench", f"http://127.0.0.1:{self.server.port}", "--duration", "1", "--warm-up", "0", "--html", path)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            with open(path, encoding="utf-8") as file:
                page = file.read()
        self.assertEqual(page.count("<svg"), 3)
        self.assertIn("width=device-width", page)
        for outside in ("<script", "src=", "href=", "@import", "url("):
            self.assertNotIn(outside, page)

    def test_what_is_not_there(self):
        """It reports unknown types and events, free tickets at a sold-out run, and files that it cannot write."""
        url = f"http://127.0.0.1:{self.server.port}"
        for arguments, status in ((["--type", "NO"], 69), (["--api", "v1", "--event", "nowhere"], 69),
                                  (["--scenario", "soldout"], 69), (["--json", "/nowhere/x"], 73)):
            ran = command("bench", url, "--duration", "1", "--warm-up", "0", *arguments)
            self.assertEqual(ran.returncode, status, (arguments, ran.stdout, ran.stderr))
            self.assertEqual(len(ran.stderr.splitlines()), 1, ran.stderr)


class Elsewhere(unittest.TestCase):
    """Servers that are not Holdfast."""

    def test_only_looked_at(self):
        """Another server gets requests for the URL's path only, and never for tickets."""
        with Stranger() as stranger:
            url = f"http://127.0.0.1:{stranger.port}/page?x=1"
            ran = command("bench", url, "--duration", "1", "--warm-up", "0", "--connections", "4")
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            self.assertIn("not checked: this server is not holdfast", ran.stdout)
            self.assertNotIn("left", ran.stdout)
            self.assertEqual(set(stranger.asked), {"GET /health/live HTTP/1.1", "GET /page?x=1 HTTP/1.1"})
            before = len(stranger.asked)
            ran = command("bench", url, "--scenario", "hold", "--duration", "1")
            self.assertEqual((ran.returncode, len(stranger.asked)), (69, before + 1))

    def test_a_stall_shows(self):
        """If a server stalls for 400 ms, an open loop shows it in the tail and not only for one request."""
        with tempfile.TemporaryDirectory() as room, Stranger(stall_after=1.0, stall=0.4) as stranger:
            path = os.path.join(room, "r.json")
            ran = command("bench", f"http://127.0.0.1:{stranger.port}/", "--rate", "400", "--connections", "2",
                          "--duration", "2", "--warm-up", "0", "--json", path)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            with open(path, encoding="utf-8") as file:
                latency = json.load(file)["latency_us"]
            self.assertGreater(latency["p99"], 250_000)
            self.assertLess(latency["p50"], 100_000)

    def test_wrong_answers(self):
        """Unexpected answers are counted, and the status is 1; it is 69 without a server and 64 for wrong use."""
        with Stranger(statuses=[200] * 9 + [500]) as stranger:
            ran = command("bench", f"http://127.0.0.1:{stranger.port}/", "--duration", "1s", "--warm-up", "0")
            self.assertEqual(ran.returncode, 1)
            self.assertIn("500 ×", ran.stdout)
            port = stranger.port
        time.sleep(0.05)
        self.assertEqual(command("bench", f"http://127.0.0.1:{port}/", "--duration", "1").returncode, 69)
        for wrong in (["ftp://x"], ["http://"], ["http://x", "--connections", "0"], ["http://x", "--rate", "0"],
                      ["http://x", "--rate", "-1"], ["http://x", "--duration", "0"], ["http://x", "--scenario", "y"],
                      ["http://x", "--duration", "25h"], ["http://x", "--duration", "1d"], ["http://x", "--warm-up", "s"],
                      ["http://x", "--abandons", "60", "--releases", "60"], ["http://x", "--type", "a b"]):
            self.assertEqual(command("bench", *wrong).returncode, 64, wrong)

    def test_service_that_dies(self):
        """If the service is killed during a run, the run reports requests with an unknown outcome."""
        with Server(event({"floor": 5_000_000}, hold_seconds=3600)) as server:
            killer = threading.Timer(1.0, server.kill9)
            killer.start()
            ran = command("bench", f"http://127.0.0.1:{server.port}", "--scenario", "hold", "--duration", "2",
                          "--warm-up", "0")
            killer.join()
            self.assertEqual(ran.returncode, 69, ran.stdout + ran.stderr)
