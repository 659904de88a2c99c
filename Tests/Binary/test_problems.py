"""The table of problems: each is provoked over HTTP by some test, and is in the documentation."""

import pathlib
import re
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def codes():
    """Return every code that the service can answer."""
    source = (ROOT / "Sources/TicketAPI/Problem.swift").read_text()
    return sorted(set(re.findall(r'code: "([a-z-]+)"', source)))


class Problems(unittest.TestCase):
    """Nothing is in the table that nobody has seen."""

    def test_each_is_provoked(self):
        """A test expects every code of an answer that the running program gave."""
        tests = "".join(path.read_text() for path in HERE.glob("test_*.py") if path.name != "test_problems.py")
        self.assertGreater(len(codes()), 30)
        for code in codes():
            with self.subTest(code):
                self.assertIn(f'"{code}"', tests)

    def test_each_is_documented(self):
        """The table in docs/api.md has every code, and no other."""
        text = (ROOT / "docs/api.md").read_text()
        table = text[text.index("## Problems"):]
        rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        self.assertEqual(sorted(re.findall(r"`([a-z-]+)`", "".join(rows))), codes())
