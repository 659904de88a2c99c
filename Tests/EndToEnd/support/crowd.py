"""Many buyers at once in one thread, each a script that yields what it sends and is sent what came back."""

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


class _Seat:
    """A buyer and its connection."""

    __slots__ = ("script", "socket", "owed", "received", "asked")

    def __init__(self, script):
        self.script = script
        self.socket = None
        self.owed = None
        self.received = b""
        self.asked = 0.0


class Crowd:
    """Runs scripts until all have ended.

    A script yields bytes (a request; it is sent back a `Reply`, or None if the connection broke before the
    answer) or a number (seconds to wait). `port` is asked at every connect: a service that restarts may have
    another, and None means that there is none now.
    """

    def __init__(self, port, patience=60):
        self.port = port
        self.patience = patience
        self.selector = selectors.DefaultSelector()
        self.waiting = []
        self.living = 0
        self.latencies = []

    def run(self, scripts):
        """Run all scripts to their end; raise if that takes longer than the patience."""
        deadline = time.monotonic() + self.patience
        seats = [_Seat(script) for script in scripts]
        self.living = len(seats)
        try:
            for seat in seats:
                self._go_on(seat, None)
            while self.living:
                if time.monotonic() > deadline:
                    raise AssertionError(f"{self.living} buyers are not done after {self.patience} s")
                self._turn()
        finally:
            for seat in seats:
                self._leave(seat)
            self.selector.close()

    def _turn(self):
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, _, seat, value = heapq.heappop(self.waiting)
            if value is None:
                self._go_on(seat, None)
            else:
                self._send(seat, value)
        pause = 0.2 if not self.waiting else min(0.2, max(0.0, self.waiting[0][0] - now))
        if not self.selector.get_map():
            time.sleep(pause)
            return
        for key, _ in self.selector.select(pause):
            self._receive(key.data)

    def _later(self, seat, seconds, value):
        heapq.heappush(self.waiting, (time.monotonic() + seconds, id(seat), seat, value))

    def _go_on(self, seat, reply):
        try:
            wish = seat.script.send(reply)
        except StopIteration:
            self._leave(seat)
            self.living -= 1
            return
        if isinstance(wish, bytes):
            self._send(seat, wish)
        else:
            self._later(seat, wish, None)

    def _send(self, seat, data):
        if seat.socket is None and not self._connect(seat):
            self._later(seat, 0.02, data)
            return
        seat.owed = data
        seat.asked = time.monotonic()
        try:
            seat.socket.sendall(data)
        except OSError:
            self._broke(seat)

    def _connect(self, seat):
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
        seat.socket, seat.received = fresh, b""
        self.selector.register(fresh, selectors.EVENT_READ, seat)
        return True

    def _leave(self, seat):
        if seat.socket is not None:
            self.selector.unregister(seat.socket)
            seat.socket.close()
            seat.socket = None

    def _broke(self, seat):
        self._leave(seat)
        if seat.owed is not None:
            seat.owed = None
            self._go_on(seat, None)

    def _receive(self, seat):
        try:
            data = seat.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            return self._broke(seat)
        seat.received += data
        head, mark, rest = seat.received.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(LENGTH.search(head + b"\r\n")[1])
        if len(rest) < length:
            return
        if len(rest) > length or seat.owed is None:
            raise AssertionError(f"bytes that answer nothing: {seat.received[:300]}")
        seat.received, seat.owed = b"", None
        self.latencies.append(time.monotonic() - seat.asked)
        self._go_on(seat, Reply(int(head[9:12]), rest))


def p99(latencies):
    """Return the latency that all but one in a hundred stay below."""
    ordered = sorted(latencies)
    return ordered[int(len(ordered) * 0.99)] if ordered else 0.0
