"""Buyers in threads: they hold, purchase, release or walk away, and repeat a request until they know its outcome."""

import json
import random
import socket
import threading
import time

PATIENCE = 60


class Caller:
    """A keep-alive connection that connects again when it broke."""

    def __init__(self, port):
        self.port = port
        self.socket = None
        self.file = None

    def close(self):
        """Leave."""
        if self.socket:
            self.file.close()
            self.socket.close()
        self.socket = None

    def ask(self, method, path, body=None, headers=()):
        """Send a request once; return status and body, or raise OSError if no whole answer came."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), 10)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.file = self.socket.makefile("rb")
        data = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: demo\r\nContent-Length: {len(data)}\r\n"
        if data:
            head += "Content-Type: application/json\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        try:
            self.socket.sendall(head.encode() + data)
            return self._answer()
        except (OSError, ValueError) as error:
            self.close()
            raise OSError(str(error)) from error

    def _answer(self):
        first = self.file.readline().split(b" ", 2)
        if len(first) < 3:
            raise OSError("the connection ended before the answer")
        status, length, keep = int(first[1]), 0, True
        while (line := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            name = name.lower()
            if name == b"content-length":
                length = int(value)
            elif name == b"connection" and b"close" in value:
                keep = False
        data = self.file.read(length)
        if line == b"" or len(data) < length:
            raise OSError("the connection ended within the answer")
        if not keep:
            self.close()
        return status, data


class Shop:
    """Buyers of one event, and the answers that they got."""

    def __init__(self, port, event, threads, rate, seed=1):
        self.port, self.event, self.rate, self.seed = port, event, rate, seed
        self.lock = threading.Lock()
        # By payment reference, which the buyer chooses: a box office that forgot a purchase could use its name again.
        self.purchases = {}
        self.released = set()
        self.walked = {}
        self.holds = self.tickets = self.retries = self.unknown = 0
        self.forgotten = []
        self.surprises = []
        self.answered_at = [time.monotonic()]
        self.longest_silence = 0.0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._buyers, args=(n,), daemon=True) for n in range(threads)]

    def open(self):
        """Let the buyers in."""
        for thread in self.threads:
            thread.start()

    def hurry(self):
        """Send requests as fast as possible from now on."""
        self.rate = None

    def close(self):
        """Let no buyer begin another visit."""
        self.stopping.set()

    def empty(self):
        """Return whether all buyers have left."""
        return not any(thread.is_alive() for thread in self.threads)

    def _buyers(self, number):
        chance = random.Random(self.seed * 1000 + number)
        caller = Caller(self.port)
        visit = 0
        while not self.stopping.is_set():
            started = time.monotonic()
            try:
                if not self._visit(caller, f"{self.event}-{number}-{visit}", chance):
                    break
            except OSError as error:
                self.surprises.append(str(error))
                break
            visit += 1
            rate = self.rate
            if rate:
                self.stopping.wait(max(0, len(self.threads) / rate - (time.monotonic() - started)))
        caller.close()

    def _certainly(self, caller, method, path, body=None, headers=()):
        """Repeat the same request with the same key until its outcome is known."""
        deadline = time.monotonic() + PATIENCE
        first = True
        while time.monotonic() < deadline:
            try:
                status, data = caller.ask(method, path, body, headers)
                if status < 500 and status != 429:
                    return status, json.loads(data) if data else {}
                # A refusal before anything was decided is repeated, too, but its outcome was not unknown.
                maybe = status in (502, 504) or b"outcome-unknown" in data
            except OSError:
                maybe = True
            with self.lock:
                self.retries += 1
                self.unknown += maybe and first
            first = first and not maybe
            time.sleep(0.05)
        raise OSError(f"{method} {path.split('?')[0]}: no known outcome after {PATIENCE} s")

    def _visit(self, caller, name, chance):
        quantity = chance.choice((1, 1, 2, 2, 3, 4))
        for _ in range(20):
            hold = self._hold(caller, name, {"type": "GA", "quantity": quantity, "min_quantity": 1})
            if hold.get("code") != "temporarily-held":
                break
            # Another buyer may release places in a moment; buyers who walked away keep theirs for minutes.
            time.sleep(0.05)
        if hold.get("code") in ("sold-out", "temporarily-held"):
            return False
        if "id" not in hold:
            raise OSError(f"a hold was answered {hold}")
        quantity = sum(line["quantity"] for line in hold["lines"])
        fate = chance.random()
        if fate < 0.1:
            self._give_back(caller, hold)
        elif fate < 0.15:
            with self.lock:
                self.walked[hold["id"]] = quantity
        else:
            reference = f"payment-{name}"
            status, bought = self._about(caller, hold, "POST", "/purchase", {"payment_reference": reference})
            self._bought(status, bought, hold["id"], quantity, reference)
        return True

    def _hold(self, caller, name, line):
        """Return the hold or the refusal."""
        status, hold = self._certainly(
            caller, "POST", f"/v1/events/{self.event}/holds", {"lines": [line], "buyer": f"buyer-{name}"},
            (("Idempotency-Key", f'"visit-to-the-shop-{name}"'),))
        if status in (200, 201):
            with self.lock:
                self.holds += 1
        return hold

    def _about(self, caller, hold, method, what="", body=None):
        return self._certainly(
            caller, method, f"/v1/holds/{hold['id']}{what}", body, (("Authorization", f"Bearer {hold['token']}"),))

    def _give_back(self, caller, hold):
        status, told = self._about(caller, hold, "DELETE")
        with self.lock:
            if status in (200, 204):
                self.released.add(hold["id"])
            else:
                self._forgot(hold["id"], "releasing it", status, told)

    def _forgot(self, hold, what, status, told):
        # The hold is a moment old and lives for minutes, so a refusal means that the box office forgot it.
        self.forgotten.append(f"{hold} was held; {what} was answered {status} {told.get('code')}")

    def _bought(self, status, bought, hold, quantity, reference):
        if status not in (200, 201):
            with self.lock:
                self._forgot(hold, "purchasing it", status, bought)
            return
        now = time.monotonic()
        with self.lock:
            self.purchases[reference] = (bought["purchase"], hold, quantity)
            self.tickets += quantity
            self.longest_silence = max(self.longest_silence, now - self.answered_at[-1])
            self.answered_at.append(now)
