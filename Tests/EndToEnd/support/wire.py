"""Speaks HTTP over sockets: strictly, and with a limit on every wait."""

import json
import re
import socket
import struct

# How long anything may take. Machines are busy; a test that passes does not wait for this.
PATIENCE = 60.0


class ProtocolBroken(AssertionError):
    """The service sent something that is not HTTP, or nothing in time."""


class Answer:
    """One answer."""

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
    """A keep-alive connection that checks every byte of an answer."""

    STATUS = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [\x20-\x7e]*\Z")
    FIELD = re.compile(
        rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?[ \t]*\Z")

    def __init__(self, port=None, timeout=PATIENCE, receive_buffer=None, source=None, host="127.0.0.1", path=None, tls=None):
        """Connect to a port, or to the unix socket at `path`; over TLS with an `ssl.SSLContext`."""
        family = socket.AF_UNIX if path else socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(path or (host, port))
        if not path:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close."""
        self.socket.close()

    def reset(self):
        """Close with a reset, as a program that crashes does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        """Send bytes."""
        self.socket.sendall(data)

    def half_close(self):
        """Close the sending side."""
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
            waited = self.socket.gettimeout()
            raise ProtocolBroken(f"no answer in {waited} s; so far: {self.rest[:200]}") from None
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
                raise ProtocolBroken(f"an unexpected interim answer {status} {fields}")
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
        """Wait until the service closes the connection, in order and without another byte."""
        while self.more():
            pass
        if self.rest:
            raise ProtocolBroken(f"bytes without a request: {self.rest[:300]}")

    def answers_until_closed(self):
        """Return the answers until the service closes the connection; a reset after an answer counts as closing."""
        found = []
        while True:
            try:
                if not self.rest and not self.more():
                    return found
            except ConnectionResetError:
                return found
            found.append(self.answer())


def request(method, target, headers=(), body=None, version="1.1", host=True):
    """Return the bytes of a request; `headers` are lines, and a `body` comes with its length."""
    lines = [f"{method} {target} HTTP/{version}"] + (["Host: localhost"] if host else []) + list(headers)
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")
