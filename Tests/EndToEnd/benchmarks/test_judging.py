"""The result of a row's rounds, and which rows count."""

import random
import unittest

from measuring.judging import MET, MISSED, UNDECIDED, Mark, Row, interval, moved, status, tail_ratio

MARK = Mark(bar=2.2, goal=1.5)


def row(values, control=(), mark=MARK, **members):
    """Return a row with these rounds."""
    made = Row("hold", "hold", mark, **members)
    for index, value in enumerate(values):
        made.add(value, control[index] if control else None, us=value * 7)
    return made


class Judging(unittest.TestCase):
    """Arithmetic and judgement."""

    def test_median_and_spread(self):
        """A row is the median of its rounds, with the least and the most, so one extreme round does not move it."""
        one = row([2.0, 1.9, 9.0, 2.1, 1.8])
        self.assertEqual(one.middle(), 2.0)
        self.assertEqual(one.spread(), (1.8, 9.0))
        self.assertEqual(one.middle("us"), 14.0)
        self.assertEqual(row([1.0, 2.0]).middle(), 1.5)
        self.assertIsNone(one.middle("p99_us"))

    def test_interval(self):
        """The interval's ends are rounds near the median, and lie closer together the more rounds there are."""
        for values, ends in (
                ([1.0, 2.0, 3.0], (1.0, 3.0)),
                ([7.0] * 15, (7.0, 7.0)),
                (list(range(1, 16)), (4, 12)), (list(range(1, 17)), (4, 13)),
                # An extreme round is outside the interval.
                ([1e9] + list(range(1, 15)), (4, 12)),
                ([1.0, 2.0], None), ([], None)):
            with self.subTest(values=values):
                self.assertEqual(interval(values), ends)
        # Resampled, for comparison.
        draw, values = random.Random(1), [index**2 for index in range(21)]
        medians = sorted(sorted(draw.choices(values, k=21))[10] for _ in range(4_000))
        self.assertEqual(interval(values), (medians[100], medians[-101]))

    def test_interval_covers(self):
        """Of many rows with the same true median 95 in 100 have it in their interval."""
        draw = random.Random(1)
        rows = [[draw.lognormvariate(0, 0.2) for _ in range(15)] for _ in range(1_000)]
        ends = [interval(values) for values in rows]
        hit = sum(low <= 1 <= high for low, high in ends) / len(rows)
        self.assertTrue(0.93 <= hit <= 0.99, hit)

    def test_control(self):
        """The control's spread is a fraction of its median, and spoils no row."""
        self.assertAlmostEqual(moved([9.5, 10.0, 10.4]), 0.09)
        self.assertIsNone(moved([7.0]))
        self.assertEqual(row([1, 1, 1], [5.0, 10.0, 20.0]).verdict("bar"), MET)

    def test_marks(self):
        """A bar is met where the whole interval is within it, missed where none of it is, and not decided in between."""
        rate = Mark(300, 1000, "k holds/s", least=True)
        for mark, values, verdict in (
                (MARK, [2.2, 2.2, 2.2], MET), (MARK, [1.0, 2.0, 2.2], MET), (MARK, [1.0, 2.0, 2.21], UNDECIDED),
                (MARK, [2.2, 3.0, 4.0], UNDECIDED), (MARK, [2.21, 3.0, 4.0], MISSED), (MARK, [1.0, 1.0], UNDECIDED),
                (rate, [300, 300, 999], MET), (rate, [299, 301, 301], UNDECIDED), (rate, [100, 299, 299], MISSED),
                (None, [1.0, 1.0, 1.0], None)):
            with self.subTest(values=values):
                self.assertEqual(row(values, mark=mark).verdict("bar"), verdict)
                self.assertEqual(row(values, mark=mark).wants_more, verdict == UNDECIDED)
        self.assertEqual(row([1.6] * 3).verdict("goal"), MISSED)

    def test_wrong_never_counts(self):
        """A row with a fault has no figure, and the run fails."""
        wrong = row([1.0, 1.0])
        wrong.faults.append("round 2: 3 answers were not as expected")
        self.assertFalse(wrong.counts)
        self.assertIsNone(wrong.verdict("bar"))
        self.assertFalse(wrong.wants_more)
        self.assertIsNone(wrong.plain()["bar_verdict"])
        self.assertEqual(wrong.plain()["faults"], wrong.faults)
        self.assertEqual(status([row([1.0]), wrong]), 1)

    def test_missed_bar_is_no_failure(self):
        """A missed bar is reported and the exit status is 0; a run without a figure fails."""
        self.assertEqual(status([row([9.0])]), 0)
        self.assertEqual(status([row([])]), 1)
        self.assertEqual(status([row([1.0]), row([])]), 0)

    def test_smaller_is_not_judged(self):
        """A smaller measurement than the mark demands decides nothing about the mark."""
        small = row([1.0] * 3, smaller="50,000 instead of 1,000,000")
        self.assertIsNone(small.verdict("bar"))
        self.assertTrue(small.counts)

    def test_tail(self):
        """The two seconds from the moment on are compared with earlier pairs of seconds, not with single ones."""
        tails = [1.0, 2.0, 1.0, 1.0, 1.0, 5.0, 1.0, 1.5, 3.0]
        ends = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0]
        # It lies in the eighth second; quiet are the six before the seventh: pairs 2 2 1 1 5.
        self.assertEqual(tail_ratio(tails, ends, 16.5), (2.0, 3.0, 1.5))
        for moment in (12.5, 17.5, 19.0):
            with self.assertRaises(ValueError):
                tail_ratio(tails, ends, moment)
