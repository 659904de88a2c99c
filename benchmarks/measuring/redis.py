"""The box office on Redis: its servers, its rows, and what the batches of a node save the server."""

import json
import re
import selectors
import socket
import subprocess
import time

from . import asking, machine
from .service import Holdfast, Server, Trouble, event, free_port, invariant_faults

MODES = {"relaxed": ["--appendonly", "no"], "synced": ["--appendonly", "yes", "--appendfsync", "always"]}
CONNECTIONS = 64
# Callers who wait for what is sold out.
CROWD = 512


class Redis(Server):
    """A Redis server of this run's own."""

    def __init__(self, folder, mode):
        folder.mkdir()
        self.port = free_port()
        # Debian's package of tools carries the server under another name; it goes by the name it is called with.
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
             *MODES[mode]], executable="/usr/bin/redis-check-rdb", stdout=subprocess.DEVNULL)
        self.pids = [self.process.pid]
        for _ in range(250):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise Trouble("redis-server does not listen")

    @property
    def address(self):
        """What `--store` is given."""
        return f"redis://127.0.0.1:{self.port}"


class Node(Holdfast):
    """The service on a Redis server of its own, whose CPU counts as well."""

    def __init__(self, binary, folder, mode, places=90_000_000):
        folder.parent.mkdir(exist_ok=True)
        self.redis = Redis(folder.with_name(f"{folder.name}-redis"), mode)
        super().__init__(binary, folder, [event("main", places)], store=self.redis.address,
                         durability="full" if mode == "synced" else "relaxed")

    def cpu(self):
        return machine.cpu(self.pids) + self.redis.cpu()

    def asked(self, ask):
        """Ask with this function; return what it gives, with the µs of it that were the Redis server's."""
        before = self.redis.cpu()
        got = ask()
        return got | {"redis_us": (self.redis.cpu() - before) / got["count"] * 1e6}

    def close(self):
        """Have the service count its books, stop it and its server, and return what is wrong."""
        faults = []
        try:
            key = subprocess.run([self.binary, "key", "create", "--role", "viewer", "--name", "benchmarks", "--store",
                                  self.redis.address], capture_output=True, text=True, check=True, cwd=self.folder)
            bearer = re.search(r"hfk_[\w-]+_[\w-]+", key.stdout)[0]
            counts = json.loads(self.get("/v1/invariants", {"Authorization": f"Bearer {bearer}"})[0])
            faults += invariant_faults(counts) + self.books.faults(totals(counts))
        except (OSError, subprocess.CalledProcessError) as trouble:
            faults.append(f"the invariants cannot be asked for: {trouble}")
        for server in (self, self.redis):
            try:
                server.stop()
            except Trouble as trouble:
                faults.append(str(trouble))
        return faults


def totals(counts):
    """Return the holds and purchases of a recount. Nothing is given back and nothing expires here, and all are of one."""
    pools = [pool for sold in counts["events"] for pool in sold["pools"]]
    sold = sum(pool["sold"] for pool in pools)
    return {"holds": sold + sum(pool["held"] for pool in pools), "purchases": sold}


def batches(run, row):
    """Measure the server's CPU a hold: the function called for one hold at a time, against the batches of a node."""
    node = Node(run.binary, run.folder("redis"), "relaxed")
    run.running += [node, node.redis]
    node.start()
    try:
        call = call_of_one_hold(node)
        for number in run.rounds_of(row):
            control = run.control()
            batched = node.asked(lambda: asking.wrk(node, "/", run.seconds, 200, script="hold.lua",
                                                    TOKENS=run.room / "tokens-batches"))
            node.books.add("holds", batched["count"], unheard=CONNECTIONS)
            single = one_by_one(node, call, run.seconds)
            run.say(f"{row.name:13} ×{single['us'] / batched['redis_us']:.2f}  {single['us']:.1f} µs of Redis a hold called "
                    f"one by one, {batched['redis_us']:.1f} µs in batches" + ("" if number else "  (warm-up)"))
            if number:
                row.add(single["us"] / batched["redis_us"], control, us=single["us"], rate=single["rate"],
                        batched_us=batched["redis_us"], batched_rate=batched["rate"])
    finally:
        run.close([row], [node])


