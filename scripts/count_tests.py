"""Adds up the tests of a run, and prints them as one line.

    python scripts/count_tests.py [--also-failed N] FOLDER...

The folders hold what the test runners left: pytest's JUnit files (*.xml) and logs with cargo's summaries (*.log). What
also failed are steps without a test to show for it, such as a build or a lint.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

CARGO_SUMMARY = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;", re.MULTILINE)


class Count(NamedTuple):
    """How the tests of one report ended."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def plus(self, other: Count) -> Count:
        """The two together."""
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def from_junit(text: str) -> Count:
    """Reads pytest's report, in which a case is passed if nothing else is said of it."""
    total = Count()
    for case in ET.fromstring(text).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            total = total.plus(Count(failed=1))
        elif case.find("skipped") is not None:
            total = total.plus(Count(skipped=1))
        else:
            total = total.plus(Count(passed=1))
    return total


def from_cargo(text: str) -> Count:
    """Reads the summaries of all test binaries in a log."""
    total = Count()
    for passed, failed, ignored in CARGO_SUMMARY.findall(text):
        total = total.plus(Count(int(passed), int(failed), int(ignored)))
    return total


def main() -> None:
    """Prints `N passed, N failed`, and what was skipped if anything was."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--also-failed", type=int, default=0)
    parser.add_argument("folders", nargs="+", type=Path)
    options = parser.parse_args()

    total = Count(failed=options.also_failed)
    for folder in options.folders:
        for path in folder.glob("*.xml"):
            total = total.plus(from_junit(path.read_text()))
        for path in folder.glob("*.log"):
            total = total.plus(from_cargo(path.read_text(errors="replace")))
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"{total.passed} passed, {total.failed} failed{skipped}")


if __name__ == "__main__":
    main()
