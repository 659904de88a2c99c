"""The three calls that existing clients make: every row of the contract's table."""

import datetime
import json
import re
import time

from support import service
from support.service import Server, ServiceCase, event, eventually, flip_bit, make_key

TOKEN = re.compile(r"[A-Za-z0-9_-]{32}\Z")
FOREIGN = ("!", "+", "=", ".", "~", "%2541", "%2F", "%00", "%C3%A9")


class ClassicAnswers(ServiceCase):
    """Answers on an event with plenty of places."""

    events = (event({"floor": 400, "lounge": 10, "day": 50}, types=[
        {"code": "GA", "pools": ["floor"]}, {"code": "VIP", "pools": ["lounge"]},
        {"code": "ONE_DAY", "pools": ["day"]}]),)

    def hold(self, kind="GA"):
        """Hold a ticket and return the token."""
        answer = self.server.buy(kind)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["token"]

    def test_remaining_counts_every_type_and_their_sum(self):
        """The answer has the free tickets of each type and of all pools together."""
        before = self.server.get("/remaining_tickets")
        self.assertEqual((before.status, before.header("content-type")), (200, "application/json"))
        self.assertEqual(set(before.json()), {"num_tickets", "types"})
        self.assertEqual(set(before.json()["types"]), {"GA", "VIP", "ONE_DAY"})
        self.assertEqual(sum(before.json()["types"].values()), before.json()["num_tickets"])
        self.hold("GA")
        after = self.server.get("/remaining_tickets").json()
        self.assertEqual(after["types"]["GA"], before.json()["types"]["GA"] - 1)
        self.assertEqual(after["types"]["VIP"], before.json()["types"]["VIP"])
        self.assertEqual(after["num_tickets"], before.json()["num_tickets"] - 1)

    def test_hold_has_exactly_the_members_of_the_contract(self):
        """A hold answers 200 with its token and its deadline, in UTC and in milliseconds, about the hold
        time away."""
        for kind in ("GA", "VIP", "ONE_DAY"):
            asked = datetime.datetime.now(datetime.timezone.utc)
            answer = self.server.buy(kind)
            answered = datetime.datetime.now(datetime.timezone.utc)
            self.assertEqual((answer.status, answer.header("content-type")), (200, "application/json"))
            hold = answer.json()
            self.assertEqual(set(hold), {"success", "process", "token", "expires_at", "expires_in_ms"})
            self.assertIs(hold["success"], True)
            self.assertEqual(hold["process"], "success")
            self.assertRegex(hold["token"], TOKEN)
            self.assertRegex(hold["expires_at"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
            self.assertIsInstance(hold["expires_in_ms"], int)
            most = (answered - asked).total_seconds()
            self.assertTrue(299_998 - 1000 * most <= hold["expires_in_ms"] <= 300_000, hold)
            told = datetime.datetime.fromisoformat(hold["expires_at"].replace("Z", "+00:00"))
            # The service's clock goes on evenly when that of the machine is set.
            self.assertTrue(298 <= (told - asked).total_seconds() <= 302 + most, hold)

    def test_complete_and_its_repeats_name_one_purchase(self):
        """A completion answers 200 with the purchase, and each repeat answers exactly the same."""
        token = self.hold()
        first = self.server.complete(token)
        self.assertEqual((first.status, first.header("content-type")), (200, "application/json"))
        self.assertEqual(set(first.json()), {"success", "purchase"})
        self.assertIs(first.json()["success"], True)
        self.assertRegex(first.json()["purchase"], r"\AP\d+\Z")
        for _ in range(3):
            self.assertEqual(self.server.complete(token).body, first.body)
        other = self.server.complete(self.hold()).json()["purchase"]
        self.assertNotEqual(other, first.json()["purchase"])

    def test_key_makes_asking_again_safe(self):
        """The same key gets the same token and takes no place; another type is another request."""
        key = ["Idempotency-Key: 9f8f4a5e-classic-0001"]
        first = self.server.ask("POST", "/buy_ticket/GA", key)
        self.assertEqual((first.status, first.header("idempotency-replayed")), (200, None))
        before = self.server.remaining()
        again = self.server.ask("POST", "/buy_ticket/GA", key)
        self.assertEqual((again.status, again.header("idempotency-replayed")), (200, "true"))
        for name in ("token", "expires_at"):
            self.assertEqual(again.json()[name], first.json()[name])
        self.assert_refusal(self.server.ask("POST", "/buy_ticket/VIP", key), 422, "idempotency-key-reused")
        # v1 knows the key, too: it is the same request.
        told = self.server.ask("POST", "/v1/events/main/holds", [*key, "Content-Type: application/json"],
                               b'{"lines":[{"type":"GA","quantity":1}]}')
        self.assertEqual((told.status, told.json()["token"]), (201, first.json()["token"]))
        self.assertEqual(self.server.complete(first.json()["token"]).status, 200)
        again = self.server.ask("POST", "/buy_ticket/GA", key)
        self.assertEqual((again.json()["token"], again.json()["expires_in_ms"]), (first.json()["token"], 0))
        self.assertEqual(self.server.remaining(), before)

    def test_key_that_can_be_none_is_refused(self):
        """A key that is too short, too long or of other characters is refused with a sentence, and nothing is held."""
        before, token = self.server.remaining(), self.hold()
        for path in ("/buy_ticket/GA", f"/complete_purchase/{token}"):
            for key in ("order-1", "", "x" * 15, "x" * 256, '"x"', "x" * 16 + "\u00e9"):
                with self.subTest(path=path[:12], key=key[:20]):
                    answer = self.server.ask("POST", path, [f"Idempotency-Key: {key}"])
                    self.assert_refusal(answer, 422, "validation-failed")
                    self.assertIn("UUID", answer.json()["errorMessage"])
        self.assertEqual(self.server.remaining(), before - 1)
        answer = self.server.ask("POST", f"/complete_purchase/{token}", ["Idempotency-Key: " + "x" * 16])
        self.assertEqual(answer.status, 200)

    def test_unknown_type_is_404_whatever_it_is_called(self):
        """An unknown type is not found, however it is written, and nothing is held."""
        before = self.server.remaining()
        for name in ("ga", "GA2", "G", "GA%20", "%2547A", "VIP%00", "A" * 33, "A" * 5000, "\"", "..", "'--",
                     "GA;x", "{}", "<b>", "GA\\", "%", "%zz", "null", "%ff"):
            with self.subTest(name=name[:40]):
                self.assert_refusal(self.server.buy(name), 404, "unknown-ticket-type")
        self.assertEqual(self.server.remaining(), before)

    def test_every_wrong_token_gets_one_answer(self):
        """A token that is too short, too long, of other characters or has a flipped bit gets an unknown one's answer."""
        token = self.hold()
        unknown = self.server.complete("A" * 32)
        self.assert_refusal(unknown, 404, "unknown-hold")
        wrong = [token[:n] for n in (1, 8, 31)] + [token + "A", token * 2, "A" * 8000]
        wrong += ["0", "_" * 32, "-" * 32]
        wrong += [token[:10] + foreign + token[10 + len(foreign):] for foreign in FOREIGN]
        wrong += [flip_bit(token, bit) for bit in range(192)]
        wrong += [token.swapcase(), token[::-1], token[1:] + token[:1]]
        for guess in wrong:
            with self.subTest(guess=guess[:40]):
                answer = self.server.complete(guess)
                self.assertEqual((answer.status, answer.body), (404, unknown.body))
        self.assertEqual(self.server.complete(token).status, 200)

    def test_forms_of_a_target_are_the_same_call(self):
        """An absolute target, needless percent-encoding and a slash at the end are understood."""
        for target in ("/remaining_tickets/", "/remaining_tickets?", "http://localhost/remaining_tickets",
                       "/%72emaining%5ftickets/?&", "https://h/remaining_tickets"):
            with self.subTest(target=target):
                self.assertIn("num_tickets", self.server.get(target).json())
        before = self.server.remaining()
        token = self.server.ask("POST", "http://localhost/buy%5Fticket/G%41/").json()["token"]
        self.assertEqual(self.server.remaining(), before - 1)
        written = "".join(f"%{ord(letter):02x}" for letter in token)
        self.assertEqual(self.server.ask("POST", f"/complete_purchase/{written}/").status, 200)

    def test_a_query_is_refused_with_its_name(self):
        """The three calls refuse a query, since they would have to ignore it."""
        before = self.server.remaining()
        for method, target in (("GET", "/remaining_tickets"), ("POST", "/buy_ticket/GA"),
                               ("POST", "/complete_purchase/" + "A" * 32), ("POST", "http://h/buy_ticket/GA")):
            with self.subTest(target=target):
                answer = self.server.ask(method, target + "?quantity=3")
                self.assert_refusal(answer, 400, "malformed-request")
                self.assertIn("quantity", answer.json()["errorMessage"])
        self.assertEqual(self.server.remaining(), before)

    def test_head_is_get_without_the_body(self):
        """HEAD answers with the header of GET and no body, and the connection goes on."""
        for target in ("/remaining_tickets", "/health/live", "/health/ready", "/nothing"):
            with self.subTest(target=target), self.server.connect() as connection:
                told = connection.ask("HEAD", target)
                got = connection.ask("GET", target)
                self.assertEqual((told.status, told.body), (got.status, b""))
                self.assertEqual(told.header("content-length"), got.header("content-length"))
                self.assertEqual(told.header("content-type"), got.header("content-type"))

    def test_wrong_method_is_405_and_says_what_is_allowed(self):
        """A wrong method is refused with the allowed ones, holds nothing, and the connection goes on."""
        before = self.server.remaining()
        token = "A" * 32
        others = ("PUT", "DELETE", "PATCH", "OPTIONS")
        cases = [(m, "/remaining_tickets", {"GET", "HEAD"}) for m in ("POST", *others)]
        cases += [(m, "/buy_ticket/GA", {"POST"}) for m in ("GET", "HEAD", *others)]
        cases += [(m, f"/complete_purchase/{token}", {"POST"}) for m in ("GET", "HEAD", "PUT", "DELETE")]
        with self.server.connect() as connection:
            for method, target, allowed in cases:
                with self.subTest(method=method, target=target):
                    body = b"" if method in ("POST", "PUT", "PATCH") else None
                    answer = connection.ask(method, target, body=body)
                    self.assertEqual(answer.status, 405)
                    self.assertEqual(set(re.split(r",\s*", answer.header("allow"))), allowed)
                    if method != "HEAD":
                        self.assert_refusal(answer, 405, "method-not-allowed")
        self.assertEqual(self.server.remaining(), before)

    def test_nothing_there_is_a_problem(self):
        """An unknown path gets 404 with a problem document, and the connection goes on."""
        with self.server.connect() as connection:
            for target in ("/nothing", "/buy_ticket", "/buy_ticket/", "/buy_ticket/GA//",
                           "/buy_ticket/GA/x", "/complete_purchase", "/complete_purchase/", "/v1//events",
                           "//v1/events", "/remaining_tickets//", "//remaining_tickets", "/Remaining_tickets", "/health",
                           "/health/", "/%2e%2e/etc/passwd", "/\"<>\\", "/%00", "/%zz"):
                for method in ("GET", "POST"):
                    with self.subTest(target=target, method=method):
                        body = b"" if method == "POST" else None
                        self.assert_problem(connection.ask(method, target, body=body), 404, "not-found")

    def test_health_tells_life_and_readiness(self):
        """The probes answer 200 while the service sells, and 405 with Allow for other methods than GET and HEAD."""
        for target, word in (("/health/live", "live"), ("/health/ready", "ready")):
            answer = self.server.get(target)
            self.assertEqual((answer.status, answer.json()["status"]), (200, word))
            refused = self.server.ask("POST", target, body=b"")
            self.assert_problem(refused, 405, "method-not-allowed")
            self.assertEqual(set(re.split(r",\s*", refused.header("allow"))), {"GET", "HEAD"})

    def test_readiness_tells_what_an_answer_is_worth(self):
        """Readiness says what a crash can lose."""
        purchases = holds = "full: on disk and synced before an answer leaves"
        if self.server.redis:
            purchases, holds = "full: an answered purchase is on the disk of the server that took it", "full, as purchases are"
        self.assertEqual(self.server.get("/health/ready").json(), {
            "status": "ready", "durability": {"purchases": purchases, "holds": holds}})

    def test_answers_carry_date_and_are_not_stored(self):
        """Every answer has its date and forbids caching."""
        for answer in (self.server.get("/remaining_tickets"), self.server.buy(), self.server.buy("NO"),
                       self.server.get("/health/live"), self.server.get("/nothing")):
            date = datetime.datetime.strptime(answer.header("date"), "%a, %d %b %Y %H:%M:%S %Z")
            age = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - date
            self.assertLess(abs(age.total_seconds()), 60)
            self.assertEqual(answer.header("cache-control"), "no-store")


def change(server, **members):
    """Change the event; holds keep the time with which they were given."""
    key = f"Authorization: Bearer {make_key(server)}"
    answer = server.ask("PATCH", "/v1/events/main", [key, "If-Match: *", "Content-Type: application/merge-patch+json"],
                        json.dumps(members).encode())
    assert answer.status == 200, answer


class ClassicEndings(ServiceCase):
    """Answers when places run out and holds end."""

    events = (event({"floor": 3, "stage": 1}, types=[
        {"code": "GA", "pools": ["floor"]}, {"code": "LAST", "pools": ["stage"]}]),)

    def test_held_by_others_is_told_apart_from_sold_out(self):
        """Without free places the answer is temporarily-held while holds can end, and sold-out when none can."""
        token = self.server.buy("LAST").json()["token"]
        self.assert_refusal(self.server.buy("LAST"), 409, "temporarily-held")
        self.assertEqual(self.server.complete(token).status, 200)
        self.assert_refusal(self.server.buy("LAST"), 409, "sold-out")
        self.assertEqual(self.server.get("/remaining_tickets").json()["types"]["LAST"], 0)

    def test_expired_hold_is_gone_and_its_place_is_free_at_once(self):
        """A hold past its deadline is 410 for ever, also after another buyer got its place."""
        change(self.server, hold_seconds=1, grace_seconds=0)
        tokens = [self.server.buy().json()["token"] for _ in range(3)]
        time.sleep(1.05)
        # A node on Redis shows expired holds some 50 ms later, when it has looked.
        eventually(lambda: self.server.get("/remaining_tickets").json()["types"]["GA"] == 3,
                   timeout=60 if service.on_redis else 0)
        self.assertEqual(self.server.get("/remaining_tickets").json()["types"]["GA"], 3)
        for token in tokens * 2:
            self.assert_refusal(self.server.complete(token), 410, "hold-expired")
        change(self.server, hold_seconds=300)
        fresh = self.server.buy().json()["token"]
        self.assertEqual(self.server.complete(fresh).status, 200)
        for token in tokens:
            self.assert_refusal(self.server.complete(token), 410, "hold-expired")


class ClassicGrace(ServiceCase):
    """The time between the client's deadline and the store's."""

    events = (event(5, hold_seconds=1, grace_seconds=60),)

    def test_grace_is_kept_and_not_told(self):
        """A completion just after the client's deadline counts; after the grace it does not."""
        first = self.server.buy().json()
        change(self.server, grace_seconds=1)
        second = self.server.buy().json()
        self.assertLessEqual(first["expires_in_ms"], 1000)
        self.assertLessEqual(second["expires_in_ms"], 1000)
        time.sleep(1.05)
        self.assertEqual(self.server.complete(first["token"]).status, 200)
        time.sleep(1)
        self.assert_refusal(self.server.complete(second["token"]), 410, "hold-expired")


class ClassicForbidden(ServiceCase):
    """Refusals with the old status."""

    events = (event({"floor": 1}),)
    settings = {"classic_status": "403"}

    def test_every_refusal_is_403(self):
        """With classic.status=403 each refusal is 403 with its own code, and other answers keep their status."""
        self.assert_refusal(self.server.buy("NO"), 403, "unknown-ticket-type")
        self.assert_refusal(self.server.complete("A" * 32), 403, "unknown-hold")
        change(self.server, hold_seconds=1, grace_seconds=0)
        token = self.server.buy().json()["token"]
        time.sleep(1.05)
        self.assert_refusal(self.server.complete(token), 403, "hold-expired")
        change(self.server, hold_seconds=300)
        token = self.server.buy().json()["token"]
        self.assert_refusal(self.server.buy(), 403, "temporarily-held")
        self.assertEqual(self.server.complete(token).status, 200)
        self.assert_refusal(self.server.buy(), 403, "sold-out")
        self.assert_refusal(self.server.ask("GET", "/buy_ticket/GA"), 405, "method-not-allowed")
        self.assert_problem(self.server.get("/nothing"), 404, "not-found")
        self.assertEqual(self.server.get("/remaining_tickets").status, 200)


class ForeignLedgers(ServiceCase):
    """Tokens between two box offices."""

    events = (event(5),)

    def test_token_of_another_ledger_is_unknown(self):
        """A token opens nothing in another ledger, even if both have the same keys."""
        with Server(event(5)) as other:
            mine, theirs = (server.buy().json()["token"] for server in (self.server, other))
            self.assertNotEqual(mine, theirs)
            self.assert_refusal(self.server.complete(theirs), 404, "unknown-hold")
        with Server(event(5), token_keys=f"{self.server.data}/token.keys") as other:
            theirs = other.buy().json()["token"]
            self.assert_refusal(self.server.complete(theirs), 404, "unknown-hold")
            self.assert_refusal(other.complete(mine), 404, "unknown-hold")
