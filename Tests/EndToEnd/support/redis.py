"""Redis servers: one, one with a replica, or a cluster of six."""

import os
import shutil
import socket
import time

from support.processes import LOCAL, Trouble, free_ports, wait_for


class Refused(Exception):
    """Redis answered with an error."""


class Link:
    """A connection to one server: just enough of the protocol to look after it."""

    def __init__(self, host, port, timeout):
        self.socket = socket.create_connection((host, port), timeout)
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

    def __init__(self, home, name, port, is_cluster, settings, host=LOCAL):
        binary = os.environ.get("REDIS_SERVER") or shutil.which("redis-server") or shutil.which("redis-check-rdb")
        if binary is None:
            raise Trouble("there is no redis-server here; Tests/prepare cluster installs it")
        self.host, self.port = host.address, port
        directory = home.room / name
        directory.mkdir()
        # The same program under two names: the package `redis-tools` has it as redis-check-rdb.
        program = directory / "redis-server"
        program.symlink_to(binary)
        command = [program, "--port", port, "--bind", host.address, "--dir", directory, "--save", "",
                   "--maxmemory-policy", "noeviction", "--appendonly", "yes",
                   # A replica that comes back would wait 5 s for others: nothing is sold meanwhile.
                   "--repl-diskless-sync-delay", 0, *settings]
        if host is not LOCAL:
            # It has no password, and would take nobody but neighbours on the loopback.
            command += ["--protected-mode", "no"]
        if is_cluster:
            command += ["--cluster-enabled", "yes", "--cluster-node-timeout", 1000, "--cluster-require-full-coverage", "no",
                        # A replica stays with its master: none helps out where another master has lost its own.
                        "--cluster-migration-barrier", 9]
        self.process = home.add(name, command, host)

    def ask(self, *words, timeout=30):
        """Ask on a connection of its own."""
        with Link(self.host, self.port, timeout) as link:
            return link.ask(*words)

    def answers(self):
        """Return whether it answers."""
        try:
            return self.ask("PING") == "PONG"
        except (OSError, Refused):
            return False

    def info(self, section, timeout=30):
        """Return a section of INFO as a dictionary."""
        lines = self.ask("INFO", section, timeout=timeout).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def role(self):
        """Return `master`, `slave`, or None if it does not answer soon."""
        try:
            return self.info("replication", timeout=2)["role"]
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

    def __init__(self, home, layout, appendfsync, hosts=(), replicas=1):
        count = {"one": 1, "replica": 2, "cluster": 3 + 3 * replicas}[layout]
        self.replicas = replicas
        self.is_cluster = layout == "cluster"
        # Servers of a cluster also use the port that lies 10,000 above; before Redis 7.0 it cannot be set.
        ports = free_ports(count, beside=10_000 if self.is_cluster else 0)
        settings = ["--appendfsync", appendfsync]
        self.all = [
            Server(home, f"redis-{n + 1}", ports[n], self.is_cluster,
                   settings + (["--replicaof", f"127.0.0.1 {ports[0]}"] if layout == "replica" and n else []),
                   hosts[n] if hosts else LOCAL)
            for n in range(count)]
        for server in self.all:
            server.process.start()
        for server in self.all:
            wait_for(server.answers, f"{server.process.name} answers")
        if self.is_cluster:
            self._join()
        for replica in self.all[3 if self.is_cluster else 1:]:
            wait_for(replica.follows, f"{replica.process.name} follows its master")

    def _join(self):
        masters, replicas = self.all[:3], self.all[3:]
        bounds = [0, 5461, 10923, 16384]
        for n, master in enumerate(masters):
            master.ask("CLUSTER", "ADDSLOTS", *range(bounds[n], bounds[n + 1]))
            master.ask("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for server in self.all[1:]:
            self.all[0].ask("CLUSTER", "MEET", server.host, server.port)
        wait_for(lambda: all(s.ask("CLUSTER", "NODES").count("connected") == len(self.all) for s in self.all),
                 "all servers meet")
        for master, replica in zip(masters * self.replicas, replicas):
            name = master.ask("CLUSTER", "MYID")
            wait_for(lambda: name in replica.ask("CLUSTER", "NODES"), "a replica knows its master")
            replica.ask("CLUSTER", "REPLICATE", name)
        wait_for(lambda: all("cluster_state:ok" in s.ask("CLUSTER", "INFO") for s in self.all), "the cluster is up")

    @property
    def address(self):
        """Return what `--store` is given."""
        if self.is_cluster:
            return "redis+cluster://" + ",".join(f"{s.host}:{s.port}" for s in self.all)
        return f"redis://{self.all[0].host}:{self.all[0].port}"

    def home_of(self, key):
        """Return the slot of the key, the master that has it, and that master's replicas."""
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
                    return slot, found[0], found[1:]
        raise Trouble("no server knows the slots")

    def tag(self, event):
        """Return the hash tag of the keys of an event."""
        _, home, _ = self.home_of("holdfast:{events}")
        return "{%d}" % int(home.ask("HGET", "holdfast:{events}", f"c:{event}"))

    def home_of_event(self, event):
        """Return slot, master and replicas of an event."""
        return self.home_of(self.tag(event))

    def whole_home_of_event(self, event):
        """Return the same as soon as the answer names all replicas: a server that just learned of them may omit some."""
        found = []

        def is_whole():
            found[:] = self.home_of_event(event)
            return len(found[2]) == self.replicas
        wait_for(is_whole, f"the master of {event} has its replicas")
        return found

    def wait_until_whole(self, seconds=60):
        """Wait until three masters have all their replicas, which have what they have."""
        def whole():
            try:
                masters = [s for s in self.all if s.role() == "master"]
                return len(masters) == 3 and all(
                    int(m.info("replication")["connected_slaves"]) >= self.replicas for m in masters) and all(
                    s.follows() for s in self.all if s not in masters)
            except (OSError, Refused, KeyError):
                return False
        wait_for(whole, "every master has its replicas again", seconds)

    @staticmethod
    def wait_for_failover(replicas, seconds=60):
        """Wait until one of the replicas is a master, and return which, and how long that took."""
        started, promoted = time.monotonic(), []

        def is_over():
            promoted[:] = [replica for replica in replicas if replica.role() == "master"]
            return promoted
        wait_for(is_over, "a replica becomes the master", seconds, every=0.02)
        return promoted[0], time.monotonic() - started
