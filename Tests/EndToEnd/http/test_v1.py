"""v1 for buyers: events, availability, holds, and their ends."""

import json
import time

from support.service import ServiceCase, event

HALL = event({"floor": 200}, "hall", hold_seconds=60, grace_seconds=0, max_extensions=2, name="The hall",
             types=[{"code": "GA", "name": "Floor", "price": 1500, "pools": ["floor"]}],
             limits={"tickets_per_hold": 10, "tickets_per_buyer": 6})
BRIEF = event({"floor": 2}, "brief", hold_seconds=1, grace_seconds=0)
STRICT = event({"floor": 2}, "strict", hold_seconds=1, grace_seconds=0, late_payment="strict")
HELD = event(2, "held")
LATER = event(5, "later", sale={"opens_at": "2999-01-01T00:00:00Z", "closes_at": None})
OVER = event(5, "over", sale={"opens_at": None, "closes_at": "2001-01-01T00:00:00Z"})
SECRET = event(100, "secret", disclose="buckets")
EMPTY = event(0, "empty")
FEW = event(5, "few")
BIRDS = event(9, "birds", types=[
    {"code": "GA", "pools": ["floor"]},
    {"code": "EARLY", "pools": ["floor"], "sale": {"closes_at": "2001-01-01T00:00:00Z"}},
    {"code": "LATE", "pools": ["floor"], "sale": {"opens_at": "2999-01-01T00:00:00Z"}},
    {"code": "PAIR", "pools": ["floor"], "limits": {"min_tickets_per_hold": 2, "tickets_per_buyer": 2}}])


