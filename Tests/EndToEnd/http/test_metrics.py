"""What a monitor reads, and what watches over it."""

import json
import pathlib
import re
import subprocess
import time

from support import ROOT, service
from support.processes import free_ports
from support.service import Server, ServiceCase, event, eventually, make_key
from support.wire import Connection

OPERATIONS = ROOT / "operations"
# Published only where there is TLS.
WITH_TLS = {"holdfast_tls_certificate_expiry_timestamp_seconds"}


def promtool(*words, text=None, cwd=None):
    """Run promtool; return its exit status and what it said."""
    done = subprocess.run(["promtool", *words], input=text, cwd=cwd, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def scrape(port):
    """Ask for the metrics on their own address; return the answer."""
    with Connection(port) as connection:
        return connection.ask("GET", "/metrics")


def names(text):
    """Return the metrics that a text has samples of, each histogram by its own name."""
    found = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}
    return found | {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def selectors(expression):
    """Return what an expression wants of labels: pairs of a metric and its conditions, each a label and the values that it names."""
    found = []
    for metric, inside in re.findall(r"\b((?:holdfast|process)_\w+)\{([^}]*)\}", expression):
        conditions = re.findall(r'(\w+)\s*(=~|!=|!~|=)\s*"((?:[^"\\]|\\.)*)"', inside)
        found.append((metric, [(label, values.split("|") if sign in ("=~", "!~") else [values]) for label, sign, values in conditions]))
    return found


def missing(expression, text):
    """Return the labels, and values of labels, that an expression names and no sample in the text has."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    absent = []
    for metric, conditions in selectors(expression):
        samples = [line for line in lines if re.match(rf"{metric}(_bucket|_sum|_count)?[{{ ]", line)]
        for label, values in conditions:
            known = {value for line in samples for value in re.findall(rf'[{{,]{label}="([^"]*)"', line)}
            # Prometheus itself says which instance it is.
            if label != "instance" and (not known or not set(values) <= known | {"$event"}):
                absent.append((metric, label, values))
    for label in re.findall(r"\b(?:by|without|on)\s*\(([^)]*)\)", expression):
        for name in filter(None, (part.strip() for part in label.split(","))):
            if name not in ("instance", "le") and not any(
                    f'{name}="' in line for metric in watched(expression) for line in lines if line.startswith(metric)):
                absent.append((expression, name, []))
    return absent


def watched(expression):
    """Return the metrics of an expression."""
    bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", expression)
    return set(re.findall(r"\b(?:holdfast|process)_\w+", bare))


class Metrics(ServiceCase):
    """One service with an address for its metrics."""

    events = (event(20), event(5, "side"), event(5, "queued", queue={}))

    @classmethod
    def setUpClass(cls):
        cls.port, = free_ports(1)
        cls.settings = {"metrics_listen": f"127.0.0.1:{cls.port}"}
        super().setUpClass()

    def test_promtool(self):
        """promtool has nothing to say about the metrics after some sales; the public's port has none."""
        token = self.server.buy().json()["token"]
        self.assertEqual(self.server.complete(token).status, 200)
        self.server.buy()
        self.server.get("/v1/events/main")
        self.server.get("/nothing")
        answer = scrape(self.port)
        self.assertEqual((answer.status, answer.header("content-type")),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        text = answer.body.decode()
        self.assertEqual(promtool("check", "metrics", text=text), (0, ""))
        self.assertIn('holdfast_places{event="main",pool="floor",state="sold"} 1\n', text)
        self.assertIn('holdfast_decisions_total{event="main",command="purchase",outcome="purchased"} 1\n', text)
        self.assertIn('holdfast_store_state{state="selling"} 1\n', text)
        started = float(re.search(r"^process_start_time_seconds (\S+)", text, re.MULTILINE)[1])
        self.assertLess(abs(time.time() - started), 600)
        self.assert_problem(self.server.get("/metrics"), 404, "not-found")
        with Connection(self.port) as connection:
            self.assertEqual(connection.ask("GET", "/v1/events").status, 404)
            self.assertEqual(connection.ask("POST", "/metrics").status, 405)
            self.assertEqual(connection.ask("GET", "/metrics?x=1").status, 200)

    def test_watched_is_published(self):
        """Every metric in the alert rules and on the dashboard is published, embedded or on Redis."""
        rules = (OPERATIONS / "prometheus" / "alerts.yml").read_text()
        dashboard = json.loads((OPERATIONS / "grafana" / "holdfast.json").read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
        expressions += [entry["expr"] for entry in dashboard["annotations"]["list"]]
        expressions += [entry["definition"] for entry in dashboard["templating"]["list"] if "definition" in entry]
        wanted = watched(rules) | set().union(*map(watched, expressions))
        self.assertGreater(len(wanted), 20)
        self.server.get("/v1/events/main/availability")
        self.server.complete(self.server.buy().json()["token"])
        key = "Idempotency-Key: metrics-watched-0001"
        held = self.server.ask("POST", "/v1/events/main/holds", ["Content-Type: application/json", key],
                               b'{"lines": [{"type": "GA", "quantity": 1}]}').json()
        self.server.ask("POST", f"/v1/holds/{held['id']}/purchase", [f"Authorization: Bearer {held['token']}"])
        text = scrape(self.port).body.decode()
        found = names(text)
        port, = free_ports(1)
        if not service.on_redis:
            redis = service.RedisServer(self.server.room)
            self.addCleanup(redis.kill9)
            with Server(event(5), store=redis.address, metrics_listen=f"127.0.0.1:{port}") as server:
                server.buy()
                text += scrape(port).body.decode()
                found = names(text)
                redis.kill9()
                self.assertTrue(eventually(lambda: re.search(
                    r"^holdfast_redis_connections\{[^}]*\} 0$", scrape(port).body.decode(), re.MULTILINE)))
                self.assertTrue(eventually(
                    lambda: 'holdfast_store_state{state="selling"} 0\n' in scrape(port).body.decode()))
        # A single server has no replicas to wait for.
        self.assertEqual(wanted - found - WITH_TLS, {"holdfast_redis_replicas_acknowledged"})
        rules = re.findall(r"^ +expr: (.*(?:\n {10,}.*)*)", rules, re.MULTILINE)
        self.assertGreater(len(rules), 8)
        self.assertEqual([one for rule in rules + expressions for one in missing(rule, text)], [])
        # The guide's table says what there is, and all of it.
        table = (ROOT / "docs/operating.md").read_text().split("| metric | what it is |")[1].split("\n\n")[0]
        described = set(re.findall(r"`(holdfast_\w+)`", table))
        published = {re.sub(r"_(bucket|sum|count)$", "", name) for name in found if name.startswith("holdfast_")}
        self.assertEqual(described - published - WITH_TLS, {"holdfast_redis_replicas_acknowledged"})
        self.assertEqual(published - described, set())

    def test_rules(self):
        """promtool accepts the configuration and the rules, each rule fires when it should, and each is explained."""
        where = OPERATIONS / "prometheus"
        for words in (("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"),
                      ("test", "rules", "alerts_test.yml")):
            status, said = promtool(*words, cwd=where)
            self.assertEqual(status, 0, said)
        rules, tests = (where / "alerts.yml").read_text(), (where / "alerts_test.yml").read_text()
        guide = (ROOT / "docs" / "operating.md").read_text()
        alerts = re.findall(r"- alert: (\w+)", rules)
        self.assertGreater(len(alerts), 8)
        for alert in alerts:
            self.assertIn(f"alertname: {alert}\n        exp_alerts:", tests, f"no test lets {alert} fire")
            self.assertIn(f"#### {alert}\n", guide)
            self.assertIn(f"runbook: docs/operating.md#{alert.lower()}\n", rules)


class MetricsOnThePublicPort(ServiceCase):
    """One service without an address for its metrics."""

    events = tuple(event(50_000, f"event-{number}") for number in range(100))

    def ask(self, *headers):
        """Ask for the metrics."""
        return self.server.ask("GET", "/metrics", headers)

    def test_keys(self):
        """A key that reads lists is needed, from this machine, too; a hundred events make less than 200 KB."""
        self.assert_problem(self.ask(), 401, "unauthenticated")
        shop = make_key(self.server, "shop", "till")
        self.assert_problem(self.ask(f"Authorization: Bearer {shop}"), 403, "forbidden")
        viewer = make_key(self.server, "viewer", "monitor")
        for number in range(100):
            for quantity in (1, 99):
                self.server.ask("POST", f"/v1/events/event-{number}/holds",
                                ["Content-Type: application/json", f"Idempotency-Key: metrics-{number:04}-{quantity:04}"],
                                json.dumps({"lines": [{"type": "GA", "quantity": quantity}]}).encode())
        answer = self.ask(f"Authorization: Bearer {viewer}")
        self.assertEqual(answer.status, 200)
        self.assertEqual(promtool("check", "metrics", text=answer.body.decode()), (0, ""))
        self.assertIn(b'holdfast_places{event="event-99",pool="floor",state="held"} 1\n', answer.body)
        self.assertLess(len(answer.body), 200_000)

    def test_address_in_use(self):
        """An address that is taken, or wrong, ends the start with a sentence."""
        for value, status, said in ((f"127.0.0.1:{self.server.port}", 69, "metrics.listen: cannot listen on"),
                                    ("9464", 64, "HOST:PORT")):
            server = Server(event(5), metrics_listen=value)
            self.addCleanup(server.__exit__)
            server.launch()
            self.assertEqual(server.process.wait(60), status)
            self.assertIn(said, server.stderr())
