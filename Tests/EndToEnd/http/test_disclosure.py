"""Events with words instead of numbers for the public: no answer leaks a number, and operators see them all."""

import json
import re

from support.service import Server, ServiceCase, command, event, make_key
from support.wire import request

JSON = "Content-Type: application/json"
# No other number in an answer can equal one of these.
HALL = event({"floor": 4_711, "lounge": 23}, hold_seconds=600, disclose="buckets", limits={"tickets_per_hold": 40})


def lines(kind, quantity):
    """Return the body of a request for tickets."""
    return json.dumps({"lines": [{"type": kind, "quantity": quantity}]}).encode()


class Disclosure(ServiceCase):
    """An event of 4,711 and 23 places."""

    events = (HALL,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.viewer = "Authorization: Bearer " + make_key(cls.server, "viewer")
        cls.operator = "Authorization: Bearer " + make_key(cls.server)

    def hold(self, kind, quantity, key):
        """Ask for tickets."""
        return self.server.ask("POST", "/v1/events/main/holds", [JSON, f"Idempotency-Key: disclosure-{key}"],
                               lines(kind, quantity))

    def test_nothing_public_has_a_number(self):
        """No public answer, header or message contains what is free, a capacity, or the number of changes."""
        seen = []
        for number in range(3):
            self.assertEqual(self.hold("GA", 3, f"public-{number:06}").status, 201)
            for path in ("/remaining_tickets", "/v1/events/main", "/v1/events/main/availability", "/v1/events",
                         "/health/ready", "HTTP://h/v1/events/main/availability"):
                answer = self.server.get(path)
                self.assertEqual(answer.status, 200)
                seen.append((path, answer))
            with self.server.connect() as stream:
                stream.send(request("GET", "/v1/events/main/availability/stream"))
                stream.head()
                seen.append(("stream", stream.until(b"\n\n") + stream.until(b"\n\n")))
        refused = self.hold("LOUNGE", 24, "too-many-000001")
        self.assert_problem(refused, 409, "insufficient-quantity")
        self.assertNotIn("available", refused.json())
        seen.append(("refused", refused))
        for name, answer in seen:
            text = answer.decode() if isinstance(answer, bytes) else answer.body.decode()
            for number in re.findall(r"\d+", text):
                self.assertFalse(int(number) in (23, 4_734) or 4_690 < int(number) <= 4_711, (name, text))
        tags = {answer.header("etag") for path, answer in seen if path.endswith("/v1/events/main/availability")}
        self.assertEqual(len(tags), 1, "the tag counts what happens")
        known = self.server.ask("GET", "/v1/events/main/availability", [f"If-None-Match: {tags.pop()}"])
        self.assertEqual(known.status, 304)
        definition = self.server.get("/v1/events/main").json()["definition"]
        self.assertEqual(definition["pools"], {"floor": None, "lounge": None})

    def test_classic_calls_say_some_or_none(self):
        """Calls that have only numbers answer 1 if anything is free."""
        with Server(event({"floor": 30, "lounge": 1}, disclose="buckets")) as server:
            self.assertEqual(server.get("/remaining_tickets").json(),
                             {"num_tickets": 1, "types": {"GA": 1, "LOUNGE": 1}})
            self.assertEqual(server.buy("LOUNGE").status, 200)
            self.assertEqual(server.get("/remaining_tickets").json(),
                             {"num_tickets": 1, "types": {"GA": 1, "LOUNGE": 0}})
            for _ in range(30):
                self.assertEqual(server.buy().status, 200)
            self.assertEqual(server.get("/remaining_tickets").json(),
                             {"num_tickets": 0, "types": {"GA": 0, "LOUNGE": 0}})

    def test_operators_see_numbers(self):
        """An operator's or viewer's key gets the numbers; a wrong key gets nothing."""
        for bearer in (self.viewer, self.operator):
            answer = self.server.ask("GET", "/v1/events/main", [bearer])
            self.assertEqual(answer.json()["definition"]["pools"], {"floor": 4_711, "lounge": 23})
            left = self.server.ask("GET", "/v1/events/main/availability", [bearer])
            self.assertEqual([one["type"] for one in left.json()["types"]], ["GA", "LOUNGE"])
            self.assertEqual((left.json()["types"][1]["free"], left.header("cache-control")), (23, "no-store"))
            again = self.server.ask("GET", "/v1/events/main/availability",
                                    [bearer, f"If-None-Match: {left.header('etag')}"])
            self.assertEqual((again.status, again.body), (304, b""))
        for path in ("/v1/events/main", "/v1/events/main/availability"):
            self.assert_problem(self.server.ask("GET", path, ["Authorization: Bearer hfk_none"]), 401, "unauthenticated")
        url = f"http://127.0.0.1:{self.server.port}"
        shown = command("event", "show", "main", "--url", url, env={"HOLDFAST_KEY": self.viewer.split()[-1]})
        self.assertIn("4,711", shown.stdout)
        shown = command("event", "show", "main", "--url", url)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertNotIn("4,711", shown.stdout)
        self.assertRegex(shown.stdout, r"floor +-")
        patched = self.server.ask("PATCH", "/v1/events/main", [self.operator, JSON, "If-Match: *"], b'{"name": "Hall"}')
        self.assertEqual(patched.json()["definition"]["pools"], {"floor": 4_711, "lounge": 23})

    def test_unusual_currencies(self):
        """A currency outside ISO 4217 is accepted with a warning: in the answer, from the command, and in the log."""
        odd = event(5, "odd", currency="EUX")
        answer = self.server.ask("PUT", "/v1/events/odd", [self.operator, JSON], json.dumps(odd).encode())
        self.assertEqual((answer.status, answer.json()["warnings"][0]["pointer"]), (201, "/currency"))
        self.assertNotIn("warnings", self.server.get("/v1/events/odd").json())
        with Server(odd) as server:
            self.assertIn("unusual", server.stderr())
