"""Ways to hold calls inside a bulkhead for as long as a test wants."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any


class Gate:
    """What calls in threads stop at, and how many have."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self._lock = threading.Lock()
        self.inside = self.most = 0

    def __call__(self, *args: Any) -> Any:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            assert self.opened.wait(30)
        finally:
            with self._lock:
                self.inside -= 1
        return args


def until(holds: Callable[[], bool]) -> None:
    """Waits until another thread has come to where the test wants it."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.0005)


def start(target: Callable[..., object], *args: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread


async def settle() -> None:
    """Lets every other task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)
