"""Pages follow what happens elsewhere: the operator, the clock, the service itself."""

import datetime
import json

from support.browser import BrowserCase
from support.processes import free_ports
from support.service import event, make_key


class Following(BrowserCase):
    """A service that is changed and restarted under its pages."""

    events = event(100), event(100, "restarted"), event(100, "opening")

    @classmethod
    def setUpClass(cls):
        # The same port after a restart.
        cls.settings = {"port": free_ports(1)[0]}
        super().setUpClass()
    def change(self, name, patch):
        """Change an event as its operator."""
        key = make_key(self.server)
        answer = self.server.ask(
            "PATCH", f"/v1/events/{name}",
            [f"Authorization: Bearer {key}", "If-Match: *", "Content-Type: application/merge-patch+json"],
            json.dumps(patch).encode())
        self.assertEqual(answer.status, 200, answer)

    def test_pause(self):
        """A pause and its end are on the page by themselves, and what was written stays."""
        anna = self.person("/events/main").fill("#q-GA", "2")
        self.change("main", {"paused": True})
        anna.shows("The sale is paused")
        self.assertFalse(anna.js("!!document.querySelector('#q-GA')"))
        self.change("main", {"paused": False})
        anna.shows("Hold these places")
        anna.wait("document.querySelector('#q-GA').value === '2'")

    def test_opening(self):
        """A page that counts down to the opening turns into the sale by itself."""
        # On a busy machine the page may be there only after the opening: then once more, with more time.
        for lead in (4, 16, 64):
            opens = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=lead)
            self.change("opening", {"sale": {"opens_at": opens.isoformat(timespec="milliseconds")}})
            anna = self.person("/events/opening").shows("GA")
            counts_down = "Opens in" in anna.text()
            if counts_down:
                break
        self.assertTrue(counts_down, anna.text())
        anna.shows("Hold these places", seconds=lead + 60)
        anna.fill("#q-GA", "1").press_button("Hold these places").shows("Yours until")

    def test_restart(self):
        """While the service is away the page says since when it knows nothing; a hold outlives the restart."""
        anna = self.person("/events/restarted")
        ben = self.person("/events/restarted")
        ben.fill("#q-GA", "1").press_button("Hold these places").shows("Yours until")
        self.server.stop()
        anna.shows("The line is broken")
        self.server.start()
        anna.wait("!document.body.innerText.includes('The line is broken')")
        anna.fill("#q-GA", "1").press_button("Hold these places").shows("Yours until")
        ben.press_button("Get the tickets").shows("You have your tickets")
        # Chromium reports each try to connect as an error.
        for page in (anna, ben):
            page.js("0")
            page.errors = [error for error in page.errors if "ERR_CONNECTION_REFUSED" not in error
                           and "ERR_INCOMPLETE_CHUNKED_ENCODING" not in error and "ERR_EMPTY_RESPONSE" not in error]
