"""Servers that are measured: nginx, and Holdfast with its books."""

import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from . import machine

BODY = '{"num_tickets":50000,"types":{"GA":44000,"VIP":1000,"ONE_DAY":5000}}'


class Trouble(Exception):
    """A row cannot be measured, or must not count; the text says why."""


def event(name, capacity, hold_seconds=3600):
    """Return the definition of an event with so many tickets of the type GA."""
    return {"id": name, "hold_seconds": hold_seconds, "max_extensions": 0,
            "pools": {"floor": capacity, "lounge": 1000, "day": 5000},
            "types": [{"code": "GA", "pools": ["floor"]}, {"code": "VIP", "pools": ["lounge"]},
                      {"code": "ONE_DAY", "pools": ["day"]}]}


def free_port():
    """Return a port on which nothing listens now."""
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        return there.getsockname()[1]


def queued(name, capacity, gathers=False):
    """Return such an event with a queue. It lets in everybody who is there, or lets people wait for ever."""
    queue = {"most_per_second": 100_000, "turn_seconds": 3600}
    if gathers:
        queue |= {"opens_at": "2020-01-01T00:00:00Z"}
    return event(name, capacity) | {"queue": queue} | ({"sale": {"opens_at": "2999-01-01T00:00:00Z"}} if gathers else {})


class Server:
    """A process that listens, and those that work for it."""

    process = None
    port = None
    # Where it speaks TLS.
    secure_port = None
    pids = ()
    books = None

    def wait(self, path, seconds=60, step=0.02):
        """Wait until it answers, and return how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            try:
                self.get(path)
                return time.monotonic() - began
            except OSError:
                if self.process.poll() is not None:
                    raise Trouble(f"{self.process.args[0]} ended with status {self.process.returncode}") from None
                time.sleep(step)
        raise Trouble(f"{self.process.args[0]} does not answer on port {self.port}")

    def get(self, path, headers=None):
        """Return what it answers, with its headers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers or {})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read(), answer.headers

    def post(self, path, headers=None, body=b""):
        """Post nothing, or this; return the JSON that it answers, or None if it refuses."""
        # Otherwise urllib would say that it is a form.
        headers = {"Content-Type": "application/json"} | (headers or {})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError:
            return None

    def status(self, method, path, headers=None):
        """Return the status that a single request is answered with."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=headers or {})
            return connection.getresponse().status
        finally:
            connection.close()

    def lose_count(self):
        """Something was answered that nobody counted."""
        if self.books:
            self.books.lose_count()

    def cpu(self):
        """Return the seconds of CPU that it has taken."""
        return machine.cpu(self.pids)

    def stop(self):
        """End it, and see that it ended well."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            if self.process.wait(timeout=120) not in (0, -signal.SIGTERM):
                raise Trouble(f"{self.process.args[0]} did not stop cleanly: status {self.process.returncode}")
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Trouble(f"{self.process.args[0]} did not stop within two minutes") from None


def certificate(folder):
    """Make a certificate and its key; return their paths."""
    made, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=localhost", "-days", "30", "-keyout", key, "-out", made],
                   check=True, capture_output=True)
    return made, key


class Nginx(Server):
    """Answers the same body always, without and with TLS: the control."""

    def __init__(self, folder, workers):
        folder.mkdir()
        self.port, self.secure_port = free_port(), free_port()
        self.certificate = certificate(folder)
        (folder / "nginx.conf").write_text(f"""
worker_processes {workers}; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{self.port} backlog=4096; listen 127.0.0.1:{self.secure_port} ssl backlog=4096;
    ssl_certificate {self.certificate[0]}; ssl_certificate_key {self.certificate[1]};
    location / {{ default_type application/json; return 200 '{BODY}'; }} }} }}
""")
        self.process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        self.wait("/")
        self.pids = subprocess.check_output(["pgrep", "-P", str(self.process.pid)], text=True).split()


