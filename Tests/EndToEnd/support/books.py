"""Compares the answers that buyers got with what the box office has: `judge` finds every difference."""

import collections


def judge(shop, pool, rows):
    """Return the mistakes, one sentence each; none if the books balance.

    `pool` is the pool's count in `GET /v1/invariants`, `rows` are the purchases as the box office exports them.
    """
    mistakes = [f"no answer: {text}" for text in shop.surprises]
    mistakes += [f"the box office forgot a hold that it gave: {text}" for text in shop.forgotten]
    names = collections.Counter(name for name, _, _ in shop.purchases.values())
    mistakes += [f"purchase {name} was the answer to {count} buyers" for name, count in names.items() if count > 1]
    if pool["free"] + pool["held"] + pool["sold"] != pool["capacity"] or not pool["balanced"]:
        mistakes.append(f"free {pool['free']} + held {pool['held']} + sold {pool['sold']} is not {pool['capacity']}")
    if pool["oversubscribed"]:
        mistakes.append(f"{pool['oversubscribed']} places are promised twice")
    there = {}
    for row in rows:
        if row["payment_reference"] in there:
            mistakes.append(f"{row['payment_reference']} paid for two purchases")
        there[row["payment_reference"]] = row
    compared = (_compare(reference, *was, there.get(reference)) for reference, was in shop.purchases.items())
    mistakes += [text for text in compared if text]
    mistakes += [f"no buyer got the answer that {row['id']} was sold" for key, row in there.items()
                 if key not in shop.purchases]
    if len({row["hold"] for row in rows}) != len(rows):
        mistakes.append("a hold was purchased twice")
    exported = sum(line["quantity"] for row in rows for line in row["lines"])
    if exported != pool["sold"]:
        mistakes.append(f"the purchases have {exported} tickets, but {pool['sold']} places are sold")
    if pool["sold"] != shop.tickets:
        mistakes.append(f"buyers got {shop.tickets} tickets, but {pool['sold']} places are sold")
    # After the sale only buyers who walked away still hold places, until their holds expire.
    if pool["held"] > sum(shop.walked.values()):
        mistakes.append(f"{pool['held']} places are held, but at most {sum(shop.walked.values())} by buyers who walked away")
    return mistakes


def _compare(reference, name, hold, quantity, row):
    if row is None:
        return f"LOST: purchase {name} of {quantity} ({reference}) was answered but is not there"
    if row["state"] != "purchased":
        return f"purchase {name} was answered but is {row['state']}"
    has = (row["id"], row["hold"], sum(line["quantity"] for line in row["lines"]))
    if has != (name, hold, quantity):
        return f"{reference} has bought {has}, but the answer was {(name, hold, quantity)}"
    return None


def lost(shop, rows):
    """Return how many answered purchases the box office does not have."""
    return len(shop.purchases.keys() - {row["payment_reference"] for row in rows})
