"""Pages of a box office that has much of everything: each shows a part, and leads to the rest."""

import json
import re
from urllib.parse import urlencode

from support.service import ServiceCase, event, make_key

BROWSER = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
EVENTS = 105


class LongLists(ServiceCase):
    """A service with many events and many keys."""

    events = tuple(event(5, f"e-{number:03}", name=f"Evening {number:03}.") for number in range(EVENTS))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = make_key(cls.server)
        body = urlencode({"key": cls.key}).encode()
        answer = cls.server.ask(
            "POST", "/operate/sign-in", ["Content-Type: application/x-www-form-urlencoded"], body)
        cls.cookie = answer.header("set-cookie").split(";")[0]

    def page(self, target):
        """Return a page's HTML."""
        answer = self.server.ask("GET", target, [BROWSER, f"Cookie: {self.cookie}"])
        self.assertEqual(answer.status, 200, target)
        return answer.body.decode()

    def pages(self, target, pattern, more):
        """Follow the link to the next page; return what the pattern finds, page by page."""
        found = []
        while target:
            html = self.page(target)
            found.append(re.findall(pattern, html))
            link = re.search(rf'class="button" href="({more}[^"]*)"', html)
            target = link and link[1].replace("&amp;", "&")
        return found

    def api(self, method, target, body=None):
        """Call the API as the operator."""
        return self.server.ask(method, target, [f"Authorization: Bearer {self.key}", "Content-Type: application/json"],
                               b"" if body is None else json.dumps(body).encode())

    def test_events(self):
        """Buyers' list, overview and exports have pages: together they show every event once."""
        for target, pattern, more, most in (
                ("/", r'href="/events/(e-\d+)"', r"/\?from=", 100),
                ("/operate", r'class="name" href="/operate/events/(e-\d+)"', r"/operate\?from=", 50),
                ("/operate/exports", r'href="/operate/exports/(e-\d+)\?what=report"', r"/operate/exports\?from=", 50)):
            with self.subTest(target=target):
                pages = self.pages(target, pattern, more)
                self.assertEqual([len(page) for page in pages[:-1]], [most] * (len(pages) - 1))
                self.assertLessEqual(len(pages[-1]), most)
                self.assertEqual(sum(pages, []), [f"e-{number:03}" for number in range(EVENTS)])
        # What leads nowhere leads to the beginning.
        for start in ("105", "-1", "x", "9" * 30):
            self.assertIn("Evening 000.", self.page(f"/?from={start}"))

    def test_search(self):
        """Among many events one is chosen by its code, and stays chosen."""
        html = self.page("/operate/sales?event=e-104&state=held")
        self.assertIn('<input name="event" value="e-104"', html)
        self.assertNotIn("Evening 0", html)
        answer = self.server.ask("GET", "/operate/sales?event=none", [BROWSER, f"Cookie: {self.cookie}"])
        self.assertEqual(answer.status, 404)
        self.assertIn("There is no such event", answer.body.decode())

    def test_keys(self):
        """The newest key that works is the first one; those that ended are on a page of their own."""
        made = [self.api("POST", "/v1/keys", {"name": f"Key {number:02}.", "role": "viewer"}).json()["id"]
                for number in range(60)]
        self.assertEqual(self.api("DELETE", f"/v1/keys/{made[50]}").status, 204)
        names = [f"Key {number:02}." for number in reversed(range(60))]
        pattern, more = r'class="name">(Key \d\d\.)<', r"/operate/keys\?(?:all=1&amp;)?cursor="
        every = self.pages("/operate/keys?all=1", pattern, more)
        self.assertEqual((every[0], sum(every, [])), (names[:50], names))
        names.remove("Key 50.")
        working = self.pages("/operate/keys", pattern, more)
        self.assertEqual((working[0], sum(working, [])), (names[:50], names))
        # The API has the same, in any order.
        seen, target = [], "/v1/keys?limit=25&order=newest&state=valid"
        while target:
            answer = self.api("GET", target)
            seen += [key["id"] for key in answer.json()["keys"]]
            link = answer.header("link")
            target = link and re.match("<(.*)>", link)[1]
        self.assertEqual(seen[:59], [one for one in reversed(made) if one != made[50]])
        self.assertEqual([key["id"] for key in self.api("GET", "/v1/keys?state=revoked").json()["keys"]], [made[50]])
        self.assertEqual(self.api("GET", "/v1/keys?state=expired").json()["keys"], [])
        self.assertEqual([key["id"] for key in self.api("GET", "/v1/keys?limit=1000").json()["keys"]][-60:], made)
        answer = self.api("GET", "/v1/keys?order=up&state=lost&limit=0&cursor=x")
        self.assertEqual(answer.status, 422)
        self.assertEqual(sorted(one["detail"].split()[2] for one in answer.json()["errors"]),
                         ["cursor", "limit", "order", "state"])
