"""When and where an event is, and what it is about: for people, search engines and calendars (R56 Presentation)."""

import json
import pathlib
import re
import subprocess
import tempfile

from support.environment import environment
from support.service import ServiceCase, command, event, make_key

BROWSER = "Accept: text/html"
GALA = {
    "starts_at": "2026-11-30T19:00:00.000Z", "ends_at": "2026-12-01T01:00:00.000Z", "time_zone": "Europe/Berlin",
    "venue": "Great Hall, <North>", "address": "1 Main Street; Berlin",
    "image": "https://images.example/gala;v=2,wide.jpg?width=800", "image_text": "The \"hall\" at night",
    "description": "First </script> line\nsecond, with https://hall.example/gala?a=1&b=2.\n\n" + "é🎭" * 60,
    "website": "https://hall.example/", "price_note": "Fees are included.", "terms_url": "https://hall.example/terms"}
READ = """
import icalendar, json, sys
calendar = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
found, = calendar.walk("VEVENT")
print(json.dumps({"from": found.decoded("DTSTART").isoformat(), "to": found.decoded("DTEND").isoformat(),
                  "zone": str(found["DTSTART"].params["TZID"]), "text": {
                      name: str(found[name]) for name in ("SUMMARY", "LOCATION", "DESCRIPTION", "UID", "URL", "STATUS")}}))
"""


