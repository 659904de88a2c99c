"""The report for people."""

import json
import pathlib
import re
import tempfile
import unittest
import xml.etree.ElementTree as tree

from measuring import drawing, report
from measuring.judging import Row
from measuring.table import QUICK, Scale, table

SVG = "{http://www.w3.org/2000/svg}"
MACHINE = {"cpu": "A CPU", "cores": 2, "memory_gib": 24, "kernel": "6.1", "disk": "ext4", "commit": "abc",
           "versions": {"holdfast": "0.1.0", "nginx": "1.22.1", "wrk": "4.1.0", "redis": "7.0.15", "swift": "6.3.1"}}
ABOUT = {"date": "2026-11-24 12:00 UTC", "minutes": 20, "quick": False, "rounds": 15, "seconds": 0.5, "machine": MACHINE}


def filled(scale=Scale()):
    """Return the table with rounds in every row; all marks are reached."""
    rows = table(scale)
    for row in rows.values():
        good = row.mark.goal if row.mark else 1.0
        for off in (0.98, 1.0, 1.02):
            # On the good side of the goal.
            row.add(good * (off - 0.02 if not row.mark or not row.mark.least else 2 - off + 0.05), 7.0 * off, us=10 * off, rate=9e4,
                    p50_us=800, p99_us=4_000, first_us=9, many_us=9, many_rate=9e4, quiet_p99_us=3_000, ended=10, holds=9,
                    sales=9)
    for name in ("tickets", "live-holds", "events"):
        rows[name].steps = [{"size": size, "median": 20, "least": 19, "most": 22} for size in (1_000, 1_000_000)]
    part = {"median": 8, "least": 7, "most": 9}
    rows["connections"].steps = [{"size": size, "median": 15, "least": 14, "most": 16, "nginx": part, "availability": part,
                                  "rate": part} for size in (1, 1_024)]
    return rows


def line_of(page, title):
    """Return the row of a table that begins with this."""
    return next(line for line in page.split("\n") if line.startswith(f"| {title}"))


class Report(unittest.TestCase):
    """The page, the file and the plots."""

    def test_whole(self):
        """Machine, versions, commit and every row of the table of goals are there, each met."""
        rows = filled()
        page = report.text(ABOUT, list(rows.values()))
        for part in ("A CPU, 2 cores", "kernel 6.1", "nginx 1.22.1", "wrk 4.1.0", "Swift 6.3.1", "commit abc", "ext4"):
            self.assertIn(part, page)
        for row in rows.values():
            self.assertIn(row.title, page)
        self.assertNotIn("missed", page)
        self.assertNotIn("does not count", page)
        self.assertNotIn("not decided", page)
        self.assertIn("×1.47 (1.44 to 1.50)", line_of(page, "hold, synced"))
        self.assertIn("| ≤ 2.2: met | ≤ 1.5: met | 10.0 | 90,000 | 800 µs | 4.00 ms |", line_of(page, "hold, synced"))
        self.assertIn("≥ 300 k holds/s: met", line_of(page, "embedded store"))

    def test_missed(self):
        """A missed bar is reported beside the figure."""
        rows = filled()
        for one in rows["hold"].rounds:
            one["value"] = 2.5
        line = line_of(report.text(ABOUT, list(rows.values())), "hold, synced")
        self.assertIn("≤ 2.2: **missed**", line)
        self.assertIn("≤ 1.5: **missed**", line)

    def test_not_decided(self):
        """A bar that lies within the interval is neither met nor missed."""
        rows = filled()
        for one, value in zip(rows["hold"].rounds, (2.1, 2.2, 2.3)):
            one["value"] = value
        line = line_of(report.text(ABOUT, list(rows.values())), "hold, synced")
        self.assertIn("×2.20 (2.10 to 2.30) | ≤ 2.2: **not decided**", line)

    def test_control(self):
        """The control's spread stands beside the figure and decides nothing."""
        rows = filled()
        rows["hold"].control[0] = 3.0
        line = line_of(report.text(ABOUT, list(rows.values())), "hold, synced")
        self.assertIn("≤ 2.2: met |", line)
        self.assertIn("3 pairs, 3.00 to 7.14 µs", line)

    def test_wrong(self):
        """A row with a fault has no figure and says why."""
        rows = filled()
        rows["hold"].faults.append("round 3: 7 of 90,000 answers were not as expected (200)")
        page = report.text(ABOUT, list(rows.values()))
        line = line_of(page, "hold, synced")
        self.assertIn("**does not count**", line)
        self.assertNotIn("×1.47", line)
        self.assertIn("≤ 2.2: not measured", line)
        self.assertLess(page.index("7 of 90,000 answers"), page.index("| hold, synced"))
        drawn = report.plots(list(rows.values()))
        self.assertNotIn("hold, synced, 64", drawn["cost.svg"])
        rows["tickets"].faults.append("the ledger does not balance")
        self.assertNotIn("tickets.svg", report.plots(list(rows.values())))

    def test_told(self):
        """The report names a quick run, too few rounds, ledgers in memory, and absent or smaller rows."""
        rows = filled(QUICK)
        page = report.text(ABOUT | {"quick": True}, list(rows.values()))
        self.assertIn("A quick look", page)
        self.assertIn("≤ 5 s: not judged, smaller", line_of(page, "restart"))
        self.assertIn("50,000 instead of 1,000,000", page)
        self.assertIn("**4 pairs**", report.text(ABOUT | {"rounds": 4}, list(rows.values())))
        self.assertIn("in memory", report.text(ABOUT | {"machine": MACHINE | {"disk": "tmpfs"}}, list(rows.values())))
        self.assertIn("| core alone | not measured |", report.text(ABOUT, [Row("core", "core alone")]))

    def test_written(self):
        """Page, figures and plots are written; every plot that the page shows is there, and old ones are gone."""
        with tempfile.TemporaryDirectory() as room:
            folder = pathlib.Path(room)
            (folder / "plots").mkdir()
            (folder / "plots" / "old.svg").write_text("old")
            rows = filled()
            rows["events"].faults.append("wrong")
            report.write(folder, ABOUT, list(rows.values()))
            page = (folder / "results.md").read_text()
            shown = re.findall(r"\(plots/([\w.-]+)\)", page)
            self.assertEqual(sorted(shown), ["connections.svg", "cost.svg", "live-holds.svg", "tickets.svg"])
            self.assertEqual(sorted(shown), sorted(path.name for path in (folder / "plots").iterdir()))
            figures = json.loads((folder / "results.json").read_text())
            hold = next(row for row in figures["rows"] if row["name"] == "hold")
            self.assertEqual((hold["median"], hold["bar"], hold["bar_verdict"], hold["counts"]), (1.47, 2.2, "met", True))
            self.assertEqual(len(hold["rounds"]), 3)
            self.assertEqual(figures["about"]["machine"]["versions"]["nginx"], "1.22.1")


