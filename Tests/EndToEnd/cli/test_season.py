"""A season of a small theatre, played over HTTP and by commands. It moves to Redis in the middle and back at the end."""

import collections
import json
import os
import pathlib
import random
import shutil
import unittest

from support.account import SHOP, Evening, Line, Sale
from support.callers import Callers, Request
from support.season import CANCELLED, CLOSED, EVENINGS, EVENTS, FUTURE, PAST, PREMIERE, Checks, definition
from support.service import RedisServer, Server, command, eventually, make_key, scratch

SEED = 20261130

# Of the 48 rounds, each with four buyers an event.
ROUNDS = 48
OPENS, EARLY_ENDS, MOVES, CANCELS, CODES, RELEASES, RETURNS, CLOSES = 6, 12, 14, 18, 20, 24, 28, 30
FORGOTTEN = (10, 22, 35)


class Season(Checks, unittest.TestCase):
    """One theatre; a test of its own account."""

    def setUp(self):
        self.room = scratch()
        self.addCleanup(shutil.rmtree, self.room, True)
        self.random = random.Random(SEED)
        self.evenings = {name: Evening(definition(name)) for name in EVENTS}
        self.unpaid = []
        self.did = collections.Counter()
        self.numbers = iter(range(1, 1_000_000))
        self.redis = RedisServer(self.room)
        self.addCleanup(self.redis.kill9)
        self.token_keys = os.path.join(self.room, "token.keys")
        pathlib.Path(self.token_keys).write_text(f"1 {os.urandom(32).hex()}\n")

    # Where it plays.

    def serve(self, **settings):
        """Start a service, with new keys."""
        self.server = Server(data=os.path.join(self.room, f"data-{next(self.numbers)}"), token_keys=self.token_keys,
                             # Between two rounds of a busy machine the callers say nothing.
                             recovery_grace_seconds=1, timeouts_idle_seconds=3_600, **settings)
        self.addCleanup(self.server.__exit__)

    def open(self):
        """Wait until it serves, and make keys."""
        self.server.start()
        names = {"operator": "Anna", "shop": SHOP, "viewer": "accounts"}
        self.keys = {role: make_key(self.server, role, name) for role, name in names.items()}
        self.callers = Callers(self.server.port)
        self.addCleanup(self.callers.close)

    def run_it(self, *words, status=0, key="operator"):
        """Run a command of an operator; return what it printed."""
        run = command(*words, env={"HOLDFAST_URL": f"http://127.0.0.1:{self.server.port}", "HOLDFAST_KEY": self.keys[key]},
                      timeout=120)
        self.assertEqual(run.returncode, status, run)
        return run.stdout

    def define(self, *names, reason="the programme"):
        """Make or change events by their files."""
        for name in names:
            pathlib.Path(self.room, f"{name}.json").write_text(json.dumps(self.evenings[name].definition))
        self.run_it("event", "define", *(os.path.join(self.room, f"{name}.json") for name in names), "--reason", reason)

    def ask(self, requests):
        """Ask all at once; return what was asked for and the answers."""
        return list(zip(requests, self.callers.together(requests)))

    def request(self, sale, method, path, body=None, key=None, idempotency=None):
        """Return a request about a sale, with the key of a role or with another credential."""
        credential = self.keys.get(key, key)
        return Request(EVENTS.index(sale.evening.name), method, path, body, credential, idempotency, sale)

    # What buyers do.

    def wanted(self, evening, number):
        """Return what a buyer wants."""
        buyer, payment = f"buyer-{self.random.randrange(400)}", f"pay-{next(self.numbers)}"
        quantity = self.random.choice((1, 1, 2, 2, 3))
        codes = evening.codes()
        if codes and number % 9 == 4:
            code = self.random.choice(sorted(codes))
            batch = evening.definition["codes"][code[0]]
            line = Line("GA", 1 if code[0] == "press" else quantity, batch["price"], batch.get("allocation"))
            return Sale(evening, [line], buyer, payment, code)
        kinds = [kind["code"] for kind in evening.definition["types"]]
        # Few ask for what is no longer sold.
        weights = [0.1 if kind.get("sale") and not evening.has_closed else 0.4 if kind["code"] == "EARLY" else 2
                   for kind in evening.definition["types"]]
        line = Line(self.random.choices(kinds, weights)[0], quantity, 0, "guests" if codes and number % 40 == 21 else None)
        lines = [line]
        if number % 8 == 3:
            lines.append(Line(next(kind for kind in kinds if kind != line.kind), 1, 0, line.allocation))
        for each in lines:
            each.price = evening.kind(each.kind)["price"]
        at_door = evening.has_closed or evening.kind(line.kind).get("sale")
        return Sale(evening, lines, buyer, payment, override=bool(at_door) and number % 2 == 1)

    def hold(self, sales):
        """Hold for these buyers; return the holds that were given."""
        requests = []
        for sale in sales:
            lines = [{"type": line.kind, "quantity": line.quantity} for line in sale.lines]
            for line, asked in zip(sale.lines, lines):
                if line.allocation and not sale.code:
                    asked["allocation"] = line.allocation
            body = {"lines": lines, "buyer": sale.buyer}
            if sale.code:
                body["code"] = sale.evening.texts[sale.code]
            if sale.override:
                body["override"] = ["window"]
            needs_key = sale.override or any("allocation" in line for line in lines)
            requests.append(self.request(sale, "POST", f"/v1/events/{sale.evening.name}/holds", body,
                                         "shop" if needs_key else None, f"key-of-{sale.payment:>16}"))
        given = []
        for asked, answer in self.ask(requests):
            sale, told = asked.sale, answer.json()
            refusals = sale.evening.refusals(sale)
            if answer.status != 201:
                self.assertIn(told["code"], refusals, (sale, told))
                self.did[told["code"]] += 1
                continue
            self.assertEqual(refusals, (), (sale, told))
            self.assertEqual((told["total"], told["state"]), (sale.total, "held"))
            sale.id, sale.token, sale.state = told["id"], told["token"], "held"
            self.assertNotIn(sale.id, sale.evening.sales)
            sale.evening.sales[sale.id] = sale
            sale.evening.take(sale)
            self.did["overrides"] += sale.override
            given.append(sale)
        return given

    def pay(self, sales):
        """Pay for live holds."""
        for asked, answer in self.ask([self.payment(sale) for sale in sales]):
            self.assertEqual(answer.status, 200, (asked.sale, answer))
            asked.sale.state = "purchased"
            self.did["purchases"] += 1

    def payment(self, sale):
        """Return the request that completes a hold, as its event demands."""
        return self.request(sale, "POST", f"/v1/holds/{sale.id}/purchase", {"payment_reference": sale.payment},
                            "shop" if sale.evening.shop_completes else sale.token)

    def release(self, sales):
        """Give holds back."""
        for asked, answer in self.ask([self.request(sale, "DELETE", f"/v1/holds/{sale.id}", key=sale.token) for sale in sales]):
            self.assertEqual(answer.status, 200, answer)
            asked.sale.evening.give_back(asked.sale)
            asked.sale.state = "released"

    def owe(self, sale):
        """Note that a payment bought nothing."""
        sale.debt = (sale.payment, sale.evening.shop_completes)
        self.did["debts"] += 1

    def forget_to_pay(self):
        """Some buyers pay only after their second is over, for places that others may have by then."""
        names = [*EVENTS[:12], "festival"]
        for seconds in (1, 3_600):
            for name in names:
                self.evenings[name].definition |= {"hold_seconds": seconds, "grace_seconds": 0}
            self.define(*names, reason="a test of patience")
            if seconds == 1:
                late = self.hold([self.wanted(self.evenings[name], 0) for name in names * 3])
        self.assertTrue(eventually(lambda: all(
            answer.json()["state"] == "expired" for _, answer in self.ask(
                [self.request(sale, "GET", f"/v1/holds/{sale.id}", key="shop") for sale in late])), every=0.2))
        for sale in late:
            sale.evening.give_back(sale)
            sale.state = "expired"
        for asked, answer in self.ask([self.payment(sale) for number, sale in enumerate(late) if number % 3]):
            sale, evening = asked.sale, asked.sale.evening
            if evening.wins_late(sale):
                self.assertEqual((answer.status, answer.json().get("late")), (200, True), (sale, answer))
                evening.take(sale)
                sale.state, sale.late = "purchased", True
                self.did["late"] += 1
            else:
                self.assertEqual((answer.status, answer.json().get("refund_required")), (410, True), (sale, answer))
                self.owe(sale)

    # What operators do.

    def correct(self, sales):
        """Give purchases to somebody else."""
        body = {"buyer": "somebody else", "note": "=SUM(their seats)"}
        for asked, answer in self.ask([self.request(sale, "PATCH", f"/v1/purchases/{sale.purchase}", body, "operator")
                                       for sale in sales]):
            self.assertEqual((answer.status, answer.json()["buyer"]), (200, body["buyer"]), answer)
            asked.sale.buyer, asked.sale.note = body["buyer"], body["note"]
            self.did["corrections"] += 1

    def take_back(self, sales):
        """Return purchases, or what is left of them."""
        for asked, answer in self.ask([self.request(sale, "POST", f"/v1/purchases/{sale.purchase}/return", {}, "operator")
                                       for sale in sales]):
            self.assertEqual(answer.status, 200, answer)
            self.note_return(asked.sale, [line.quantity - line.returned for line in asked.sale.lines])

    def take_back_a_part(self, sales):
        """Return a ticket of each."""
        requests = []
        for sale in sales:
            line = {"type": sale.lines[0].kind, "quantity": 1}
            if sale.lines[0].allocation:
                line["allocation"] = sale.lines[0].allocation
            requests.append(self.request(sale, "POST", f"/v1/purchases/{sale.purchase}/return", {"lines": [line]}, "operator",
                                         f"back-of-{sale.payment:>16}"))
        for asked, answer in self.ask(requests):
            self.assertEqual(answer.status, 200, (asked.sale, answer))
            self.note_return(asked.sale, [1] + [0] * (len(asked.sale.lines) - 1))

    def note_return(self, sale, counts):
        """Note that so many tickets of each line came back."""
        sale.evening.give_back(sale, counts)
        for line, count in zip(sale.lines, counts):
            line.returned += count
        if sale.left == 0:
            sale.state = "returned"
        self.did["returns"] += 1

    def serve_at_the_desk(self):
        """Correct a purchase and return it in two parts, by commands."""
        sale = next(sale for sale in self.evenings["night-11"].in_order("purchased")
                    if not sale.lines[0].allocation and sale.lines[0].quantity - sale.lines[0].returned > 1)
        self.run_it("purchase", "correct", sale.purchase, "--buyer", "somebody else", "--note", "came by")
        sale.buyer, sale.note = "somebody else", "came by"
        self.did["corrections"] += 1
        self.run_it("purchase", "return", sale.purchase, "--line", f"{sale.lines[0].kind}=1")
        self.note_return(sale, [1] + [0] * (len(sale.lines) - 1))
        self.run_it("purchase", "return", sale.purchase, "--reason", "is ill")
        self.note_return(sale, [line.quantity - line.returned for line in sale.lines])

    def erase(self, sales):
        """Note that who had these holds was erased, and check the sums of the answer."""
        for sale in sales:
            sale.buyer, sale.note, sale.is_erased = None, None, True
            if sale.debt and not sale.debt[1]:
                sale.debt = None
        self.did["erased"] += len(sales)

    def whose(self, wanted):
        """Return the holds that an erasure takes, and those in its way."""
        found = [sale for evening in self.evenings.values() for sale in evening.sales.values()
                 if wanted(sale) and not sale.is_erased]
        in_the_way = [sale for sale in found if sale.state == "held" or sale.debt and sale.debt[1]]
        return [sale for sale in found if sale not in in_the_way], in_the_way

    def read_codes(self):
        """Read the texts of all access codes."""
        for evening in self.evenings.values():
            for batch in evening.definition.get("codes", {}):
                for code in self.read(f"/v1/events/{evening.name}/codes?batch={batch}&limit=1000", "operator")["codes"]:
                    known = evening.texts.setdefault((batch, code["number"]), code["code"])
                    self.assertEqual(known, code["code"])

    # The season.

    def happen(self, round):
        """Do what is due before a round."""
        if round == OPENS:
            self.evenings[PREMIERE].definition["sale"] = {}
            self.define(PREMIERE, reason="the premiere is on sale")
        elif round == EARLY_ENDS:
            for name in EVENTS[:EVENINGS]:
                self.evenings[name].kind("NOW")["sale"] = {"closes_at": PAST}
            self.define(*EVENTS[:EVENINGS], reason="early birds end")
        elif round == CANCELS:
            self.cancel()
        elif round == CODES:
            self.run_it("code", "revoke", "night-4", "club", "2", "3")
            self.evenings["night-4"].definition["codes"]["club"]["revoked"] = [2, 3]
            self.run_it("code", "make", "night-5", "family", "--count", "3", "--tickets", "5", "--price", "900")
            self.evenings["night-5"].definition["codes"]["family"] = {"count": 3, "tickets": 5, "price": 900}
            self.read_codes()
            self.serve_at_the_desk()
        elif round == RELEASES:
            patch = {"allocations": {"hall": {"guests": None}}}
            self.read("/v1/events/night-6", "operator", "PATCH", patch)
            del self.evenings["night-6"].definition["allocations"]["hall"]["guests"]
        elif round == CLOSES:
            for name in CLOSED:
                self.evenings[name].definition["sale"] = {"closes_at": PAST}
            self.define(*CLOSED, reason="doors open")
        elif round in FORGOTTEN:
            self.forget_to_pay()

    def cancel(self):
        """Cancel an evening while somebody pays for it."""
        evening = self.evenings[CANCELLED]
        self.run_it("event", "cancel", CANCELLED, "--reason", "the soprano is ill")
        evening.is_cancelled = True
        mine = [sale for sale in self.unpaid if sale.evening is evening]
        self.unpaid = [sale for sale in self.unpaid if sale.evening is not evening]
        self.assertTrue(mine)
        for asked, answer in self.ask([self.payment(sale) for sale in mine]):
            self.assertEqual((answer.status, answer.json().get("refund_required")), (410, True), answer)
            self.owe(asked.sale)

    def play(self, round):
        """Four buyers come to each event."""
        self.happen(round)
        held = self.hold([self.wanted(self.evenings[name], number)
                          for number in range(round * 4, round * 4 + 4) for name in EVENTS])
        self.pay(self.unpaid)
        self.unpaid = []
        paid = []
        waits = round + 1 in (MOVES, RETURNS, CANCELS)
        gone = [sale for sale in held if self.random.random() < 0.05]
        for sale in held:
            if sale not in gone:
                (self.unpaid if waits and self.random.random() < 0.7 else paid).append(sale)
        self.release(gone)
        self.pay(paid)
        self.correct([sale for sale in paid if self.random.random() < 0.02])
        self.take_back([sale for sale in paid if self.random.random() < 0.03])
        self.take_back_a_part([sale for sale in paid if sale.lines[0].quantity > sale.lines[0].returned
                               and self.random.random() < 0.06])

    def move(self, *target):
        """Stop, export, verify, import, and go on there."""
        file = os.path.join(self.room, f"season-{next(self.numbers)}.sale")
        self.callers.close()
        place = self.server.place
        self.assertEqual(self.server.stop(), 0, self.server.stderr())
        for words in (("export", "sale", file, *place), ("verify", file)):
            done = command(*words, timeout=120)
            self.assertEqual(done.returncode, 0, done)
        self.serve(**dict(target))
        done = command("import", "sale", file, *self.server.place, "--recovery-grace-seconds", 1, timeout=120)
        self.assertEqual(done.returncode, 0, done)
        self.open()

    def forget(self):
        """A buyer, a purchase and an evening are forgotten, by command and by call."""
        taken, in_the_way = self.whose(lambda sale: sale.buyer == "buyer-7")
        said = self.run_it("forget", "--buyer", "buyer-7", "--apply", status=1 if in_the_way else 0)
        sold = sum(sale.is_sold for sale in taken)
        self.assertIn(f"{len(taken)} holds, {sold} of them purchases, are erased", said)
        self.erase(taken)
        taken, in_the_way = self.whose(lambda sale: sale.evening.name == "night-9")
        told = self.read("/v1/erasures", "operator", "POST", {"event": "night-9", "before": FUTURE})
        self.assertEqual((told["holds"], told["purchases"]), (len(taken), sum(sale.is_sold for sale in taken)))
        self.assertEqual({one["hold"] for one in told["in_the_way"]}, {sale.id for sale in in_the_way})
        self.erase(taken)

    def pay_back(self):
        """The cancelled evening is paid back, and half of what is owed, some of it by commands."""
        self.take_back([sale for sale in self.evenings[CANCELLED].sales.values() if sale.state == "purchased"])
        owed = [sale for evening in self.evenings.values() for sale in evening.sales.values() if sale.debt and sale.debt[1]]
        for sale in owed[:3]:
            self.run_it("refund", "paid-back", sale.id, sale.payment)
        requests = [self.request(sale, "POST", f"/v1/holds/{sale.id}/paid-back", {"payment_reference": sale.payment}, "operator")
                    for sale in owed[3:len(owed) // 2]]
        for _, answer in self.ask(requests):
            self.assertEqual(answer.status, 200, answer)
        for sale in owed[:max(3, len(owed) // 2)]:
            sale.debt = None

    def tearDown(self):
        self.assertTrue(self.server.process.poll() in (None, 0), self.server.stderr()[-3000:])

    def test_season(self):
        """Books, reports, lists, exports and recounts are those of the test's own account, to the cent and the place."""
        self.serve()
        self.open()
        self.define(*EVENTS)
        self.fetch("/v1/events/main", "operator", "DELETE")
        self.read_codes()
        for round in range(ROUNDS):
            if round in (MOVES, RETURNS):
                self.check(f"before the move in round {round}", round // MOVES)
                self.move(*([("store", self.redis.address)] if round == MOVES else []))
                self.read_codes()
                self.check(f"after the move in round {round}", 3 * (round // RETURNS))
                if round == MOVES:
                    self.forget()
            self.play(round)
        self.forget()
        self.pay_back()
        self.check("at the end")
        # What a season has to have, or it would prove little.
        self.assertGreater(self.did["purchases"], 6_000, self.did)
        for what, least in (("returns", 400), ("corrections", 80), ("late", 30), ("debts", 20), ("overrides", 30), ("erased", 150),
                            ("sale-not-started", 10), ("sale-ended", 50), ("access-code-used-up", 100),
                            ("unknown-access-code", 1), ("event-cancelled", 20), ("unknown-allocation", 1)):
            self.assertGreaterEqual(self.did[what], least, (what, self.did))
        self.assertEqual(self.server.stop(), 0)
