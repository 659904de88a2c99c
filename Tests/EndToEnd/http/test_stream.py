"""The live availability: a listener gets the current state, then the changes, and costs next to nothing."""

import datetime
import json
import socket
import threading
import time

from support.service import Server, ServiceCase, event, eventually, make_key
from support.wire import PATIENCE, Connection, ProtocolBroken, request

STREAM = "/v1/events/main/availability/stream"
AVAILABILITY = "/v1/events/main/availability"
class Listening(Connection):
    """A connection that listens to a stream and checks every byte."""

    def __init__(self, server, target=STREAM, headers=(), timeout=PATIENCE, receive_buffer=None, source=None):
        """Request the stream and read the head of the answer."""
        super().__init__(server.port, timeout, receive_buffer, source)
        self.send(request("GET", target, ["Accept: text/event-stream", *headers]))
        self.status, fields = self.head()
        self.fields = dict(fields)
        if self.status == 200 and self.until(b"\n\n") != b"retry: 2000":
            raise ProtocolBroken("a stream begins with its retry")

    def message(self):
        """Return the next message as (event, id, document); skip comments."""
        while True:
            block = self.until(b"\n\n").decode()
            if block == ":":
                continue
            lines = [line.split(": ", 1) for line in block.split("\n")]
            if [name for name, _ in lines] != ["event", "id", "data"]:
                raise ProtocolBroken(f"no message: {block[:300]}")
            return lines[0][1], lines[1][1], json.loads(lines[2][1])

    def messages_for(self, seconds):
        """Return the messages of this time, each with its moment."""
        found, deadline = [], time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                found.append((time.monotonic(), *self.message()))
            except ProtocolBroken as broken:
                if "no answer in" not in str(broken):
                    raise
        self.socket.settimeout(PATIENCE)
        return found

    def is_closed(self):
        """Return whether the stream ends."""
        self.socket.settimeout(PATIENCE)
        try:
            while self.more():
                pass
        except ProtocolBroken:
            return False
        except ConnectionResetError:
            pass
        return True


def buy_many(server, count, each=100):
    """Hold this many tickets as fast as one connection can."""
    with server.connect() as connection:
        for start in range(0, count, each):
            now = min(each, count - start)
            connection.send(request("POST", "/buy_ticket/GA", body=b"") * now)
            for _ in range(now):
                if connection.answer().status != 200:
                    raise AssertionError("not held")


def operator(server):
    """Return the header of a new operator's key."""
    return f"Authorization: Bearer {make_key(server)}"


def change(server, key, members, name="main"):
    """Change an event as an operator does."""
    return server.ask(
        "PATCH", f"/v1/events/{name}", [key, "If-Match: *", "Content-Type: application/json"],
        json.dumps(members).encode())


