"""A fault in a round spoils its row and no other, and the warm-up does not count."""

import importlib.machinery
import importlib.util
import pathlib
import unittest

from measuring.calls import Calls, check_status
from measuring.service import Trouble
from measuring.table import Scale, table

from support import ROOT

BENCHMARKS = ROOT / "benchmarks"


def load():
    """Return the command as a module."""
    loader = importlib.machinery.SourceFileLoader("benchmarks_run", str(BENCHMARKS / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("benchmarks_run", loader))
    loader.exec_module(module)
    return module


PROGRAM = load()


class Pretended:
    """A run without servers, whose control takes a given time."""

    rounds, most, seconds, room = 3, 9, 1, pathlib.Path("/nowhere")

    def __init__(self, control=7.0):
        self.price = control
        self.asked = []

    goes_on = PROGRAM.Run.goes_on

    def control(self, secure=False):
        """Note a measurement of the control."""
        self.asked.append("control")
        return self.price

    def say(self, text):
        """Print nothing."""

    def close(self, rows, servers):
        """Find a fault in every ledger."""
        for row in rows:
            row.faults.append(f"{len(servers)} ledger does not balance")


class Rounds(unittest.TestCase):
    """Calls beside their control."""

    def calls(self, answers):
        """Return the calls of two rows with these answers or exceptions, and the run."""
        run = Pretended()
        rows = [table(Scale())[name] for name in ("availability", "sold-out")]
        calls = Calls(run, rows)

        def asked(name):
            def ask():
                run.asked.append(name)
                answer = answers[name].pop(0)
                if isinstance(answer, Exception):
                    raise answer
                return {"us": answer, "rate": 1.0, "p50_us": 1.0, "p99_us": 2.0}
            return ask

        calls.availability, calls.sold_out = asked("availability"), asked("sold-out")
        return calls, rows, run

    def test_control_right_before(self):
        """Each call has the control right before it; the first round does not count."""
        calls, (looked, refused), run = self.calls({"availability": [70.0, 7.0, 10.5, 8.75], "sold-out": [7.0] * 4})
        calls.measure()
        self.assertEqual(run.asked, ["control", "availability", "control", "sold-out"] * 4)
        self.assertEqual([one["value"] for one in looked.rounds], [1.0, 1.5, 1.25])
        self.assertEqual(looked.control, [7.0] * 3)
        self.assertEqual(len(refused.rounds), 3)
        self.assertTrue(looked.counts and refused.counts)

    def test_until_decided(self):
        """A row whose bar its rounds do not decide goes on alone, until they do or there were as many as may be."""
        # Ratios of 2, 1 and 1 where the bar is 1.5, and then more: seven rounds are sure that one of them is no part of it.
        for more, taken in (([7.0] * 6, 7), ([14.0, 7.0] * 3, 9)):
            calls, (looked, refused), run = self.calls(
                {"availability": [7.0, 14.0, 7.0, 7.0] + more, "sold-out": [7.0] * 4})
            calls.measure()
            self.assertEqual((len(looked.rounds), len(refused.rounds)), (taken, 3))
            self.assertEqual(run.asked[16:], ["control", "availability"] * (taken - 3))

    def test_wrong_answer(self):
        """After a wrong answer a row is not measured further and does not count; the other one goes on."""
        calls, (looked, refused), _ = self.calls({"availability": [7.0, 7.0, Trouble("7 wrong")], "sold-out": [7.0] * 4})
        calls.measure()
        self.assertEqual(looked.faults, ["round 2: 7 wrong"])
        self.assertFalse(looked.counts)
        self.assertEqual((len(refused.rounds), refused.faults), (3, []))

    def test_exact_status(self):
        """An answer with another status is found, although wrk counts it as a success."""
        check_status(304, 304)
        with self.assertRaisesRegex(Trouble, "the answer is 200, not 304"):
            check_status(200, 304)

    def test_books(self):
        """A ledger that does not balance spoils exactly the rows that used it."""
        calls, (looked, refused), _ = self.calls({"availability": [7.0] * 4, "sold-out": [7.0] * 4})
        calls.servers["classic"] = object()
        calls.measure()
        self.assertFalse(looked.counts)
        self.assertTrue(refused.counts)


class Program(unittest.TestCase):
    """The command's own part."""

    def test_attempt(self):
        """An exception becomes a fault of its rows."""
        run = PROGRAM.Run(PROGRAM.parse([]), Scale(), pathlib.Path("/nowhere"))
        run.say = lambda text: None

        def fail():
            raise Trouble("it ended")

        run.attempt([run.table["restart"], run.table["expiry"]], fail)
        self.assertEqual(run.table["restart"].faults, ["it ended"])
        self.assertEqual(run.table["expiry"].faults, ["it ended"])
        self.assertEqual(run.table["hold"].faults, [])

    def test_books_once(self):
        """Each service is counted once, and its faults go to all its rows."""
        run = PROGRAM.Run(PROGRAM.parse([]), Scale(), pathlib.Path("/nowhere"))

        class Service:
            data = "/nowhere/data"

            def close(self):
                return ["a ticket is gone"]

        service = Service()
        run.running.append(service)
        rows = [run.table["live-holds"], run.table["memory-hold"]]
        run.close(rows, [service])
        run.close(rows, [service])
        self.assertEqual([row.faults for row in rows], [["a ticket is gone"]] * 2)

    def test_options(self):
        """Only a whole run writes results, unless --out says where; an unknown row is refused."""
        self.assertEqual(PROGRAM.parse([]).out, BENCHMARKS)
        self.assertEqual(PROGRAM.parse(["--quick"]).out, BENCHMARKS)
        self.assertIsNone(PROGRAM.parse(["--only", "hold"]).out)
        self.assertEqual(PROGRAM.parse(["--only", "hold", "--out", "/tmp/x"]).out, pathlib.Path("/tmp/x"))
        for wrong in (["--only", "hold,nothing"], ["--rounds", "0"], ["--most", "0"], ["--seconds", "61"]):
            with self.subTest(wrong=wrong), self.assertRaises(SystemExit), quiet():
                PROGRAM.parse(wrong)


def quiet():
    """Return a context in which nothing is printed."""
    import contextlib
    import io
    return contextlib.redirect_stderr(io.StringIO())