class Presentation(ServiceCase):
    """A service at a public address with an event of which everything is said, one of which nothing is, and others."""

    settings = {"public_url": "https://tickets.example"}
    events = (event(5, "gala", name="Gala & \"Ball\"", presentation=GALA, types=[
        {"code": "GA", "name": "Floor", "price": 8900, "pools": ["floor"]},
        {"code": "JPY", "price": 0, "pools": ["floor"]}]),
              event(5, "plain"), event(5, "changing"),
              event(5, "zoneless", presentation={"starts_at": "2026-11-30T19:00:00Z", "venue": "Cellar",
                                              "image": "/images/cellar.webp"}))

    def page(self, target, *headers):
        """Return a page's HTML."""
        answer = self.server.ask("GET", target, [BROWSER, *headers])
        self.assertEqual(answer.status, 200, answer)
        return answer.body.decode()

    def test_document(self):
        """Everybody reads it in the event's document; where nothing is said, nothing is there."""
        document = self.server.get("/v1/events/gala").json()["definition"]
        self.assertEqual(document["presentation"], GALA)
        self.assertNotIn("presentation", self.server.get("/v1/events/plain").json()["definition"])
        self.assertNotIn("presentation", self.server.get("/v1/events/gala/availability").body.decode())

    def test_changing(self):
        """A patch changes single members and takes them away; the audit names each; all mistakes come at once."""
        key = [f"Authorization: Bearer {make_key(self.server, 'operator')}", "If-Match: *",
               "Content-Type: application/merge-patch+json"]

        def patch(presentation):
            return self.server.ask("PATCH", "/v1/events/changing", key,
                                   json.dumps({"presentation": presentation}).encode())
        self.assertEqual(patch({"venue": "Hall", "time_zone": "UTC"}).status, 200)
        answer = patch({"time_zone": None, "address": "Here"})
        shown = {name: value for name, value in answer.json()["definition"]["presentation"].items() if value}
        self.assertEqual(shown, {"venue": "Hall", "address": "Here"})
        wrong = patch({"time_zone": "Berlin", "website": "javascript:x", "ends_at": "2026-01-01T00:00:00Z", "venu": "x"})
        self.assert_problem(wrong, 422, "validation-failed")
        self.assertEqual({error["pointer"] for error in wrong.json()["errors"]}, {
            f"/presentation/{name}" for name in ("time_zone", "website", "ends_at", "venu")})
        audit = self.server.ask("GET", "/v1/audit?event=changing", key[:1]).json()["entries"]
        changes = [[one["member"] for one in entry["differences"]] for entry in audit if entry["action"] == "event.change"]
        self.assertEqual(changes, [["/presentation/time_zone", "/presentation/venue"],
                                   ["/presentation/time_zone", "/presentation/address"]])
        self.assertEqual(patch(None).status, 200)
        self.assertNotIn("presentation", self.server.get("/v1/events/changing").json()["definition"])

    def test_page(self):
        """The page says when, where and what, in the event's time; nothing of it is markup, and addresses are links."""
        html = self.page("/events/gala")
        self.assertIn("Monday, 30 November 2026, 20:00 – Tuesday, 1 December 2026, 02:00 (Europe/Berlin)</time>", html)
        self.assertIn('<time datetime="2026-11-30T20:00:00+01:00" data-zoned>', html)
        self.assertIn("Great Hall, &lt;North&gt;, 1 Main Street; Berlin", html)
        self.assertIn("First &lt;/script&gt; line\nsecond, with <a href=\"https://hall.example/gala?a=1&amp;b=2\"", html)
        for text in ("Fees are included.", 'href="https://hall.example/terms"', 'href="/events/gala.ics"'):
            self.assertIn(text, html)
        self.assertIn("Montag, 30. November 2026, 20:00 Uhr", self.page("/events/gala", "Accept-Language: de"))
        self.assertNotIn('class="when"', self.page("/events/plain"))
        self.assertIn('<time datetime="2026-11-30T19:00:00.000Z">30 November 2026, 19:00 UTC', self.page("/events/zoneless"))

    def test_image(self):
        """The page shows the image in a frame of its own; a browser may load this one address more, and only there."""
        answer = self.server.ask("GET", "/events/gala", [BROWSER])
        html = answer.body.decode()
        self.assertIn('<img class="image" src="https://images.example/gala;v=2,wide.jpg?width=800" '
                      'alt="The &quot;hall&quot; at night" width="1600" height="900"', html)
        self.assertIn('referrerpolicy="no-referrer"', html)
        self.assertIn('<meta property="og:image" content="https://images.example/gala;v=2,wide.jpg?width=800">', html)
        self.assertIn('<meta property="og:image:alt" content="The &quot;hall&quot; at night">', html)
        self.assertIn('"image":"https://images.example/gala;v=2,wide.jpg?width=800"', html)
        self.assertIn("; img-src 'self' https://images.example/gala%3Bv=2%2Cwide.jpg; base-uri",
                      answer.header("content-security-policy"))
        for target in ("/", "/events/plain", "/events/changing"):
            policy = self.server.ask("GET", target, [BROWSER]).header("content-security-policy")
            self.assertIn("; img-src 'self'; ", policy)
        own = self.server.ask("GET", "/events/zoneless", [BROWSER])
        self.assertIn('src="/images/cellar.webp" alt=""', own.body.decode())
        self.assertIn('"og:image" content="https://tickets.example/images/cellar.webp"', own.body.decode())
        self.assertIn("; img-src 'self'; ", own.header("content-security-policy"))

    def test_list(self):
        """The list of events says when and where each is."""
        html = self.page("/")
        self.assertIn("Monday, 30 November 2026, 20:00 – ", html)
        self.assertIn("Great Hall, &lt;North&gt;", html)
        self.assertIn("Cellar", html)

    def test_linked_data(self):
        """Search engines find the event with its offers, and messengers a title, a description and the address."""
        html = self.page("/events/gala")
        script, = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html)
        data = json.loads(script)
        self.assertEqual((data["@context"], data["@type"], data["name"]), ("https://schema.org", "Event", 'Gala & "Ball"'))
        self.assertEqual((data["startDate"], data["endDate"]), ("2026-11-30T20:00:00+01:00", "2026-12-01T02:00:00+01:00"))
        self.assertEqual(data["location"], {"@type": "Place", "name": GALA["venue"], "address": GALA["address"]})
        self.assertEqual(data["offers"][0], {
            "@type": "Offer", "name": "Floor", "price": "89.00", "priceCurrency": "EUR",
            "availability": "https://schema.org/InStock", "url": "https://tickets.example/events/gala"})
        self.assertTrue(data["description"].startswith("First </script> line second"))
        self.assertIn('<meta property="og:title" content="Gala &amp; &quot;Ball&quot;">', html)
        self.assertIn('<link rel="canonical" href="https://tickets.example/events/gala">', html)
        self.assertNotIn("ld+json", self.page("/events/plain"))

    def test_calendar(self):
        """The calendar file is what calendar programs read: time in its zone, texts as they were written."""
        answer = self.server.get("/events/gala.ics")
        self.assertEqual((answer.status, answer.header("content-type")), (200, "text/calendar; charset=utf-8"))
        python = environment(pathlib.Path(__file__).with_name("requirements.txt")) / "bin/python"
        read = json.loads(subprocess.run([python, "-c", READ], input=answer.body, capture_output=True, check=True).stdout)
        self.assertEqual((read["from"], read["to"], read["zone"]), (
            "2026-11-30T20:00:00+01:00", "2026-12-01T02:00:00+01:00", "Europe/Berlin"))
        self.assertEqual(read["text"], {
            "SUMMARY": 'Gala & "Ball"', "LOCATION": "Great Hall, <North>, 1 Main Street; Berlin",
            "DESCRIPTION": GALA["description"], "UID": "gala@tickets.example", "STATUS": "CONFIRMED",
            "URL": "https://tickets.example/events/gala"})
        for name in ("plain", "nothing", "gala.ics"):
            self.assertEqual(self.server.get(f"/events/{name}.ics").status, 404)

    def test_purchase(self):
        """Who holds places and who has bought them reads when and where, too."""
        form = ["Content-Type: application/x-www-form-urlencoded", BROWSER]
        held = self.server.ask("POST", "/events/gala/holds", form, b"q.JPY=1")
        cookie = "Cookie: " + held.header("set-cookie").split(";")[0]
        self.assertIn("20:00", self.page(held.header("location"), cookie))
        bought = self.server.ask("POST", held.header("location") + "/pay", [*form, cookie], b"")
        page = self.page(bought.header("location"), cookie)
        self.assertIn("Great Hall", page)
        self.assertIn('href="/events/gala.ics"', page)


