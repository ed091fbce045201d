"""Bodies that count or stop, callers that come at once, and what the cache says of itself."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from cladding import cache_result, of

# Lives in seconds: one that has not ended when a test is over, however slow the machine is, and one that ends at once.
LONG, SHORT = 1_000.0, 0.001


class Counted:
    """A function's body that counts its runs."""

    def __init__(self) -> None:
        self.runs: list[Any] = []

    def __call__(self, *args: Any) -> int:
        self.runs.append(args)
        return len(self.runs)


def in_a_loop(test: Callable[..., Any]) -> Callable[..., None]:
    """Runs a coroutine test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def stats(function: Any) -> dict[str, int]:
    found: dict[str, int] = of(function).cache_result.stats
    return found


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that happens for certain, and soon."""
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.001)


def outlived(seconds: float) -> None:
    """Waits until results that were kept before, for so long, are past their lives."""
    later = cache_result(ttl=seconds)(int)
    later()
    until(lambda: later.cache_info().currsize == 0)


def in_threads(count: int, call: Callable[[], Any]) -> list[threading.Thread]:
    threads = [threading.Thread(target=call, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def joined(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


class Gate:
    """A function's body that stops until it is let go, each time."""

    def __init__(self) -> None:
        self.runs = 0
        self.open = threading.Event()

    def __call__(self) -> int:
        self.runs += 1
        assert self.open.wait(20)
        return self.runs