def refusals(run, row):
    """Measure the server's CPU a refusal, with 512 callers who all ask for what nobody can have, each with a key."""
    node = Node(run.binary, run.folder("redis"), "relaxed", places=1)
    run.running += [node, node.redis]
    node.start()
    try:
        if node.status("POST", "/buy_ticket/GA") != 200:
            raise Trouble("the only place was not held")
        node.books.add("holds", 1)
        for number in run.rounds_of(row):
            control = run.control()
            got = node.asked(lambda: asking.wrk(
                node, "/v1/events/main/holds", run.whole_seconds, 409, script="v1-hold.lua", connections=CROWD,
                KEYS=f"refused-{number}"))
            run.say(f"{row.name:13} {got['redis_us']:.2f} µs of Redis a refusal, {got['rate']:,.0f}/s"
                    + ("" if number else "  (warm-up)"))
            if number:
                row.add(got["redis_us"], control, us=got["us"], rate=got["rate"])
    finally:
        run.close([row], [node])


def call_of_one_hold(node):
    """Return the bytes of a call that holds one place, as the node sends it."""
    with socket.create_connection(("127.0.0.1", node.redis.port), 10) as watching:
        watching.sendall(b"MONITOR\r\n")
        heard = watching.recv(65536)
        if node.status("POST", "/buy_ticket/GA") != 200:
            raise Trouble("a hold was not answered with 200")
        node.books.add("holds", 1)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            calls = [words for words in read_monitor(heard) if words[0] == b"FCALL" and words[1].endswith(b"_decide")]
            # A call without a command keeps the event's time.
            words = next((words for words in calls if words[-1]), None)
            if words:
                return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
            heard += watching.recv(65536)
    raise Trouble("the node's call was not seen")


def read_monitor(text):
    """Return the commands of clients that `MONITOR` printed, each as its words; a line that is cut off is left out."""
    found = []
    for line in text.split(b"\r\n")[:-1]:
        head = re.match(rb"\+[\d.]+ \[\d+ (lua|[^\]]+)\] ", line)
        if head and head[1] != b"lua":
            words = re.findall(rb'"((?:[^"\\]|\\.)*)"', line[head.end():])
            found.append([re.sub(rb"\\(x[0-9a-f]{2}|.)", _unescaped, word) for word in words])
    return found


def _unescaped(match):
    escape = match[1]
    if len(escape) == 3:
        return bytes([int(escape[1:], 16)])
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}.get(escape, escape)


def one_by_one(node, call, seconds):
    """Make the same call from 64 connections, each with one under way; return rate and the server's CPU a call."""
    connections = [socket.create_connection(("127.0.0.1", node.redis.port)) for _ in range(CONNECTIONS)]
    answered, waiting, buffers = 0, len(connections), {}
    began, before = time.monotonic(), node.redis.cpu()
    deadline = began + seconds
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
            connection.sendall(call)
        while waiting:
            # A single call may be on its way when the time is over: its hold counts, too.
            for key, _ in selector.select(10):
                connection = key.fileobj
                buffers[connection] = heard = buffers.pop(connection, b"") + connection.recv(65536)
                if not is_whole(heard):
                    continue
                del buffers[connection]
                answered += 1
                if time.monotonic() < deadline:
                    connection.sendall(call)
                else:
                    waiting -= 1
    took, used = time.monotonic() - began, node.redis.cpu() - before
    for connection in connections:
        connection.close()
    node.books.add("holds", answered)
    return {"us": used / answered * 1e6, "rate": answered / took, "count": answered}


def is_whole(heard):
    """Return whether a reply has come to its end; raise if it is not a text, as the functions' replies are."""
    head, end, body = heard.partition(b"\r\n")
    if heard[:1] not in (b"$", b""):
        raise Trouble(f"the server answered {head[:200]!r}")
    return bool(end) and len(body) == int(head[1:]) + 2
