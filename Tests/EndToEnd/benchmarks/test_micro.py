"""How `benchmarks/micro/run` evaluates its counts."""

import importlib.machinery
import importlib.util
import json
import unittest

from support import ROOT

MICRO = ROOT / "benchmarks" / "micro"
loader = importlib.machinery.SourceFileLoader("benchmarks_micro_run", str(MICRO / "run"))
micro = importlib.util.module_from_spec(importlib.util.spec_from_loader("benchmarks_micro_run", loader))
loader.exec_module(micro)


class Counting(unittest.TestCase):
    """Differences and thresholds."""

    def test_making_cancels(self):
        """The cost of making a scene is in both runs and cancels out; a turn of two decisions counts as two."""
        def count(scene, turns, room):
            return 1_000_000 + 600 * turns, 2
        self.assertEqual(micro.each(count, "sold-out", None), 300)

    def test_callers_share_turns(self):
        """In a turn of the store each caller sends one request, and a run has whole turns."""
        played = []
        def count(scene, turns, room):
            played.append(turns)
            return 7 + 2_560 * turns, 256
        self.assertEqual(micro.each(count, "store-256-callers", None), 10)
        self.assertEqual(played, [40, 120])

    def test_instructions(self):
        """Five percent more is tolerated, a little above that is too expensive; less is reported, too."""
        self.assertEqual(micro.compare("sold-out", "instructions", 1000, 1050), "same")
        self.assertEqual(micro.compare("sold-out", "instructions", 1000, 1050.1), "dearer")
        self.assertEqual(micro.compare("sold-out", "instructions", 1000, 949), "cheaper")

    def test_allocations(self):
        """Not one allocation more in a thousand decisions."""
        self.assertEqual(micro.compare("sold-out", "allocations", 1.0, 1.0), "same")
        self.assertEqual(micro.compare("sold-out", "allocations", 1.0, 1.001), "dearer")
        self.assertEqual(micro.compare("sold-out", "allocations", 0.0, 0.001), "dearer")
        self.assertEqual(micro.compare("sold-out", "allocations", 1.0, 0.999), "cheaper")
        self.assertEqual(micro.compare("store-alone", "allocations", 9.0, 9.4), "same")
        self.assertEqual(micro.compare("store-alone", "allocations", 9.0, 9.5), "dearer")

    def test_all_have_thresholds(self):
        """Every scene of the package has both thresholds, and one without them fails."""
        thresholds = json.loads((MICRO / "thresholds.json").read_text())
        source = (MICRO / "Sources" / "Rehearsal" / "Rehearsal.swift").read_text()
        self.assertEqual(set(thresholds), set(micro.SCENES))
        for scene in micro.DECISIONS:
            self.assertIn(f'= "{scene}"', source)
        for scene in micro.SCENES:
            self.assertEqual(set(thresholds[scene]), {"instructions", "allocations"})
        self.assertEqual(micro.compare("sold-out", "instructions", None, 1), "new")