class AtHome(ServiceCase):
    """A service that does not know its public address, and has a folder with images."""

    events = (event(5, "gala", presentation=GALA | {"image": "/images/gala.webp"}),)

    @classmethod
    def setUpClass(cls):
        room = tempfile.TemporaryDirectory(prefix="holdfast-images-")
        cls.addClassCleanup(room.cleanup)
        cls.images = pathlib.Path(room.name)
        cls.settings = {"pages_images": cls.images}
        super().setUpClass()

    def test_images(self):
        """An image is served as what it is, under a policy with which nothing runs; nothing else of the folder is."""
        self.assertEqual(self.server.get("/images/gala.webp").status, 404)
        webp = b"RIFF\x24\0\0\0WEBPVP8 " + bytes(100)
        (self.images / "gala.webp").write_bytes(webp)
        (self.images / "notes.txt").write_text("not for everybody")
        (self.images / ".hidden.webp").write_bytes(webp)
        (self.images.parent / (self.images.name + ".webp")).write_bytes(webp)
        self.addCleanup((self.images.parent / (self.images.name + ".webp")).unlink)
        answer = self.server.get("/images/gala.webp?v=2")
        self.assertEqual((answer.status, answer.header("content-type"), answer.body), (200, "image/webp", webp))
        self.assertEqual(answer.header("content-security-policy"), "default-src 'none'; sandbox")
        self.assertEqual(answer.header("x-content-type-options"), "nosniff")
        for name in ("notes.txt", ".hidden.webp", "", f"..%2F{self.images.name}.webp", f"../{self.images.name}.webp"):
            self.assertEqual(self.server.get("/images/" + name).status, 404, name)
        run = command("serve", "--pages-images", str(self.images / "nowhere"), "--data", str(self.images / "data"))
        self.assertEqual((run.returncode, run.stderr.count("\n")), (78, 1), run)
        self.assertIn("pages.images: there is no folder", run.stderr)

    def test_no_absolute_links(self):
        """What would need an absolute address is left out, whatever the client says in Host."""
        html = self.server.ask("GET", "/events/gala", [BROWSER]).body.decode()
        for left_out in ("canonical", "og:url", '"url"', "localhost", "og:image"):
            self.assertNotIn(left_out, html)
        self.assertIn("ld+json", html)
        calendar = self.server.get("/events/gala.ics").body.decode()
        self.assertIn("URL:https://hall.example/\r\n", calendar)
