"""The problem codes: a test gets each over HTTP, and each is documented and has its page."""

import html
import json
import re
import unittest

from support import ROOT
from support.service import ServiceCase, event



def codes():
    """Return every code that the service can answer."""
    document = json.loads((ROOT / "Sources/APIDocs/Web/openapi.json").read_text())
    return sorted(document["components"]["schemas"]["ProblemCode"]["enum"])


def example(code):
    """Return the example on the page of a problem."""
    text = (ROOT / f"docs/problems/{code}.md").read_text()
    return json.loads(text[text.index("```json") + 7:text.rindex("```")])


class Problems(unittest.TestCase):
    """Every code is known to tests and documents."""

    def test_each_is_provoked(self):
        """For every code some test expects an answer of the running program."""
        others = [path for path in (ROOT / "Tests/EndToEnd").rglob("test_*.py") if path.name != "test_problems.py"]
        tests = "".join(path.read_text() for path in others)
        self.assertGreater(len(codes()), 30)
        for code in codes():
            with self.subTest(code):
                self.assertTrue(f'"{code}"' in tests, "no test expects it")


class Pages(ServiceCase):
    """The service's pages about itself."""

    events = (event(5),)

    def page(self, path, kind="text/html; charset=utf-8"):
        """Get a page that can be cached and loads nothing from other servers."""
        answer = self.server.get(path)
        self.assertEqual((answer.status, answer.header("content-type")), (200, kind), answer)
        self.assertIn("default-src 'none'", answer.header("content-security-policy"))
        self.assertEqual(answer.header("cache-control"), "public, max-age=300")
        known = self.server.ask("GET", path, [f"If-None-Match: {answer.header('etag')}"])
        self.assertEqual((known.status, known.body, known.header("etag")), (304, b"", answer.header("etag")))
        head = self.server.ask("HEAD", path)
        self.assertEqual((head.status, head.header("content-length")), (200, str(len(answer.body))))
        wrong = self.server.ask("POST", path, body=b"")
        self.assert_problem(wrong, 405, "method-not-allowed")
        self.assertEqual(wrong.header("allow"), "GET, HEAD")
        return answer.body.decode()

    def test_problem_pages(self):
        """A problem's type is the address of a page about it; the list links to all pages."""
        listed = self.page("/problems")
        self.assertEqual(sorted(re.findall(r'href="/problems/([a-z-]+)"', listed)), codes())
        tags = set()
        for code in codes():
            with self.subTest(code):
                title = example(code)["title"]
                shown = self.page(f"/problems/{code}")
                self.assertIn(f"<h1>{html.escape(title, quote=False)}</h1>", shown)
                block = re.search(r"<pre[^>]*><code>(.*?)</code></pre>", shown, re.S)
                self.assertEqual(json.loads(html.unescape(block[1])), example(code))
                # Markdown that the converter does not know would be visible as text.
                self.assertIsNone(re.search(r"`|\]\(|\*\*|^#", re.sub(r"<pre.*?</pre>", "", shown, flags=re.S), re.M))
                tags.add(self.server.get(f"/problems/{code}").header("etag"))
        self.assertEqual(len(tags), len(codes()))
        self.assert_problem(self.server.get("/problems/none"), 404, "not-found")
        # A refusal's own type leads there.
        refused = self.server.get("/v1/events/none").json()
        self.assertIn("There is no such event", self.page(refused["type"]))

    def test_docs(self):
        """The page of the calls asks for the document, and all of it is what the repository has."""
        web = ROOT / "Sources/APIDocs/Web"
        for path, kind, file in (("/openapi.json", "application/json", "openapi.json"),
                                 ("/docs", "text/html; charset=utf-8", "docs.html"),
                                 ("/docs/docs.js", "text/javascript; charset=utf-8", "docs.js"),
                                 ("/docs/docs.css", "text/css; charset=utf-8", "docs.css")):
            self.assertEqual(self.page(path, kind), (web / file).read_text())
            # No address of anybody else's, but for the texts of the document.
            if file != "openapi.json":
                self.assertIsNone(re.search(r"https?://|\burl\(|//[a-z]+\.[a-z]", (web / file).read_text()))
