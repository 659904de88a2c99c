"""Many buyers at once in one thread: each is a generator that yields requests and receives their answers."""

import heapq
import json
import re
import selectors
import socket
import time

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


def get(target):
    """Return the bytes of a GET."""
    return f"GET {target} HTTP/1.1\r\nHost: l\r\n\r\n".encode()


def post(target):
    """Return the bytes of a POST without a body."""
    return f"POST {target} HTTP/1.1\r\nHost: l\r\nContent-Length: 0\r\n\r\n".encode()


class Reply:
    """A status and a body."""

    __slots__ = ("status", "body")

    def __init__(self, status, body):
        self.status = status
        self.body = body

    def __getitem__(self, name):
        return json.loads(self.body)[name]


class _Buyer:
    """A script and its connection."""

    __slots__ = ("script", "socket", "owed", "received", "asked")

    def __init__(self, script):
        self.script = script
        self.socket = None
        self.owed = None
        self.received = b""
        self.asked = 0.0


class Crowd:
    """Runs scripts until all have ended.

    A script yields bytes (a request; it receives a `Reply`, or None if the connection broke before the answer) or a
    number (seconds to wait). `port` is called before every connect, since a service that restarts may have another
    port; None means that no service runs now.
    """

    def __init__(self, port, patience=180):
        self.port = port
        self.patience = patience
        self.selector = selectors.DefaultSelector()
        self.waiting = []
        self.living = 0
        self.latencies = []

    def run(self, scripts):
        """Run all scripts to their end; raise if that takes longer than `patience` seconds."""
        deadline = time.monotonic() + self.patience
        buyers = [_Buyer(script) for script in scripts]
        self.living = len(buyers)
        try:
            for buyer in buyers:
                self._go_on(buyer, None)
            while self.living:
                if time.monotonic() > deadline:
                    raise AssertionError(f"{self.living} buyers are not done after {self.patience} s")
                self._turn()
        finally:
            for buyer in buyers:
                self._leave(buyer)
            self.selector.close()

    def _turn(self):
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, _, buyer, value = heapq.heappop(self.waiting)
            if value is None:
                self._go_on(buyer, None)
            else:
                self._send(buyer, value)
        pause = 0.2 if not self.waiting else min(0.2, max(0.0, self.waiting[0][0] - now))
        if not self.selector.get_map():
            time.sleep(pause)
            return
        for key, _ in self.selector.select(pause):
            self._receive(key.data)

    def _later(self, buyer, seconds, value):
        heapq.heappush(self.waiting, (time.monotonic() + seconds, id(buyer), buyer, value))

    def _go_on(self, buyer, reply):
        try:
            wish = buyer.script.send(reply)
        except StopIteration:
            self._leave(buyer)
            self.living -= 1
            return
        if isinstance(wish, bytes):
            self._send(buyer, wish)
        else:
            self._later(buyer, wish, None)

    def _send(self, buyer, data):
        if buyer.socket is None and not self._connect(buyer):
            self._later(buyer, 0.02, data)
            return
        buyer.owed = data
        buyer.asked = time.monotonic()
        try:
            buyer.socket.sendall(data)
        except OSError:
            self._broke(buyer)

    def _connect(self, buyer):
        port = self.port()
        if port is None:
            return False
        fresh = socket.socket()
        try:
            fresh.settimeout(2)
            fresh.connect(("127.0.0.1", port))
        except OSError:
            fresh.close()
            return False
        fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buyer.socket, buyer.received = fresh, b""
        self.selector.register(fresh, selectors.EVENT_READ, buyer)
        return True

    def _leave(self, buyer):
        if buyer.socket is not None:
            self.selector.unregister(buyer.socket)
            buyer.socket.close()
            buyer.socket = None

    def _broke(self, buyer):
        self._leave(buyer)
        if buyer.owed is not None:
            buyer.owed = None
            self._go_on(buyer, None)

    def _receive(self, buyer):
        try:
            data = buyer.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            return self._broke(buyer)
        buyer.received += data
        head, mark, rest = buyer.received.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(LENGTH.search(head + b"\r\n")[1])
        if len(rest) < length:
            return
        if len(rest) > length or buyer.owed is None:
            raise AssertionError(f"bytes without a request: {buyer.received[:300]}")
        buyer.received, buyer.owed = b"", None
        self.latencies.append(time.monotonic() - buyer.asked)
        self._go_on(buyer, Reply(int(head[9:12]), rest))


def p99(latencies):
    """Return the 99th percentile."""
    ordered = sorted(latencies)
    return ordered[int(len(ordered) * 0.99)] if ordered else 0.0
