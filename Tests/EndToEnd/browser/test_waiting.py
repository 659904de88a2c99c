"""People wait in browsers for a sale that has too few places."""

import datetime
import json
import unittest

from support import forging
from support.browser import BrowserCase
from support.service import event, eventually, make_key

# Before a page's own scripts: counts the tones that it plays, and remembers them when it goes to another page.
COUNT_TONES = """const start = OscillatorNode.prototype.start; OscillatorNode.prototype.start = function (...when) {
    sessionStorage.setItem('tones', Number(sessionStorage.getItem('tones') ?? 0) + 1); return start.apply(this, when); };"""


class QueueCase(BrowserCase):
    """A service whose events get queues."""

    events = (event(100, "door", queue={}),)

    def call(self, method, target, body=None):
        """Call the API as an operator; return the answer."""
        if not hasattr(self, "key"):
            self.key = make_key(self.server)
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = [f"Authorization: Bearer {self.key}"]
        if method in ("PATCH", "DELETE") and not target.endswith("/queue"):
            headers.append("If-Match: *")
        if body is None:
            return self.server.ask(method, target, headers)
        return self.server.ask(method, target, headers + [f"Content-Type: {kind}"], json.dumps(body).encode())

    def define(self, name, places=8, opens_in=None, joins_in=-60, queue=None, **members):
        """Define an event with a queue whose sale opens in so many seconds, or is open; wait until people can join."""
        queue = queue or {}
        if opens_in is not None:
            members["sale"] = {"opens_at": self.moment(opens_in)}
            queue = {"opens_at": self.moment(joins_in)} | queue
        members.setdefault("limits", {"tickets_per_hold": 4})
        answer = self.call("PUT", f"/v1/events/{name}", event(places, name, queue=queue, **members))
        self.assertEqual(answer.status, 201, answer)
        if joins_in < 0:
            self.until(name, "gathering" if opens_in is not None else "moving")

    def open_sale(self, name):
        """Let the sale of an event open now."""
        answer = self.call("PATCH", f"/v1/events/{name}", {"sale": {"opens_at": self.moment(0)}})
        self.assertEqual(answer.status, 200, answer)

    @staticmethod
    def moment(seconds):
        """Return the moment so many seconds from now."""
        moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def until(self, name, phase):
        """Wait for a phase of the queue."""
        self.assertTrue(eventually(lambda: self.server.get(f"/v1/events/{name}/queue").json()["phase"] == phase), phase)

    def adjust(self, name, **change):
        """Change a queue as an operator does."""
        answer = self.call("PATCH", f"/v1/events/{name}/queue", change)
        self.assertEqual(answer.status, 200, answer)

    def waiting(self, name, **options):
        """Return the page of somebody new who has joined a queue that lets nobody in."""
        page = self.person(f"/events/{name}/queue", **options)
        return page.press_button("Join the queue").shows("Your position")

    def token(self, name, number):
        """Return the token that the service would give to an entry; perhaps nobody has this number."""
        return forging.token(self.server, name, number)

    def path(self, page):
        """Return the path of a page."""
        return page.js("location.pathname")


