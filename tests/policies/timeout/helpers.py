"""Waiting for what is sure to happen, and functions that go on until they are let go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SHORT = 0.02
"""Seconds after which what the tests time out is timed out."""

LONG = 30.0
"""Seconds that nothing takes unless a test fails."""


def eventually(condition: Callable[[], Any]) -> None:
    """Waits until something holds that another thread brings about."""
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


class Payload:
    """Something large in a frame, whose end can be seen."""


@contextmanager
def held() -> Iterator[Callable[..., Any]]:
    """A function that returns its argument once the block is over, or after a call of its ``let_go``."""
    gate = threading.Event()

    def waits(value: Any = None) -> Any:
        assert gate.wait(LONG)
        return value

    waits.let_go = gate.set  # type: ignore[attr-defined]
    try:
        yield waits
    finally:
        gate.set()
