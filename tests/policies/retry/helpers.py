"""A body that fails as often as it is told, and the numbers that tests look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


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
