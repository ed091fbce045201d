"""Runs the compatibility matrix and writes it as a table: `python tests/compatibility/render.py [file]`."""

from __future__ import annotations

import platform
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "compatibility.md"

HEAD = """\
# Compatibility

What other tools do with a function that `cladding.stack(cladding.timer(), cladding.monitor())` decorates. A cell says
*works* when the tool treats it as the bare function and the policies still see every call; *clear error* when the tool
refuses it aloud, so that no policy is lost in silence; *not installed* when the tool was not there to be asked; a dash
where the tool has no use for that kind of function. Each cell is a test in `tests/compatibility`; `make matrix` runs
them and writes this page. The tests run the same matrix for decorators that users make with `cladding.decorator`, in either
form, and demand the same of it.
"""


class Cells:
    """A pytest plugin that keeps what came of each cell."""

    def __init__(self) -> None:
        self.outcomes: dict[str, dict[str, str]] = defaultdict(dict)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
        """Reads the outcome of the test's own phase."""
        report = yield
        if call.when == "call" or report.failed:
            parameters = item.callspec.params  # type: ignore[attr-defined]
            said = dict(report.user_properties).get("cell", "fails")
            outcome = "not installed" if report.skipped else said if report.passed else "fails"
            self.outcomes[str(parameters["row"])][str(parameters["subject"])] = str(outcome)
        return report


def table(outcomes: dict[str, dict[str, str]], columns: list[str]) -> str:
    """The outcomes as a Markdown table."""
    lines = ["| consumer | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(cells.get(column, "-") for column in columns) + " |"
        for name, cells in outcomes.items()
    ]
    return "\n".join(lines)


def main() -> int:
    """Runs the matrix, writes the page, and answers with pytest's exit status."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    cells = Cells()
    status = pytest.main(
        ["-q", "-p", "no:cacheprovider", str(Path(__file__).with_name("test_matrix.py"))], plugins=[cells]
    )
    # pytest has imported the modules under the package's name, and that is where the rows are.
    rows = next(module for name, module in sys.modules.items() if name.endswith("compatibility.rows"))
    subjects = next(module for name, module in sys.modules.items() if name.endswith("compatibility.subjects"))
    versions = sorted({f"{row.package} {row.version}" for row in rows.ROWS if row.version}, key=str.lower)
    made_with = f"Made with CPython {platform.python_version()} and " + ", ".join(versions) + "."
    page = "\n".join([HEAD, made_with, "", table(cells.outcomes, [subject.name for subject in subjects.SUBJECTS]), ""])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{target}\n")
    return int(status)


if __name__ == "__main__":
    raise SystemExit(main())
