"""Nodes on shared servers without a proxy: each is asked by itself."""

import json
import os
import secrets
import urllib.error
import urllib.request

from parts.office import BINARY, operators_key
from parts.processes import Trouble, free_ports, wait_for


class Nodes:
    """So many nodes, which define the same events when they start, and an operator's key for all of them."""

    def __init__(self, home, servers, definitions, settings, count):
        if not BINARY.exists():
            raise Trouble("there is no .build/release/holdfast; make build")
        keys = home.room / "token.keys"
        keys.touch(0o600)
        keys.write_text(f"1 {secrets.token_hex(32)}\n")
        self.store = ["--store", servers.address, *settings]
        words = []
        for definition in definitions:
            file = home.room / f"{definition['id']}.json"
            file.write_text(json.dumps(definition))
            words += ["--event", file]
        self.ports = free_ports(count)
        self.processes = [
            home.add(f"node-{n + 1}", [BINARY, "serve", "--port", port, "--data", home.room / f"node-{n + 1}",
                                       "--token-keys", keys, "--log-level", "warning", *words, *self.store])
            for n, port in enumerate(self.ports)]

    def start(self):
        """Start them, the first one first, and make an operator's key."""
        for process, port in zip(self.processes, self.ports):
            process.start()
            wait_for(lambda: self._serves(process, port), f"{process.name} serves")
        self.key = operators_key("test", self.store)

    @staticmethod
    def _serves(process, port):
        if not process.alive():
            raise Trouble(f"{process.name} ended:\n{process.last_words()}")
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1).status == 200
        except OSError:
            return False

    def ask(self, node, method, path, body=None, token=None, **headers):
        """Return status and document of an answer of one node; `token` is the operator's key if it is not given."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers |= {"Authorization": f"Bearer {token or self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.ports[node]}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as answer:
            return answer.code, json.loads(answer.read())

    def counted(self, node, event):
        """Return the pools of an event as they are counted anew, and whether every rule holds."""
        status, told = self.ask(node, "GET", "/v1/invariants")
        if status != 200:
            raise Trouble(f"no count: {status} {told}")
        pools = next(found for found in told["events"] if found["event"] == event)["pools"]
        return {pool["pool"]: pool for pool in pools}, told["holds_true"] and all(pool["balanced"] for pool in pools)