class Rush(QueueCase):
    """A sale that opens with a draw."""

    def test_rush(self):
        """Two people come from the waiting page to their tickets, and a third learns that it is over, and checks the draw."""
        self.define("rush", 8, 3600)
        people = [self.person("/events/rush").press_button("To the queue") for _ in range(3)]
        for person in people:
            person.shows("All who join before the sale opens are drawn").shows("You then have 3 minutes to choose")
            person.shows("within 15 minutes").press_button("Join the queue").shows("You have joined")
        self.assert_accessible(people[0])
        self.assert_fits(people[0])
        self.open_sale("rush")
        left = list(people)
        for _ in range(2):
            self.assertTrue(eventually(lambda: any(self.path(one) == "/events/rush" for one in left), 60))
            buyer = next(one for one in left if self.path(one) == "/events/rush")
            left.remove(buyer)
            buyer.shows("It is your turn until").fill("#q-GA", "4").press_button("Hold these places").shows("Yours until")
            if len(left) == 2:
                # Those who wait see where they stand, also after a reload and in another tab.
                last = next(one for one in left if self.path(one) == "/events/rush/queue")
                last.shows("Your position").shows("Odds of finding something")
                place = last.js("document.querySelector('#position').textContent")
                for page in (last.open(self.url("/events/rush/queue")), self.tab(last, "/events/rush/queue")):
                    page.shows("Your position")
                    self.assertEqual(page.js("document.querySelector('#position').textContent"), place)
            buyer.press_button("Get the tickets").shows("You have your tickets")
        last = left[0].shows("Everything is sold", 30).shows("Places may still come back")
        last.shows("You keep your place")
        self.assert_accessible(last)
        self.assert_fits(last)
        last.press_button("About the draw").press_button("Check the draw").shows("The draw is as published", 30)
        for text in ("The secret is the one", "The seed follows", "signed by this box office", "stands at position"):
            last.shows(text)
        self.assert_accessible(last)
        self.assert_fits(last)
        # A receipt with another number was signed by nobody, and one of another queue is of no use here.
        receipt = last.js("document.querySelector('#line').value")
        parts = receipt.split(" ")
        for line, said in ((" ".join([parts[0], "2" if parts[1] != "2" else "1", *parts[2:]]), "or was changed"),
                           (" ".join(["other", *parts[1:]]), "of another queue"), ("what I remember", "no receipt")):
            last.fill("#line", line).press_button("Check the draw").shows(said).shows("Something does not fit")
        self.assertEqual(self.server.verify().returncode, 0)

    def test_public_value(self):
        """An operator gives the public value, which makes the draw; everybody reads that it came in time."""
        self.define("dice", 8, 3600, queue={"beacon": {"name": "dice of the mayor", "wait_seconds": 600}})
        self.person("/events/dice/queue").shows("a public random value that nobody knows yet: dice of the mayor")
        olga = self.person("/operate/queues/dice").fill("#key", make_key(self.server)).press_button("Sign in")
        olga.shows("Announced: dice of the mayor").shows("It can be given when people have joined")
        self.open_sale("dice")
        olga.press_button("Give the value").shows("must have letters from A to Z or digits")
        olga.fill("#f-value", "6 3 1 <5>").press_button("Give the value").shows("The queue is changed.")
        olga.shows("Its value: 6315").press_button("About the draw").shows("The public value came in time")
        olga.press_button("Check the draw").shows("The draw is as published")


