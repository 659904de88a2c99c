"""What an operator gives the pages of their own: name, logo, accent colour, links (`pages.theme`)."""

import pathlib
import re
import unittest

from support.service import Server, ServiceCase, command, event, scratch

BROWSER = "Accept: text/html"
LOGO = b'<?xml version="1.0"?>\n<!-- ours -->\n<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 2"><script>alert(1)</script></svg>'
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


def file(name, content):
    """Return the path of a new file."""
    path = pathlib.Path(scratch(), name)
    path.write_bytes(content)
    return path


class Theme(ServiceCase):
    """A service with a whole theme."""

    events = (event(5),)
    settings = {
        "pages_theme_name": "Hall & <Friends>", "pages_theme_logo": file("logo", LOGO), "pages_theme_accent": "#FFCC00",
        "pages_theme_imprint_url": "https://hall.example/imprint?a=1&b=2",
        "pages_theme_privacy_url": "https://hall.example/privacy"}

    def page(self, target, *headers):
        """Return a page's HTML."""
        answer = self.server.ask("GET", target, [BROWSER, *headers])
        self.assertEqual(answer.status, 200, answer)
        return answer.body.decode()

    def test_pages(self):
        """Each page has the logo with the name as its text, and the links at its foot."""
        for target in ("/", "/events/main"):
            html = self.page(target)
            self.assertRegex(html, r'<img class="logo" src="/pages/logo\.[0-9a-z]+\.svg" alt="Hall &amp; &lt;Friends&gt;">')
            self.assertIn('href="https://hall.example/imprint?a=1&amp;b=2"', html)
            self.assertIn(">Privacy</a>", html)
        self.assertIn(">Impressum</a>", self.page("/", "Accept-Language: de"))

    def test_logo_runs_nothing(self):
        """The logo is sent as an image, under a policy with which it runs nothing when it is opened by itself."""
        path, = re.findall(r'src="(/pages/logo[^"]+)"', self.page("/"))
        answer = self.server.get(path)
        self.assertEqual((answer.status, answer.header("content-type"), answer.body), (200, "image/svg+xml", LOGO))
        self.assertEqual(answer.header("content-security-policy"),
                         "default-src 'none'; style-src 'unsafe-inline'; sandbox")
        self.assertEqual(answer.header("x-content-type-options"), "nosniff")

    def test_accent(self):
        """The accent is in the styles, which have another name; where it cannot be read the log says what is shown."""
        path, = re.findall(r'href="(/pages/pages[^"]+\.css)"', self.page("/"))
        css = self.server.get(path).body.decode()
        light, dark = re.findall(r"--accent: (#[0-9a-f]{6}); \}", css)
        self.assertEqual(dark, "#ffcc00")
        self.assertNotEqual(light, "#ffcc00")
        self.assertIn("accent colour has too little contrast", self.server.stderr())
        self.assertIn(light, self.server.stderr())


class WrongThemes(unittest.TestCase):
    """Themes with which nothing starts."""

    def test_logos(self):
        """A logo that is missing, too large or no image stops the start with a sentence that names it."""
        cases = (
            ("/nothing/there.svg", "there is no such file"), (file("page", b"<html><svg></svg></html>"), "neither an SVG"),
            (file("text", b"<svgx></svgx>"), "neither an SVG"), (file("large", PIXEL + bytes(32_768)), "more than 32768 bytes"),
            (file("none", b""), "neither an SVG"), ("/dev/zero", "more than 32768 bytes"))
        for path, reason in cases:
            with self.subTest(path=path):
                ended = command("serve", "--port", "0", "--data", scratch(), "--pages-theme-logo", path)
                self.assertEqual(ended.returncode, 78, ended)
                self.assertIn("pages.theme.logo", ended.stderr)
                self.assertIn(reason, ended.stderr)

    def test_png(self):
        """A PNG image is a logo, too."""
        with Server(event(5), pages_theme_logo=file("png", PIXEL)) as server:
            html = server.ask("GET", "/", [BROWSER]).body.decode()
            path, = re.findall(r'src="(/pages/logo[^"]+\.png)" alt="Tickets"', html)
            self.assertEqual(server.get(path).header("content-type"), "image/png")
