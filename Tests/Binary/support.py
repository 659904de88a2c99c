"""Starts the service as a program and speaks HTTP to it over bare sockets, strictly and with a limit on every wait."""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 10.0
_binary = HERE.parent.parent / ".build" / "release" / "holdfast"


def binary():
    """Return the path of the program that is tested."""
    return str(_binary)


def use_binary(path):
    """Test the program at this path from now on."""
    global _binary
    _binary = pathlib.Path(path).resolve()


def clean_environment(extra=None):
    """Return this process's environment without a variable that would configure the service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST")}
    return kept | (extra or {})


def command(*arguments, cwd=None, env=None, timeout=30):
    """Run the program with these arguments to its end."""
    with tempfile.TemporaryDirectory(prefix="holdfast-run-") as empty:
        return subprocess.run(
            [binary(), *map(str, arguments)], cwd=cwd or empty, env=clean_environment(env), timeout=timeout,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")


def event(places=100, identifier="main", **members):
    """Return an event's definition; `places` is the number in pool `floor`, or a dictionary of pools."""
    pools = places if isinstance(places, dict) else {"floor": places}
    types = members.pop("types", None) or [
        {"code": "GA" if name == "floor" else name.upper(), "pools": [name]} for name in pools]
    return {"id": identifier, "pools": pools, "types": types} | members


def scratch():
    """Return a fresh directory, with room and speed where the machine offers them."""
    return tempfile.mkdtemp(prefix="holdfast-test-")


class Server:
    """One service in a process of its own, with a ledger that goes when the test does."""

    def __init__(self, *events, data=None, files=None, environment=None, **settings):
        """Take events as dictionaries and settings by the names of their flags."""
        self.room = scratch()
        self.data = data or os.path.join(self.room, "data")
        self.events = events
        self.files = files
        self.settings = {"port": 0} | settings
        self.environment = environment
        self.process = None
        self.port = None
        self.starts = 0

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
        shutil.rmtree(self.room, ignore_errors=True)

    @property
    def ledger(self):
        """The path of the ledger's file."""
        return os.path.join(self.data, "ledger.sqlite")

    def arguments(self):
        """Return the command line, with the definitions written to files."""
        line = [binary(), "serve", "--data", self.data]
        for number, definition in enumerate(self.events):
            path = os.path.join(self.room, f"event-{number}.json")
            pathlib.Path(path).write_text(json.dumps(definition))
            line += ["--event", path]
        for path in self.files or ():
            line += ["--event", path]
        for name, value in self.settings.items():
            line += ["--" + name.replace("_", "-"), str(value)]
        return line

    def launch(self):
        """Start the process and return at once."""
        self.starts += 1
        self.out = os.path.join(self.room, f"out-{self.starts}")
        self.err = os.path.join(self.room, f"err-{self.starts}")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                self.arguments(), cwd=self.room, env=clean_environment(self.environment),
                stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        return self

    def start(self):
        """Start the process and wait until it serves."""
        self.launch()
        deadline = time.monotonic() + 30
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
        """Return what the current process printed so far."""
        return pathlib.Path(self.out).read_text(errors="replace")

    def stderr(self):
        """Return what the current process logged so far."""
        return pathlib.Path(self.err).read_text(errors="replace")

    def everything_said(self):
        """Return the output of every process this server ever was."""
        return "".join(path.read_text(errors="replace") for path in pathlib.Path(self.room).glob("[oe][ur][tr]-*"))

    def stop(self, number=signal.SIGTERM, timeout=20):
        """Ask it to stop and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def kill9(self):
        """End the process without a warning."""
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

    def memory(self):
        """Return the resident bytes of the process."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def connect(self, timeout=PATIENCE):
        """Return a new connection."""
        return Connection(self.port, timeout)

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
        """Read the ledger as anyone may, while the service runs."""
        return rows(self.ledger, sql)

    def verify(self):
        """Recount the ledger."""
        return command("verify", self.data, timeout=120)


