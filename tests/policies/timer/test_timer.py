"""`timer`: calls, errors and time, for each kind of call."""

from __future__ import annotations

import time
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds


@all_kinds
def test_calls_and_their_time(cladding: Any, kind: Kind) -> None:
    def work(x: int) -> int:
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass
        return x

    timed = cladding.timer(kind.make(work))
    begin = time.perf_counter()
    assert [kind.run(timed, x) for x in range(3)] == [0, 1, 2]
    elapsed = time.perf_counter() - begin
    stats = timed.cladding.timer.stats
    assert list(stats) == ["calls", "errors", "total_seconds", "last_seconds"]
    assert (stats["calls"], stats["errors"]) == (3, 0)
    assert 0.0019 <= stats["last_seconds"] < stats["total_seconds"] <= elapsed
    assert stats["total_seconds"] >= 0.0058


@all_kinds
def test_errors(cladding: Any, kind: Kind) -> None:
    def fail(error: BaseException) -> None:
        raise error

    timed = cladding.timer(kind.make(fail))
    for error in (ValueError(), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            kind.run_bare(timed, error)
    stats = timed.cladding.timer.stats
    assert (stats["calls"], stats["errors"]) == (2, 1)


@pytest.mark.parametrize("value", [3, "yes", None, 0.5])
def test_wrong_input(cladding: Any, value: Any) -> None:
    with pytest.raises(cladding.ConfigurationError, match="timer: `enabled` must be a bool, or a callable"):
        cladding.timer(enabled=value)
