"""Redis servers: one, one with a replica, or a cluster of six."""

import os
import shutil
import socket
import time

from parts.processes import Trouble, free_ports, wait_for


class Refused(Exception):
    """Redis answered with an error."""


class Link:
    """A connection to one server: just enough of the protocol to look after it."""

    def __init__(self, port, timeout=2):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def ask(self, *words):
        """Send one command and return its answer."""
        words = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self._answer()

    def _answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the connection ended")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if int(rest) < 0 else self.file.read(int(rest) + 2)[:-2].decode(errors="replace")
        return [self._answer() for _ in range(int(rest))]


class Server:
    """One Redis server."""

    def __init__(self, home, name, port, is_cluster, settings):
        binary = os.environ.get("REDIS_SERVER") or shutil.which("redis-server") or shutil.which("redis-check-rdb")
        if binary is None:
            raise Trouble("there is no redis-server here; Tests/prepare cluster installs it")
        self.port = port
        directory = home.room / name
        directory.mkdir()
        command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", directory, "--save", "",
                   "--maxmemory-policy", "noeviction", "--appendonly", "yes",
                   # A replica that comes back would wait 5 s for others: nothing is sold meanwhile.
                   "--repl-diskless-sync-delay", 0, *settings]
        if is_cluster:
            command += ["--cluster-enabled", "yes", "--cluster-node-timeout", 1000, "--cluster-require-full-coverage", "no"]
        # The same program under two names: the package `redis-tools` has it as redis-check-rdb.
        self.process = home.add(name, command, binary)

    def ask(self, *words):
        """Ask on a connection of its own."""
        with Link(self.port) as link:
            return link.ask(*words)

    def answers(self):
        """Return whether it answers."""
        try:
            return self.ask("PING") == "PONG"
        except (OSError, Refused):
            return False

    def info(self, section):
        """Return a section of INFO as a dictionary."""
        lines = self.ask("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def role(self):
        """Return `master`, `slave`, or None if it does not answer."""
        try:
            return self.info("replication")["role"]
        except (OSError, Refused, KeyError):
            return None

    def follows(self):
        """Return whether it is a replica that has all its master had."""
        try:
            seen = self.info("replication")
            return seen["role"] == "slave" and seen["master_link_status"] == "up"
        except (OSError, Refused, KeyError):
            return False


class Servers:
    """All servers of the demo."""

    def __init__(self, home, layout, appendfsync):
        count = {"one": 1, "replica": 2, "cluster": 6}[layout]
        self.is_cluster = layout == "cluster"
        # Servers of a cluster speak with each other ten thousand further on; those before 7.0 can be told no other port.
        ports = free_ports(count, beside=10_000 if self.is_cluster else 0)
        settings = ["--appendfsync", appendfsync]
        self.all = [
            Server(home, f"redis-{n + 1}", ports[n], self.is_cluster,
                   settings + (["--replicaof", f"127.0.0.1 {ports[0]}"] if layout == "replica" and n else []))
            for n in range(count)]
        for server in self.all:
            server.process.start()
        for server in self.all:
            wait_for(server.answers, f"{server.process.name} answers")
        if self.is_cluster:
            self._join()
        for replica in self.all[len(self.all) // 2:] if count > 1 else []:
            wait_for(replica.follows, f"{replica.process.name} follows its master")

    def _join(self):
        masters, replicas = self.all[:3], self.all[3:]
        bounds = [0, 5461, 10923, 16384]
        for n, master in enumerate(masters):
            master.ask("CLUSTER", "ADDSLOTS", *range(bounds[n], bounds[n + 1]))
            master.ask("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for server in self.all[1:]:
            self.all[0].ask("CLUSTER", "MEET", "127.0.0.1", server.port)
        wait_for(lambda: all(s.ask("CLUSTER", "NODES").count("connected") == 6 for s in self.all), "six nodes meet")
        for master, replica in zip(masters, replicas):
            name = master.ask("CLUSTER", "MYID")
            wait_for(lambda: name in replica.ask("CLUSTER", "NODES"), "a replica knows its master")
            replica.ask("CLUSTER", "REPLICATE", name)
        wait_for(lambda: all("cluster_state:ok" in s.ask("CLUSTER", "INFO") for s in self.all), "the cluster is up")

    @property
    def address(self):
        """Return what `--store` is given."""
        if self.is_cluster:
            return "redis+cluster://" + ",".join(f"127.0.0.1:{s.port}" for s in self.all)
        return f"redis://127.0.0.1:{self.all[0].port}"

    def home_of(self, key):
        """Return the slot of the key, the master that has it, and that master's replica."""
        for server in self.all:
            try:
                slot = server.ask("CLUSTER", "KEYSLOT", key)
                ranges = server.ask("CLUSTER", "SLOTS")
            except (OSError, Refused):
                continue
            for first, last, *nodes in ranges:
                if first <= slot <= last:
                    ports = [node[1] for node in nodes]
                    found = [next(s for s in self.all if s.port == port) for port in ports]
                    return slot, found[0], found[1] if len(found) > 1 else None
        raise Trouble("no server knows the slots")

    def wait_until_whole(self, seconds=30):
        """Wait until three masters have a replica each that has what they have."""
        def whole():
            try:
                masters = [s for s in self.all if s.role() == "master"]
                return len(masters) == 3 and all(
                    int(m.info("replication")["connected_slaves"]) >= 1 for m in masters) and all(
                    s.follows() for s in self.all if s not in masters)
            except (OSError, Refused, KeyError):
                return False
        wait_for(whole, "every master has a replica again", seconds)

    def wait_for_failover(self, replica, seconds=30):
        """Wait until the replica is a master, and return how long that took."""
        started = time.monotonic()
        wait_for(lambda: replica.role() == "master", "the replica becomes the master", seconds, every=0.02)
        return time.monotonic() - started