def when(seconds):
    """Return the moment in so many seconds, as a definition writes it."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Streams(ServiceCase):
    """One service with room for all."""

    events = (event(100_000),)
    settings = {"timeouts_idle_seconds": 10}

    def test_stream_begins_with_how_things_stand(self):
        """The first message is the current availability with its tag."""
        self.server.buy()
        with Listening(self.server) as listener:
            self.assertEqual(listener.status, 200)
            self.assertEqual(listener.fields["content-type"], "text/event-stream")
            self.assertEqual(listener.fields["cache-control"], "no-store")
            self.assertIn("date", listener.fields)
            name, tag, document = listener.message()
            current = self.server.get(AVAILABILITY)
            self.assertEqual((name, document), ("snapshot", current.json()))
            self.assertEqual('"' + tag + '"', current.header("etag"))
            # A listener that comes between two messages gets the newer state, and the others get it, too.
            self.server.buy()
            with Listening(self.server) as second:
                self.assertEqual(second.message()[2]["free"], document["free"] - 1)
                self.assertEqual(listener.message()[2]["free"], document["free"] - 1)
                self.assertEqual(second.messages_for(0.5), [])

    def test_change_is_told(self):
        """A hold makes one message, with the availability's new tag."""
        with Listening(self.server) as listener:
            before = listener.message()[2]["free"]
            self.server.buy()
            name, tag, document = listener.message()
            self.assertEqual((name, document["free"]), ("change", before - 1))
            self.assertEqual('"' + tag + '"', self.server.get(AVAILABILITY).header("etag"))
            self.assertEqual(listener.messages_for(0.6), [])

    def test_many_changes_are_told_together(self):
        """However fast places are sold, there are five messages a second, and the last one is right."""
        with Listening(self.server) as listener:
            before, sold, enough = listener.message()[2]["free"], 0, threading.Event()

            def sell():
                nonlocal sold
                while not enough.wait(0.02):
                    buy_many(self.server, 20)
                    sold += 20

            seller = threading.Thread(target=sell)
            began = time.monotonic()
            seller.start()
            try:
                free = [listener.message()[2]["free"] for _ in range(6)]
            finally:
                enough.set()
                seller.join()
            while free[-1] > before - sold:
                free.append(listener.message()[2]["free"])
            self.assertLessEqual(len(free), (time.monotonic() - began) * 5 + 2)
            self.assertEqual(free, sorted(free, reverse=True))
            self.assertEqual(free[-1], before - sold)
            self.assertEqual(listener.messages_for(0.5), [])

    def test_who_comes_back_hears_what_is_new(self):
        """`Last-Event-ID` avoids repeats: a current one gets only changes, another one the current state."""
        with Listening(self.server) as first:
            tag = first.message()[1]
        for header in (f"Last-Event-ID: {tag}", f'Last-Event-ID: "{tag}"'):
            with self.subTest(header=header), Listening(self.server, headers=[header]) as again:
                self.assertEqual(again.messages_for(0.5), [])
        with Listening(self.server, headers=[f"Last-Event-ID: {tag}"]) as again:
            self.server.buy()
            self.assertEqual(again.message()[0], "change")
        for old in (tag, "1-open", "", "nonsense"):
            with self.subTest(old=old), Listening(self.server, headers=[f"Last-Event-ID: {old}"]) as late:
                name, _, document = late.message()
                self.assertEqual((name, document), ("snapshot", self.server.get(AVAILABILITY).json()))

    def test_silence_is_broken_by_a_comment(self):
        """Fifteen seconds after the last message there is a comment, and neither that nor the idle time of
        connections ends a stream."""
        began = time.monotonic()
        with Listening(self.server, timeout=60) as listener:
            listener.message()
            self.assertEqual(listener.until(b"\n\n"), b":")
            self.assertGreater(time.monotonic() - began, 14.5)
            self.server.buy()
            self.assertEqual(listener.message()[0], "change")

    def test_what_has_no_stream_is_told_as_a_problem(self):
        """An unknown event, a wrong method and HEAD get their usual answers, and the connection goes on."""
        with self.server.connect() as connection:
            self.assert_problem(
                connection.ask("GET", "/v1/events/other/availability/stream"), 404, "unknown-event")
            self.assert_problem(connection.ask("POST", STREAM, body=b""), 405, "method-not-allowed")
            head = connection.ask("HEAD", STREAM)
            self.assertEqual(
                (head.status, head.header("content-type"), head.header("cache-control")),
                (200, "text/event-stream", "no-store"))
            self.assert_problem(connection.ask("GET", STREAM + "/more"), 404, "not-found")
            self.assertEqual(connection.ask("GET", AVAILABILITY).status, 200)

    def test_forms_of_a_request_for_a_stream(self):
        """A slash at the end, an absolute target, HTTP/1.0, a pipelined request, one with a body, and one whose client has
        closed its side: each gets its stream."""
        absolute = "http://localhost" + STREAM
        for data in (request("GET", STREAM + "/"), request("GET", absolute),
                     request("GET", STREAM, version="1.0"), request("GET", STREAM, body=b"x" * 100),
                     request("GET", STREAM, ["Connection: close"])):
            with self.subTest(data=data[:60]), self.server.connect() as connection:
                connection.send(data)
                self.assertEqual(connection.head()[0], 200)
                self.assertIn(b"event: snapshot", connection.until(b"\n\n") + connection.until(b"\n\n"))
        with self.server.connect() as connection:
            connection.send(request("POST", "/buy_ticket/GA", body=b"") + request("GET", STREAM))
            connection.half_close()
            self.assertEqual(connection.answer().status, 200)
            self.assertEqual(connection.head()[0], 200)
            self.assertIn(b"event: snapshot", connection.until(b"\n\n") + connection.until(b"\n\n"))
            connection.expect_closed()

    def test_who_says_no_more_has_left(self):
        """A client that closes its side gets its connection closed at once."""
        with Listening(self.server) as listener:
            listener.message()
            listener.half_close()
            self.assertTrue(listener.is_closed())

    def test_what_a_listener_sends_is_not_taken(self):
        """Requests after that of a stream are not answered, and cost the service nothing however many come."""
        before = self.server.remaining()
        with Listening(self.server) as listener:
            listener.message()
            resident = self.server.memory()
            listener.socket.settimeout(1)
            try:
                for _ in range(1000):
                    listener.send(request("POST", "/buy_ticket/GA", body=b"") * 500)
            except socket.timeout:
                pass
            else:
                self.fail("the service takes whatever is sent")
            self.assertLess(self.server.memory() - resident, 4 << 20)
            self.assertEqual(self.server.remaining(), before)


