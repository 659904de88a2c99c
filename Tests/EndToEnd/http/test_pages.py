"""Pages for people, as a browser without scripts gets them."""

import re

from support.service import ServiceCase, event

BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
# Markup, a quotation mark that is one character with its accent, text from right to left, and something long.
NAME = "<b>Gala</b> \"\u0301 & 'Söhne' \u05d0\u05d1 " + "🎭" * 20


class Pages(ServiceCase):
    """A service with an event of each kind."""

    events = (
        event(identifier="gala", name=NAME, types=[
            {"code": "GA", "price": 8900, "pools": ["floor"]}, {"code": "VIP", "price": 24900, "pools": ["floor"]}]),
        event(identifier="later", sale={"opens_at": "2040-01-01T20:00:00Z"}),
        event(identifier="over", sale={"closes_at": "2020-01-01T20:00:00Z"}))

    def page(self, target, *headers, status=200, method="GET", body=None):
        """Return a page's HTML; check what every page has."""
        answer = self.server.ask(method, target, [BROWSER, *headers], body)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.header("content-type"), "text/html; charset=utf-8")
        self.assertEqual(answer.header("referrer-policy"), "no-referrer")
        self.assertEqual(answer.header("x-content-type-options"), "nosniff")
        policy = answer.header("content-security-policy")
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        html = answer.body.decode()
        self.assertEqual(answer.header("content-language"), re.search(r'<html lang="(\w+)">', html)[1])
        return html

    def test_events(self):
        """The first page lists the events with their state, in the reader's language."""
        html = self.page("/")
        self.assertIn("from €89.00", html)
        self.assertRegex(html, r'(?s)later.*not yet on sale.*<time datetime="2040-01-01T20:00:00.000Z">1 January 2040')
        self.assertIn("sale has ended", html)
        german = self.page("/", "Accept-Language: de-CH,de;q=0.9,en;q=0.8")
        self.assertIn("ab 89,00\u00a0€", german)
        self.assertIn("Verkauf beendet", german)

    def test_names_are_shown(self):
        """A name with markup in it is shown as it is, and is no markup."""
        html = self.page("/")
        self.assertIn("&lt;b&gt;Gala&lt;/b&gt; &quot;\u0301 &amp; &#39;Söhne&#39; \u05d0\u05d1 " + "🎭" * 20, html)

    def test_programs_get_what_they_got(self):
        """A program that asks for no page at / gets a problem, as before there were pages."""
        for headers in ((), ["Accept: application/json"], ["Accept: application/problem+json"]):
            self.assert_problem(self.server.ask("GET", "/", headers), 404, "not-found")
        self.assertEqual(self.server.ask("GET", "/", ["Accept: */*"]).status, 200)
        self.assert_problem(self.server.ask("POST", "/", body=b""), 405, "method-not-allowed")
        self.assert_problem(self.server.ask("GET", "/v1/nothing", [BROWSER]), 404, "not-found")

    def test_refusals_are_pages(self):
        """What is not there is a page with a way on, for people; a method or a query that does not fit, too."""
        html = self.page("/nothing/here", status=404)
        self.assertIn("There is nothing here", html)
        self.assertIn('href="/"', html)
        self.page("/", status=405, method="DELETE")
        self.page("/?nonsense=1", status=400)
        self.assertIn("Hier ist nichts", self.page("/nothing", "Accept-Language: de", status=404))

    def test_language_is_remembered(self):
        """A reader who chose a language gets it on the next page, whatever the browser says."""
        answer = self.server.ask("GET", "/?lang=de", [BROWSER, "Accept-Language: en"])
        cookie = answer.header("set-cookie")
        self.assertRegex(cookie, r"^holdfast_language=de; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax$")
        self.assertIn("Veranstaltungen", self.page("/", "Accept-Language: en", "Cookie: a=b; " + cookie.split(";")[0]))
        self.assertIn("Events", self.page("/", "Cookie: holdfast_language=xx"))

    def test_files_are_kept_for_ever(self):
        """The files of a page are found, may be kept for ever, and their names change with their bytes."""
        html = self.page("/")
        paths = re.findall(r'(?:href|src)="(/pages/[^"]+)"', html)
        self.assertEqual(len(paths), 3)
        size = len(html.encode())
        for path in paths:
            answer = self.server.get(path)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.header("cache-control"), "public, max-age=31536000, immutable")
            self.assertRegex(path, r"\.[0-9a-z]{8,}\.(css|js|svg)$")
            size += len(answer.body)
        self.assertLess(size, 60 * 1024)
        self.assert_problem(self.server.get("/pages/pages.0.css"), 404, "not-found")
