"""v1's hot calls on the event loop: in order among other calls, with bytes in any pieces, and with exact answers."""

import datetime
import itertools
import json
import random
import threading
import time
import unittest

from support.service import Server, ServiceCase, event, eventually, make_key
from support.wire import request

JSON = "Content-Type: application/json"
LINES = {"lines": [{"type": "GA", "quantity": 1}]}
LINE = json.dumps(LINES).encode()
TRACE = "0af7651916cd43dd8448eb211c80319c"


def together(count, work):
    """Run `work(number)` in so many threads that begin at one moment."""
    gate, broken = threading.Barrier(count), []

    def run(number):
        try:
            gate.wait()
            work(number)
        except BaseException as error:  # pylint: disable=broad-except
            broken.append(error)

    crowd = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    [one.start() for one in crowd]
    [one.join() for one in crowd]
    if broken:
        raise broken[0]


class FastPath(ServiceCase):
    """The fast path's answers in v1."""

    events = (
        event(1_000_000, "hall", hold_seconds=600, max_extensions=0),
        event(1_000, "tickets", limits={"tickets_per_buyer": 7}), event(1_000, "holds", limits={"holds_per_buyer": 5}),
        event(20_000, "one"), event(3, "few"), event(2, "brief", hold_seconds=1, grace_seconds=0), event(0, "none"))
    names = iter(range(1, 1_000_000))

    def unique(self):
        """Return a key that no other request has."""
        return f"path-{next(FastPath.names):016}"

    def asked(self, name="hall", key=None, body=LINE, headers=()):
        """Return the bytes of a request for places."""
        fields = [JSON, f"Idempotency-Key: {key or self.unique()}", *headers]
        return request("POST", f"/v1/events/{name}/holds", fields, body)

    def held(self, name="hall"):
        """Hold a ticket and return the answer."""
        with self.server.connect() as connection:
            connection.send(self.asked(name))
            answer = connection.answer()
        self.assertEqual(answer.status, 201, answer)
        return answer.json()

    def about(self, method, told, tail="", body=b"", headers=(), token=None):
        """Send a request about a hold."""
        fields = [f"Authorization: Bearer {token or told['token']}", *headers]
        return self.server.ask(method, f"/v1/holds/{told['id']}{tail}", fields, body)

    # MARK: In order

    def kinds(self):
        """Return requests of every kind by name, with a mark of their answers."""
        mine, other = self.held(), self.held()
        known = self.server.get("/v1/events/none/availability").header("etag")
        token = f"Authorization: Bearer {mine['token']}"
        return {
            "hold": lambda: (self.asked(), 201, '"state":"held"'),
            "left": lambda: (request("GET", "/v1/events/none/availability"), 200, '"event":"none"'),
            "same": lambda: (request("GET", "/v1/events/none/availability", [f"If-None-Match: {known}"]), 304, ""),
            "bought": lambda: (request("POST", f"/v1/holds/{mine['id']}/purchase", [token], b""), 200, '"purchased"'),
            "kept": lambda: (request("DELETE", f"/v1/holds/{mine['id']}", [token]), 409, "already-purchased"),
            "wrong": lambda: (request("DELETE", f"/v1/holds/{other['id']}", [token]), 404, "unknown-hold"),
            "bad": lambda: (self.asked(body=b"{"), 400, "malformed-request"),
            "out": lambda: (self.asked("none"), 409, "sold-out"),
            "looked": lambda: (request("GET", f"/v1/holds/{other['id']}",
                                       [f"Authorization: Bearer {other['token']}"]), 200, f'"id":"{other["id"]}"'),
            "buy": lambda: (request("POST", "/buy_ticket/GA", body=b""), 200, '"process"'),
            "live": lambda: (request("GET", "/health/live"), 200, '"live"'),
            "put": lambda: (request("PUT", "/v1/events/hall/holds", body=b"xyz"), 405, "method-not-allowed"),
        }

    def check(self, kinds, names, pieces=1):
        """Send requests of these kinds in so many pieces, and check that the answers come in order."""
        sent = [kinds[name]() for name in names]
        data, ids = b"".join(one for one, _, _ in sent), []
        with self.server.connect() as connection:
            step = max(1, len(data) // pieces)
            for start in range(0, len(data), step):
                connection.send(data[start:start + step])
            for place, (name, (_, status, mark)) in enumerate(zip(names, sent)):
                answer = connection.answer()
                self.assertEqual(answer.status, status, (place, name, answer))
                self.assertIn(mark, answer.body.decode(), (place, name))
                if name == "hold":
                    ids.append(int(answer.json()["id"][1:]))
        self.assertEqual(ids, sorted(set(ids)))

    def test_in_every_order(self):
        """Five kinds of calls, of the fast path and of the router, are answered in order, whichever it is."""
        kinds = self.kinds()
        self.check(kinds, ["bought"])
        for names in itertools.permutations(["hold", "same", "looked", "bad", "buy"]):
            with self.subTest(names=names):
                self.check(kinds, names)

    def test_mixed_two_hundred_deep(self):
        """200 requests of every kind mixed at random, whole and in 301 pieces, are answered in order."""
        kinds, chance = self.kinds(), random.Random(7)
        self.check(kinds, ["bought"])
        for pieces in (1, 301):
            self.check(kinds, [chance.choice(list(kinds)) for _ in range(200)], pieces)

    # MARK: Bodies

    def test_bodies_in_pieces(self):
        """A body that comes byte by byte, or cut anywhere, is one body."""
        for cut in range(1, len(LINE), 3):
            data = self.asked()
            with self.subTest(cut=cut), self.server.connect() as connection:
                connection.send(data[:-cut])
                time.sleep(0.002)
                connection.send(data[-cut:])
                self.assertEqual(connection.answer().status, 201)
        with self.server.connect() as connection:
            for byte in self.asked():
                connection.send(bytes([byte]))
                time.sleep(0.0005)
            self.assertEqual(connection.answer().status, 201)

    def test_chunked_bodies(self):
        """A body in chunks is read like one with a length, with the same limit."""
        head = request("POST", "/v1/events/hall/holds", [JSON, "Transfer-Encoding: chunked"])[:-2]

        def send(connection, size, body=LINE):
            connection.send(head + f"Idempotency-Key: {self.unique()}\r\n\r\n".encode())
            for start in range(0, len(body), size):
                part = body[start:start + size]
                connection.send(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            connection.send(b"0\r\n\r\n")

        with self.server.connect() as connection:
            for size in (1, 7, len(LINE)):
                send(connection, size)
                self.assertEqual(connection.answer().status, 201)
            send(connection, 9, b'{"lines":[{"type":"GA","quantity":"1"}]}')
            self.assertEqual([one["pointer"] for one in connection.answer().json()["errors"]], ["/lines/0/quantity"])
        with self.server.connect() as connection:
            send(connection, 16_384, b" " * 65_537)
            self.assert_problem(connection.answer(), 413, "content-too-large")
            connection.answers_until_closed()

    def test_large_bodies(self):
        """A body at the limit is read, one byte more is refused, and nothing is held for it."""
        with self.server.connect() as connection:
            connection.send(self.asked(body=LINE + b" " * (65_536 - len(LINE))))
            self.assertEqual(connection.answer().status, 201)
            connection.send(self.asked(body=LINE + b" " * (65_537 - len(LINE)))[:300])
            self.assert_problem(connection.answer(), 413, "content-too-large")
            connection.expect_closed()

    def test_no_bodies_allowed(self):
        """With a body limit of 0 a hold without a body is the sender's mistake."""
        with Server(event(5), limits_body_bytes=0) as server:
            answer = server.ask("POST", "/v1/events/main/holds", [JSON, "Idempotency-Key: without-a-body-at-all"], b"")
            self.assert_problem(answer, 400, "malformed-request")
            self.assertTrue(server.is_alive())

    def test_bad_bodies(self):
        """Holds and purchases report every mistake with its place."""
        told = self.held()
        for body, pointers in (
                ({"lines": [{"type": "GA", "quantity": 1, "min_quantity": 2}]}, ["/lines/0/min_quantity"]),
                ({"lines": [{"type": "GA", "quantity": 1}, {"type": "GA"}, 7]}, ["/lines/1/quantity", "/lines/2"]),
                ({"lines": [{"type": "GA", "quantity": 1, "a/b~c": 0}]}, ["/lines/0/a~1b~0c"]),
                ({"lines": {}, "buyer": ""}, ["/lines", "/buyer"]), ({"buyer": None} | LINES, ["/buyer"])):
            with self.subTest(body=body), self.server.connect() as connection:
                connection.send(self.asked(body=json.dumps(body).encode()))
                answer = connection.answer()
                self.assert_problem(answer, 422, "validation-failed")
                self.assertEqual([one["pointer"] for one in answer.json()["errors"]], pointers)
        for body, pointers in (({"payment_reference": 1}, ["/payment_reference"]), ([], [""]),
                               ({"payment_reference": "a\n", "x": 1}, ["/payment_reference", "/x"])):
            with self.subTest(body=body):
                answer = self.about("POST", told, "/purchase", json.dumps(body).encode(), [JSON])
                self.assert_problem(answer, 422, "validation-failed")
                self.assertEqual([one["pointer"] for one in answer.json()["errors"]], pointers)
        self.assert_problem(self.about("POST", told, "/purchase", b"{}"), 415, "unsupported-media-type")
        self.assert_problem(self.about("POST", told, "/purchase", b"{", [JSON]), 400, "malformed-request")
        for type in ("application/json; charset=utf-8", "Application/JSON", "application/json;x=y"):
            self.assertEqual(self.about("POST", told, "/purchase", b"{}", [f"Content-Type: {type}"]).status, 200, type)

    # MARK: Headers

    def test_keys(self):
        """A key is the same quoted or bare, a missing or malformed one is reported, and two headers are one key."""
        for spellings in (
                ("a b, c d, e f, g", '"a b, c d, e f, g"', "a b, c d, e f, g \t"),
                ("k1-of-two, k2-of-two", '"k1-of-two, k2-of-two"'), ("'x'-'x'-'x'-'x'-", '"\'x\'-\'x\'-\'x\'-\'x\'-"')):
            ids = set()
            for key in spellings:
                with self.server.connect() as connection:
                    connection.send(self.asked("one", key))
                    ids.add(connection.answer().json()["id"])
            self.assertEqual(len(ids), 1, spellings)
        first = request("POST", "/v1/events/one/holds", [JSON, "Idempotency-Key: k1-of-two", "idempotency-KEY: k2-of-two"],
                        LINE)
        with self.server.connect() as connection:
            connection.send(first + self.asked("one", "k1-of-two, k2-of-two"))
            one, two = connection.answer(), connection.answer()
            self.assertEqual(one.json()["id"], two.json()["id"])
            self.assertEqual(two.header("idempotency-replayed"), "true")
            long = "is-long-enough-for-a-key"
            for key in ('""', f'"{long}"b"', f'"{long}\\b"', long + "\u00e9", "x" * 256, "", "x" * 15, f'"{"x" * 15}"'):
                connection.send(request("POST", "/v1/events/one/holds", [JSON, f"Idempotency-Key: {key}"], LINE))
                self.assert_problem(connection.answer(), 422, "validation-failed")
            connection.send(request("POST", "/v1/events/one/holds", [JSON], LINE))
            self.assert_problem(connection.answer(), 400, "idempotency-key-missing")
            # The event is checked first.
            connection.send(request("POST", "/v1/events/nothing/holds", [JSON], LINE))
            self.assert_problem(connection.answer(), 404, "unknown-event")

    def test_tokens(self):
        """The scheme can have any case; another scheme is not a credential, and another token opens nothing."""
        told, other = self.held(), self.held()
        for scheme, status, code in (
                ("bearer", 200, None), ("BEARER", 200, None), ("Basic", 401, "unauthenticated"),
                ("", 401, "unauthenticated"), ("Bearer x", 404, "unknown-hold"), ("Bearer ", 404, "unknown-hold")):
            with self.subTest(scheme=scheme):
                fields = [f"Authorization: {scheme} {told['token']}"]
                answer = self.server.ask("POST", f"/v1/holds/{told['id']}/purchase", fields, b"")
                self.assertEqual(answer.status, status)
                if code:
                    self.assert_problem(answer, status, code)
                    self.assertEqual(answer.header("www-authenticate"), "Bearer" if status == 401 else None)
        for token in (other["token"], told["token"][:-1], told["token"] + "A", "hfk", "\u00e9"):
            for method, tail in (("POST", "/purchase"), ("DELETE", "")):
                self.assert_problem(self.about(method, told, tail, token=token), 404, "unknown-hold")
        # A wrong operator's key gets the router's answer.
        self.assert_problem(self.about("DELETE", other, token="hfk_none"), 401, "unauthenticated")
        self.assert_problem(self.server.ask("DELETE", f"/v1/holds/{told['id']}"), 401, "unauthenticated")
        self.assertEqual(self.about("DELETE", other).json()["state"], "released")

    def test_traces(self):
        """The fast path's problems have the normal form of the path, and the trace."""
        answer = self.server.ask("POST", "/v1/events/h%61ll/holds/", [f"traceparent: 00-{TRACE}-b7ad6b7169203331-01"])
        self.assert_problem(answer, 400, "idempotency-key-missing")
        self.assertEqual((answer.json()["instance"], answer.json()["trace_id"]), ("/v1/events/hall/holds", TRACE))
        answer = self.server.ask("DELETE", "http://localhost/v1/holds/H1", ["traceparent: x"])
        self.assertEqual(answer.json()["instance"], "/v1/holds/H1")
        self.assertNotIn("trace_id", answer.json())

    # MARK: Availability

    def test_tags(self):
        """A tag is found in a list, weak or strong, and HEAD gets the same answer without a body."""
        path = "/v1/events/none/availability"
        answer = self.server.get(path)
        tag, length = answer.header("etag"), answer.header("content-length")
        for known, status in (
                (tag, 304), (f"W/{tag}", 304), (f'"a", W/"b" ,{tag}', 304), ("*", 304), (f'"a",\t{tag} ', 304),
                ('"a"', 200), (tag[1:-1], 200), (f"w/{tag}", 200), ("", 200), (f"{tag}x", 200)):
            with self.server.connect() as connection, self.subTest(known=known):
                for method in ("GET", "HEAD"):
                    answer = connection.ask(method, path, [f"If-None-Match: {known}"])
                    self.assertEqual((answer.status, answer.header("etag")), (status, tag))
                    self.assertEqual(answer.header("cache-control"), "public, max-age=1, stale-while-revalidate=5")
                    self.assertEqual(answer.header("content-length"), None if status == 304 else length)
                    self.assertEqual(bool(answer.body), status == 200 and method == "GET")
        answer = self.server.ask("GET", path, ['If-None-Match: "a"', f"if-none-match: {tag}"])
        self.assertEqual(answer.status, 304)
        self.assertEqual(self.server.ask("HEAD", "/v1/events/nothing/availability").status, 404)

    def test_changes_show_at_once(self):
        """A hold, its release, its purchase and its end each bring new numbers and a new tag."""
        seen = []

        def look(free, name="few"):
            path = f"/v1/events/{name}/availability"
            answer = self.server.ask("GET", path, [f"If-None-Match: {seen[-1] if seen else 0}"])
            self.assertEqual((answer.status, answer.json()["free"]), (200, free))
            self.assertNotIn(answer.header("etag"), seen)
            seen.append(answer.header("etag"))
            self.assertEqual(self.server.ask("GET", path, [f"If-None-Match: {seen[-1]}"]).status, 304)

        look(3)
        told = self.held("few")
        look(2)
        self.about("DELETE", told)
        look(3)
        self.about("POST", self.held("few"), "/purchase")
        # Only the purchase was free to change; both of its steps are one change.
        look(2)
        seen.clear()
        look(2, "brief")
        self.held("brief")
        time.sleep(1.1)
        look(2, "brief")

    def test_time_alone_opens_a_sale(self):
        """A sale that opens or closes changes the tag without anything being sold."""
        with Server(event(5)) as server:
            # Defined while the service runs, however long its start took.
            moment = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            headers = [f"Authorization: Bearer {make_key(server)}", "Content-Type: application/json"]
            both = {"soon": ("opens_at", ["not_started", "open"]), "over": ("closes_at", ["open", "ended"])}
            for name, (member, _) in both.items():
                body = json.dumps(event(5, name, sale={member: moment})).encode()
                self.assertEqual(server.ask("PUT", f"/v1/events/{name}", headers, body).status, 201)
            seen = {name: [] for name in both}

            def have_changed():
                for name, found in seen.items():
                    tag = found[-1][1] if found else 0
                    answer = server.ask("GET", f"/v1/events/{name}/availability", [f"If-None-Match: {tag}"])
                    if answer.status == 200:
                        found.append((answer.json()["state"], answer.header("etag")))
                return all(len(found) > 1 for found in seen.values())

            self.assertTrue(eventually(have_changed), seen)
            for name, (_, states) in both.items():
                self.assertEqual([state for state, _ in seen[name]], states)
                self.assertEqual(len({tag for _, tag in seen[name]}), 2)

    # MARK: Crowds

    def test_one_key_ten_thousand_times(self):
        """Ten thousand requests with one key, 100 on each of 100 connections, hold once."""
        key, found = self.unique(), []
        before = self.server.get("/v1/events/one/availability").json()["free"]

        def ask(_):
            with self.server.connect(timeout=60) as connection:
                connection.send(self.asked("one", key) * 100)
                for _ in range(100):
                    answer = connection.answer()
                    found.append((answer.json()["id"], answer.json()["token"], answer.header("idempotency-replayed")))

        together(100, ask)
        self.assertEqual(len(found), 10_000)
        self.assertEqual(len({(id, token) for id, token, _ in found}), 1)
        self.assertEqual(sum(replayed is None for _, _, replayed in found), 1)
        self.assertEqual(self.server.get("/v1/events/one/availability").json()["free"], before - 1)

    def test_limits_from_a_crowd(self):
        """A buyer with 100 connections gets no more tickets and no more live holds than with one."""
        for name, most, quantity in (("tickets", 3, 2), ("holds", 5, 1)):
            won, lost = [], []

            def ask(_):
                body = {"lines": [{"type": "GA", "quantity": quantity}], "buyer": "crowd"}
                with self.server.connect() as connection:
                    connection.send(self.asked(name, body=json.dumps(body).encode())
                                    + self.asked(name, body=json.dumps(body).encode()))
                    for _ in range(2):
                        answer = connection.answer()
                        (won if answer.status == 201 else lost).append(answer)

            together(100, ask)
            with self.subTest(name=name):
                self.assertEqual((len(won), len(lost)), (most, 200 - most))
                for answer in lost:
                    self.assert_problem(answer, 409, "buyer-limit-reached")
                free = self.server.get(f"/v1/events/{name}/availability").json()["free"]
                self.assertEqual(free, 1_000 - most * quantity)
                # After one release one more hold succeeds.
                self.about("DELETE", won[0].json())
                body = json.dumps({"lines": [{"type": "GA", "quantity": quantity}], "buyer": "crowd"}).encode()
                for status in (201, 409):
                    with self.server.connect() as connection:
                        connection.send(self.asked(name, body=body))
                        self.assertEqual(connection.answer().status, status)


class Redefining(unittest.TestCase):
    """Operators' changes show in the fast path's answers at once."""

    def test_currency_pause_and_removal(self):
        """The next request sees a new currency, a new type, a pause and a removal."""
        with Server(event(50), event(5, "gone")) as server, server.connect() as connection:
            key = make_key(server)
            operator, names = [f"Authorization: Bearer {key}", "If-Match: *", JSON], iter(range(1_000))

            def hold(kind):
                body = json.dumps({"lines": [{"type": kind, "quantity": 1}]}).encode()
                return connection.ask("POST", "/v1/events/main/holds", [JSON, f"Idempotency-Key: {next(names):016}"], body)

            def change(body):
                answer = server.ask("PATCH", "/v1/events/main", operator, json.dumps(body).encode())
                self.assertEqual(answer.status, 200, answer)

            def left(name):
                return connection.ask("GET", f"/v1/events/{name}/availability")

            self.assertEqual(hold("GA").json()["currency"], "EUR")
            self.assertEqual(left("gone").status, 200)
            change({"currency": "USD", "types": [{"code": "NEW", "price": 5, "pools": ["floor"]}]})
            told = hold("NEW").json()
            self.assertEqual((told["currency"], told["total"], told["lines"][0]["type"]), ("USD", 5, "NEW"))
            self.assertEqual([one["type"] for one in left("main").json()["types"]], ["NEW"])
            change({"paused": True})
            self.assertEqual((left("main").json()["state"], hold("NEW").json()["code"]), ("paused", "sale-paused"))
            self.assertEqual(server.ask("DELETE", "/v1/events/gone", operator).status, 204)
            self.assertEqual(left("gone").json()["code"], "unknown-event")
            # The operator's key can replace the token; the router handles such requests.
            fields = [f"Authorization: Bearer {key}"]
            self.assertEqual(connection.ask("POST", f"/v1/holds/{told['id']}/purchase", fields, b"").status, 200)
            answer = connection.ask("DELETE", f"/v1/holds/{told['id']}", fields, b"")
            self.assertEqual(answer.json()["code"], "already-purchased")