class Books:
    """How many holds and purchases a ledger must have at least and at most, by what was answered."""

    def __init__(self):
        self.least = {"holds": 0, "purchases": 0}
        self.most = {"holds": 0, "purchases": 0}

    def add(self, what, answered, unheard=0):
        """So many were answered; as many more may have happened whose answer nobody waited for."""
        self.least[what] += answered
        self.most[what] += answered + unheard

    def lose_count(self):
        """Something was answered that nobody counted: what happened has no upper bound any more."""
        self.most = {name: float("inf") for name in self.most}

    def copy(self):
        """Return the same books, for a copy of the ledger."""
        other = Books()
        other.least, other.most = dict(self.least), dict(self.most)
        return other

    def faults(self, counted):
        """Return what does not fit with what `holdfast verify` counted."""
        return [f"{counted[what]:,} {what} are in the ledger, {self.least[what]:,} to {self.most[what]:,} were answered"
                for what in self.least if not self.least[what] <= counted[what] <= self.most[what]]


class Holdfast(Server):
    """The service, with a ledger of its own."""

    def __init__(self, binary, folder, events, data=None, books=None, certificate=None, **settings):
        """Take settings by their keys, the dots as two underscores, and what to speak TLS with on a port of its own."""
        folder.mkdir()
        self.binary, self.folder = binary, folder
        self.data = data or folder / "data"
        self.books = books or Books()
        self.port = free_port()
        names = []
        for number, definition in enumerate(events):
            names.append(str(folder / f"event-{number}.json"))
            pathlib.Path(names[-1]).write_text(json.dumps(definition))
        config = {"port": self.port, "data": str(self.data)} | ({"event": names} if names else {})
        if certificate:
            self.secure_port = free_port()
            del config["port"]
            config["listen"] = [f"http://127.0.0.1:{self.port}", f"https://127.0.0.1:{self.secure_port}"]
            config["tls"] = {"certificate": str(certificate[0]), "key": str(certificate[1])}
        for name, value in settings.items():
            place, *parts = config, *name.split("__")
            for part in parts[:-1]:
                place = place.setdefault(part, {})
            place[parts[-1]] = value
        (folder / "config.json").write_text(json.dumps(config))

    def start(self, step=0.02):
        """Start it, and return the seconds until its first answer."""
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", str(self.folder / "config.json")],
                stdout=subprocess.DEVNULL, stderr=log, cwd=self.folder)
        took = self.wait("/health/live", step=step)
        self.pids = [self.process.pid]
        return took

    def resident(self):
        """Return the bytes of memory that it has."""
        return machine.resident(self.process.pid)

    def close(self):
        """Have the running service and then `holdfast verify` count the books, stop it, and return what is wrong."""
        faults = []
        try:
            key = subprocess.run([self.binary, "key", "create", "--role", "viewer", "--name", "benchmarks",
                                  "--data", str(self.data)], capture_output=True, text=True, check=True, cwd=self.folder)
            bearer = re.search(r"hfk_[\w-]+_[\w-]+", key.stdout)[0]
            counts = json.loads(self.get("/v1/invariants", {"Authorization": f"Bearer {bearer}"})[0])
            faults += invariant_faults(counts)
        except (OSError, subprocess.CalledProcessError) as trouble:
            faults.append(f"the invariants cannot be asked for: {trouble}")
        try:
            self.stop()
        except Trouble as trouble:
            faults.append(str(trouble))
        return faults + self.verify()

    def verify(self):
        """Return what `holdfast verify` finds wrong in the ledger, or what does not fit with the answers."""
        ran = subprocess.run([self.binary, "verify", str(self.data)], capture_output=True, text=True, check=False)
        counted = verified(ran.stdout)
        if ran.returncode or counted is None:
            return [f"the ledger does not balance: {(ran.stdout + ran.stderr).strip()}"]
        return self.books.faults(counted)


def invariant_faults(counts):
    """Return what `GET /v1/invariants` says is broken."""
    faults = [] if counts["holds_true"] is True else [f"a rule is broken: {counts['broken']}"]
    for sold in counts["events"]:
        for pool in sold["pools"]:
            if pool["free"] + pool["held"] + pool["sold"] != pool["capacity"] + pool["oversubscribed"]:
                faults.append(f"pool {pool['pool']} of {sold['event']} does not balance: {pool}")
    return faults


def verified(text):
    """Return the counts that `holdfast verify` printed, or None."""
    found = re.search(r"([\d,]+) holds, ([\d,]+) purchases", text)
    return found and {"holds": int(found[1].replace(",", "")), "purchases": int(found[2].replace(",", ""))}
