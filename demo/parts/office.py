"""Three nodes of ours on shared servers, and nginx before them."""

import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import urllib.request

from parts.processes import Trouble, free_ports, wait_for

BINARY = pathlib.Path(__file__).resolve().parents[2] / ".build" / "release" / "holdfast"
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
            # A request that was sent is not sent to another node: the buyer is told 502 and asks again with its key.
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""


class Office:
    """The nodes and the proxy."""

    def __init__(self, home, servers, places, settings, count=3):
        if not BINARY.exists():
            raise Trouble("there is no .build/release/holdfast; make build")
        definition = {"id": EVENT, "name": "Gala", "pools": {"floor": places}, "types": [{"code": "GA", "pools": ["floor"]}]}
        event = home.room / "gala.json"
        event.write_text(json.dumps(definition))
        keys = home.room / "token.keys"
        descriptor = os.open(keys, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, f"1 {secrets.token_hex(32)}\n".encode())
        os.close(descriptor)
        self.store = ["--store", servers.address, *settings]
        *self.ports, self.port = free_ports(count + 1)
        self.nodes = [
            home.add(f"node-{n + 1}", [BINARY, "serve", "--port", port, "--data", home.room / f"node-{n + 1}",
                                       "--token-keys", keys, "--event", event, "--log-level", "warning", *self.store])
            for n, port in enumerate(self.ports)]
        # As root, nginx would hand its work to somebody who may not look into our directory.
        text = NGINX.format(
            room=home.room, port=self.port, user="user root root;" if os.geteuid() == 0 else "",
            servers=" ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in self.ports))
        (home.room / "nginx.conf").write_text(text)
        nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if nginx is None:
            raise Trouble("there is no nginx here; Tests/prepare cluster installs it")
        self.proxy = home.add("nginx", [nginx, "-p", home.room, "-c", home.room / "nginx.conf", "-g", "daemon off;"])

    def start(self):
        """Start all, and make an operator's key."""
        for node in self.nodes:
            node.start()
        for node, port in zip(self.nodes, self.ports):
            wait_for(lambda: self._serves(node, port), f"{node.name} serves")
        self.proxy.start()
        wait_for(lambda: self._serves(self.proxy, self.port), "nginx serves")
        made = subprocess.run(
            [BINARY, "key", "create", "--role", "operator", "--name", "demo", *self.store],
            capture_output=True, text=True, timeout=30)
        found = re.search(r"hfk_\S+", made.stdout)
        if not found:
            raise Trouble(f"no operator's key: {made.stderr}")
        self.key = found[0]

    def bring_back(self, number):
        """Start a node again and wait until it serves."""
        if not self.nodes[number].alive():
            self.nodes[number].start()
        wait_for(lambda: self._serves(self.nodes[number], self.ports[number]), f"{self.nodes[number].name} serves")

    @staticmethod
    def _serves(process, port):
        if not process.alive():
            raise Trouble(f"{process.name} ended:\n{process.last_words()}")
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1).status == 200
        except OSError:
            return False

    def promise(self):
        """Return what the start says that an answer is worth."""
        found = re.search(r"Durability\s+(.*)", self.nodes[0].said())
        return found[1] if found else "nothing said"

    def _get(self, path, accept="application/json"):
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {self.key}", "Accept": accept})
        with urllib.request.urlopen(asked, timeout=120) as answer:
            return answer.read()

    def count(self):
        """Return the pool as it is counted anew."""
        told = json.loads(self._get("/v1/invariants"))
        pool = next(event for event in told["events"] if event["event"] == EVENT)["pools"][0]
        return pool | {"balanced": pool["balanced"] and told["holds_true"]}

    def purchases(self):
        """Return every purchase as the box office has it."""
        lines = self._get(f"/v1/events/{EVENT}/purchases", "application/x-ndjson").splitlines()
        return [json.loads(line) for line in lines]
