"""Running a file of tests that others wrote, in an interpreter of its own, and judging its report."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

PLUGINS = Path(__file__).parent / "plugins"

# A test may be left out for a reason of this form, where the running Python is an older one, and for no other.
NEEDS_PYTHON = re.compile(r"requires Python (\d+)\.(\d+)")


class Report(NamedTuple):
    """How the tests of a file ended, by name."""

    passed: frozenset[str]
    failed: Mapping[str, str]
    skipped: Mapping[str, str]
    output: str


def run(
    file: Path, root: Path, plugin: str, *options: str, environment: Mapping[str, str] | None = None, limit: float = 50
) -> Report:
    """Runs a file with pytest, with a plugin of ours loaded before anything else.

    Args:
        file: The tests.
        root: The highest folder whose ``conftest.py`` counts.
        plugin: A module in ``plugins/``.
        options: More of pytest's.
        environment: What the plugin is told.
        limit: Seconds that it may take.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    settings = {
        "PYTHONPATH": str(PLUGINS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-p", plugin, "-p", "no:cacheprovider", "--tb=short", "-q"]
        command += ["-c", str(PLUGINS / "pytest.ini"), "--rootdir", str(root), "--confcutdir", str(root)]
        command += ["--junitxml", str(report), *options, str(file)]
        done = subprocess.run(
            command,
            cwd=root,
            env=inherited | settings | dict(environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
        )
        text = report.read_text() if report.exists() else "<none/>"
    return _read(text, done.stdout)


def _read(text: str, output: str) -> Report:
    passed, failed, skipped = set[str](), dict[str, str](), dict[str, str]()
    for case in ET.fromstring(text).iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}.{case.get('name')}"
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        left_out = case.find("skipped")
        if wrong is not None:
            failed[name] = f"{wrong.get('message')}\n{wrong.text}"
        elif left_out is not None:
            skipped[name] = left_out.get("message") or ""
        else:
            passed.add(name)
    return Report(frozenset(passed - failed.keys()), failed, skipped, output)


def judge(report: Report, exceptions: Mapping[str, str]) -> None:
    """Demands that every test passed, but for the named ones, each of which must have failed."""
    assert report.passed | report.failed.keys() | report.skipped.keys(), f"no test ran:\n{report.output}"
    unexpected = {name: why for name, why in report.failed.items() if name not in exceptions}
    assert not unexpected, "\n\n".join(f"{name}: {why}" for name, why in unexpected.items())
    needless = [name for name in exceptions if name not in report.failed]
    assert not needless, f"listed as exceptions, yet they did not fail: {needless}"
    evaded = {name: why for name, why in report.skipped.items() if not _is_for_a_later_python(why)}
    assert not evaded, f"left out for a reason that is not the interpreter's: {evaded}"


def _is_for_a_later_python(reason: str) -> bool:
    wanted = NEEDS_PYTHON.search(reason)
    return wanted is not None and (int(wanted[1]), int(wanted[2])) > sys.version_info[:2]
