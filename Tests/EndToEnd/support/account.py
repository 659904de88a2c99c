"""An account of a sale that a test keeps from the answers it got, with rules of its own: what must be refused, and what
lists, exports and reports must say."""

import collections
import dataclasses

# The name of the shop's keys.
SHOP = "webshop"
SHORTAGES = ("sold-out", "temporarily-held", "insufficient-quantity")


@dataclasses.dataclass
class Line:
    """Tickets of one type in a hold."""

    kind: str
    quantity: int
    price: int
    allocation: str | None = None
    returned: int = 0


@dataclasses.dataclass
class Sale:
    """One hold, and what became of it."""

    evening: "Evening" = dataclasses.field(repr=False)
    lines: list[Line]
    buyer: str | None
    payment: str | None
    code: tuple | None = None
    override: bool = False
    id: str | None = None
    token: str | None = None
    state: str = "asked"
    late: bool = False
    note: str | None = None
    is_erased: bool = False
    # What was reported for a hold that did not get it: the payment and whether a key reported it.
    debt: tuple | None = None

    @property
    def tickets(self):
        """How many tickets were held."""
        return sum(line.quantity for line in self.lines)

    @property
    def purchase(self):
        """The number of the purchase."""
        return "P" + self.id[1:]

    @property
    def is_sold(self):
        """Whether it was purchased, even if it was returned."""
        return self.state in ("purchased", "returned")

    @property
    def sold_by(self):
        """The name of the key that completed it."""
        return SHOP if self.evening.shop_completes else None

    @property
    def left(self):
        """How many tickets were bought and not returned."""
        return sum(line.quantity - line.returned for line in self.lines) if self.is_sold else 0

    @property
    def total(self):
        """What it cost."""
        return sum(line.quantity * line.price for line in self.lines)

    @property
    def returned_total(self):
        """What the returned tickets cost."""
        return sum(line.returned * line.price for line in self.lines)


