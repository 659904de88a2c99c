"""People buy tickets in browsers."""

from support.browser import BrowserCase
from support.service import event, eventually, make_key

PRICED = [{"code": "GA", "name": "Floor", "price": 8900, "pools": ["floor"]},
          {"code": "VIP", "name": "Lounge", "price": 24900, "pools": ["lounge"]}]


class Buying(BrowserCase):
    """A service whose event `main` can be bought by demonstration, and others with few places."""

    events = (
        event({"floor": 5000, "lounge": 20}, name="Summer Festival", types=PRICED),
        event(2, "pair"), event(4, "four"), event(1, "brief", hold_seconds=8, grace_seconds=0),
        event(10, "keys"), event(10, "plain", hold_seconds=90, max_extensions=1),
        event(10, "live"),
        event(10, "forint", currency="HUF", types=[{"code": "GA", "price": 150050, "pools": ["floor"]}]),
        event(10, "late", completion="shop", hold_seconds=1, grace_seconds=0),
        event(10, "limited", limits={"tickets_per_buyer": 2}))

    def hold(self, page, name, quantity, kind="GA"):
        """Fill the form of a sale and send it."""
        page.open(self.url(f"/events/{name}"))
        page.fill(f"#q-{kind}", str(quantity))
        return page.press_button("Hold these places")

    def test_buy(self):
        """From the list of events to the code: total, hold, payment, purchase, and back by the kept link."""
        anna = self.person("/")
        anna.press_button("Summer Festival").shows("Hold these places")
        anna.click("[data-type=GA] .pick button:last-child").click("[data-type=GA] .pick button:last-child")
        anna.click("[data-type=VIP] .pick button:last-child")
        anna.wait("document.querySelector('#total output').textContent === '€427.00'")
        anna.press_button("Hold these places").shows("Yours until").shows("€427.00")
        self.assertRegex(anna.js("document.title"), r"^[45]:\d\d – ")
        anna.press_button("demonstration").shows("You have your tickets").shows("2 × Floor")
        code = anna.js("document.querySelector('.code').textContent")
        link = anna.js("document.querySelector('a[href*=\"#\"]:not(.skip)').href")
        self.assertTrue(link.endswith("#" + code))
        self.assertNotIn(code, "".join(url for url, _, _ in anna.urls))
        # Another device has no cookie, only the link.
        other = self.person(link.removeprefix(self.url(""))).shows("You have your tickets").shows("2 × Floor")
        self.assertNotIn("#", other.js("location.href"))
        stranger = self.person(other.js("location.pathname")).shows("Type the code")
        stranger.fill("#code", code[:-1] + ("A" if code[-1] != "A" else "B")).press_button("Open")
        stranger.shows("does not belong")
        self.assertEqual(self.server.verify().returncode, 0)

    def test_total(self):
        """The total has the decimals of the service, whatever the browser believes about a currency."""
        anna = self.person("/events/forint").fill("#q-GA", "2")
        anna.wait("document.querySelector('#total output').textContent.includes('3,001.00')")

    def test_paid_late_at_the_shop(self):
        """The page of a hold that is over shows by itself the purchase that the shop makes of it."""
        anna = self.person()
        self.hold(anna, "late", 1).shows("Your time is over").shows("Have you paid already?")
        anna.shows("This page shows it by itself")
        hold = anna.js("location.pathname")
        paid = self.server.ask(
            "POST", f"/v1{hold}/purchase",
            [f"Authorization: Bearer {make_key(self.server, 'shop')}", "Content-Type: application/json"],
            b'{"payment_reference": "late-1"}')
        self.assertIn(paid.status, (200, 201), paid)
        anna.js("document.dispatchEvent(new Event('visibilitychange'))")
        anna.shows("You have your tickets")

    def test_skip_link_is_no_code(self):
        """The skip link of the page that asks for a code leads to the content, and sends nothing."""
        anna = self.person("/purchases/P1#content").shows("Type the code")
        self.assertEqual(anna.js("document.querySelector('#code').value"), "")
        self.assertFalse(anna.js("!!document.querySelector('#notice')"))

    def test_last_places(self):
        """Two people want the last places: one gets them; the page tells the other what to do, and shows them when they come back."""
        anna, ben = self.person(), self.person("/events/pair")
        self.hold(anna, "pair", 2).shows("Yours until")
        ben.wait("document.querySelector('.state.held')")
        self.assertEqual(ben.js("document.querySelector('#q-GA').disabled"), True)
        # Ben's page was faster than the news.
        ben.js("document.querySelector('#q-GA').disabled = false; document.querySelector('#q-GA').value = 1;"
               "document.querySelector('#sale').requestSubmit()")
        ben.shows("Others hold the last places").shows("The next chance is at")
        self.assertEqual(ben.js("document.activeElement.id"), "notice")
        anna.press_button("Give the places back").shows("You gave the places back")
        ben.wait("document.querySelector('.state.available, .state.low')")
        ben.fill("#q-GA", "2").press_button("Hold these places").shows("Yours until")
        ben.press_button("Get the tickets").shows("You have your tickets")
        anna.press_button("Try again").shows("Not all of these places are left")

    def test_fewer(self):
        """Somebody who wants more than there is takes what is left with one press."""
        self.hold(self.person(), "four", 3).shows("Yours until")
        ben = self.person()
        self.hold(ben, "four", 3).shows("Only 1 is left")
        ben.press_button("Take the 1 that is left").shows("Yours until").shows("1 × GA")

    def test_expiry(self):
        """When the time is over the page says so by itself; one press holds the same places again."""
        anna = self.person()
        self.hold(anna, "brief", 1).shows("Yours until")
        anna.shows("Your time is over")
        anna.press_button("Try again").shows("Yours until")
        anna.shows("Your time is over")
        # Back and reload show the truth, too.
        anna.js("location.reload()")
        anna.shows("Your time is over")

    def test_sleep(self):
        """A page that slept while its time ran out says so as soon as it wakes."""
        anna = self.person()
        self.hold(anna, "brief", 1).shows("Yours until")
        anna.freeze()
        hold = anna.js("location.pathname").split("/")[-1]
        key = make_key(self.server)
        self.assertTrue(eventually(lambda: self.server.ask(
            "GET", f"/v1/holds/{hold}", [f"Authorization: Bearer {key}"]).json()["state"] == "expired"))
        self.assertIn("Yours until", anna.text())
        anna.wake()
        anna.shows("Your time is over")

    def test_clock(self):
        """The countdown follows the server: neither a wrong clock of the browser nor another tab confuses it."""
        anna = self.person()
        anna.call("Page.addScriptToEvaluateOnNewDocument", source="{ const now = Date.now; Date.now = () => now() + 4e6; }")
        self.hold(anna, "plain", 1).shows("Yours until")
        self.assertRegex(anna.js("document.querySelector('#clock strong').textContent"), r"^(1:[0-3]|0:[2-5])\d$")
        path = anna.js("location.pathname")
        other = self.tab(anna, path)
        other.press_button("1 minute from now").shows("No more time can be added")
        other.press_button("Give the places back").shows("You gave the places back")
        anna.js("document.dispatchEvent(new Event('visibilitychange'))")
        anna.shows("You gave the places back")

    def test_paying_in_two_tabs(self):
        """Two tabs that pay at once buy once, and both show the purchase."""
        anna = self.person()
        self.hold(anna, "main", 1, "VIP").shows("demonstration")
        other = self.tab(anna, anna.js("location.pathname")).shows("demonstration")
        for page in (anna, other):
            page.js("document.querySelector('form[action$=pay]').requestSubmit()")
        for page in (anna, other):
            page.shows("You have your tickets")
        self.assertEqual(anna.js("location.pathname"), other.js("location.pathname"))

    def test_without_scripts(self):
        """A sale works without a script, and nothing pretends to be alive."""
        anna = self.person("/events/live", script=False)
        html = anna.call("DOM.getOuterHTML", nodeId=anna.call("DOM.getDocument")["root"]["nodeId"])["outerHTML"]
        self.assertIn('id="total" hidden', html)
        document = anna.call("DOM.getDocument")["root"]["nodeId"]
        field = anna.call("DOM.querySelector", nodeId=document, selector="#q-GA")["nodeId"]
        anna.call("DOM.focus", nodeId=field)
        anna.call("Input.dispatchKeyEvent", type="keyDown", key="a", commands=["selectAll"])
        anna.call("Input.insertText", text="2")
        anna.key("Enter")
        self.see(anna, "Yours until")
        self.assertNotIn("strong>4:", self.html(anna))
        self.send(anna, "form[action$=pay] button")
        self.see(anna, "You have your tickets")

    def test_keyboard(self):
        """Everything can be done by keyboard alone."""
        anna = self.person("/events/keys").tab_to("#q-GA").type("1")
        anna.key("Enter")
        anna.shows("Yours until")
        self.send(anna, "form[action$=pay] button")
        anna.shows("You have your tickets")

    def test_mistakes(self):
        """A form with a mistake says which, keeps what was written, and points to it."""
        anna = self.person("/events/limited")
        anna.press_button("Hold these places")
        self.assertEqual(anna.js("document.querySelector('#buyer').validity.valueMissing"), True)
        anna.fill("#buyer", "anna@example.org").press_button("Hold these places").shows("Choose at least one ticket")
        self.assertEqual(anna.js("document.querySelector('#buyer').value"), "anna@example.org")
        anna.fill("#q-GA", "3").press_button("Hold these places").shows("The limit for one buyer is reached")
        self.assertEqual(anna.js("document.querySelector('#q-GA').value"), "3")
        anna.fill("#q-GA", "2").press_button("Hold these places").shows("Yours until")

    def test_first_view(self):
        """The first view of a sale is small: five requests and 60 KB at most."""
        anna = self.person("/events/main").shows("Hold these places")
        anna.wait("document.querySelector('#total output').textContent !== ''")
        self.assertLessEqual(len({url for url, _, _ in anna.urls}), 5, anna.urls)
        self.assertLess(anna.received, 60_000)