class Drawing(unittest.TestCase):
    """Lengths in the plots."""

    def test_bars(self):
        """Bars begin at zero and are as long as their figures; bar, goal and spread lie on the same scale."""
        svg = tree.fromstring(drawing.bars("title", [
            drawing.Bar("a & b", 1.0, 0.5, 2.0, 2.0, 1.5, "×1"), drawing.Bar("b", 3.0, 3.0, 3.0, 2.0, 1.5, "×3")]))
        one, three = [shape for shape in svg.iter(f"{SVG}rect") if "one" in shape.get("class")]
        self.assertAlmostEqual(float(three.get("width")), 3 * float(one.get("width")), delta=0.3)
        unit, left = float(one.get("width")), float(one.get("x"))
        bar = [shape for shape in svg.iter(f"{SVG}line") if shape.get("class") == "bar"][1]
        goal = [shape for shape in svg.iter(f"{SVG}line") if shape.get("class") == "goal"][1]
        self.assertAlmostEqual(float(bar.get("x1")), left + 2 * unit, delta=0.3)
        self.assertAlmostEqual(float(goal.get("x1")), left + 1.5 * unit, delta=0.3)
        whisker = [shape for shape in svg.iter(f"{SVG}line") if shape.get("class") == "whisker"][1]
        self.assertAlmostEqual(float(whisker.get("x1")), left + 0.5 * unit, delta=0.3)
        self.assertAlmostEqual(float(whisker.get("x2")), left + 2 * unit, delta=0.3)

    def test_growth(self):
        """Heights are from zero, widths by powers of ten, and the axes say what they are."""
        svg = tree.fromstring(drawing.growth("title", "tickets", "µs", [
            drawing.Line("x", [(10, 5, 4, 6), (100, 10, 9, 11), (10_000, 20, 20, 20)])]))
        dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in svg.iter(f"{SVG}circle")]
        self.assertAlmostEqual(dots[2][0] - dots[1][0], 2 * (dots[1][0] - dots[0][0]), delta=0.3)
        axis = [shape for shape in svg.iter(f"{SVG}line") if shape.get("class") == "axis"][-1]
        zero = float(axis.get("y1"))
        self.assertAlmostEqual(zero - dots[2][1], 4 * (zero - dots[0][1]), delta=0.3)
        said = [text.text for text in svg.iter(f"{SVG}text")]
        for part in ("µs", "tickets (logarithmic)", "0", "10", "100", "10k"):
            self.assertIn(part, said)

    def test_everywhere(self):
        """Every plot has its own colours for light and dark, and nothing is drawn outside of it or smaller than 13."""
        for svg in report.plots(list(filled().values())).values():
            self.assertIn("@media (prefers-color-scheme: dark)", svg)
            drawn = tree.fromstring(svg)
            width, height = map(float, drawn.get("viewBox").split()[2:])
            self.assertLessEqual(width, 420)
            self.assertTrue(drawn.get("aria-label"))
            for text in drawn.iter(f"{SVG}text"):
                self.assertTrue(0 <= float(text.get("x")) <= width and 0 <= float(text.get("y")) <= height, text.text)
                # The width of a letter, roughly, at these sizes.
                size = (8.5 if "title" in text.get("class") else 7.5) * len(text.text)
                start = float(text.get("x")) - {"start": 0, "middle": size / 2, "end": size}[text.get("text-anchor", "start")]
                self.assertTrue(-8 <= start and start + size <= width + 8, text.text)

    def test_ticks(self):
        """The numbers at an axis are round and reach the top."""
        self.assertEqual(drawing.ticks(3.1), [0, 1, 2, 3, 4])
        self.assertEqual(drawing.ticks(24), [0, 5, 10, 15, 20, 25])
        self.assertEqual(drawing.ticks(181), [0, 50, 100, 150, 200])