class Buyers(ServiceCase):
    """A shop's calls to v1."""

    events = (HALL, BRIEF, STRICT, HELD, LATER, OVER, SECRET, EMPTY, FEW, BIRDS)
    names = iter(range(1, 1_000_000))

    def call(self, method, target, body=None, token=None, key=None, headers=()):
        """Send a request; return the answer and its body as JSON."""
        fields = list(headers)
        if body is not None and not any(f.lower().startswith("content-type") for f in fields):
            fields.append("Content-Type: application/json")
        if token:
            fields.append(f"Authorization: Bearer {token}")
        if key:
            fields.append(f"Idempotency-Key: {key}")
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        answer = self.server.ask(method, target, fields, body=b"" if data is None and method != "GET" else data)
        return answer, json.loads(answer.body) if answer.body else None

    def unique(self, stem="k"):
        """Return a name that no other test uses."""
        return f"{stem}-{next(Buyers.names):016}"

    def hold(self, quantity=1, hall="hall", buyer=None, key=None):
        """Hold tickets for a new buyer."""
        body = {"lines": [{"type": "GA", "quantity": quantity}], "buyer": buyer or self.unique("buyer")}
        answer, told = self.call("POST", f"/v1/events/{hall}/holds", body, key=key or self.unique())
        self.assertEqual(answer.status, 201, told)
        return told

    def refused(self, pair, status, code, **more):
        """Check that an answer is this problem, with these members."""
        answer, told = pair
        self.assert_problem(answer, status, code)
        self.assertEqual(told["type"], f"/problems/{code}")
        for name, value in more.items():
            self.assertEqual(told[name], value, told)
        return told

    def end(self, told):
        """Release a hold."""
        return self.call("DELETE", f"/v1/holds/{told['id']}", token=told["token"])

    def test_life_of_a_hold(self):
        """A hold is made, read, extended and purchased, and each answer has its state."""
        buyer = self.unique("buyer")
        answer, told = self.call("POST", "/v1/events/hall/holds",
                                 {"lines": [{"type": "GA", "quantity": 2}], "buyer": buyer}, key='"quoted-in-the-header-1"')
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.header("location"), f"/v1/holds/{told['id']}")
        self.assertEqual((told["event"], told["state"], told["total"], told["currency"]), ("hall", "held", 3000, "EUR"))
        self.assertEqual(told["lines"], [{"type": "GA", "quantity": 2, "price": 1500}])
        self.assertTrue(59_000 < told["expires_in_ms"] <= 60_000)
        self.assertEqual(told["extensions_remaining"], 2)
        token, path = told["token"], f"/v1/holds/{told['id']}"
        looked, seen = self.call("GET", path, token=token)
        self.assertEqual((looked.status, seen["state"], seen["expires_at"]), (200, "held", told["expires_at"]))
        self.assertNotIn("token", seen)
        longer, extended = self.call("POST", path + "/extend", token=token)
        self.assertEqual((longer.status, extended["extensions_remaining"]), (200, 1))
        self.assertGreaterEqual(extended["expires_at"], told["expires_at"])
        bought, purchase = self.call("POST", path + "/purchase", {"payment_reference": "pay-life"}, token=token)
        self.assertEqual((bought.status, purchase["state"]), (200, "purchased"))
        again, same = self.call("POST", path + "/purchase", {"payment_reference": "pay-life"}, token=token)
        self.assertEqual((again.status, same["purchase"]), (200, purchase["purchase"]))
        self.assertEqual(again.header("idempotency-replayed"), "true")
        self.refused(self.call("POST", path + "/purchase", {"payment_reference": "other"}, token=token),
                     409, "payment-conflict")
        self.refused(self.call("DELETE", path, token=token), 409, "already-purchased")
        self.refused(self.call("POST", path + "/extend", token=token), 409, "already-purchased")

    def test_keys(self):
        """The same key and request hold once, quoted or bare; another request with it is refused."""
        buyer, key = self.unique("buyer"), self.unique()
        first = self.hold(2, buyer=buyer, key=key)
        body = {"lines": [{"type": "GA", "quantity": 2}], "buyer": buyer}
        # The shortest key that an anonymous caller may use, and a shorter one.
        for length, status in ((16, 201), (15, 422)):
            answer, told = self.call("POST", "/v1/events/hall/holds", body, key=self.unique()[-length:])
            self.assertEqual(answer.status, status, told)
        self.refused((answer, told), 422, "validation-failed")
        self.assertIn("16 to 255 printable characters, best a UUID", told["errors"][0]["detail"])
        for spelled in (key, f'"{key}"'):
            answer, told = self.call("POST", "/v1/events/hall/holds", body, key=spelled)
            self.assertEqual((answer.status, answer.header("idempotency-replayed")), (201, "true"))
            for name in ("id", "token", "expires_at"):
                self.assertEqual(told[name], first[name])
        body["lines"][0]["quantity"] = 1
        self.refused(self.call("POST", "/v1/events/hall/holds", body, key=key), 422, "idempotency-key-reused")
        self.refused(self.call("POST", "/v1/events/hall/holds", body), 400, "idempotency-key-missing")
        self.refused(self.call("POST", "/v1/events/hall/holds", body, key="x" * 256), 422, "validation-failed")
        # The same key of another buyer is another key.
        other = self.hold(2, key=key)
        self.assertNotEqual(other["id"], first["id"])
        self.end(first), self.end(other)

    def test_keys_of_extensions(self):
        """Two requests for an extension with one key extend once."""
        told = self.hold()
        path, key = f"/v1/holds/{told['id']}/extend", self.unique()
        _, one = self.call("POST", path, token=told["token"], key=key)
        answer, two = self.call("POST", path, token=told["token"], key=key)
        self.assertEqual((one["extensions_remaining"], two["extensions_remaining"]), (1, 1))
        self.assertEqual(answer.header("idempotency-replayed"), "true")
        self.call("POST", path, token=told["token"])
        self.refused(self.call("POST", path, token=told["token"]), 409, "extension-denied", max_extensions=2)
        self.end(told)

    def test_tokens(self):
        """Only the hold's own token works; a wrong one gets the answer of an unknown hold."""
        mine, other = self.hold(), self.hold()
        path = f"/v1/holds/{mine['id']}"
        answer, told = self.call("GET", path)
        self.refused((answer, told), 401, "unauthenticated")
        self.assertEqual(answer.header("www-authenticate"), "Bearer")
        unknown = self.refused(self.call("GET", "/v1/holds/H999999", token=mine["token"]), 404, "unknown-hold")
        for token in (other["token"], mine["token"][:-1] + "!", mine["token"] + "A", "x"):
            for method, target in (("GET", path), ("DELETE", path), ("POST", path + "/purchase")):
                wrong = self.refused(self.call(method, target, token=token), 404, "unknown-hold")
                self.assertEqual(wrong["detail"], unknown["detail"])
        for name in ("H0", "h1", "H01", "1", "H-1", "H1%20", "H18446744073709551616"):
            self.refused(self.call("GET", f"/v1/holds/{name}", token=mine["token"]), 404, "unknown-hold")
        self.end(mine), self.end(other)

    def test_release(self):
        """A released hold gives its places back once, and stays released."""
        _, before = self.call("GET", "/v1/events/hall/availability")
        told = self.hold(3)
        for _ in range(2):
            answer, released = self.end(told)
            self.assertEqual((answer.status, released["state"]), (200, "released"))
        _, after = self.call("GET", "/v1/events/hall/availability")
        self.assertEqual(after["free"], before["free"])
        self.refused(self.call("POST", f"/v1/holds/{told['id']}/purchase", token=told["token"]), 409, "hold-released")

    def test_buyer_limit(self):
        """A buyer's limit holds over several holds, and a hold without a buyer is refused."""
        buyer = self.unique("buyer")
        body = {"lines": [{"type": "GA", "quantity": 2}], "buyer": buyer}
        asked = [self.call("POST", "/v1/events/hall/holds", body, key=self.unique()) for _ in range(4)]
        won = [told for answer, told in asked[:3] if answer.status == 201]
        self.assertEqual(len(won), 3)
        self.refused(asked[3], 409, "buyer-limit-reached", remaining=0)
        [self.end(told) for told in won]
        self.refused(self.call("POST", "/v1/events/hall/holds", {"lines": [{"type": "GA", "quantity": 1}]},
                               key=self.unique()), 422, "validation-failed")

    def test_late_payment(self):
        """A late payment gets the same places if they are free, else it is owed back for good; with `strict` always."""
        late = self.hold(2, "brief")
        time.sleep(1.1)
        path = f"/v1/holds/{late['id']}"
        self.assertEqual(self.call("GET", path, token=late["token"])[1]["state"], "expired")
        self.refused(self.call("POST", path + "/purchase", token=late["token"]), 410, "hold-expired",
                     refund_required=False)
        answer, told = self.call("POST", path + "/purchase", {"payment_reference": "late-1"}, token=late["token"])
        self.assertEqual((answer.status, told["state"], told["late"]), (200, "purchased", True))
        lost, other = self.hold(2, "strict"), None
        time.sleep(1.1)
        self.refused(self.call("POST", f"/v1/holds/{lost['id']}/purchase", {"payment_reference": "late-2"},
                               token=lost["token"]), 410, "hold-expired", refund_required=True)
        other = self.hold(2, "strict")
        self.assertNotEqual(other["id"], lost["id"])

    def test_sold_out_and_held(self):
        """Refusals without enough places differ: held by others, sold out, or fewer free than asked."""
        ask = {"lines": [{"type": "GA", "quantity": 1}]}
        self.refused(self.call("POST", "/v1/events/empty/holds", ask, key=self.unique()), 409, "sold-out",
                     retryable=False)
        self.hold(2, "held")
        told = self.refused(self.call("POST", "/v1/events/held/holds", ask, key=self.unique()),
                            409, "temporarily-held", retryable=True)
        self.assertTrue(250 <= told["retry_after_ms"] <= 10_000)
        three = self.hold(3, "few")
        self.refused(self.call("POST", "/v1/events/few/holds", {"lines": [{"type": "GA", "quantity": 3}]},
                               key=self.unique()), 409, "insufficient-quantity", available=2)
        self.end(three)

    def test_windows(self):
        """Nothing is sold before the sale opens or after it has closed."""
        ask = {"lines": [{"type": "GA", "quantity": 1}]}
        self.refused(self.call("POST", "/v1/events/later/holds", ask, key=self.unique()), 409, "sale-not-started",
                     opens_at="2999-01-01T00:00:00.000Z")
        self.refused(self.call("POST", "/v1/events/over/holds", ask, key=self.unique()), 409, "sale-ended")
        for name, state in (("later", "not_started"), ("over", "ended"), ("empty", "open"), ("hall", "open")):
            self.assertEqual(self.call("GET", f"/v1/events/{name}/availability")[1]["state"], state)

    def test_terms_of_types(self):
        """A type has a window and limits of its own; refusals name the type, and documents show its state."""
        def hold(kind, quantity=1, **more):
            lines = [{"type": "GA", "quantity": 1}, {"type": kind, "quantity": quantity}]
            return self.call("POST", "/v1/events/birds/holds", {"lines": lines} | more, key=self.unique())
        self.refused(hold("EARLY"), 409, "sale-ended", ticket_type="EARLY", closed_at="2001-01-01T00:00:00.000Z")
        self.refused(hold("LATE"), 409, "sale-not-started", ticket_type="LATE", opens_at="2999-01-01T00:00:00.000Z")
        refused = hold("PAIR", 1, buyer="ann")
        self.refused(refused, 422, "validation-failed")
        self.assertEqual([error["pointer"] for error in refused[1]["errors"]], ["/lines/1/quantity"])
        self.refused(hold("PAIR", 2), 422, "validation-failed")
        self.assertEqual(hold("PAIR", 2, buyer="ann")[0].status, 201)
        self.refused(hold("PAIR", 2, buyer="ann"), 409, "buyer-limit-reached", ticket_type="PAIR", remaining=0)
        left = self.call("GET", "/v1/events/birds/availability")[1]
        self.assertEqual([(one["type"], one["state"]) for one in left["types"]],
                         [("GA", "available"), ("EARLY", "ended"), ("LATE", "not_started"), ("PAIR", "available")])
        shown = self.call("GET", "/v1/events/birds")[1]
        self.assertEqual([one["state"] for one in shown["types"]], ["open", "ended", "not_started", "open"])

    def test_events_and_availability(self):
        """Anyone can read events; the availability has a tag, and an unchanged one is not sent again."""
        _, told = self.call("GET", "/v1/events")
        self.assertEqual([one["id"] for one in told["events"]],
                         ["hall", "brief", "strict", "held", "later", "over", "secret", "empty", "few", "birds"])
        _, hall = self.call("GET", "/v1/events/hall")
        self.assertEqual(hall["definition"]["types"], HALL["types"])
        self.refused(self.call("GET", "/v1/events/none"), 404, "unknown-event")
        answer, left = self.call("GET", "/v1/events/hall/availability")
        self.assertEqual(answer.header("cache-control"), "public, max-age=1, stale-while-revalidate=5")
        tag = answer.header("etag")
        for known in (tag, f'"x", W/{tag}', "*"):
            same = self.server.ask("GET", "/v1/events/hall/availability", [f"If-None-Match: {known}"])
            self.assertEqual((same.status, same.body, same.header("etag")), (304, b"", tag))
        told = self.hold()
        changed, now = self.call("GET", "/v1/events/hall/availability", headers=[f"If-None-Match: {tag}"])
        self.assertEqual((changed.status, now["free"]), (200, left["free"] - 1))
        self.end(told)
        _, secret = self.call("GET", "/v1/events/secret/availability")
        self.assertEqual(secret["types"], [{"type": "GA", "state": "available"}])
        self.assertNotIn("free", secret)
        states = {name: self.call("GET", f"/v1/events/{name}/availability")[1]["types"][0]["state"]
                  for name in ("empty", "later", "over")}
        self.assertEqual(states, {"empty": "sold_out", "later": "not_started", "over": "ended"})

    def test_bad_bodies(self):
        """All mistakes in a body are reported at once with their places; so is a body that is not JSON."""
        target = "/v1/events/hall/holds"
        for body, pointers in (
                ({}, ["/lines"]), ({"lines": []}, ["/lines"]), ({"lines": [{}]}, ["/lines/0/quantity", "/lines/0/type"]),
                ({"lines": [{"type": "GA", "quantity": 0}]}, ["/lines/0/quantity"]),
                ({"lines": [{"type": "GA", "quantity": "1"}], "x": 1}, ["/lines/0/quantity", "/x"]),
                ({"lines": [{"type": "G A", "quantity": 1}], "buyer": 7}, ["/buyer", "/lines/0/type"]),
                ({"lines": [{"type": "GA", "quantity": 1}] * 17, "buyer": "a"}, ["/lines"]),
                ([], [""]), ("x", [""]), (None, None)):
            with self.subTest(body=body):
                data = b"null" if body is None else json.dumps(body).encode()
                told = self.refused(self.call("POST", target, data, key=self.unique()), 422, "validation-failed")
                self.assertEqual(sorted(one["pointer"] for one in told["errors"]), pointers or [""])
        for data in (b"", b"{", b"{}x", b'{"lines":[],"lines":[]}', b"\xff", b"[" * 100):
            with self.subTest(data=data):
                self.refused(self.call("POST", target, data, key=self.unique()), 400, "malformed-request")
        self.refused(self.call("POST", target, b"{}", key=self.unique(), headers=["Content-Type: text/plain"]),
                     415, "unsupported-media-type")
        self.refused(self.call("POST", target, {"lines": [{"type": "NO", "quantity": 1}], "buyer": "a"},
                               key=self.unique()), 404, "unknown-ticket-type")

    def test_wrong_methods(self):
        """A wrong method is refused with the allowed ones."""
        for method, target, allowed in (
                ("POST", "/v1/events", "GET, HEAD"), ("DELETE", "/v1/events/hall/availability", "GET, HEAD"),
                ("DELETE", "/v1/events/hall/holds", "GET, HEAD, POST"), ("PUT", "/v1/holds/H1", "GET, HEAD, PATCH, DELETE"),
                ("GET", "/v1/holds/H1/purchase", "POST")):
            with self.subTest(method=method, target=target):
                answer, told = self.call(method, target)
                self.refused((answer, told), 405, "method-not-allowed")
                self.assertEqual(answer.header("allow"), allowed)
        self.refused(self.call("GET", "/v1/events/hall/holds/1"), 404, "not-found")

    def test_trace(self):
        """A problem has the trace of its request."""
        trace = "0af7651916cd43dd8448eb211c80319c"
        _, told = self.call("GET", "/v1/holds/H1", headers=[f"traceparent: 00-{trace}-b7ad6b7169203331-01"])
        self.assertEqual(told["trace_id"], trace)
        for wrong in ("x", "00-0-0-0", f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{trace.upper()}-b7ad6b7169203331-01"):
            _, told = self.call("GET", "/v1/holds/H1", headers=[f"traceparent: {wrong}"])
            self.assertNotIn("trace_id", told)

    def test_replay_after_a_crash(self):
        """A key that held before a kill -9 gives the same hold and token after it."""
        buyer, key = self.unique("buyer"), self.unique()
        first = self.hold(1, buyer=buyer, key=key)
        self.server.kill9()
        self.server.start()
        answer, told = self.call("POST", "/v1/events/hall/holds",
                                 {"lines": [{"type": "GA", "quantity": 1}], "buyer": buyer}, key=key)
        self.assertEqual((answer.status, told["id"], told["token"]), (201, first["id"], first["token"]))
        self.assertEqual(answer.header("idempotency-replayed"), "true")
        self.end(told)
