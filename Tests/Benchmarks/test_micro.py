"""What `benchmarks/micro/run` makes of its counts."""

import importlib.machinery
import importlib.util
import json
import pathlib
import unittest

MICRO = pathlib.Path(__file__).resolve().parent.parent.parent / "benchmarks" / "micro"
loader = importlib.machinery.SourceFileLoader("benchmarks_micro_run", str(MICRO / "run"))
micro = importlib.util.module_from_spec(importlib.util.spec_from_loader("benchmarks_micro_run", loader))
loader.exec_module(micro)


class Counting(unittest.TestCase):
    """Differences and thresholds."""

    def test_making_cancels(self):
        """What making a scene takes is in both runs and goes away; a turn of two decisions is two."""
        def count(program, scene, turns, room):
            return 1_000_000 + 600 * turns, 2
        self.assertEqual(micro.each(count, "program", "scene", None), 300)

    def test_instructions(self):
        """Five percent more is the tolerance, a little above it is dearer; less is told as well."""
        self.assertEqual(micro.compare("instructions", 1000, 1050), "same")
        self.assertEqual(micro.compare("instructions", 1000, 1050.1), "dearer")
        self.assertEqual(micro.compare("instructions", 1000, 949), "cheaper")

    def test_allocations(self):
        """Not one allocation more in a thousand decisions."""
        self.assertEqual(micro.compare("allocations", 1.0, 1.0), "same")
        self.assertEqual(micro.compare("allocations", 1.0, 1.001), "dearer")
        self.assertEqual(micro.compare("allocations", 0.0, 0.001), "dearer")
        self.assertEqual(micro.compare("allocations", 1.0, 0.999), "cheaper")

    def test_all_have_thresholds(self):
        """Every scene that the package plays has both thresholds, and one without them would fail."""
        thresholds = json.loads((MICRO / "thresholds.json").read_text())
        source = (MICRO / "Sources" / "Rehearsal" / "Rehearsal.swift").read_text()
        self.assertEqual(set(thresholds), set(micro.SCENES))
        for scene in micro.SCENES:
            self.assertIn(f'= "{scene}"', source)
            self.assertEqual(set(thresholds[scene]), {"instructions", "allocations"})
        self.assertEqual(micro.compare("instructions", None, 1), "new")
