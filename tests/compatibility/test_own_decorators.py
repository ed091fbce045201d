"""The same matrix for decorators that users make with `decorator`, in either form."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("form", ["caller", "universal"])
def test_matrix(form: str) -> None:
    matrix = Path(__file__).with_name("test_matrix.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rf", str(matrix)]
    if form == "caller" and sys.version_info < (3, 12):
        # There the signature is told in the function's dictionary, which `functools.wraps` copies, `self` and all.
        command += ["-k", "not (around and method)"]
    done = subprocess.run(
        command, env={**os.environ, "CLADDING_TEST_DECORATOR": form}, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 100
