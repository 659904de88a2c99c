"""That what goes wrong in a round spoils its row and no other, and that nothing is kept of the warm-up."""

import importlib.machinery
import importlib.util
import pathlib
import unittest

from measuring.calls import Calls, check_status
from measuring.service import Trouble
from measuring.table import Scale, table

PROGRAM = pathlib.Path(__file__).resolve().parent.parent.parent / "benchmarks" / "run"


class Pretended:
    """A run without servers: the control takes what it is told."""

    rounds, seconds, room = 3, 1, pathlib.Path("/nowhere")

    def __init__(self, control=7.0):
        self.price = control
        self.asked = []

    def control(self):
        """Note that the control was asked."""
        self.asked.append("control")
        return self.price

    def say(self, text):
        """Say nothing."""

    def close(self, rows, servers):
        """Find a fault in every ledger."""
        for row in rows:
            row.faults.append(f"{len(servers)} ledger does not balance")


class Rounds(unittest.TestCase):
    """Calls next to their control."""

    def calls(self, answers):
        """Return the calls of two rows that get these answers, an exception being one, and the run."""
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
        """Each call has the control right before it; the first round is not kept."""
        calls, (looked, refused), run = self.calls({"availability": [70.0, 7.0, 14.0, 10.5], "sold-out": [7.0] * 4})
        calls.measure()
        self.assertEqual(run.asked, ["control", "availability", "control", "sold-out"] * 4)
        self.assertEqual([one["value"] for one in looked.rounds], [1.0, 2.0, 1.5])
        self.assertEqual(looked.control, [7.0] * 3)
        self.assertEqual(len(refused.rounds), 3)
        self.assertTrue(looked.counts and refused.counts)

    def test_wrong_answer(self):
        """After a wrong answer a row is not measured on and does not count; the other one goes on."""
        calls, (looked, refused), _ = self.calls({"availability": [7.0, 7.0, Trouble("7 wrong")], "sold-out": [7.0] * 4})
        calls.measure()
        self.assertEqual(looked.faults, ["round 2: 7 wrong"])
        self.assertFalse(looked.counts)
        self.assertEqual((len(refused.rounds), refused.faults), (3, []))

    def test_exact_status(self):
        """An answer of another status than all should have had is seen, though wrk takes it for as good."""
        check_status(304, 304)
        with self.assertRaisesRegex(Trouble, "the answer is 200, not 304"):
            check_status(200, 304)

    def test_books(self):
        """A ledger that does not balance spoils all rows that went to it, and those alone."""
        calls, (looked, refused), _ = self.calls({"availability": [7.0] * 4, "sold-out": [7.0] * 4})
        calls.servers["classic"] = object()
        calls.measure()
        self.assertFalse(looked.counts)
        self.assertTrue(refused.counts)


class Program(unittest.TestCase):
    """The command's own part."""

    @classmethod
    def setUpClass(cls):
        """Load it."""
        loader = importlib.machinery.SourceFileLoader("benchmarks_run", str(PROGRAM))
        cls.program = importlib.util.module_from_spec(importlib.util.spec_from_loader("benchmarks_run", loader))
        loader.exec_module(cls.program)

    def test_attempt(self):
        """What raises is written to the rows it was for."""
        run = self.program.Run(self.program.parse([]), Scale(), pathlib.Path("/nowhere"))
        run.say = lambda text: None

        def fail():
            raise Trouble("it ended")

        run.attempt([run.table["restart"], run.table["expiry"]], fail)
        self.assertEqual(run.table["restart"].faults, ["it ended"])
        self.assertEqual(run.table["expiry"].faults, ["it ended"])
        self.assertEqual(run.table["hold"].faults, [])

    def test_books_once(self):
        """Services are counted once each, and what is wrong with them goes to all their rows."""
        run = self.program.Run(self.program.parse([]), Scale(), pathlib.Path("/nowhere"))

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
        """Results are written only by a whole run, unless somebody says where; a row that is not there is refused."""
        self.assertEqual(self.program.parse([]).out, PROGRAM.parent)
        self.assertEqual(self.program.parse(["--quick"]).out, PROGRAM.parent)
        self.assertIsNone(self.program.parse(["--only", "hold"]).out)
        self.assertEqual(self.program.parse(["--only", "hold", "--out", "/tmp/x"]).out, pathlib.Path("/tmp/x"))
        for wrong in (["--only", "hold,nothing"], ["--rounds", "0"], ["--seconds", "61"]):
            with self.subTest(wrong=wrong), self.assertRaises(SystemExit), quiet():
                self.program.parse(wrong)


def quiet():
    """Return a context in which nothing is printed."""
    import contextlib
    import io
    return contextlib.redirect_stderr(io.StringIO())
