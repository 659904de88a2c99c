"""Starts the service as a program, and ends it whatever happens."""

import base64
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from support import ROOT, redis
from support.processes import Process, free_ports
from support.wire import PATIENCE, Connection, ProtocolBroken

_binary = ROOT / ".build" / "release" / "holdfast"


def binary():
    """Return the path of the program under test."""
    return str(_binary)


def use_binary(path):
    """Test the program at this path from now on."""
    global _binary
    _binary = pathlib.Path(path).resolve()


def clean_environment(extra=None):
    """Return this process's environment without variables that configure the service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST")}
    return kept | (extra or {})


def command(*arguments, cwd=None, env=None, timeout=120):
    """Run the program with these arguments until it ends."""
    with tempfile.TemporaryDirectory(prefix="holdfast-run-") as empty:
        return subprocess.run(
            [binary(), *map(str, arguments)], cwd=cwd or empty, env=clean_environment(env), timeout=timeout,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace")


def event(places=100, identifier="main", **members):
    """Return an event's definition; `places` is the number in pool `floor`, or a dictionary of pools."""
    pools = places if isinstance(places, dict) else {"floor": places}
    types = members.pop("types", None) or [
        {"code": "GA" if name == "floor" else name.upper(), "pools": [name]} for name in pools]
    return {"id": identifier, "pools": pools, "types": types} | members


def scratch():
    """Return a new directory."""
    return tempfile.mkdtemp(prefix="holdfast-test-")


class Lodging:
    """A directory for processes that the caller makes and removes."""

    def __init__(self, room):
        self.room = pathlib.Path(room)

    def add(self, name, words, _):
        """Return a process that is not started yet."""
        return Process(self.room, name, [str(word) for word in words])


class RedisServer(redis.Server):
    """A Redis server in a process of its own that syncs before it answers."""

    def __init__(self, room, *settings):
        """Start it in this directory with these flags."""
        super().__init__(Lodging(room), "redis", free_ports(1)[0], False, settings or ("--appendfsync", "always"))
        self.start()

    @property
    def address(self):
        """The value for `--store`."""
        return f"redis://{self.host}:{self.port}"

    def start(self):
        """Start the process and wait until it answers."""
        self.process.start()
        if not eventually(self.answers):
            raise RuntimeError(f"redis-server does not answer: {self.process.last_words()}")

    def kill9(self):
        """Kill the process."""
        self.process.kill9()


# Whether every service keeps its sales on a Redis server of its own (`run --on-redis`).
on_redis = False
# The address of servers that all services share instead (`run --on-cluster`).
shared_store = None


@functools.cache
def shared_keys():
    """Return the file of token keys for all services on one store: one with other keys does not start."""
    path = os.path.join(scratch(), "token.keys")
    pathlib.Path(path).write_text(f"1 {os.urandom(32).hex()}\n")
    return path


def embedded_only(test):
    """Skip a test if sales are on Redis: it reads files that only the embedded store has."""
    @functools.wraps(test)
    def run(self):
        if on_redis:
            self.skipTest("reads the embedded store's files")
        return test(self)
    return run


