"""A sale within pages of other origins (`pages.embed_origins`)."""

from support.service import ServiceCase, event

BROWSER = "Accept: text/html"
FORM = "Content-Type: application/x-www-form-urlencoded"
FRAMED = ["Sec-Fetch-Dest: iframe", "Sec-Fetch-Site: same-origin"]


def ancestors(answer):
    """Return which pages may show this one in a frame."""
    policy = answer.header("content-security-policy")
    return next(part.strip() for part in policy.split(";") if "frame-ancestors" in part)


class Nowhere(ServiceCase):
    """A service that nobody may embed."""

    events = (event(5),)

    def test_not_embedded(self):
        """Without origins no page can be shown in a frame, there is no script, and a frame gets an ordinary cookie."""
        self.assertEqual(ancestors(self.server.ask("GET", "/", [BROWSER])), "frame-ancestors 'none'")
        self.assertEqual(self.server.get("/embed.js").status, 404)
        held = self.server.ask("POST", "/events/main/holds", [BROWSER, FORM, *FRAMED], b"q.GA=1")
        self.assertTrue(held.header("set-cookie").endswith("SameSite=Lax"), held)


class Somewhere(ServiceCase):
    """A service at a public address that two origins may embed."""

    events = (event(50),)
    settings = {"public_url": "https://tickets.example",
                "environment": {"HOLDFAST_PAGES_EMBED_ORIGINS": "https://shop.example,https://blog.example:8443"}}

    def hold(self, *headers):
        """Hold a place by the form; return the answer."""
        return self.server.ask("POST", "/events/main/holds", [BROWSER, FORM, *headers], b"q.GA=1")

    def test_who_may(self):
        """These origins may show buyers' pages in a frame; nobody may show an operator's."""
        for target in ("/", "/events/main", "/nothing"):
            self.assertEqual(ancestors(self.server.ask("GET", target, [BROWSER])),
                             "frame-ancestors https://shop.example https://blog.example:8443")
        for target in ("/operate/sign-in", "/operate/nothing"):
            self.assertEqual(ancestors(self.server.ask("GET", target, [BROWSER])), "frame-ancestors 'none'")

    def test_script(self):
        """The script that embeds is there for pages of any origin."""
        answer = self.server.get("/embed.js")
        self.assertEqual((answer.status, answer.header("content-type")), (200, "text/javascript; charset=utf-8"))
        self.assertEqual(answer.header("access-control-allow-origin"), "*")
        self.assertIn("holdfast-sale", answer.body.decode())

    def test_cookies(self):
        """In a frame each cookie is for this embedding alone; elsewhere no other site's request takes it along."""
        framed = self.hold(*FRAMED).header("set-cookie")
        self.assertRegex(framed, r"; HttpOnly; SameSite=None; Secure; Partitioned$")
        self.assertRegex(self.hold("Sec-Fetch-Dest: document").header("set-cookie"), "; HttpOnly; SameSite=Lax; Secure$")
        chosen = self.server.ask("GET", "/?lang=de", [BROWSER, FRAMED[0]]).header("set-cookie")
        self.assertTrue(chosen.endswith("SameSite=None; Secure; Partitioned"), chosen)

    def test_forged(self):
        """A form that another site sends into a frame is refused, the pages that may embed included, and does nothing."""
        held = self.hold(*FRAMED)
        path, cookie = held.header("location"), "Cookie: " + held.header("set-cookie").split(";")[0]
        forged = (["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"], ["Origin: https://shop.example"],
                  ["Origin: null"])
        for headers in forged:
            answer = self.server.ask("POST", path + "/release", [BROWSER, FORM, FRAMED[0], cookie, *headers], b"")
            self.assertEqual(answer.status, 403, headers)
        state = self.server.ask("GET", path, ["Accept: application/json", cookie]).json()["state"]
        self.assertEqual(state, "held")

    def test_page(self):
        """In a frame a page has no head of its own, and says to the page around it what became of the hold."""
        held = self.hold(*FRAMED)
        cookie = "Cookie: " + held.header("set-cookie").split(";")[0]
        page = self.server.ask("GET", held.header("location"), [BROWSER, FRAMED[0], cookie]).body.decode()
        self.assertNotIn('<header class="top">', page)
        hold = held.header("location").split("/")[-1]
        self.assertIn(f'data-step="held" data-hold="{hold}" data-event="main"', page)
        token = cookie.split("=", 1)[1]
        self.assertNotIn(token, page)
