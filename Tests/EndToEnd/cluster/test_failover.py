"""A short sale on a real cluster: with a replica that acknowledges nothing is lost, and without one something is."""

import glob
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import ROOT

DEMO = ROOT / "demo" / "cluster"


def run(temporary, *arguments):
    """Run the demo; return its exit status, its output, and its figures."""
    figures = os.path.join(temporary, "figures.json")
    ran = subprocess.run(
        [sys.executable, str(DEMO), "--json", figures, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=400, env=os.environ | {"TMPDIR": temporary})
    told = json.loads(pathlib.Path(figures).read_text()) if os.path.exists(figures) else None
    return ran.returncode, ran.stdout, told


def processes_of(temporary):
    """Return the processes that have this directory in their command line or as their working directory."""
    found = []
    for each in glob.glob("/proc/[0-9]*"):
        try:
            words = pathlib.Path(each, "cmdline").read_bytes().decode(errors="replace")
            if temporary in words or os.readlink(each + "/cwd").startswith(temporary):
                found.append(words.replace("\0", " "))
        except OSError:
            continue
    return found


class Failover(unittest.TestCase):
    def setUp(self):
        room = tempfile.TemporaryDirectory(prefix="holdfast-cluster-")
        self.addCleanup(room.cleanup)
        self.room = room.name

    def assert_nothing_is_left(self):
        self.assertEqual(processes_of(self.room), [])
        self.assertEqual([name for name in os.listdir(self.room) if name != "figures.json"], [])

    def test_no_answered_purchase_is_lost_though_the_replica_was_cut_off(self):
        status, text, told = run(self.room, "--places", "1200", "--stall", "0.7")
        self.assertEqual(status, 0, text)
        self.assertIn("the books balance", text)
        self.assertEqual((told["lost"], told["mistakes"], len(told["failovers"])), (0, [], 1), text)
        self.assertEqual(told["answered"], told["exported"], text)
        self.assertGreater(told["answered"], 300, text)
        pool = told["pool"]
        self.assertEqual(pool["sold"] + pool["held"] + pool["free"], 1200, text)
        self.assert_nothing_is_left()

    def test_without_replicas_that_acknowledge_purchases_are_lost_and_the_books_say_so(self):
        status, text, told = run(self.room, "--places", "1200", "--stall", "0.7", "--wait-replicas", "0")
        self.assertEqual(status, 1, text)
        self.assertGreater(told["lost"], 0, text)
        self.assertIn("LOST: purchase", "\n".join(told["mistakes"]), text)
        self.assertIn("the books do not balance", text)
        self.assert_nothing_is_left()

    def test_of_two_replicas_that_both_acknowledge_the_one_that_lags_may_take_over(self):
        status, text, told = run(
            self.room, "--replicas", "2", "--wait-replicas", "2", "--places", "1000", "--stall", "0.7", "--worst")
        self.assertEqual(status, 0, text)
        self.assertEqual((told["lost"], told["mistakes"]), (0, []), text)
        self.assertTrue(told["failovers"][0]["was_late"], text)

    def test_of_two_replicas_one_that_acknowledges_is_not_enough_if_the_other_takes_over(self):
        status, text, told = run(
            self.room, "--replicas", "2", "--wait-replicas", "1", "--places", "1000", "--stall", "0.7", "--worst")
        self.assertEqual(status, 1, text)
        self.assertGreater(told["lost"], 0, text)
        self.assertTrue(told["failovers"][0]["was_late"], text)

    def test_stopping_it_leaves_nothing_behind(self):
        demo = subprocess.Popen(
            [sys.executable, str(DEMO), "--places", "100000"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"TMPDIR": self.room})
        self.addCleanup(demo.stdout.close)
        for line in demo.stdout:
            if "is open" in line:
                break
        self.assertGreater(len(processes_of(self.room)), 9)
        time.sleep(0.5)
        demo.send_signal(signal.SIGINT)
        self.assertEqual(demo.wait(60), 130)
        self.assert_nothing_is_left()