class Server:
    """One service in a process of its own, with a ledger that is removed after the test."""

    def __init__(self, *events, data=None, files=None, environment=None, before=None, **settings):
        """Take events as dictionaries, and settings by the names of their flags; `True` is a flag without a value, a list
        several flags.

        `before` runs in the new process before the program.
        """
        self.room = scratch()
        self.data = data or os.path.join(self.room, "data")
        self.events = events
        self.files = files
        self.settings = ({} if "listen" in settings else {"port": 0}) | settings
        self.environment = environment
        self.before = before
        self.process = None
        self.port = None
        # The address that connections come from, if not the usual one.
        self.source = None
        self.starts = 0
        self.redis = None
        if on_redis and "store" not in self.settings:
            self.redis = RedisServer(self.room)
            self.settings["store"] = self.redis.address
        elif shared_store:
            self.settings.setdefault("store", shared_store)
            self.settings.setdefault("token_keys", shared_keys())

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        if self.redis:
            self.redis.kill9()
        shutil.rmtree(self.room, ignore_errors=True)

    @property
    def ledger(self):
        """The path of the ledger's file."""
        return os.path.join(self.data, "ledger.sqlite")

    def arguments(self):
        """Write the definitions to files and return the command line."""
        line = [binary(), "serve", "--data", self.data]
        for number, definition in enumerate(self.events):
            path = os.path.join(self.room, f"event-{number}.json")
            pathlib.Path(path).write_text(json.dumps(definition))
            line += ["--event", path]
        for path in self.files or ():
            line += ["--event", path]
        for name, value in self.settings.items():
            flag = "--" + name.replace("_", "-")
            for each in value if isinstance(value, list) else [value]:
                line += [flag] + ([] if each is True else [str(each)])
        return line

    def launch(self):
        """Start the process and return at once."""
        self.starts += 1
        self.out = os.path.join(self.room, f"out-{self.starts}")
        self.err = os.path.join(self.room, f"err-{self.starts}")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                self.arguments(), cwd=self.room, env=clean_environment(self.environment),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=self.before)
        return self

    def start(self):
        """Start the process and wait until it serves."""
        self.launch()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = re.search(r"Listening\s+http://127\.0\.0\.1:(\d+)", self.stdout())
            if found:
                self.port = int(found[1])
                if self.get("/health/live").status == 200:
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"the service does not start ({self.process.poll()}): {self.stderr()}")

    def stdout(self):
        """Return what the current process has printed."""
        return pathlib.Path(self.out).read_text(errors="replace")

    def stderr(self):
        """Return what the current process has logged."""
        return pathlib.Path(self.err).read_text(errors="replace")

    def everything_said(self):
        """Return the output of all processes of this service, one after another."""
        logs = [*pathlib.Path(self.room).glob("out-*"), *pathlib.Path(self.room).glob("err-*")]
        return "".join(path.read_text(errors="replace") for path in logs)

    def stop(self, number=signal.SIGTERM, timeout=PATIENCE):
        """Send a signal to stop, and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def kill9(self):
        """Kill the process."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def restart(self):
        """Start again on the same ledger."""
        if self.process.poll() is None:
            self.stop()
        return self.start()

    def is_alive(self):
        """Return whether the process runs."""
        return self.process.poll() is None

    def is_stopping(self):
        """Return whether the service has received a signal to stop: it is not ready, or answers no new connection."""
        try:
            return b"about to stop" in self.get("/health/ready").body
        except (OSError, ProtocolBroken):
            return True

    def has_read_everything(self):
        """Return whether it has accepted every connection to its port and read all that clients have sent."""
        waiting = 0
        for kind in ("tcp", "tcp6"):
            for line in pathlib.Path(f"/proc/{self.process.pid}/net/{kind}").read_text().splitlines()[1:]:
                _, local, _, _, queues, *_ = line.split()
                # Of a socket that listens, these are the connections that it has not accepted.
                if local.endswith(f":{self.port:04X}"):
                    waiting += int(queues.split(":")[1], 16)
        return waiting == 0

    def memory(self):
        """Return the resident bytes of the process."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def connect(self, timeout=PATIENCE):
        """Return a new connection."""
        return Connection(self.port, timeout, source=self.source)

    def ask(self, method, target, headers=(), body=None):
        """Send one request on a connection of its own and return its answer."""
        with self.connect() as connection:
            return connection.ask(method, target, headers, body)

    def get(self, target):
        """GET the target."""
        return self.ask("GET", target)

    def buy(self, kind="GA"):
        """Hold a ticket the classic way."""
        return self.ask("POST", f"/buy_ticket/{kind}")

    def complete(self, token):
        """Complete a hold the classic way."""
        return self.ask("POST", f"/complete_purchase/{token}")

    def remaining(self):
        """Return the number of places left, as the API counts."""
        return self.get("/remaining_tickets").json()["num_tickets"]

    def rows(self, sql):
        """Read the ledger while the service runs."""
        return rows(self.ledger, sql)

    @property
    def place(self):
        """The flags with which a command finds the store of this service."""
        return ["--store", self.settings["store"]] if "store" in self.settings else ["--data", str(self.data)]

    def purchases(self, name="main"):
        """Return all purchases of an event."""
        if not self.redis:
            sold = self.rows(f"SELECT purchase, type FROM sales WHERE event = '{name}'")
            return [{"id": purchase, "lines": [{"type": kind}]} for purchase, kind in sold]
        answer = self.ask("GET", f"/v1/events/{name}/purchases",
                          [f"Authorization: Bearer {make_key(self, 'viewer')}", "Accept: application/x-ndjson"])
        return [json.loads(line) for line in answer.body.splitlines()]

    def verify(self):
        """Recount: with `holdfast verify`, or on Redis with the service's own recount."""
        if not self.redis:
            return command("verify", self.data, timeout=120)
        was_stopped = not self.is_alive()
        if was_stopped:
            self.start()
        answer = self.ask("GET", "/v1/invariants", [f"Authorization: Bearer {make_key(self, 'viewer')}"]).json()
        lines = [f"pool {pool['pool']} of {each['event']}: {pool['capacity']:,} places = {pool['free']:,} free + "
                 f"{pool['held']:,} held + {pool['sold']:,} sold" for each in answer["events"] for pool in each["pools"]]
        if was_stopped:
            self.stop()
        return subprocess.CompletedProcess([], 0 if answer["holds_true"] else 1, "\n".join(lines), str(answer["broken"]))


