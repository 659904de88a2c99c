"""What buyers were answered against what the box office has: `judge` finds every difference."""


def judge(shop, pool, rows):
    """Return the mistakes, each in a sentence; none if the books balance.

    `pool` is the pool's count in `GET /v1/invariants`, `rows` are the purchases as the box office exports them.
    """
    mistakes = [f"no answer at all: {text}" for text in shop.surprises]
    mistakes += [f"a hold that was answered is not kept: {text}" for text in shop.forgotten]
    mistakes += [f"purchase {name} was answered to two buyers" for name in shop.twice]
    if pool["free"] + pool["held"] + pool["sold"] != pool["capacity"] or not pool["balanced"]:
        mistakes.append(f"free {pool['free']} + held {pool['held']} + sold {pool['sold']} is not {pool['capacity']}")
    if pool["oversubscribed"]:
        mistakes.append(f"{pool['oversubscribed']} places are promised twice")
    there = {}
    for row in rows:
        if row["id"] in there:
            mistakes.append(f"purchase {row['id']} is in the export twice")
        there[row["id"]] = row
    mistakes += [text for text in (_compare(name, *was, there.get(name)) for name, was in shop.purchases.items()) if text]
    mistakes += [f"purchase {name} was sold to nobody who was told" for name in there if name not in shop.purchases]
    if len({row["hold"] for row in rows}) != len(rows):
        mistakes.append("a hold was purchased twice")
    exported = sum(line["quantity"] for row in rows for line in row["lines"])
    if exported != pool["sold"]:
        mistakes.append(f"the purchases have {exported} tickets, and {pool['sold']} places are sold")
    if pool["sold"] != shop.tickets:
        mistakes.append(f"buyers were answered {shop.tickets} tickets, and {pool['sold']} places are sold")
    # Who walked away keeps places until the hold is over, and nobody else holds any when the sale is done.
    if pool["held"] > sum(shop.walked.values()):
        mistakes.append(f"{pool['held']} places are held, at most {sum(shop.walked.values())} by buyers who walked away")
    return mistakes


def _compare(name, hold, quantity, reference, row):
    if row is None:
        return f"LOST: purchase {name} of {quantity} was answered and is not there"
    if row["state"] != "purchased":
        return f"purchase {name} was answered and is {row['state']}"
    has = (row["hold"], sum(line["quantity"] for line in row["lines"]), row["payment_reference"])
    if has != (hold, quantity, reference):
        return f"purchase {name} is {has} and was answered as {(hold, quantity, reference)}"
    return None


def lost(shop, rows):
    """Return how many answered purchases are not there."""
    there = {row["id"]: row["payment_reference"] for row in rows}
    return sum(there.get(name) != was[2] for name, was in shop.purchases.items())
