"""People pay in browsers at the payment service of `demo/payments`."""

import json

from support.payments import PayingCase
from support.service import event
from support.stand_in import stand_in

# Long enough to press two buttons on a busy machine; the tests with it wait for its end.
SOON = {"hold_seconds": 20, "grace_seconds": 0}


class Paying(PayingCase):
    """A service whose events are paid for at a payment service of its own."""

    @classmethod
    def definitions(cls, paid):
        """Return the events. One has a shop whose own page sends the buyer on."""
        def send_on(handler):
            handler.reply(303, fields=[("Location", cls.others[0] + handler.path[1:])])
        sender = cls.enterClassContext(stand_in(send_on))
        cls.others += (sender + "/",)
        sent_on = paid | {"checkout": {"url": sender + "/start"}}
        return (event(50, name="Summer Festival", **paid), event(5, "sent-on", **sent_on),
                event(5, "won", **paid, **SOON), event(5, "lost", late_payment="strict", **paid, **SOON),
                event(5, "never", **paid, **SOON))

    def hold(self, page, name="main", kind="GA"):
        """Hold a ticket by the form of a sale."""
        page.open(self.url(f"/events/{name}")).fill(f"#q-{kind}", "1")
        return page.press_button("Hold these places").shows("Your places are held")

    def at_payments(self, page, name="main"):
        """Hold a ticket and go to the payment service."""
        self.hold(page, name).press_button("Pay €89.00")
        return page.shows("Pay 89.00 EUR")

    def at_payments_in_german(self, page, name):
        """The same in German."""
        page.open(self.url(f"/events/{name}")).fill("#q-GA", "1").press_button("Diese Plätze reservieren")
        return page.press_button("89,00\u00a0€ bezahlen").shows("89,00 EUR bezahlen")

    def check(self, page):
        """Check a page as everybody may see it: axe in both themes, and on a narrow screen."""
        self.assert_accessible(page)
        page.call("Emulation.setDeviceMetricsOverride", width=320, height=800, deviceScaleFactor=1, mobile=False)
        self.assertLessEqual(page.js("document.documentElement.scrollWidth"), 320, page.text())

    def refunds(self, hold):
        """Return the reasons of what is owed back for a hold."""
        answer = self.server.ask("GET", "/v1/reconciliation", [f"Authorization: Bearer {self.operator}"]).json()
        return [one["reason"] for one in answer["refunds"] if one["hold"] == hold]

    def test_at_once(self):
        """A buyer pays and has the purchase, without a press more; the address carries no token."""
        anna = self.person()
        self.hold(anna)
        self.check(anna)
        anna.shows("You pay at 127.0.0.1")
        code = anna.js("location.pathname").rpartition("/")[2]
        anna.press_button("Pay €89.00").shows("Pay 89.00 EUR").shows(code)
        self.check(anna)
        anna.press_button("Pay now").shows("You have your tickets").shows("1 × Floor")
        self.assertEqual(anna.js("!!document.querySelector('.notice')"), False)
        token = anna.js("document.querySelector('.code').textContent")
        self.assertNotIn(token, "".join(url for url, _, _ in anna.urls))
        self.assertEqual(self.refunds(code), [])

    def test_ends(self):
        """Late payments that win or lose, and no payment: each page says by itself what became of the hold."""
        anna, ben, clara = self.person(), self.person(language="de"), self.person()
        # Each before the time of the hold is over.
        self.at_payments(clara, "never").press_button("Do not pay").shows("You have not paid")
        self.at_payments(anna, "won").press_button("Pay late")
        anna.shows("Waiting for your payment").shows("Please do not pay a second time")
        self.at_payments_in_german(ben, "lost").press_button("Zu spät bezahlen").shows("Wir warten auf Ihre Zahlung")
        self.check(clara)
        self.check(self.at_payments_in_german(self.person(language="de"), "main"))
        lost = ben.js("location.pathname").rpartition("/")[2]
        anna.shows("You have your tickets").shows("Your payment arrived late")
        self.check(anna)
        ben.shows("Ihre Zahlung kam zu spät")
        self.check(ben)
        clara.shows("Your time is over")
        self.assertEqual(self.refunds(lost), ["late"])
        olga = self.person("/operate/refunds").fill("#key", self.operator)
        olga.click("form button.primary").shows("lost · too late")
        olga.press_button("It is paid back").shows("noted as paid back")
        ben.js("location.reload()")
        ben.shows("Ihr Geld wurde zurückgezahlt")
        self.check(ben)

    def test_sent_on(self):
        """A shop whose page sends the buyer on to another host, as those of banks do, is paid."""
        anna = self.at_payments(self.person(), "sent-on")
        anna.press_button("Pay now").shows("You have your tickets")

    def test_waiting(self):
        """While a payment is awaited the page says so, and looks by itself; without it one can still pay."""
        anna = self.person()
        self.hold(anna)
        path = anna.js("location.pathname")
        anna.open(self.url(path + "?payment=sent")).shows("Waiting for your payment").shows("This page shows it by itself")
        self.check(anna)
        paid = self.server.ask(
            "POST", f"/v1{path}/purchase", [f"Authorization: Bearer {self.operator}", "Content-Type: application/json"],
            json.dumps({"payment_reference": "waited-for"}).encode())
        self.assertEqual(paid.status, 200, paid)
        anna.shows("You have your tickets")

    def test_twice(self):
        """Who pays twice has one purchase, and reads that the second payment goes back."""
        anna = self.at_payments(self.person())
        anna.press_button("Pay twice").shows("You have your tickets").shows("that money goes back to you")
        self.check(anna)
        self.assertEqual(self.refunds(anna.js("location.pathname").rpartition("/")[2].replace("P", "H")), ["already_purchased"])

    def test_two_tabs(self):
        """Two tabs that pay at once buy once, and the second payment is owed back."""
        anna = self.person()
        self.hold(anna)
        other = self.tab(anna, anna.js("location.pathname"))
        for page in (anna, other):
            page.press_button("Pay €89.00").shows("Pay 89.00 EUR")
        for page in (anna, other):
            page.js("document.querySelector('button[value=now]').click()")
        for page in (anna, other):
            page.shows("You have your tickets")
        hold = anna.js("location.pathname").rpartition("/")[2].replace("P", "H")
        self.assertEqual(self.refunds(hold), ["already_purchased"])
        self.assertEqual(self.server.verify().returncode, 0)

    def test_forged(self):
        """The payment service takes no address that was changed."""
        anna = self.at_payments(self.person())
        address = anna.js("location.href")
        for wrong in (address.replace("amount=8900", "amount=1"), address[:-1] + ("0" if address[-1] != "0" else "1"),
                      address.partition("&signature=")[0], address + "&amount=1"):
            anna.open(wrong).shows("This address is forged")
            self.assertFalse(anna.js("!!document.querySelector('button')"))
        anna.open(address).shows("Pay now")

    def test_nothing_to_pay(self):
        """What costs nothing is bought with one press."""
        anna = self.person()
        self.hold(anna, kind="CHILD")
        self.assertNotIn("You pay at", anna.text())
        self.check(anna)
        anna.press_button("Get the tickets").shows("You have your tickets")

    def test_without_scripts(self):
        """Paying works without a script: a link looks again while a payment is awaited."""
        anna = self.person("/events/main", script=False)
        document = anna.call("DOM.getDocument")["root"]["nodeId"]
        anna.call("DOM.focus", nodeId=anna.call("DOM.querySelector", nodeId=document, selector="#q-GA")["nodeId"])
        anna.call("Input.dispatchKeyEvent", type="keyDown", key="a", commands=["selectAll"])
        anna.call("Input.insertText", text="1")
        anna.key("Enter")
        self.see(anna, "Yours until")
        path = "/" + anna.call("DOM.getDocument")["root"]["documentURL"].split("/", 3)[3]
        anna.call("Page.navigate", url=self.url(path + "?payment=sent"))
        self.see(anna, "Look again")
        self.assertIn('<span hidden="" data-scripted="">This page shows it by itself', self.html(anna))
        self.send(anna, "form[action$=pay] button")
        self.see(anna, "Pay 89.00 EUR")
        self.send(anna, "button[value=now]")
        self.see(anna, "You have your tickets")