class Evening:
    """One event."""

    def __init__(self, definition):
        self.name = definition["id"]
        self.definition = definition
        self.taken = collections.Counter()
        self.used = collections.Counter()
        self.sales = {}
        self.texts = {}
        self.is_cancelled = False

    @property
    def has_opened(self):
        """Whether its sale has begun."""
        return not self.definition.get("sale", {}).get("opens_at")

    @property
    def has_closed(self):
        """Whether its sale has ended."""
        return bool(self.definition.get("sale", {}).get("closes_at"))

    @property
    def shop_completes(self):
        """Whether a shop completes its holds."""
        return self.definition["completion"] == "shop"

    def kind(self, code):
        """Return the definition of a type."""
        return next(each for each in self.definition["types"] if each["code"] == code)

    def kept_back(self, pool):
        """Return how many places each allocation of a pool has."""
        return self.definition.get("allocations", {}).get(pool, {})

    def codes(self):
        """Return all codes by batch and number, with how many tickets each is good for."""
        return {(name, number): batch["tickets"] for name, batch in self.definition.get("codes", {}).items()
                for number in range(1, batch["count"] + 1)}

    def is_revoked(self, code):
        """Return whether a code was revoked."""
        return code[1] in self.definition["codes"][code[0]].get("revoked", ())

    def free(self, pool, allocation=None):
        """Return how many places of a pool can be taken, through an allocation or by anybody."""
        places = self.definition["pools"][pool] - sum(
            count for (name, _), count in self.taken.items() if name == pool)
        kept = {name: most - self.taken[pool, name] for name, most in self.kept_back(pool).items()}
        return min(places, kept[allocation]) if allocation in kept else places - sum(max(0, rest) for rest in kept.values())

    def has_room(self, sale):
        """Return whether the pools have what a hold asks for."""
        needs = collections.Counter()
        for line in sale.lines:
            for pool in self.kind(line.kind)["pools"]:
                needs[pool, line.allocation] += line.quantity
        return all(self.free(*where) >= count for where, count in needs.items())

    def refusals(self, sale):
        """Return the codes of problems that a hold may get now; none if it must be given."""
        if self.is_cancelled:
            return ("event-cancelled",)
        if sale.code and self.is_revoked(sale.code):
            return ("unknown-access-code",)
        if not sale.override:
            if not self.has_opened and not sale.code:
                return ("sale-not-started",)
            if self.has_closed or any(self.kind(line.kind).get("sale") for line in sale.lines):
                return ("sale-ended",)
        if any(line.allocation and line.allocation not in self.kept_back("hall") for line in sale.lines):
            return ("unknown-allocation",)
        if sale.code and self.codes()[sale.code] - self.used[sale.code] < sale.tickets:
            return ("access-code-used-up",)
        return () if self.has_room(sale) else SHORTAGES

    def wins_late(self, sale):
        """Return whether a payment after the deadline buys."""
        return self.definition["late_payment"] == "reacquire" and not self.refusals(dataclasses.replace(sale, override=False))

    def take(self, sale):
        """Note that a hold has its places."""
        self._count(sale, [line.quantity for line in sale.lines])

    def give_back(self, sale, counts=None):
        """Note that places of a hold came free: of each line so many, or all that it still had."""
        self._count(sale, [-count for count in counts or (line.quantity - line.returned for line in sale.lines)])

    def _count(self, sale, counts):
        for line, count in zip(sale.lines, counts):
            for pool in self.kind(line.kind)["pools"]:
                self.taken[pool, line.allocation] += count
        if sale.code:
            self.used[sale.code] += sum(counts)

    # What must be said about it.

    def in_order(self, *states):
        """Return the sales in these states, in the order in which they were held."""
        return [sale for sale in self.sales.values() if sale.state in states]

    def pools(self):
        """Return for each pool: capacity, free, held and sold."""
        counted = {}
        for pool, capacity in self.definition["pools"].items():
            held = sold = 0
            for sale in self.sales.values():
                for line in sale.lines:
                    if pool in self.kind(line.kind)["pools"]:
                        held += line.quantity if sale.state == "held" else 0
                        sold += line.quantity - line.returned if sale.is_sold else 0
            counted[pool] = (capacity, capacity - held - sold, held, sold)
        return counted

    def report(self):
        """Return what a report has, but for days, times and refusals."""
        states = collections.Counter(sale.state for sale in self.sales.values())
        kinds, totals = {}, {}
        for sale in self.in_order("purchased", "returned"):
            rows = {(line.kind, line.price) for line in sale.lines}
            for sums in [kinds.setdefault(row, collections.Counter()) for row in rows] + [
                    totals.setdefault("EUR", collections.Counter())]:
                sums["purchases"] += 1
            for line in sale.lines:
                for sums in (kinds[line.kind, line.price], totals["EUR"]):
                    sums.update(sold=line.quantity, returned=line.returned, kept=line.quantity - line.returned,
                                gross=line.quantity * line.price, returned_amount=line.returned * line.price,
                                kept_amount=(line.quantity - line.returned) * line.price)
        return {
            "holds": {"made": len(self.sales), "held": states["held"], "released": states["released"],
                      "expired": states["expired"], "purchased": states["purchased"] + states["returned"]},
            "tickets_held": sum(sale.tickets for sale in self.sales.values() if sale.state == "held"),
            "totals": [{"currency": currency, **sums} for currency, sums in totals.items()],
            "by_type": [{"type": kind, "price": price, "currency": "EUR", **sums}
                        for (kind, price), sums in sorted(kinds.items())],
        }

    def purchases(self):
        """Return the members of each purchase that an account knows, in the order of the list."""
        return [{
            "id": sale.purchase, "hold": sale.id, "event": self.name, "state": sale.state, "total": sale.total,
            "returned_total": sale.returned_total, "kept_total": sale.total - sale.returned_total, "currency": "EUR",
            "buyer": sale.buyer, "payment_reference": None if sale.is_erased else sale.payment, "late": sale.late, "note": sale.note,
            "sold_by": sale.sold_by, "code": dict(zip(("batch", "number"), sale.code)) if sale.code else None,
            "override": ["window"] if sale.override else [],
            "lines": [{"type": line.kind, **({"allocation": line.allocation} if line.allocation else {}),
                       "quantity": line.quantity, "price": line.price, "returned": line.returned} for line in sale.lines],
        } for sale in self.in_order("purchased", "returned")]

    def rows(self):
        """Return the rows that CSV has, without moments."""
        return [{
            "purchase": sale.purchase, "hold": sale.id, "event": self.name, "state": sale.state, "type": line.kind,
            "quantity": str(line.quantity), "price": str(line.price), "total": str(line.quantity * line.price),
            "currency": "EUR", "buyer": sale.buyer or "", "payment_reference": "" if sale.is_erased else sale.payment,
            "late": "true" if sale.late else "false", "allocation": line.allocation or "", "returned": str(line.returned),
            "returned_total": str(line.returned * line.price), "note": sale.note or "",
            "sold_by": sale.sold_by or "", "code_batch": sale.code[0] if sale.code else "",
            "code_number": str(sale.code[1]) if sale.code else "", "override": "window" if sale.override else "",
            "kept_total": str((line.quantity - line.returned) * line.price),
        } for sale in self.in_order("purchased", "returned") for line in sale.lines]

    def counts(self):
        """Return tickets and amounts by type and state."""
        counted = collections.Counter()
        for sale in self.sales.values():
            for line in sale.lines:
                rest = line.quantity - line.returned if sale.is_sold else line.quantity
                state = "purchased" if sale.is_sold else sale.state
                for where, count in ((state, rest), ("returned", line.returned)):
                    counted[line.kind, where, "tickets"] += count
                    counted[line.kind, where, "amount"] += count * line.price
        return {key: count for key, count in counted.items() if count}

    def listed_codes(self, batch):
        """Return number, state, held, sold and left of each code of a batch."""
        listed = []
        for (name, number), tickets in sorted(self.codes().items()):
            if name != batch:
                continue
            mine = [sale for sale in self.sales.values() if sale.code == (name, number)]
            held = sum(sale.tickets for sale in mine if sale.state == "held")
            sold = sum(sale.left for sale in mine)
            is_revoked = self.is_revoked((name, number))
            state = "revoked" if is_revoked else "sold" if sold else "held" if held else "unused"
            listed.append((number, state, held, sold, 0 if is_revoked else tickets - held - sold))
        return listed
