"""A body that fails as often as it is told, and the numbers that tests look at."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from policies.kinds import Kind


class Fails:
    """Raises for the first so many calls, and then returns how often it was called."""

    def __init__(self, times: float, error: Callable[[], BaseException] = ConnectionError) -> None:
        self.times, self.error, self.calls = times, error, 0
        self.raised: list[BaseException] = []

    def __call__(self, *args: Any, **kwargs: Any) -> int:
        self.calls += 1
        if self.calls <= self.times:
            error = self.error()
            self.raised.append(error)
            raise error
        return self.calls


def numbers(f: Any) -> dict[str, int]:
    """How often a function was called, retried and given up."""
    stats = f.cladding.retry.stats
    return {name: stats[name] for name in ("calls", "retries", "gave_up")}


def waits_of(policy: Any, retries: int) -> list[float]:
    """The waits of one call with so many retries, none of which takes any time."""
    waits: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cladding._waits.sleep", waits.append)
        assert policy(Fails(retries))() == retries + 1
    return waits


def entries(error: BaseException) -> list[tuple[str, int | None]]:
    """Function and line of each entry of an exception's traceback, the outermost first."""
    return [(entry.name, entry.lineno) for entry in traceback.extract_tb(error.__traceback__)]


def burn(seconds: float) -> None:
    """Takes a little time, whatever the waits are made of."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def run_whole(kind: Kind, f: Any) -> Any:
    """A call to its very end, without an event loop, which would make something of its exceptions."""
    if "async generator" not in kind.name:
        return kind.run_bare(f)

    async def collect() -> list[Any]:
        return [item async for item in f()]

    steps = collect().__await__()
    with pytest.raises(StopIteration) as stop:
        next(steps)
    return stop.value.value
