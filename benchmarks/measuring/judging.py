"""What a row's figures come to, and whether they count.

A row is the median of its rounds, most of them the ratio of a pair: the subject, and the control right before it. The
machines are shared and their clocks change, so how sure a median is comes from the rounds themselves: its bootstrap
interval. A mark is met where the whole interval is on its good side, missed where the whole interval is on the other, and
not decided in between. That a control moves says nothing against a row: it moved for both.
"""

import math
import statistics
from dataclasses import dataclass, field

# Of a hundred intervals so many contain the true median.
CONFIDENCE = 0.95
# With fewer rounds the interval would say more than they can.
FEWEST = 3
MET, MISSED, UNDECIDED = "met", "missed", "not decided"


def interval(values):
    """Return the ends of the bootstrap interval of the median; None for too few values.

    Resampling is not needed: the median of a resample is among the k least values if at least half of its draws are, and
    each draw is with a chance of k/n. So these are the ends that endlessly many resamples would give.
    """
    ordered, count = sorted(values), len(values)
    if count < FEWEST:
        return None
    half = (count + 1) // 2
    for least in range(1, count + 1):
        one = least / count
        chance = sum(math.comb(count, draws) * one**draws * (1 - one)**(count - draws) for draws in range(half, count + 1))
        if chance > (1 - CONFIDENCE) / 2:
            return ordered[least - 1], ordered[-least]


@dataclass(frozen=True)
class Mark:
    """What a row should reach: it must meet `bar` and aims at `goal`. More is better only where `least`."""

    bar: float
    goal: float
    unit: str = "×"
    least: bool = False

    def judge(self, ends, which):
        """Return whether an interval meets the bar or the goal: `met`, `missed` or `not decided`."""
        limit = getattr(self, which)
        good = [end >= limit if self.least else end <= limit for end in ends]
        return MET if all(good) else UNDECIDED if any(good) else MISSED


@dataclass
class Row:
    """One line of the report: a value for each round, what was measured beside it, and what went wrong."""

    name: str
    title: str
    mark: Mark = None
    unit: str = "×"
    # A round each; `value` is what the mark is about.
    rounds: list = field(default_factory=list)
    # The control's cost, µs a request, as it was right before each of them.
    control: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    # What was measured is smaller than what the mark speaks of.
    smaller: str = None
    # Of a row that grows: the median at each step.
    steps: list = field(default_factory=list)

    def add(self, value, control=None, **beside):
        """Take a round."""
        self.rounds.append({"value": value} | beside)
        if control is not None:
            self.control.append(control)

    @property
    def counts(self):
        """Whether there is something, and nothing went wrong: a fast wrong run scores nothing."""
        return bool(self.rounds) and not self.faults

    def middle(self, name="value"):
        """Return the median over the rounds, or None."""
        values = [one[name] for one in self.rounds if one.get(name) is not None]
        return statistics.median(values) if values else None

    def spread(self, name="value"):
        """Return the least and the most over the rounds."""
        values = [one[name] for one in self.rounds if one.get(name) is not None]
        return (min(values), max(values)) if values else (None, None)

    @property
    def moved(self):
        """By which part of its median the control moved within the row; None without one."""
        return moved(self.control)

    @property
    def interval(self):
        """The ends of the interval of the median; None where there are too few rounds."""
        return interval([one["value"] for one in self.rounds])

    def verdict(self, which):
        """Return what the rounds say of the bar or the goal, or None where they say nothing of it."""
        if not self.counts or self.mark is None or self.smaller:
            return None
        ends = self.interval
        return UNDECIDED if ends is None else self.mark.judge(ends, which)

    @property
    def wants_more(self):
        """Whether more rounds may decide the bar."""
        return self.verdict("bar") == UNDECIDED

    def plain(self):
        """Return it as what JSON can say."""
        least, most = self.spread()
        return {
            "name": self.name, "title": self.title, "unit": self.unit, "counts": self.counts,
            "median": self.middle(), "interval": self.interval, "least": least, "most": most,
            "bar": self.mark and self.mark.bar, "goal": self.mark and self.mark.goal,
            "more_is_better": bool(self.mark and self.mark.least),
            "bar_verdict": self.verdict("bar"), "goal_verdict": self.verdict("goal"),
            "control_us": self.control, "control_moved": self.moved,
            "faults": self.faults, "notes": self.notes, "smaller": self.smaller,
            "rounds": self.rounds, "steps": self.steps,
        }


def moved(values):
    """Return how far values lie apart, as a part of their median."""
    return (max(values) - min(values)) / statistics.median(values) if len(values) > 1 else None


def status(rows):
    """Return the exit status: 1 if anything went wrong, whatever it reached; a bar that is missed is no fault."""
    return 1 if any(row.faults for row in rows) or not any(row.counts for row in rows) else 0


def paired_tail(seconds):
    """Return the worse of each second's value and the next one's: what a window of two seconds shows."""
    return [max(pair) for pair in zip(seconds, seconds[1:])]


def tail_ratio(tails, ends, moment):
    """Compare the two seconds from `moment` on with the median of such pairs before.

    `tails` are the seconds' p99, `ends` the moments at which they were over. Return (µs before, µs then, ratio).
    """
    at = next((index for index, end in enumerate(ends) if moment <= end), None)
    if at is None or at < 4 or at + 1 >= len(tails):
        raise ValueError("the moment does not lie within the load, with seconds before it and after it")
    # The second right before may be the same moment, seen late: it is neither.
    before, then = statistics.median(paired_tail(tails[:at - 1])), max(tails[at:at + 2])
    return before, then, then / before