class Operated(ServiceCase):
    """What operators and the clock change."""

    events = (event(100),)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = operator(cls.server)

    def define(self, name, **members):
        made = self.server.ask(
            "PUT", f"/v1/events/{name}", [self.key, "Content-Type: application/json"],
            json.dumps(event(100, name, **members)).encode())
        self.assertEqual(made.status, 201, made)
        return f"/v1/events/{name}/availability/stream"

    def test_sale_opens_by_time_alone(self):
        """The beginning and the end of a sale make messages, although nothing else changes."""
        began = time.time()
        stream = self.define("soon", sale={"opens_at": when(3), "closes_at": when(6)})
        with Listening(self.server, stream) as listener:
            first = listener.message()
            self.assertEqual((first[0], first[2]["state"]), ("snapshot", "not_started"))
            opened = listener.message()
            self.assertGreater(time.time() - began, 2.9)
            self.assertEqual((opened[0], opened[2]["state"]), ("change", "open"))
            ended = listener.message()
            self.assertGreater(time.time() - began, 5.9)
            self.assertEqual((ended[0], ended[2]["state"]), ("change", "ended"))
            self.assertEqual(len({first[1], opened[1], ended[1]}), 3)

    def test_expiry_is_told(self):
        """An expired hold makes a message without any request."""
        stream = self.define("short", hold_seconds=1, grace_seconds=0)
        with Listening(self.server, stream) as listener:
            self.assertEqual(listener.message()[2]["free"], 100)
            held = self.server.ask(
                "POST", "/v1/events/short/holds", ["Content-Type: application/json", 'Idempotency-Key: "expires-in-a-stream"'],
                b'{"lines":[{"type":"GA","quantity":3}]}')
            self.assertEqual(held.status, 201, held)
            # On a busy machine both may be one message.
            free = listener.message()[2]["free"]
            self.assertIn(free, (97, 100))
            if free == 97:
                self.assertEqual(listener.message()[2]["free"], 100)

    def test_pause_and_definition_are_told(self):
        """A pause and another capacity make messages."""
        stream = self.define("changing")
        with Listening(self.server, stream) as listener:
            listener.message()
            self.assertEqual(change(self.server, self.key, {"paused": True}, "changing").status, 200)
            self.assertEqual(listener.message()[2]["state"], "paused")
            self.assertEqual(change(self.server, self.key, {"pools": {"floor": 50}}, "changing").status, 200)
            self.assertEqual(listener.message()[2]["free"], 50)

    def test_what_is_not_disclosed_is_no_news(self):
        """An event without numbers makes messages only when its words change."""
        stream = self.define("discreet", disclose="buckets", limits={"tickets_per_hold": 100})
        with Listening(self.server, stream) as listener:
            self.assertNotIn("free", listener.message()[2])
            for number, quantity in enumerate((1, 98)):
                held = self.server.ask(
                    "POST", "/v1/events/discreet/holds",
                    ["Content-Type: application/json", f'Idempotency-Key: "{number:016}"'],
                    json.dumps({"lines": [{"type": "GA", "quantity": quantity}]}).encode())
                self.assertEqual(held.status, 201, held)
                if quantity == 1:
                    self.assertEqual(listener.messages_for(0.6), [])
            self.assertEqual(listener.message()[2]["types"][0]["state"], "low")
            self.assertEqual(listener.messages_for(0.6), [])

    def test_stream_of_a_removed_event_ends(self):
        """The removal of an event ends its streams and no others, and a new request gets 404."""
        stream = self.define("gone")
        with Listening(self.server, stream) as listener, Listening(self.server) as other:
            listener.message()
            other.message()
            removed = self.server.ask("DELETE", "/v1/events/gone", [self.key, "If-Match: *"])
            self.assertEqual(removed.status, 204)
            self.assertTrue(listener.is_closed())
            self.assert_problem(self.server.get(stream), 404, "unknown-event")
            self.server.buy()
            self.assertEqual(other.message()[0], "change")


