"""What a row's rounds come to, and what counts."""

import unittest

from measuring.judging import Mark, Row, moved, status, tail_ratio

MARK = Mark(bar=2.2, goal=1.5)


def row(values, control=(), mark=MARK, **members):
    """Return a row with these rounds."""
    made = Row("hold", "hold", mark, **members)
    for index, value in enumerate(values):
        made.add(value, control[index] if control else None, us=value * 7)
    return made


class Judging(unittest.TestCase):
    """Arithmetic, and judgement."""

    def test_median_and_spread(self):
        """A row is the median of its rounds, with the least and the most: one round gone wild does not move it."""
        one = row([2.0, 1.9, 9.0, 2.1, 1.8])
        self.assertEqual(one.middle(), 2.0)
        self.assertEqual(one.spread(), (1.8, 9.0))
        self.assertEqual(one.middle("us"), 14.0)
        self.assertEqual(row([1.0, 2.0]).middle(), 1.5)
        self.assertIsNone(one.middle("p99_us"))

    def test_control(self):
        """A control that moved by a tenth of its median is not steady, one that moved less is."""
        self.assertAlmostEqual(moved([9.5, 10.0, 10.4]), 0.09)
        self.assertTrue(row([1, 1, 1], [9.5, 10.0, 10.4]).steady)
        self.assertFalse(row([1, 1, 1], [9.5, 10.0, 10.5]).steady)
        self.assertTrue(row([1, 1, 1]).steady)
        self.assertIsNone(moved([7.0]))

    def test_marks(self):
        """A bar is kept at exactly the bar; where more is better, the other way round."""
        self.assertTrue(row([2.2]).met("bar"))
        self.assertFalse(row([2.21]).met("bar"))
        self.assertFalse(row([2.2]).met("goal"))
        self.assertTrue(row([1.5]).met("goal"))
        rate = Mark(300, 1000, "k holds/s", least=True)
        self.assertTrue(row([300], mark=rate).met("bar"))
        self.assertFalse(row([299], mark=rate).met("bar"))
        self.assertIsNone(row([1], mark=None).met("bar"))

    def test_wrong_never_counts(self):
        """Whatever was measured, a row with a fault counts for nothing, and the run fails."""
        wrong = row([1.0, 1.0])
        wrong.faults.append("round 2: 3 answers were not as expected")
        self.assertFalse(wrong.counts)
        self.assertIsNone(wrong.met("bar"))
        self.assertIsNone(wrong.plain()["bar_met"])
        self.assertEqual(wrong.plain()["faults"], wrong.faults)
        self.assertEqual(status([row([1.0]), wrong]), 1)

    def test_missed_bar_is_no_failure(self):
        """A missed bar is told and the exit status is 0; a run without a figure is none."""
        self.assertEqual(status([row([9.0])]), 0)
        self.assertEqual(status([row([9.0], [5.0])]), 0)
        self.assertEqual(status([row([])]), 1)
        absent = Row("core", "core", MARK, absent="not built")
        self.assertEqual(status([row([1.0]), absent]), 0)

    def test_smaller_is_not_judged(self):
        """What was measured smaller than the mark speaks of says nothing of the mark."""
        small = row([1.0], smaller="50,000 instead of 1,000,000")
        self.assertIsNone(small.met("bar"))
        self.assertTrue(small.counts)

    def test_tail(self):
        """The two seconds from the moment on are compared with such pairs before, not with single seconds."""
        tails = [1.0, 2.0, 1.0, 1.0, 1.0, 5.0, 1.0, 1.5, 3.0]
        ends = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0]
        # It lies in the eighth second; quiet are the six before the seventh: pairs 2 2 1 1 5.
        self.assertEqual(tail_ratio(tails, ends, 16.5), (2.0, 3.0, 1.5))
        for moment in (12.5, 17.5, 19.0):
            with self.assertRaises(ValueError):
                tail_ratio(tails, ends, moment)
