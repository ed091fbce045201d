"""`monitor`: how long calls took."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from .helpers import spin, stats


def test_durations(cladding: Any) -> None:
    f = cladding.monitor(spin)
    begin = time.perf_counter()
    for _ in range(18):
        f(0.0005)
    f(0.01)
    f(0.02)
    elapsed = time.perf_counter() - begin
    found = stats(f)
    assert 0.0385 <= found["total_seconds"] <= elapsed
    assert 0.00048 <= found["p50"] <= found["p95"] <= found["p99"] <= elapsed
    assert found["p95"] >= 0.0096
    assert found["p99"] >= 0.0192


def test_nothing_is_known_before_the_first_call(cladding: Any) -> None:
    found = stats(cladding.monitor(lambda: None))
    assert all(math.isnan(found[key]) for key in ("p50", "p95", "p99"))
    assert found["total_seconds"] == 0


def test_waits_inside_count(cladding: Any) -> None:
    attempts = 0

    @cladding.monitor
    @cladding.retry(initial_delay=0.002, jitter="none")
    def f() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ConnectionError

    f()
    assert stats(f)["total_seconds"] >= 0.006


def test_time_that_policies_take_is_theirs(cladding: Any) -> None:
    """What a policy inside takes belongs to the monitor around it, and nothing of it to the one inside."""
    took = 0.02

    def slow(error: Exception) -> bool:
        time.sleep(took)
        return False

    def slowly_enabled() -> bool:
        time.sleep(took)
        return True

    @cladding.monitor
    @cladding.retry(exceptions=slow)
    def failing() -> None:
        raise ValueError

    @cladding.monitor
    @cladding.retry(enabled=slowly_enabled)
    @cladding.timer
    def quick() -> None: ...

    with pytest.raises(ValueError):
        failing()
    quick()
    assert failing.cladding.monitor.stats["total_seconds"] >= took
    assert quick.cladding.monitor.stats["total_seconds"] >= took > quick.cladding.timer.stats["total_seconds"]
