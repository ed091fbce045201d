"""One computation for each key among processes, also when one of them is killed while it computes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from policies.cache_result.helpers import until

PROGRAM = Path(__file__).with_name("computing.py")


def begun(url: str, notes: Path, seconds: float, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), url, str(notes), str(seconds), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def right(process: subprocess.Popen[str]) -> bool:
    out, err = process.communicate(timeout=50)
    assert (out, err) == ("right\n", "")
    return True


def runs(notes: Path) -> list[int]:
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("how", ["function", "coroutine"])
def test_of_eight_processes_one_computes(url: str, tmp_path: Path, how: str) -> None:
    notes = tmp_path / "notes"
    processes = [begun(url, notes, 1.5, how) for _ in range(8)]
    assert all(map(right, processes))
    assert len(runs(notes)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["function", "coroutine"])
def test_a_computation_may_take_longer_than_its_lease(url: str, tmp_path: Path, how: str) -> None:
    notes = tmp_path / "notes"
    processes = [begun(url, notes, 5, how) for _ in range(3)]
    assert all(map(right, processes))
    assert len(runs(notes)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["function", "coroutine"])
def test_when_the_one_that_computes_is_killed_one_other_does(url: str, tmp_path: Path, how: str) -> None:
    notes = tmp_path / "notes"
    first = begun(url, notes, 60, how)
    until(lambda: len(runs(notes)) == 1)
    others = [begun(url, notes, 0.5, how) for _ in range(7)]
    os.kill(first.pid, signal.SIGKILL)
    killed = time.monotonic()
    assert first.wait(20) == -signal.SIGKILL
    first.communicate()
    until(lambda: len(runs(notes)) == 2)
    # The lease is of two seconds; the rest is for processes to start on a busy machine.
    assert time.monotonic() - killed < 15
    assert all(map(right, others))
    assert len(runs(notes)) == 2
    # And it is there for those that come later.
    assert right(begun(url, notes, 0, how))
    assert len(runs(notes)) == 2