def rows(path, sql):
    """Read rows from a ledger without writing to it."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENCE)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def make_key(server, role="operator", name="Anna"):
    """Make a key with `holdfast key create` and return its credential."""
    made = command("key", "create", "--role", role, "--name", name, *server.place)
    assert made.returncode == 0, made.stderr
    return next(word for word in made.stdout.split() if word.startswith("hfk_"))


def flip_bit(token, bit):
    """Return the token with one of its 192 bits flipped."""
    data = bytearray(base64.urlsafe_b64decode(token))
    data[bit // 8] ^= 1 << bit % 8
    return base64.urlsafe_b64encode(data).decode()


def eventually(condition, timeout=PATIENCE, every=0.02):
    """Wait until the condition is true; return whether it became true in time."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return bool(condition())


class ServiceCase(unittest.TestCase):
    """Tests that share one service; each test leaves it able to serve the next."""

    settings = {}
    events = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.events, **cls.settings)
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()

    def tearDown(self):
        self.assertTrue(self.server.is_alive(), "the service ended")

    def assert_problem(self, answer, status, code):
        """Check an answer that is a problem document (RFC 9457)."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.header("content-type"), "application/problem+json")
        document = answer.json()
        self.assertEqual((document["status"], document["code"]), (status, code))
        for member in ("type", "title", "detail"):
            self.assertIsInstance(document[member], str)
        self.assertIsInstance(document["retryable"], bool)

    def assert_refusal(self, answer, status, code):
        """Check an answer that refuses a classic call."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.header("content-type"), "application/json")
        document = answer.json()
        self.assertEqual(set(document), {"success", "errorMessage", "code"})
        self.assertIs(document["success"], False)
        self.assertEqual(document["code"], code)
        self.assertTrue(document["errorMessage"])


class RoleCase(ServiceCase):
    """Tests that ask with a key of each role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = {role: make_key(cls.server, role) for role in ("operator", "shop", "viewer")}

    def call(self, method, target, body=None, key=None, headers=()):
        """Ask with the key of a role, with another credential, or with none; return the answer and its JSON."""
        fields = list(headers)
        if key:
            fields.append(f"Authorization: Bearer {self.keys.get(key, key)}")
        if body is not None:
            fields.append("Content-Type: application/json")
        answer = self.server.ask(method, target, fields, json.dumps(body).encode() if body is not None else None)
        is_json = answer.body and answer.header("content-type").endswith(("/json", "+json"))
        return answer, json.loads(answer.body) if is_json else None
