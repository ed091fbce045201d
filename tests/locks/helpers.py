"""Watching who is inside something at the same time, and what is locked."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cladding import _native

LONG = 20
"""Seconds that no test should need."""


def live() -> int:
    """How many locks of objects are held or wanted."""
    return _native.Section.live()


class Inside:
    """Counts who is inside, and remembers the most that ever were."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.entries = 0

    def __enter__(self) -> None:
        self.now += 1
        self.entries += 1
        self.most = max(self.most, self.now)

    def __exit__(self, *error: object) -> None:
        self.now -= 1


class Holding:
    """A function body that says when it is inside, and stays there until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()

    def stay(self) -> None:
        self.entered.set()
        assert self.go.wait(LONG)


@contextmanager
def thread(function: Callable[[], object]) -> Iterator[threading.Thread]:
    """A thread that is joined at the end of the block."""
    worker = threading.Thread(target=function, daemon=True)
    worker.start()
    yield worker
    worker.join(LONG)
    assert not worker.is_alive()


def excludes(hold: Callable[[Holding], object], other: Callable[[], object]) -> bool:
    """Whether `other` waits while another thread is inside `hold`."""
    holding, done = Holding(), threading.Event()

    def call() -> None:
        other()
        done.set()

    with thread(lambda: hold(holding)):
        assert holding.entered.wait(LONG)
        with thread(call):
            waited = not done.wait(0.05)
            holding.go.set()
    assert done.is_set()
    return waited


@contextmanager
def interrupted() -> Iterator[None]:
    """Sends the main thread an interrupt soon, likely when it waits already; whatever it finds, the outcome is the same."""

    def send() -> None:
        time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        sender.join()
