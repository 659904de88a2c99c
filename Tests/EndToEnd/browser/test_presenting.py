"""What an event says of itself, on pages in browsers."""

import base64
import struct
import zlib

from support.browser import BrowserCase
from support.service import event

SUMMER = {
    "starts_at": "2027-06-12T18:00:00Z", "ends_at": "2027-06-12T22:00:00Z", "time_zone": "Europe/Berlin",
    "venue": "Great Hall", "address": "1 Main Street, Berlin",
    "description": "Three bands and a choir.\nDoors open at seven.\n\nThe programme: https://hall.example/summer",
    "website": "https://hall.example", "price_note": "All fees are included.",
    "terms_url": "https://hall.example/terms"}
IMAGE = {"image": "https://images.example/summer;v=2,wide.png?width=800", "image_text": "A choir on stairs"}


def picture(width, height):
    """Return a PNG of one colour."""
    def chunk(kind, data):
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
    rows = (b"\0" + b"\x2f\x7d\x54" * width) * height
    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Presenting(BrowserCase):
    """A service with an event that says everything, and one that says only when it is."""

    others = ("https://images.example/",)
    events = (event(50, name="Summer Festival", presentation=SUMMER),
              event(5, "when", presentation={"starts_at": "2027-06-12T18:00:00Z"}),
              event(50, "pictured", name="Summer Festival", presentation=SUMMER | IMAGE))

    def test_times(self):
        """An event's times stay in its zone, whatever the reader's clock says; without a zone they are the reader's."""
        anna = self.browser.person()
        self.people.append(anna)
        anna.call("Emulation.setTimezoneOverride", timezoneId="America/New_York")
        anna.open(self.url("/events/main")).shows("Saturday, 12 June 2027, 20:00–00:00 (Europe/Berlin)".replace(
            "20:00–00:00", "20:00 – Sunday, 13 June 2027, 00:00"))
        anna.open(self.url("/events/when")).shows("June 12, 2027 at 2:00 PM")
        anna.open(self.url("/")).shows("Great Hall").shows("20:00 – Sunday")

    def images(self, page):
        """Hold back what the page asks of other hosts; return the requests, to which each answer adds."""
        asked = []
        note = page.note

        def listen(method, event):
            if method == "Fetch.requestPaused":
                asked.append(event)
            else:
                note(method, event)
        page.note = listen
        page.call("Fetch.enable", patterns=[{"urlPattern": "https://*"}])
        return asked

    def give(self, page, request):
        """Answer a request with a picture."""
        page.call("Fetch.fulfillRequest", requestId=request["requestId"], responseCode=200,
                  responseHeaders=[{"name": "Content-Type", "value": "image/png"}],
                  body=base64.b64encode(picture(40, 30)).decode())

    def test_image(self):
        """The image is asked of its host alone, without a referrer, moves nothing when it comes, and no other one may be."""
        anna = self.person(width=390)
        asked = self.images(anna)
        anna.call("Page.navigate", url=self.url("/events/pictured"))
        anna.wait("document.querySelector('#total output')?.textContent")
        place = "document.querySelector('.types').getBoundingClientRect().top"
        before = anna.js(place)
        self.assertEqual([one["request"]["url"] for one in asked], [IMAGE["image"]])
        self.assertNotIn("Referer", asked[0]["request"]["headers"])
        self.give(anna, asked[0])
        anna.wait("document.querySelector('.image').naturalWidth === 40")
        self.assertEqual(anna.js(place), before)
        width, height = anna.js("[document.querySelector('.image').offsetWidth, document.querySelector('.image').offsetHeight]")
        self.assertAlmostEqual(width / height, 16 / 9, delta=0.02)
        self.assertEqual(anna.js("document.querySelector('.image').alt"), "A choir on stairs")
        self.assert_accessible(anna)
        self.assert_fits(anna)
        # Another address of the same host is not asked: the policy names this one alone.
        anna.js("window.other = 0; document.addEventListener('securitypolicyviolation', () => { window.other += 1; });"
                "new Image().src = 'https://images.example/summer;v=3,wide.png'; 0")
        anna.wait("window.other === 1")
        self.assertEqual(len(asked), 1)
        self.assertIn("Content Security Policy", anna.errors.pop())

    def test_accessible(self):
        """Axe finds nothing on the pages that show it, and no console complains of the data for machines."""
        for language, words in (("en", "Add to your calendar"), ("de", "In den Kalender eintragen")):
            anna = self.person("/events/main", width=390, language=language).shows(words)
            self.assertEqual(anna.js("JSON.parse(document.querySelector('[type*=json]').textContent)['@type']"), "Event")
            self.assertLessEqual(anna.js("document.documentElement.scrollWidth"), 390)
            self.assert_accessible(anna)
            self.assert_accessible(anna.open(self.url("/")))
        anna.open(self.url("/events/main")).fill("#q-GA", "1").press_button("reservieren").shows("Great Hall")
        self.assert_accessible(anna)