class Bounds(ServiceCase):
    """Room for three."""

    events = (event(100_000),)
    settings = {"limits_listeners": 3, "threads": 2}

    def test_listeners_are_bounded(self):
        """A listener above the limit gets a refusal, and its connection goes on; there is room again as soon as another one
        closes, closes its side, or is reset."""
        def is_there_room():
            with Listening(self.server) as one:
                return one.status == 200

        def are_three_there():
            # Some that left may still be counted.
            for one in there:
                one.close()
            there[:] = [Listening(self.server) for _ in range(3)]
            return all(one.status == 200 for one in there)

        for leave in (Connection.close, Connection.half_close, Connection.reset):
            with self.subTest(leave=leave.__name__):
                there = []
                try:
                    self.assertTrue(eventually(are_three_there))
                    with self.server.connect() as connection:
                        refused = connection.ask("GET", STREAM)
                        self.assert_problem(refused, 503, "temporary-reduced-capacity")
                        self.assertTrue(1 <= int(refused.header("retry-after")) <= 11)
                        self.assertEqual(connection.ask("GET", AVAILABILITY).status, 200)
                        self.assertEqual(connection.ask("HEAD", STREAM).status, 200)
                    leave(there[1])
                    self.assertTrue(eventually(is_there_room))
                finally:
                    for listener in there:
                        listener.close()

    def test_a_stream_is_one_request_of_the_quota(self):
        """A stream counts as one request, and its answer has the rest of the quota; over quota it is refused."""
        with Server(event(10), quota_per_second=1, quota_burst=4) as server:
            left, began = [], time.monotonic()
            while True:
                with Listening(server) as listener:
                    if listener.status != 200:
                        break
                    left.append(listener.fields["ratelimit"].split(";")[1])
            self.assertEqual(listener.status, 429)
            # On a slow machine the bucket gets a token in between.
            self.assertEqual(left[0], "r=3")
            self.assertTrue(4 <= len(left) <= 5 + (time.monotonic() - began), left)

    def test_one_caller_does_not_take_all_the_room(self):
        """A caller has a limit of streams, others are not affected, and a closed stream makes room."""
        with Server(event(10), quota_listeners=2, limits_listeners=4, threads=2) as server:
            def listening(source):
                return Listening(server, source=source)

            mine = [listening("127.0.0.2") for _ in range(2)]
            self.assertEqual([listener.status for listener in mine], [200, 200])
            self.assertEqual(listening("127.0.0.2").status, 503)
            others = [listening("127.0.0.3") for _ in range(2)]
            self.assertEqual([listener.status for listener in others], [200, 200])
            self.assertEqual(listening("127.0.0.4").status, 503)
            mine.pop().close()
            self.assertTrue(eventually(lambda: listening("127.0.0.4").status == 200))
            others.pop().close()
            self.assertTrue(eventually(lambda: listening("127.0.0.2").status == 200))

    def test_no_room_at_all(self):
        """With a limit of 0 there are no streams."""
        with Server(event(10), limits_listeners=0) as server:
            self.assert_problem(server.get(STREAM), 503, "temporary-reduced-capacity")


class SlowReader(ServiceCase):
    """An event whose messages are large, so that a connection is full soon."""

    events = (event(100_000, types=[{"code": "GA", "pools": ["floor"]}] + [
        {"code": f"TYPE-{number}-{'X' * 20}", "pools": ["floor"]} for number in range(500)]),)
    # Longer than the test on any machine.
    settings = {"timeouts_write_seconds": 3_600}

    def test_who_does_not_read_costs_nothing_and_hears_the_newest(self):
        """While a client reads nothing, it misses thousands of changes and the service does not grow; when it reads again it
        gets a few old messages, then the newest. Other listeners get everything meanwhile."""
        buy_many(self.server, 1000)
        slow = [Listening(self.server, receive_buffer=4096) for _ in range(20)]
        with Listening(self.server) as quick:
            quick.message()
            buy_many(self.server, 100)
            quick.messages_for(2)
            resident = self.server.memory()
            for _ in range(30):
                buy_many(self.server, 200)
                free = self.server.remaining()
                while quick.message()[2]["free"] != free:
                    pass
            # Copies of the missed messages would be some 15 MB.
            self.assertLess(self.server.memory() - resident, 3 << 20)
        free = self.server.remaining()
        for listener in slow:
            with listener:
                listener.message()
                found = [listener.message()[2]["free"]]
                while found[-1] != free:
                    found.append(listener.message()[2]["free"])
                # These were under way. A queue would have delivered every message that others got.
                self.assertLess(len(found), 15)
                self.assertEqual(found, sorted(found, reverse=True))


class Stopping(ServiceCase):
    """A stop."""

    def test_streams_do_not_hold_a_stop_up(self):
        """Open streams, read or not, do not delay a stop."""
        with Server(event(1000), timeouts_drain_seconds=120) as server:
            there = [Listening(server) for _ in range(50)]
            server.buy()
            # A stop that waited for them would take two minutes.
            self.assertEqual(server.stop(), 0)
            self.assertTrue(all(listener.is_closed() for listener in there))


class Memory(ServiceCase):
    """The cost of listeners."""

    events = (event(100),)

    def test_a_listener_is_small(self):
        """A thousand listeners take 24 KiB each at most."""
        with Listening(self.server) as first:
            first.message()
            resident = self.server.memory()
            there = [Listening(self.server) for _ in range(1000)]
            try:
                each = (self.server.memory() - resident) / 1000
                self.assertLess(each, 24 << 10)
            finally:
                for listener in there:
                    listener.close()