def rows(path, sql):
    """Read rows from a ledger without writing to it."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENCE)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


class ProtocolBroken(AssertionError):
    """The service sent something that is not HTTP, or nothing in time."""


class Answer:
    """One answer, taken apart."""

    def __init__(self, status, fields, body, interim):
        self.status = status
        self.fields = fields
        self.body = body
        self.interim = interim

    def header(self, name):
        """Return the only value of a field, or None."""
        found = [value for field, value in self.fields if field == name]
        if len(found) > 1:
            raise ProtocolBroken(f"{name} stands {len(found)} times")
        return found[0] if found else None

    @property
    def closes(self):
        """Whether the answer says that the connection will be closed."""
        return (self.header("connection") or "").lower() == "close"

    def json(self):
        """Return the body, which must be JSON by its type and in fact."""
        if self.header("content-type") not in ("application/json", "application/problem+json"):
            raise ProtocolBroken(f"no JSON: {self.fields} {self.body[:200]}")
        return json.loads(self.body.decode("utf-8"))

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:300]}>"


class Connection:
    """A keep-alive connection that believes nothing."""

    STATUS = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [\x20-\x7e]*\Z")
    FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?[ \t]*\Z")

    def __init__(self, port, timeout=PATIENCE, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close."""
        self.socket.close()

    def reset(self):
        """Close with a reset, as a program that crashes may."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        """Send bytes as they are."""
        self.socket.sendall(data)

    def half_close(self):
        """Say that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def ask(self, method, target, headers=(), body=None):
        """Send a request and return its answer."""
        self.send(request(method, target, headers, body))
        return self.answer(is_head=method == "HEAD")

    def more(self):
        """Receive; the empty string means closed."""
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise ProtocolBroken(f"no answer in {self.socket.gettimeout()} s; so far: {self.rest[:200]}") from None
        self.rest += data
        return data

    def until(self, mark):
        """Return what comes before the mark."""
        while mark not in self.rest:
            if not self.more():
                raise ProtocolBroken(f"closed in the middle of an answer: {self.rest[:200]}")
        found, _, self.rest = self.rest.partition(mark)
        return found

    def exactly(self, count):
        """Return this many bytes."""
        while len(self.rest) < count:
            if not self.more():
                raise ProtocolBroken(f"closed {count - len(self.rest)} bytes too early")
        found, self.rest = self.rest[:count], self.rest[count:]
        return found

    def answer(self, is_head=False):
        """Read one answer with the 1xx before it."""
        interim = []
        while True:
            status, fields = self.head()
            if status >= 200:
                break
            if status != 100 or fields:
                raise ProtocolBroken(f"an interim answer {status} {fields} that nobody asked for")
            interim.append(status)
        lengths = [value for name, value in fields if name == "content-length"]
        codings = [value for name, value in fields if name == "transfer-encoding"]
        if status in (204, 304) and not lengths and not codings:
            return Answer(status, fields, b"", interim)
        if len(lengths) + len(codings) != 1 or codings not in ([], ["chunked"]):
            raise ProtocolBroken(f"the body's length is not clear: {fields}")
        if lengths and not lengths[0].isdigit():
            raise ProtocolBroken(f"content-length: {lengths[0]}")
        if is_head:
            return Answer(status, fields, b"", interim)
        return Answer(status, fields, self.exactly(int(lengths[0])) if lengths else self.chunks(), interim)

    def head(self):
        """Read a status line and its fields."""
        lines = self.until(b"\r\n\r\n").split(b"\r\n")
        first = self.STATUS.match(lines[0])
        if not first:
            raise ProtocolBroken(f"not a status line: {lines[0][:200]}")
        fields = []
        for line in lines[1:]:
            field = self.FIELD.match(line)
            if not field:
                raise ProtocolBroken(f"not a header field: {line[:200]}")
            fields.append((field[1].decode().lower(), (field[2] or b"").decode()))
        return int(first[1]), fields

    def chunks(self):
        """Read a chunked body."""
        body = b""
        while True:
            size = int(self.until(b"\r\n"), 16)
            body += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise ProtocolBroken("a chunk is longer than it says")
            if size == 0:
                return body

    def expect_closed(self):
        """Read to the end, which must come, in order, without another byte."""
        while self.more():
            pass
        if self.rest:
            raise ProtocolBroken(f"bytes that answer nothing: {self.rest[:300]}")

    def answers_until_closed(self):
        """Read answers until the connection is closed, and return them; a reset after them counts as closed."""
        found = []
        while True:
            try:
                if not self.rest and not self.more():
                    return found
            except ConnectionResetError:
                return found
            found.append(self.answer())


def request(method, target, headers=(), body=None, version="1.1", host=True):
    """Return the bytes of a request; `headers` are lines, `body` is announced with its length."""
    lines = [f"{method} {target} HTTP/{version}"] + (["Host: localhost"] if host else []) + list(headers)
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def flip_bit(token, bit):
    """Return the token with one of its 192 bits turned over."""
    data = bytearray(base64.urlsafe_b64decode(token))
    data[bit // 8] ^= 1 << bit % 8
    return base64.urlsafe_b64encode(data).decode()


def eventually(condition, timeout=PATIENCE, every=0.02):
    """Wait until the condition is true, and return whether it became so."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return bool(condition())


class ServiceCase(unittest.TestCase):
    """Tests that share one service of their class; each leaves it as able as it found it."""

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
