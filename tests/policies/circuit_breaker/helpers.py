"""Breakers that stay open, and breakers that are half-open as soon as they have opened: no test waits for one."""

from __future__ import annotations

import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

from cladding import CircuitBreaker

AGES = 1e6
"""Seconds that no test lives to see the end of."""
AN_INSTANT = 1e-9
"""Seconds that are over before the next call."""


def stays_open(**parameters: Any) -> CircuitBreaker:
    """Opens at the second failure unless told, and stays so."""
    return CircuitBreaker(**{"failures": 2, "open_for": AGES} | parameters)


def half_open(**parameters: Any) -> CircuitBreaker:
    """Is half-open."""
    breaker = CircuitBreaker(**{"open_for": AN_INSTANT} | parameters)
    breaker.trip()
    return breaker


def assert_stats(breaker: CircuitBreaker, **expected: object) -> None:
    """These of the breaker's numbers are these."""
    stats = breaker.stats
    assert {name: stats[name] for name in expected} == expected


@types.coroutine
def suspended() -> Iterator[None]:
    """Suspends a coroutine once, whoever runs it."""
    yield


def fails(*args: Any, **kwargs: Any) -> Any:
    raise ConnectionError("refused")


class Gate:
    """A body that waits until it is opened, and counts who is inside."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = 0
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self) -> int:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        assert self.opened.wait(30)
        with self.lock:
            self.inside -= 1
        return 1


def in_threads(number: int, work: Callable[[], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def joined(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
