"""People who queue: they join, look when the service asks them to, hold, buy or give back, and check each answer."""

import heapq
import random
import threading
import time

from support.shop import Caller, Shop


class People(Shop):
    """The people of one event's queue, each a generator that yields seconds to wait; a few threads do what is due."""

    def __init__(self, port, event, count, threads=16, seed=1, joining=10.0):
        """Have so many people join within some seconds."""
        super().__init__(port, event, threads, None, seed)
        self.joining = joining
        # By number: the person, the receipt, the position that the service gave.
        self.numbers, self.receipts, self.positions = {}, {}, {}
        self.called, self.mistakes, self.in_vain = set(), [], 0
        self.document, self.over = None, threading.Event()
        # When the head was read, and what it was.
        self.heads = []
        self.due = [(time.monotonic(), number, self._life(number, random.Random(seed * 1_000_003 + number)))
                    for number in range(count)]
        for _, _, life in self.due:
            next(life)
        self.living = count

    @property
    def path(self):
        """The path of the queue."""
        return f"/v1/events/{self.event}/queue"

    def hasten(self, seconds):
        """Have everybody who waits look within some seconds, as pages do that hear of a change."""
        with self.lock:
            now = time.monotonic()
            self.due = [(min(due, now + random.random() * seconds), number, life) for due, number, life in self.due]
            heapq.heapify(self.due)

    def watch(self):
        """Read the public document, and check it against what it said before; return it, or None without an answer."""
        caller = Caller(self.port)
        try:
            status, data = self._certainly(caller, "GET", self.path)
        except OSError:
            return self.document
        finally:
            caller.close()
        before, self.document = self.document, data if status == 200 else self.document
        # Nodes hear of a move a moment after one another. Who asks as often as the document says never sees it go back.
        now = time.monotonic()
        self.heads.append((now, self.document["head"] if self.document else 0))
        passed = max((head for moment, head in self.heads if moment < now - 5), default=0)
        if self.heads[-1][1] < passed:
            self.mistakes.append(f"the head went back from {passed} to {self.heads[-1][1]}")
        if before and before["draw"]["seed"] not in (None, self.document["draw"]["seed"]):
            self.mistakes.append(f"drawn again: {before['draw']} and {self.document['draw']}")
        return self.document

    def _buyers(self, number):
        caller = Caller(self.port)
        while not self.stopping.is_set() and self.living:
            with self.lock:
                is_due = self.due and self.due[0][0] <= time.monotonic()
                _, number, life = heapq.heappop(self.due) if is_due else (0, 0, None)
            if life is None:
                time.sleep(0.01)
                continue
            try:
                wait = life.send(caller)
            except StopIteration:
                wait = None
            except OSError as error:
                self.surprises.append(str(error))
                wait = None
            with self.lock:
                if wait is None:
                    self.living -= 1
                else:
                    heapq.heappush(self.due, (time.monotonic() + wait, number, life))
        caller.close()

    def _life(self, person, chance):
        caller = yield
        caller = yield chance.random() * self.joining
        key = (("Idempotency-Key", f"a-join-of-person-{person:06}"),)
        while (told := self._certainly(caller, "POST", self.path, None, key))[0] == 409:
            caller = yield 0.5
        status, entry = told
        if status != 201:
            self._wrong(f"a join was answered {status} {entry}")
            return
        number = entry["number"]
        with self.lock:
            if number in self.numbers:
                self.mistakes.append(f"number {number} was given to {person} and {self.numbers[number]}")
            self.numbers[number], self.receipts[number] = person, entry["receipt"]
        # A few never come again.
        if chance.random() < 0.05:
            return
        seen = entry
        while not self.over.is_set():
            if seen["state"] == "called":
                wait = yield from self._turn(caller, person, seen, chance)
                if wait is None:
                    return
                caller = yield wait
            elif seen["state"] != "waiting":
                # Who was called had minutes, and was never away so long.
                self._wrong(f"{number} is {seen['state']}" if number in self.called else f"{number} was never called: {seen}")
                return
            else:
                caller = yield seen["poll_after_ms"] / 1000
            if self.over.is_set():
                return
            status, seen = self._certainly(caller, "GET", f"/v1/queue-entries/{entry['id']}", None,
                                           (("Authorization", f"Bearer {entry['token']}"),))
            if status != 200:
                self._wrong(f"the look of {number} was answered {status} {seen}")
                return
            self._note(seen)

    def _note(self, seen):
        number, position = seen["number"], seen["position"]
        if position is None:
            return
        with self.lock:
            if self.positions.setdefault(number, position) != position:
                self.mistakes.append(f"{number} had position {self.positions[number]} and has {position}")

    def _wrong(self, text):
        with self.lock:
            self.mistakes.append(text)

    def _turn(self, caller, person, seen, chance):
        """Use the pass; return when to look again, or None for never."""
        self._note(seen)
        with self.lock:
            self.called.add(seen["number"])
        if chance.random() < 0.1:
            return None
        quantity = chance.choice((1, 2, 2, 3, 4))
        status, hold = self._certainly(
            caller, "POST", f"/v1/events/{self.event}/holds",
            {"lines": [{"type": "GA", "quantity": quantity, "min_quantity": 1}]},
            (("Idempotency-Key", f"a-hold-of-person-{person:06}-{chance.random()}"), ("Queue-Pass", seen["pass"])))
        if hold.get("code") == "sold-out":
            self.in_vain += 1
            return None
        if hold.get("code") == "temporarily-held":
            return 2.0
        if status != 201:
            self._wrong(f"the hold of {seen['number']} was answered {status} {hold}")
            return None
        with self.lock:
            self.holds += 1
        quantity = sum(line["quantity"] for line in hold["lines"])
        caller = yield chance.random() * 2
        if chance.random() < 0.2:
            self._give_back(caller, hold)
            return None
        reference = f"payment-of-person-{person:06}"
        status, bought = self._about(caller, hold, "POST", "/purchase", {"payment_reference": reference})
        self._bought(status, bought, hold["id"], quantity, reference)
        return None
