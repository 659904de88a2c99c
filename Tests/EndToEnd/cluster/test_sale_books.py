"""The check of the books finds every difference, and only differences."""

import types
import unittest

from support.books import judge, lost


def row(number, quantity=2, **members):
    """Return a purchase as the box office exports it."""
    return {"id": f"P{number}", "hold": f"H{number}", "state": "purchased", "lines": [{"type": "GA", "quantity": quantity}],
            "payment_reference": f"pay-{number}"} | members


def pool(sold, held=0, free=0, **members):
    """Return a pool as a recount finds it."""
    return {"sold": sold, "held": held, "free": free, "capacity": sold + held + free, "oversubscribed": 0,
            "balanced": True} | members


def shop(*numbers, quantity=2, **members):
    """Return buyers with these answers."""
    seen = {"purchases": {f"pay-{n}": (f"P{n}", f"H{n}", quantity) for n in numbers}, "tickets": quantity * len(numbers),
            "walked": {}, "surprises": [], "forgotten": []}
    return types.SimpleNamespace(**(seen | members))


class Books(unittest.TestCase):
    def test_what_was_answered_and_is_there_balances(self):
        self.assertEqual(judge(shop(1, 2, walked={"H9": 3}), pool(4, held=3, free=5), [row(1), row(2)]), [])

    def test_a_purchase_that_is_not_there_is_lost(self):
        rows = [row(1)]
        self.assertIn("LOST: purchase P2 of 2 (pay-2)", "\n".join(judge(shop(1, 2), pool(2, free=2), rows)))
        self.assertEqual(lost(shop(1, 2), rows), 1)

    def test_a_purchase_without_a_buyer_is_found(self):
        self.assertIn("no buyer got the answer that P2 was sold", "\n".join(judge(shop(1), pool(4), [row(1), row(2)])))

    def test_one_place_too_many_is_found(self):
        self.assertIn("buyers got 4 tickets, but 5", "\n".join(judge(shop(1, 2), pool(5), [row(1), row(2)])))

    def test_one_name_for_two_buyers_is_found(self):
        both = shop(1, 2)
        both.purchases["pay-2"] = ("P1", "H1", 2)
        self.assertIn("P1 was the answer to 2 buyers", "\n".join(judge(both, pool(4), [row(1), row(2)])))

    def test_a_purchase_that_differs_from_its_answer_is_found(self):
        for wrong in ({"quantity": 1}, {"hold": "H7"}, {"id": "P7"}, {"state": "returned"}):
            with self.subTest(wrong):
                self.assertNotEqual(judge(shop(1), pool(2), [row(1, **wrong)]), [])

    def test_a_hold_or_payment_that_bought_twice_is_found(self):
        self.assertIn("a hold was purchased twice", judge(shop(1, 2), pool(4), [row(1), row(2, hold="H1")]))
        self.assertIn("pay-1 paid for two purchases", judge(shop(1), pool(4), [row(1), row(2, payment_reference="pay-1")]))

    def test_places_that_belong_to_nobody_are_found(self):
        self.assertNotEqual(judge(shop(1), pool(2, held=1), [row(1)]), [])
        self.assertNotEqual(judge(shop(1), pool(2, free=1, capacity=4), [row(1)]), [])
        self.assertNotEqual(judge(shop(1), pool(2, oversubscribed=1), [row(1)]), [])
        self.assertNotEqual(judge(shop(1), pool(2, balanced=False), [row(1)]), [])

    def test_missing_answers_are_found(self):
        self.assertNotEqual(judge(shop(1, surprises=["no known outcome"]), pool(2), [row(1)]), [])
        self.assertNotEqual(judge(shop(1, forgotten=["H1 was held"]), pool(2), [row(1)]), [])
