"""A small sale with a queue on a real cluster: a master dies before the draw, and one while people are let in."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import ROOT

DEMO = ROOT / "demo" / "queue"


class QueueFailover(unittest.TestCase):
    """The demonstration of a queue."""

    def test_sale(self):
        """Nothing is sold twice, nobody's number or turn is lost, and the draw is the one that anybody can check."""
        with tempfile.TemporaryDirectory(prefix="holdfast-queue-") as room:
            figures = pathlib.Path(room) / "figures.json"
            ran = subprocess.run([sys.executable, str(DEMO), "--places", "50", "--people", "300", "--turn", "30", "--json", str(figures)],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400, check=False,
                                 env=os.environ | {"TMPDIR": room})
            self.assertEqual(ran.returncode, 0, ran.stdout)
            told = json.loads(figures.read_text())
        self.assertIn("everything is right", ran.stdout)
        self.assertEqual((told["joined"], len(told["kills"]), told["mistakes"]), (300, 2, []), ran.stdout)
        self.assertEqual((told["pool"]["sold"], told["pool"]["free"]), (50, 0), ran.stdout)


if __name__ == "__main__":
    unittest.main()
