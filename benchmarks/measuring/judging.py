"""What a row's figures come to, and whether they count."""

import statistics
from dataclasses import dataclass, field

# A control that moved further within a row says that the machine did, too.
STEADY = 0.10
ROUNDS = 5


@dataclass(frozen=True)
class Mark:
    """What a row should reach: `bar` must be kept, `goal` is aimed at. More is better only where `least`."""

    bar: float
    goal: float
    unit: str = "×"
    least: bool = False

    def reached(self, value, which):
        """Return whether a value keeps the bar, or reaches the goal."""
        limit = getattr(self, which)
        return value >= limit if self.least else value <= limit


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
    # Why it was not measured, where it was not and nothing is wrong.
    absent: str = None
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
    def steady(self):
        """Whether the control stood still enough for the row to count as the method says."""
        return self.moved is None or self.moved < STEADY

    def met(self, which):
        """Return True, False, or None where nothing can be said."""
        if not self.counts or self.mark is None or self.smaller:
            return None
        return self.mark.reached(self.middle(), which)

    def plain(self):
        """Return it as what JSON can say."""
        least, most = self.spread()
        return {
            "name": self.name, "title": self.title, "unit": self.unit, "counts": self.counts,
            "median": self.middle(), "least": least, "most": most,
            "bar": self.mark and self.mark.bar, "goal": self.mark and self.mark.goal,
            "more_is_better": bool(self.mark and self.mark.least),
            "bar_met": self.met("bar"), "goal_met": self.met("goal"),
            "control_us": self.control, "control_moved": self.moved, "control_steady": self.steady,
            "faults": self.faults, "notes": self.notes, "absent": self.absent, "smaller": self.smaller,
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
