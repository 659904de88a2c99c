"""The access log, the level of the log while it runs, and traces."""

import http.server
import json
import os
import pathlib
import re
import signal
import socket
import threading
import uuid

from support.processes import free_ports
from support.service import Server, ServiceCase, event, eventually, make_key, scratch
from support.wire import Connection, request

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CODES = {"club": {"count": 2, "tickets": 2}}


def lines(path):
    """Return the lines of a file; none if it is not there."""
    return pathlib.Path(path).read_text().splitlines() if os.path.exists(path) else []


class AccessLog(ServiceCase):
    """One service that logs every request to a file."""

    settings = {"access_log_mode": "all", "access_log_file": os.path.join(scratch(), "access"), "log_level": "trace"}
    events = (event(50, codes=CODES),)

    def setUp(self):
        self.path = self.settings["access_log_file"]

    def ask(self, method, target, headers=(), body=None):
        """Ask; return the answer."""
        fields = [*headers, "Content-Type: application/json"]
        return self.server.ask(method, target, fields, body=b"" if body is None else json.dumps(body).encode())

    def last(self, count, ask):
        """Return what the log has got by so many requests."""
        # A line is written a moment after its answer. When this one is there, those of earlier requests are there, too.
        trace = uuid.uuid4().hex
        self.server.ask("GET", "/health/live", [f"traceparent: 00-{trace}-00f067aa0ba902b7-01"])
        self.assertTrue(eventually(lambda: any(trace in line for line in lines(self.path))))
        before = len(lines(self.path))
        ask()
        self.assertTrue(eventually(lambda: len(lines(self.path)) >= before + count))
        return [json.loads(line) for line in lines(self.path)[before:]]

    def test_lines(self):
        """Each request has a line with its route, status, length, caller and trace, on every way that it may go."""
        answers = []

        def ask():
            answers.append(self.server.ask("GET", "/v1/events/main/availability",
                                           [f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01"]))
            answers.append(self.server.get("/v1/events/main"))
            answers.append(self.server.get("/v1/nothing"))
            answers.append(self.server.ask("HEAD", "/health/ready"))
        found = self.last(4, ask)
        routes = [(line["method"], line["route"], line["status"]) for line in found]
        self.assertEqual(routes, [("GET", "/v1/events/:event/availability", 200), ("GET", "/v1/events/:event", 200),
                                  ("GET", None, 404), ("HEAD", "/health/ready", 200)])
        self.assertEqual([line["bytes"] for line in found], [len(answer.body) for answer in answers])
        self.assertEqual({line["caller"] for line in found}, {"127.0.0.1"})
        self.assertEqual([line.get("trace_id") for line in found], [TRACE, None, None, None])
        self.assertTrue(all(isinstance(line["duration_us"], int) for line in found))

    def test_stream(self):
        """A stream has its line when it begins."""
        with self.server.connect() as connection:
            found, = self.last(1, lambda: connection.send(request("GET", "/v1/events/main/availability/stream")))
        self.assertEqual((found["route"], found["status"]), ("/v1/events/:event/availability/stream", 200))

    def test_secrets(self):
        """No log has a token, a key, a buyer, a payment, an access code, or any text of a path or a query."""
        operator = make_key(self.server)
        code = self.ask("GET", "/v1/events/main/codes?batch=club", [f"Authorization: Bearer {operator}"]).json()
        text = code["codes"][0]["code"]
        hold = self.ask("POST", "/v1/events/main/holds", ["Idempotency-Key: marker-idempotency-1"],
                        {"lines": [{"type": "GA", "quantity": 1}], "buyer": "marker-buyer", "code": text}).json()
        token = hold["token"]
        mine = [f"Authorization: Bearer {token}", "User-Agent: marker-agent", "Cookie: marker-cookie",
                "traceparent: marker-trace", "Referer: http://marker-referer/"]
        self.assertEqual(self.ask("POST", f"/v1/holds/{hold['id']}/purchase", mine,
                                  {"payment_reference": "marker-payment"}).status, 200)
        classic = self.server.buy().json()["token"]
        self.server.complete(classic)
        self.server.complete(classic + "marker-path")
        self.ask("GET", f"/v1/holds/marker-hold?marker-query={token}", mine)
        self.ask("GET", "/v1/search?buyer=marker-buyer", [f"Authorization: Bearer {operator}"])
        self.ask("POST", f"/marker-path/{token}", mine, {"marker-body": token})
        self.ask("POST", "/v1/events/marker-event/holds", mine, {"lines": []})
        for raw in (b"MARKER-method / HTTP/1.1\r\n\r\n", b"GET /marker-path HTTP/1.1\r\nmarker-field\r\n\r\n"):
            with self.server.connect() as connection:
                connection.send(raw)
                connection.answers_until_closed()
        self.last(1, lambda: self.server.get("/health/live"))
        said = self.server.everything_said() + pathlib.Path(self.path).read_text()
        self.assertGreater(len(said), 1_000)
        for hidden in ("marker", "MARKER", token, classic, operator, operator[-20:], text):
            self.assertNotIn(hidden, said)

    def test_rotation(self):
        """SIGHUP opens the file anew; before it lines go on to the file that was moved away."""
        self.last(1, lambda: self.server.get("/health/live"))
        old = self.path + ".1"
        os.rename(self.path, old)
        before = len(lines(old))
        self.server.get("/health/live")
        self.assertTrue(eventually(lambda: len(lines(old)) > before))
        self.server.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: os.path.exists(self.path)))
        self.last(1, lambda: self.server.get("/health/live"))


class OtherAccessLogs(ServiceCase):
    """Services of their own."""

    events = (event(5),)

    def test_common(self):
        """The Common Log Format, on standard output."""
        with Server(event(50), access_log_mode="all", access_log_format="common") as server:
            server.buy()
            wanted = r'^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] ' \
                     r'"POST /buy_ticket/:type HTTP/1\.1" 200 \d+$'
            self.assertTrue(eventually(lambda: re.search(wanted, server.stdout(), re.MULTILINE)))

    def test_full(self):
        """A full disk, a closed pipe and a reader that sleeps never stop the sale; lost lines are counted in the metrics."""
        for path in ("/dev/full", "pipe"):
            with self.subTest(path=path):
                room = scratch()
                if path == "pipe":
                    path = os.path.join(room, "pipe")
                    os.mkfifo(path)
                    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                    self.addCleanup(os.close, reader)
                port, = free_ports(1)
                with Server(event(5_000), access_log_mode="all", access_log_file=path,
                            metrics_listen=f"127.0.0.1:{port}") as server, server.connect() as connection:
                    for _ in range(1_500):
                        self.assertEqual(connection.ask("POST", "/buy_ticket/GA").status, 200)
                    if path == "/dev/full":
                        self.assertTrue(eventually(lambda: self.lost(port) >= 1_500))
                    self.assertEqual(server.stop(), 0)

    def lost(self, port):
        """Return how many lines of the access log the metrics count as lost."""
        with Connection(port) as connection:
            text = connection.ask("GET", "/metrics").body.decode()
        return int(re.search(r'^holdfast_log_lines_lost_total\{log="access"\} (\d+)$', text, re.MULTILINE)[1])

    def test_cannot_open(self):
        """A file that cannot be written ends the start with a sentence."""
        server = Server(event(5), access_log_mode="all", access_log_file="/nowhere/access")
        self.addCleanup(server.__exit__)
        server.launch()
        self.assertEqual(server.process.wait(60), 73)
        self.assertIn("access_log.file: /nowhere/access cannot be written", server.stderr())


class LogLevel(ServiceCase):
    """Services whose log level changes while they run."""

    events = (event(5),)

    def change(self, level, key=None, body=None):
        """Ask for a level."""
        fields = ["Content-Type: application/merge-patch+json"]
        fields += [f"Authorization: Bearer {key}"] if key else []
        return self.server.ask("PATCH", "/v1/service/log", fields, json.dumps(body or {"level": level}).encode())

    def test_calls(self):
        """An operator changes the level, a viewer sees it, and who changed it is in the log."""
        operator, viewer = make_key(self.server), make_key(self.server, "viewer", "Ben")
        shown = self.server.ask("GET", "/v1/service/log", [f"Authorization: Bearer {viewer}"])
        self.assertEqual((shown.status, shown.json()), (200, {"level": "info"}))
        self.assert_problem(self.change("debug"), 401, "unauthenticated")
        self.assert_problem(self.change("debug", viewer), 403, "forbidden")
        answer = self.change("error", operator)
        self.assertEqual((answer.status, answer.json()), (200, {"level": "error"}))
        wanted = '"message":"The log level was changed","from":"info","key":"'
        self.assertTrue(eventually(lambda: wanted in self.server.stderr()))
        shown = self.server.ask("GET", "/v1/service/log", [f"Authorization: Bearer {viewer}"])
        self.assertEqual(shown.json(), {"level": "error"})
        wrong = self.change(None, operator, {"level": "loud", "more": 1})
        self.assert_problem(wrong, 422, "validation-failed")
        self.assertEqual({entry["pointer"] for entry in wrong.json()["errors"]}, {"/level", "/more"})
        self.assertEqual(self.change("info", operator).status, 200)

    def test_signal(self):
        """SIGHUP reads the level anew; a file that is wrong changes nothing; other settings wait for the next start."""
        config = os.path.join(scratch(), "config.json")

        def write(text):
            pathlib.Path(config).write_text(text)
            return lambda: server.process.send_signal(signal.SIGHUP)
        write('{"log": {"level": "info"}}')
        with Server(event(5), config=config) as server:
            viewer = make_key(server, "viewer", "Ben")

            def level():
                return server.ask("GET", "/v1/service/log", [f"Authorization: Bearer {viewer}"]).json()["level"]
            write('{"log": {"level": "debug"}, "metrics": {"events": 7}}')()
            self.assertTrue(eventually(lambda: level() == "debug"))
            self.assertTrue(eventually(lambda: '"at the next start":"metrics.events"' in server.stderr()))
            write('{"log": {"level": ')()
            self.assertTrue(eventually(
                lambda: "The configuration cannot be read; everything stays as it is" in server.stderr()))
            self.assertEqual(level(), "debug")
            self.assertEqual(server.buy().status, 200)


class Collector:
    """Stands in for a collector: keeps what it gets."""

    def __init__(self):
        self.messages, self.status = [], 200
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Takes messages."""

            def do_POST(self):
                """Keep a message."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.messages.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(collector.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                """Say nothing."""
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        """The address for `--traces-endpoint`."""
        return f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    @property
    def spans(self):
        """All spans that came."""
        return [span for _, _, message in list(self.messages) for resource in message["resourceSpans"]
                for scope in resource["scopeSpans"] for span in scope["spans"]]

    def close(self):
        """End."""
        self.server.shutdown()
        self.server.server_close()


class Traces(ServiceCase):
    """Services that send spans."""

    events = (event(5),)

    def test_spans(self):
        """A collector gets a span for each request that its caller wants traced, in the schema of OTLP."""
        collector = Collector()
        self.addCleanup(collector.close)
        with Server(event(50), traces_endpoint=collector.endpoint, traces_sample=1_000_000) as server:
            for flags in ("01", "00"):
                server.ask("POST", "/buy_ticket/GA", [f"traceparent: 00-{TRACE}-00f067aa0ba902b7-{flags}"])
            server.ask("GET", "/v1/events/main?marker=1", [f"traceparent: 00-{TRACE}-00f067aa0ba902b8-01"])
            self.assertTrue(eventually(lambda: len(collector.spans) >= 2))
            first, second = sorted(collector.spans, key=lambda span: span["parentSpanId"])
            self.assertEqual({first["traceId"], second["traceId"]}, {TRACE})
            self.assertEqual((first["parentSpanId"], first["name"], first["kind"]),
                             ("00f067aa0ba902b7", "POST /buy_ticket/:type", 2))
            self.assertRegex(first["spanId"], r"^[0-9a-f]{16}$")
            took = int(first["endTimeUnixNano"]) - int(first["startTimeUnixNano"])
            self.assertTrue(0 < took < 60_000_000_000)
            self.assertIn({"key": "http.response.status_code", "value": {"intValue": "400"}}, second["attributes"])
            path, kind, message = collector.messages[0]
            self.assertEqual((path, kind), ("/v1/traces", "application/json"))
            attributes = message["resourceSpans"][0]["resource"]["attributes"]
            self.assertIn({"key": "service.name", "value": {"stringValue": "holdfast"}}, attributes)
            self.assertNotIn("marker", json.dumps(collector.messages))
            server.ask("POST", "/buy_ticket/GA", [f"traceparent: 00-{TRACE}-00f067aa0ba902b9-01"])
            self.assertEqual(server.stop(), 0)
            self.assertEqual(len(collector.spans), 3, "a stop sends what is left")

    def test_trouble(self):
        """A collector that refuses, is away or does not answer costs a line of the log and no sale."""
        refusing = Collector()
        self.addCleanup(refusing.close)
        refusing.status = 500
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        away, = free_ports(1)
        for endpoint in (refusing.endpoint, f"http://127.0.0.1:{away}", f"http://127.0.0.1:{silent.getsockname()[1]}"):
            with self.subTest(endpoint=endpoint), \
                    Server(event(500), traces_endpoint=endpoint, traces_sample=1) as server:
                for _ in range(100):
                    self.assertEqual(server.buy().status, 200)
                if endpoint.count(str(silent.getsockname()[1])) == 0:
                    self.assertTrue(eventually(lambda: "The collector did not take spans" in server.stderr()))
                self.assertEqual(server.stop(), 0)
