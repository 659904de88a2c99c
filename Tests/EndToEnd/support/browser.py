"""Drives Chromium by its DevTools protocol, with nothing but Python's standard library."""

import base64
import functools
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile

from support import ROOT
from support.environment import environment
from support.processes import wait_for
from support.service import ServiceCase, eventually

# How long anything on a page may take. Machines are busy; what has to be quick is measured by its own bound.
PATIENCE = 60
REQUIREMENTS = ROOT / "Tests/EndToEnd/browser/requirements.txt"


class PageBroken(AssertionError):
    """The page did not become what it should, or reported an error."""


class Socket:
    """The client's side of a WebSocket (RFC 6455), for texts."""

    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.rest = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise PageBroken(f"no WebSocket: {head}")

    def _more(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise PageBroken("the browser has gone")
        self.rest += data

    def _take(self, count):
        while len(self.rest) < count:
            self._more()
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def send(self, text):
        """Send a text in one frame."""
        data, mask = text.encode(), os.urandom(4)
        size = (struct.pack("!B", 0x80 | len(data)) if len(data) < 126 else
                struct.pack("!BH", 0x80 | 126, len(data)) if len(data) < 1 << 16 else
                struct.pack("!BQ", 0x80 | 127, len(data)))
        repeated = (mask * (len(data) // 4 + 1))[:len(data)]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(data), "big")
        self.socket.sendall(b"\x81" + size + mask + masked)

    def receive(self):
        """Return the next text."""
        text = b""
        while True:
            first, second = self._take(2)
            length = second & 0x7f
            if length == 126:
                length, = struct.unpack("!H", self._take(2))
            elif length == 127:
                length, = struct.unpack("!Q", self._take(8))
            data = self._take(length)
            if first & 0x0f in (0, 1):
                text += data
                if first & 0x80:
                    return text.decode()


class Browser:
    """A Chromium that shows nothing, and ends with the block."""

    def __enter__(self):
        self.room = tempfile.mkdtemp(prefix="holdfast-browser-")
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if not program:
            raise RuntimeError("there is no chromium; Tests/prepare installs it")
        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-extensions",
             "--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={self.room}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = pathlib.Path(self.room, "DevToolsActivePort")
            wait_for(lambda: port.exists() and "\n" in port.read_text(), "chromium starts", PATIENCE)
            number, path = port.read_text().split("\n")[:2]
            self.socket = Socket(int(number), path)
        except BaseException:
            self.__exit__()
            raise
        self.last = 0
        self.pages = {}
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(PATIENCE)
        shutil.rmtree(self.room, ignore_errors=True)

    def call(self, method, session=None, **parameters):
        """Call a method of the protocol and return what it returns; pages note what else arrives meanwhile."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.receive())
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise PageBroken(f"{method}: {answer['error']}")
                return answer["result"]
            page = self.pages.get(answer.get("sessionId"))
            if page and "method" in answer:
                page.note(answer["method"], answer["params"])

    def person(self, **options):
        """Return a page of somebody who shares no cookies with others."""
        return Page(self, self.call("Target.createBrowserContext")["browserContextId"], **options)


class Page:
    """A tab."""

    def __init__(self, browser, context, width=1000, height=900, scheme="light", script=True, language="en"):
        self.browser, self.context = browser, context
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.pages[self.session] = self
        self.errors, self.urls, self.received = [], [], 0
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.set_media(scheme)
        self.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)

    def tab(self, **options):
        """Return another tab of the same person."""
        return Page(self.browser, self.context, **options)

    def call(self, method, **parameters):
        """Call a method of the protocol on this page."""
        return self.browser.call(method, self.session, **parameters)

    def set_media(self, scheme="light", **features):
        """Prefer a colour scheme, and whatever else CSS can ask for."""
        wanted = {"prefers-color-scheme": scheme} | {name.replace("_", "-"): value for name, value in features.items()}
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": name, "value": value} for name, value in wanted.items()])

    def note(self, method, event):
        """Take what the browser reports about the page."""
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(event["exceptionDetails"].get("exception", event["exceptionDetails"])))
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            entry = event["entry"]
            # Chromium calls the status of a refusal an error, although its page is shown.
            if not (entry["source"] == "network" and entry.get("url", "").partition("#")[0] in self.documents):
                self.errors.append(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.urls.append((event["request"]["url"], event["request"]["method"], event.get("type")))
        elif method == "Network.loadingFinished":
            self.received += event["encodedDataLength"]

    @property
    def documents(self):
        """The addresses that were loaded as pages."""
        return {url for url, _, kind in self.urls if kind == "Document"}

    def js(self, expression):
        """Return the value of an expression; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise PageBroken(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression, seconds=PATIENCE):
        """Wait until an expression is true, whatever is loaded meanwhile."""
        broken = None

        def is_true():
            nonlocal broken
            try:
                return self.js(f"!!({expression})")
            except PageBroken as error:
                broken = error
                return False

        if not eventually(is_true, seconds):
            raise PageBroken(f"{expression}: not after {seconds} s, {broken}\n{self.text()}")

    def open(self, url):
        """Go to an address and wait until it is loaded."""
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise PageBroken(f"{url}: {failed}")
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        return self

    def text(self):
        """Return what the page shows."""
        return self.js("document.body ? document.body.innerText : ''") or ""

    def shows(self, text, seconds=PATIENCE):
        """Wait until the page is loaded and shows a text."""
        self.wait(f"document.readyState === 'complete' && document.body.innerText.includes({json.dumps(text)})",
                  seconds)
        return self

    def click(self, selector):
        """Press the first element that the selector finds."""
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.js(f"document.querySelector({json.dumps(selector)}).click()")
        return self

    def press_button(self, text):
        """Press the button or link with this text."""
        self.wait("document.readyState === 'complete' && [...document.querySelectorAll('button, a')]"
                  f".some((one) => one.innerText.includes({json.dumps(text)}))")
        self.js("[...document.querySelectorAll('button, a')]"
                f".find((one) => one.innerText.includes({json.dumps(text)})).click()")
        return self

    def fill(self, selector, value):
        """Write into a field as a person does."""
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.js(f"{{ const field = document.querySelector({json.dumps(selector)}); field.value = {json.dumps(value)};"
                " field.dispatchEvent(new Event('input', {bubbles: true})); }")
        return self

    def key(self, key, code=None, text=None):
        """Press a key of the keyboard."""
        name = {"Tab": 9, "Enter": 13, " ": 32}.get(key, 0)
        text = {"Enter": "\r", " ": " "}.get(key, text)
        down = {"type": "keyDown", "key": key, "code": code or key, "windowsVirtualKeyCode": name}
        if text:
            down["text"] = text
        self.call("Input.dispatchKeyEvent", **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code or key, windowsVirtualKeyCode=name)

    def tab_to(self, selector):
        """Press the Tab key until an element has the focus."""
        for _ in range(100):
            if self.js(f"document.activeElement.matches({json.dumps(selector)})"):
                return self
            self.key("Tab")
        raise PageBroken(f"the Tab key does not lead to {selector}")

    def type(self, text):
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)
        return self

    def freeze(self):
        """Let the page sleep, as a phone does with one that nobody looks at."""
        self.call("Page.setWebLifecycleState", state="frozen")

    def wake(self):
        """Let the page go on after it slept."""
        self.call("Page.setWebLifecycleState", state="active")

    def resize(self, width, height=800, scale=1):
        """Show the page in a window of so many pixels of CSS."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)

    def picture(self, path, whole=True):
        """Write what the page looks like to a file."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def complaints(self):
        """Return what axe finds wrong (WCAG 2.2 AA and best practices), in short."""
        if not self.js("!!window.axe"):
            self.js(axe() + ";0")
        found = self.js("axe.run(document).then((result) => result.violations)")
        return [f"{rule['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
                for rule in found for node in rule["nodes"]]


@functools.cache
def axe():
    """Return axe's script."""
    place = environment(REQUIREMENTS, "--no-deps")
    return next(place.glob("lib/*/site-packages/axe_playwright_python/axe.min.js")).read_text()


class BrowserCase(ServiceCase):
    """Tests with a browser on a service. Each test ends by looking for errors on all of its pages."""

    browser = None
    # What addresses of other services on this machine begin with, if pages lead there.
    others = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(cls._end_browser)
        cls.browser = Browser().__enter__()

    @classmethod
    def _end_browser(cls):
        if cls.browser:
            cls.browser.__exit__()

    def setUp(self):
        super().setUp()
        self.people = []

    def person(self, target=None, **options):
        """Return the page of somebody new, perhaps at a path of the service."""
        page = self.browser.person(**options)
        self.people.append(page)
        return page.open(self.url(target)) if target else page

    def tab(self, page, target, **options):
        """Return another tab of the same person."""
        other = page.tab(**options)
        self.people.append(other)
        return other.open(self.url(target))

    def url(self, target):
        """Return the address of a path of the service."""
        return f"http://127.0.0.1:{self.server.port}{target}"

    def tearDown(self):
        super().tearDown()
        for page in self.people:
            page.js("0")  # Takes in what was reported last.
            self.assertEqual(page.errors, [])
            for url, _, _ in page.urls:
                self.assertTrue(url.startswith((self.url("/"), "data:", "about:", *self.others)), url)

    def html(self, page):
        """Return the document of a page that runs no script."""
        return page.call("DOM.getOuterHTML", nodeId=page.call("DOM.getDocument")["root"]["nodeId"])["outerHTML"]

    def see(self, page, text):
        """Wait for a text on a page that runs no script."""
        def there():
            try:
                return text in self.html(page)
            except PageBroken:
                return False
        self.assertTrue(eventually(there, PATIENCE), text)

    def send(self, page, selector):
        """Focus a button and press it with the keyboard."""
        document = page.call("DOM.getDocument")["root"]["nodeId"]
        page.call("DOM.focus", nodeId=page.call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"])
        page.key("Enter")

    def assert_fits(self, page):
        """Check that nothing has to be scrolled sideways on the narrowest phone, with everything or with letters twice as large;
        that a browser with colours of its own still shows what is a button, and that nothing moves for who does not like it.
        """
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        # 200 % of a window of 1280 pixels, then letters alone, then a small phone.
        for width, letters in ((640, "100%"), (640, "200%"), (320, "100%")):
            page.resize(width)
            page.js(f"document.documentElement.style.fontSize = '{letters}'")
            self.assertLessEqual(page.js(wide), 0, f"{width} {letters} {page.text()}")
        page.set_media(forced_colors="active", prefers_reduced_motion="reduce")
        bare = page.js("""[...document.querySelectorAll('button, .button, input:not([type=hidden], [type=checkbox]), .notice')]
            .filter((one) => one.offsetParent && parseFloat(getComputedStyle(one).borderInlineStartWidth) < 1)
            .map((one) => one.outerHTML)""")
        self.assertEqual(bare, [])
        moving = page.js("""[...document.querySelectorAll('*')].filter((one) => {
            const style = getComputedStyle(one);
            return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none'; }).map((one) => one.outerHTML)""")
        self.assertEqual(moving, [])

    def assert_accessible(self, page):
        """Check that axe finds nothing, in light and in dark."""
        for scheme in ("light", "dark"):
            page.set_media(scheme)
            self.assertEqual(page.complaints(), [], scheme)