class Waiting(QueueCase):
    """Queues in which people wait until an operator lets them in."""

    def test_kept(self):
        """A place is kept through sleep and a lost network, which the page says; people ahead become fewer by themselves."""
        self.define("kept", 100)
        self.adjust("kept", paused=True)
        people = [self.waiting("kept") for _ in range(3)]
        last = people[2]
        self.assertEqual(last.js("[position, ahead].map((one) => one.textContent).join()"), "3,2")
        self.assertEqual(last.js("document.title"), "2 ahead – Waiting for kept")
        last.shows("Nobody is let in for the moment")
        self.assert_accessible(last)
        offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        last.call("Network.emulateNetworkConditions", offline=True, **offline)
        last.shows("cannot be reached. You keep your place")
        last.call("Network.emulateNetworkConditions", offline=False, **offline)
        last.wait("document.querySelector('#status').textContent === ''")
        last.errors.clear()  # Chromium notes what it could not load.
        last.freeze()
        self.adjust("kept", let_in=1)
        last.wake()
        last.wait("document.querySelector('#ahead').textContent === '1'")
        people[0].shows("It is your turn until")
        # The page of somebody who opened what it can open keeps it open, and the focus where it was.
        people[1].click("#leave-summary").shows("You give up your place").js("document.querySelector('#leave').focus()")
        self.adjust("kept", paused=False, most_per_second=1)
        people[1].shows("It is your turn until")
        last.shows("It is your turn until")

    def test_focus(self):
        """What is open stays open when the page shows something new, and the focus stays where it was."""
        self.define("focus")
        self.adjust("focus", paused=True)
        page = self.waiting("focus").click("#leave-summary")
        page.js("document.querySelector('#leave').focus()")
        self.call("PATCH", "/v1/events/focus", {"paused": True, "notice": "The stage is being cleared."})
        self.adjust("focus", paused=False)
        page.shows("The stage is being cleared.").shows("The sale is paused, so nobody is let in")
        self.assertEqual(page.js("document.activeElement.id + document.querySelector('#leave-part').open"), "leavetrue")
        page.press_button("Give up my place").shows("Join the queue")

    def test_sound(self):
        """Who switches the sound on hears it at once, and when the turn comes; the switch is remembered."""
        self.define("loud")
        self.adjust("loud", paused=True)
        quiet, loud = self.waiting("loud"), self.waiting("loud")
        for page in (quiet, loud):
            page.call("Page.addScriptToEvaluateOnNewDocument", source=COUNT_TONES)
            page.open(self.url("/events/loud/queue")).shows("Your position")
        loud.tab_to("#sound").key(" ")
        loud.wait("sessionStorage.getItem('tones') === '2'")
        loud.open(self.url("/events/loud/queue")).shows("Press anywhere on this page once")
        loud.tab_to("#sound")
        loud.wait("document.querySelector('#silent').textContent === ''")
        self.adjust("loud", let_in=2)
        for page, tones in ((loud, "4"), (quiet, None)):
            page.shows("It is your turn until")
            self.assertEqual(page.js("sessionStorage.getItem('tones')"), tones)

    def test_turn(self):
        """A turn counts down, also in the title; when it is over, the page says so, and its owner joins again."""
        self.define("brief", queue={"turn_seconds": 10, "return_seconds": 0, "purchases_per_entry": 2})
        page = self.person("/events/brief/queue").shows("You then have 10 seconds").shows("good for 2 purchases")
        page.press_button("Join the queue").shows("It is your turn until")
        page.wait("/^0:0\\d – /.test(document.title)")
        page.wait("/^0:0\\d$/.test(document.querySelector('#turn strong').textContent)")
        self.assert_accessible(page)
        page.shows("Your turn is over", 30).press_button("To the queue").shows("You can join again")
        page.press_button("Join again").shows("It is your turn until")

    def test_again(self):
        """When a hold ends without a purchase, its page tries again with the same turn."""
        self.define("again", hold_seconds=1, grace_seconds=0)
        page = self.person("/events/again/queue").press_button("Join the queue").shows("It is your turn until")
        page.fill("#q-GA", "2").press_button("Hold these places").shows("Your time is over")
        page.press_button("Try again for the same places").shows("Yours until")

    def test_foreign(self):
        """A forged place, one of another queue, one that the store has lost, and one of an event that is gone are pages in words
        with a way on.
        """
        self.define("mine", 100)
        self.define("other")
        self.adjust("other", paused=True)
        other = self.waiting("other")
        token = next(one["value"] for one in other.call("Network.getCookies", urls=[self.url("/events/other/queue")])["cookies"]
                     if one["name"] == "holdfast_entry")
        for value in ("forged", token[:-1] + ("A" if token[-1] != "A" else "B"), token,
                      self.token("mine", 900)):
            page = self.person("/events/mine/queue").shows("Join the queue")
            page.call("Network.setCookie", name="holdfast_entry", value=value, url=self.url("/events/mine"), path="/events/mine")
            page.open(self.url("/events/mine")).shows("To the queue")
            page.open(self.url("/events/mine/queue")).shows("This browser has no place in this queue any more")
            page.press_button("Join the queue").shows("It is your turn until")
        self.assertEqual(self.call("DELETE", "/v1/events/other").status, 204)
        other.shows("There is no such event")
        other.errors.clear()  # Chromium notes that the stream has ended.

    def test_in_words(self):
        """Before a queue opens its page says when; a cancelled event, an ended sale and a removed queue are no queue any more."""
        self.define("later", opens_in=7200, joins_in=3600)
        later = self.person("/events/later").shows("You can join from").press_button("To the queue")
        later.shows("the queue is not open yet").wait("/^in 59/.test(document.querySelector('[data-opens-in]').textContent)")
        self.assert_accessible(later)
        self.define("gone")
        self.adjust("gone", paused=True)
        page = self.waiting("gone")
        self.assertEqual(self.call("POST", "/v1/events/gone/cancel", {}).status, 200)
        page.shows("cancelled")
        self.assertFalse(page.js("!!document.querySelector('#leave, #join')"))
        sale = self.person("/events/gone").shows("cancelled")
        self.assertFalse(sale.js("!!document.querySelector('#queue')"))

    def test_turn_in_pause(self):
        """While the sale is paused, the clock of a turn stands, and says so; it goes on with the sale."""
        self.define("stops")
        anna = self.person("/events/stops/queue").press_button("Join the queue").shows("It is your turn until")
        self.assertEqual(self.call("PATCH", "/v1/events/stops", {"paused": True}).status, 200)
        anna.shows("Your turn waits for the sale")
        left = anna.js("document.querySelector('#turn strong').textContent")
        self.assertRegex(left, r"^[1-3]:\d\d$")
        self.assert_accessible(anna)
        anna.open(self.url("/events/stops?lang=de")).shows("Ihre Zeit steht still")
        self.assertEqual(anna.js("document.querySelector('#turn strong').textContent"), left)
        self.assertEqual(self.call("PATCH", "/v1/events/stops", {"paused": False}).status, 200)
        anna.shows("Sie sind an der Reihe bis")

    def test_plain(self):
        """Without a script the form joins, the page renews itself, and comes to the sale when it is time."""
        self.define("plain")
        self.adjust("plain", paused=True)
        anna = self.person("/events/plain/queue", script=False)
        self.see(anna, "Join the queue")
        self.send(anna, "#join")
        self.see(anna, "it loads itself anew about once a minute")
        self.see(anna, "Your position")
        self.adjust("plain", paused=False)
        # By itself, within half a minute.
        self.see(anna, "It is your turn until")
        self.see(anna, "Hold these places")

    def test_no_turn(self):
        """Who has no turn sees the event and the way to the queue, and nothing to fill in."""
        anna = self.person("/events/door?lang=de").shows("Zur Warteschlange")
        self.assertFalse(anna.js("!!document.querySelector('#q-GA')"))
        anna.press_button("Zur Warteschlange").shows("Es geht der Reihe nach").press_button("Anstellen")
        anna.shows("Sie sind an der Reihe bis").wait("/\\d/.test(document.querySelector('#turn strong').textContent)")


