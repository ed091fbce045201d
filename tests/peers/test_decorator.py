"""decorator's own tests and the examples of its documentation, run against `cladding.compat.decorator`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import sdists, suites

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cladding")]

VERSION = "5.3.1"
EXAMPLES = 118

ENVIRONMENT = {"CLADDING_PEER": "decorator"}


@pytest.fixture(scope="module")
def tests() -> Path:
    return sdists.sources("decorator", VERSION) / "tests"


def test_suite(tests: Path) -> None:
    report = suites.run(tests / "test.py", tests, "peer_in_place", environment=ENVIRONMENT)
    suites.judge(report, {})


def test_examples_of_the_documentation(tests: Path) -> None:
    """The suite above runs them as one test, which would pass with none: here they are counted."""
    program = "import peer_in_place, doctest, documentation; print(*doctest.testmod(documentation))"
    path = os.pathsep.join([str(suites.PLUGINS), str(tests)])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == [f"0 {EXAMPLES}"], done.stdout + done.stderr
