"""A page of another origin embeds a sale."""

import http.server
import json
import threading

from support.browser import BrowserCase, Page
from support.payments import PayingCase
from support.service import event, eventually

AROUND = """<!doctype html><html lang="en"><title>A shop</title><h1>A shop</h1>
<script>window.heard = [];
for (const name of ["held", "released", "expired", "purchased"]) {
  document.addEventListener("holdfast:" + name, (event) => window.heard.push([name, event.detail]));
}
window.said = [];
addEventListener("message", (event) => window.said.push(JSON.stringify(event.data)));</script>
<holdfast-sale event="main" lang="en"></holdfast-sale>
<script type="module" src="%s/embed.js"></script></html>"""


class Shop(http.server.ThreadingHTTPServer):
    """A page of another site, which embeds a sale."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Shop.Handler)
        self.sale = ""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers every request with the page."""

        def do_GET(self):
            """Answer."""
            body = (AROUND % self.server.sale).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""


class Frame(Page):
    """The page that a frame of another site shows."""

    def __init__(self, browser, target):
        self.browser = browser
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.pages[self.session] = self
        self.errors, self.urls, self.received = [], [], 0
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")


class EmbeddedCase(BrowserCase):
    """A service at 127.0.0.1 that a page of `localhost`, which is another site, may embed."""

    @classmethod
    def setUpClass(cls):
        cls.shop = Shop()
        cls.addClassCleanup(cls.shop.server_close)
        cls.addClassCleanup(cls.shop.shutdown)
        cls.settings = {"pages_embed_origins": f"http://localhost:{cls.shop.server_port}"}
        super().setUpClass()
        cls.shop.sale = f"http://127.0.0.1:{cls.server.port}"

    def around(self, host):
        """Return the page of the shop under a name of this machine. It is of another origin, so it is not in `people`."""
        return self.browser.person().open(f"http://{host}:{self.shop.server_port}/")

    def frame(self):
        """Return the page in the frame, once the browser has it."""
        found = []

        def targets():
            found[:] = [one["targetId"] for one in self.browser.call("Target.getTargets")["targetInfos"]
                        if one["type"] == "iframe" and one["url"].startswith(self.url("/"))]
            return found
        self.assertTrue(eventually(targets))
        return Frame(self.browser, found[0])


class Embedding(EmbeddedCase):
    """An event that costs nothing."""

    events = (event(50, name="Summer Festival"),)

    def test_purchase(self):
        """A place is held and bought within the frame; the page around it hears of it, and of no secret."""
        shop = self.around("localhost")
        frame = self.frame().shows("Summer Festival")
        self.assertFalse(frame.js("!!document.querySelector('header.top')"))
        shop.wait("document.querySelector('iframe').offsetHeight > 350"
                  " && document.querySelector('iframe').offsetHeight !== 480")
        frame.fill("#q-GA", "2").press_button("Hold these places").shows("Yours until")
        shop.wait("window.heard.length === 1")
        name, detail = shop.js("window.heard[0]")
        self.assertEqual((name, detail["event"]), ("held", "main"))
        self.assertRegex(detail["hold"], r"^H\d+$")
        self.assertEqual(frame.complaints(), [])
        frame.press_button("from now").shows("Yours until")
        frame.press_button("Get the tickets").shows("You have your tickets")
        code = frame.js("document.querySelector('.code').textContent")
        shop.wait("window.heard.length === 2")
        self.assertEqual(shop.js("window.heard[1]"), ["purchased", detail])
        self.assertNotIn(code, json.dumps(shop.js("window.said")))
        self.assertEqual([shop.errors, frame.errors], [[], []])
        # The cookie is this embedding's alone: the same browser elsewhere does not have it.
        other = self.tab(shop, "/holds/" + detail["hold"])
        other.shows("These places are not yours")

    def test_other_origins(self):
        """A page that may not embed the sale shows nothing of it."""
        shop = self.around("127.0.0.1")
        shop.wait("document.querySelector('iframe')")
        self.assertTrue(eventually(lambda: shop.js("0") is not None and any("frame-ancestors" in error for error in shop.errors)))
        self.assertEqual(shop.js("window.said"), [])


class Paying(EmbeddedCase, PayingCase):
    """An event that is paid for elsewhere."""

    @classmethod
    def definitions(cls, paid):
        """Return the event."""
        return (event(50, name="Summer Festival", **paid),)

    def paying(self, shop):
        """Return the tab that the frame opened for paying."""
        found = []

        def tabs():
            found[:] = [one["targetId"] for one in self.browser.call("Target.getTargets")["targetInfos"]
                        if one["type"] == "page" and one["browserContextId"] == shop.context
                        and one["url"].startswith((*self.others, self.url("/holds/")))]
            return found
        self.assertTrue(eventually(tabs))
        tab = Frame(self.browser, found[0])
        self.people.append(tab)
        return tab

    def test_payment(self):
        """A buyer in a frame pays in a tab of its own. The purchase is there, and in the frame, and the page around it hears."""
        shop = self.around("localhost")
        frame = self.frame().shows("Summer Festival")
        frame.fill("#q-GA", "1").press_button("Hold these places").shows("in a new tab")
        self.assertEqual(frame.complaints(), [])
        hold = frame.js("document.querySelector('#content').dataset.hold")
        # A page cannot open a tab unless somebody pressed something.
        frame.call("Runtime.evaluate", expression="document.querySelector('form[data-apart] button').click()", userGesture=True)
        tab = self.paying(shop).shows("Pay 89.00 EUR").shows(hold)
        frame.shows("Waiting for your payment").shows("You have not paid after all?")
        tab.press_button("Do not pay").shows("You have not paid").press_button("Pay €89.00").shows("Pay 89.00 EUR")
        tab.press_button("Pay now").shows("You have your tickets")
        code = tab.js("document.querySelector('.code').textContent")
        frame.shows("You have your tickets").shows(code)
        shop.wait("window.heard.length === 2")
        self.assertEqual(shop.js("window.heard[1]"), ["purchased", {"event": "main", "hold": hold}])
        self.assertNotIn(code, json.dumps(shop.js("window.said")) + "".join(url for url, _, _ in tab.urls))
        self.assertEqual([shop.errors, frame.errors], [[], []])