class Operators(QueueCase):
    """The operators' page of a queue."""

    def sign_in(self, target, role="operator"):
        """Return the page of an operator at a path."""
        return self.person(target).fill("#key", make_key(self.server, role)).press_button("Sign in")

    def test_operators(self):
        """An operator sees who waits and why, stops and starts the queue, and lets people in; the audit has all of it."""
        self.define("hall", 100)
        olga = self.sign_in("/operate/queues/hall").shows("Nobody waits")
        self.assert_accessible(olga)
        self.assert_fits(olga)
        olga.press_button("Let nobody in").shows("the queue is paused")
        self.waiting("hall")
        self.waiting("hall")
        olga.wait("[...document.querySelectorAll('dt')].find((one) => one.textContent === 'wait').nextSibling.textContent === '2'")
        olga.press_button("Let them in").shows("must be a whole number from 1 to 100,000")
        self.assertEqual(olga.js("document.querySelector('#f-let_in').getAttribute('aria-invalid')"), "true")
        self.assert_accessible(olga)
        olga.fill("#f-let_in", "1").fill("#why-let-in", "a guest of honour").press_button("Let them in").shows("The queue is changed.")
        olga.fill("#f-most_per_second", "x").press_button("Set the rate").shows("or empty")
        olga.fill("#f-most_per_second", "7").press_button("Set the rate").shows("Never more than 7 people in a second")
        olga.press_button("Let people in again").shows("The queue is changed.")
        olga.press_button("To the event").shows("wait, ")
        olga.open(self.url("/operate/audit?event=hall")).shows("changed the queue of hall").shows("a guest of honour")
        for difference in ("/let_in: – → 1", "/most_per_second: 500 → 7", "/paused: true → false"):
            olga.shows(difference)

    def test_viewer(self):
        """A viewer sees the queue and the reckoning, and has nothing to press; a form of theirs is refused."""
        vera = self.sign_in("/operate/queues/door", "viewer").shows("What admission decides by").shows("left for more people")
        self.assertFalse(vera.js("!!document.querySelector('main form')"))
        self.assertEqual(vera.js("""fetch('/operate/queues/door', { method: 'POST', body: new URLSearchParams({
            action: 'pause', form: document.querySelector('input[name=form]').value }) }).then((answer) => answer.status)"""), 403)
        vera.errors.clear()


if __name__ == "__main__":
    unittest.main()
