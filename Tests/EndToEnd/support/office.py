"""Three nodes of Holdfast on shared Redis servers, and nginx in front of them."""

import json
import os
import re
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request

from support import ROOT
from support.processes import LOCAL, Trouble, free_ports, wait_for

BINARY = ROOT / ".build" / "release" / "holdfast"
EVENT = "gala"

NGINX = """
worker_processes 1;
pid {room}/nginx.pid;
error_log stderr error;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {room}/nginx-1;
    proxy_temp_path {room}/nginx-2;
    fastcgi_temp_path {room}/nginx-3;
    uwsgi_temp_path {room}/nginx-4;
    scgi_temp_path {room}/nginx-5;
    keepalive_requests 1000000;
    upstream nodes {{
        {servers}
        keepalive 64;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://nodes;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_connect_timeout 1s;
            proxy_read_timeout {patience}s;
            # nginx sends a request to one node only: the buyer gets 502 and repeats the request with its key.
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""

def operators_key(name, store):
    """Make an operator's key in a store and return it."""
    made = subprocess.run([BINARY, "key", "create", "--role", "operator", "--name", name, *store],
                          capture_output=True, text=True, timeout=120)
    found = re.search(r"hfk_\S+", made.stdout)
    if not found:
        raise Trouble(f"no operator's key: {made.stderr}")
    return found[0]


class Office:
    """The nodes and the proxy."""

    def __init__(self, home, servers, places, settings, events=(EVENT,), hosts=(LOCAL,) * 3, patience=60, members=None):
        """Take further `members` of the events' definitions."""
        if not BINARY.exists():
            raise Trouble("there is no .build/release/holdfast; make build")
        definitions = []
        for event in events:
            definition = {"id": event, "pools": {"floor": places}, "types": [{"code": "GA", "pools": ["floor"]}]}
            definition |= members or {}
            (home.room / f"{event}.json").write_text(json.dumps(definition))
            definitions += ["--event", home.room / f"{event}.json"]
        keys = home.room / "token.keys"
        descriptor = os.open(keys, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, f"1 {secrets.token_hex(32)}\n".encode())
        os.close(descriptor)
        self.store = ["--store", servers.address, *settings]
        self.hosts = hosts
        *self.ports, self.port = free_ports(len(hosts) + 1)
        self.nodes = [
            home.add(f"node-{n + 1}", [BINARY, "serve", "--host", host.address, "--port", port, "--data",
                                       home.room / f"node-{n + 1}", "--token-keys", keys, *definitions,
                                       "--log-level", "warning", *self.store], host)
            for n, (host, port) in enumerate(zip(hosts, self.ports))]
        # As root, nginx would start its workers as a user who may not read our directory.
        text = NGINX.format(
            room=home.room, port=self.port, user="user root root;" if os.geteuid() == 0 else "", patience=patience,
            servers=" ".join(f"server {host.address}:{port} max_fails=0;" for host, port in zip(hosts, self.ports)))
        (home.room / "nginx.conf").write_text(text)
        nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if nginx is None:
            raise Trouble("there is no nginx here; Tests/prepare cluster installs it")
        self.proxy = home.add("nginx", [nginx, "-p", home.room, "-c", home.room / "nginx.conf", "-g", "daemon off;"])

    def start(self):
        """Start all, and make an operator's key."""
        for node in self.nodes:
            node.start()
        for number in range(len(self.nodes)):
            self._wait_until_it_serves(number)
        self.proxy.start()
        wait_for(lambda: self._serves(self.proxy, LOCAL.address, self.port), "nginx serves")
        self.key = operators_key("demo", self.store)

    def bring_back(self, number):
        """Start a node again and wait until it serves."""
        if not self.nodes[number].alive():
            self.nodes[number].start()
        self._wait_until_it_serves(number)

    def _wait_until_it_serves(self, number):
        node, address, port = self.nodes[number], self.hosts[number].address, self.ports[number]
        try:
            wait_for(lambda: self._serves(node, address, port), f"{node.name} serves")
        except Trouble as late:
            raise Trouble(f"{late}:\n{node.last_words()}") from late

    @staticmethod
    def _serves(process, address, port):
        if not process.alive():
            raise Trouble(f"{process.name} ended:\n{process.last_words()}")
        try:
            return urllib.request.urlopen(f"http://{address}:{port}/health/ready", timeout=10).status == 200
        except OSError:
            return False

    def promise(self):
        """Return the durability that the first node printed at its start."""
        found = re.search(r"Durability\s+(.*)", self.nodes[0].said())
        return found[1] if found else "unknown"

    def _get(self, path, accept="application/json"):
        return self.ask("GET", path, None, {"Accept": accept})

    def ask(self, method, path, body, headers):
        """Ask as an operator until the nodes answer; return the body."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | headers, method=method)
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(asked, timeout=120) as answer:
                    return answer.read()
            except urllib.error.HTTPError as refused:
                # Until a replica has taken over from a killed server, the nodes refuse, or do not know what became of it.
                if refused.code not in (502, 503, 504) or time.monotonic() > deadline:
                    raise Trouble(f"{path} was answered {refused.code}: {refused.read().decode()[:300]}") from refused
            time.sleep(0.2)

    def count(self, event=EVENT):
        """Return the event's pool as a recount finds it."""
        told = json.loads(self._get("/v1/invariants"))
        pool = next(found for found in told["events"] if found["event"] == event)["pools"][0]
        return pool | {"balanced": pool["balanced"] and told["holds_true"]}

    def purchases(self, event=EVENT):
        """Return every purchase of the event as the box office has it."""
        lines = self._get(f"/v1/events/{event}/purchases", "application/x-ndjson").splitlines()
        return [json.loads(line) for line in lines]