class Looks(BrowserCase):
    """Each page in each theme, on a phone and with large letters."""

    events = (
        event({"floor": 5000, "lounge": 1}, name="A long name " * 7 + "Donaudampfschifffahrtsgesellschaft" * 3,
              types=[PRICED[0] | {"name": "Floor" + "W" * 195}, PRICED[1]]),
        event(identifier="later", sale={"opens_at": "2040-01-01T20:00:00Z"}),
        event(identifier="over", sale={"closes_at": "2020-01-01T20:00:00Z"}),
        event(1, "brief", hold_seconds=1, grace_seconds=0))

    def assert_large(self, page):
        """Check that targets are large enough."""
        small = page.js("[...document.querySelectorAll('button, input, .button')].filter((one) => one.offsetParent"
                        " && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)")
        self.assertEqual(small, [])

    def check(self, page):
        """Check a page as everybody may see it."""
        self.assert_accessible(page)
        self.assert_fits(page)
        self.assert_large(page)

    def test_pages(self):
        """axe finds nothing on any page in any theme, and each fits on 320 px."""
        for target in ("/", "/events/main", "/events/later", "/events/over", "/nothing", "/purchases/P1", "/holds/H1"):
            with self.subTest(target=target):
                self.check(self.person(target))
        anna = self.person("/events/main")
        anna.fill("#q-GA", "1").press_button("Hold these places").shows("Yours until")
        self.check(anna)
        anna.press_button("demonstration").shows("You have your tickets")
        self.check(anna)
        anna.open(self.url("/events/main")).press_button("Hold these places").shows("Choose at least one")
        self.check(anna)
        # A sum may be longer than a narrow screen.
        self.check(anna.fill("#q-GA", "99999999999999999999"))
        anna.open(self.url("/events/brief")).fill("#q-GA", "1").press_button("Hold these places")
        anna.shows("Your time is over")
        self.check(anna)

    def test_german(self):
        """The whole way in German."""
        anna = self.person("/events/main", language="de")
        anna.fill("#q-VIP", "1").wait("document.querySelector('#total output').textContent === '249,00\\u00a0€'")
        anna.press_button("Diese Plätze reservieren").shows("Ihre Plätze sind reserviert")
        anna.press_button("Vorführung").shows("Sie haben Ihre Tickets").shows("249,00")
        self.assertEqual(anna.js("document.documentElement.lang"), "de")
