"""Calls in threads that are used again: handed over, waited for, and left to themselves where nobody waits any more."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from queue import Empty, SimpleQueue
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any

from cladding._waits import SLICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from cladding._native import Tally

KEPT = 10.0
"""Seconds that a thread waits for another call before it ends."""

MOST_KEPT = 16
"""Threads that wait so at the most."""

_idle: list[_Worker] = []
_generation = 0


def _forked() -> None:
    """A forked child has none of the threads; one that forked is its only thread, and ends with what it runs."""
    global _generation  # noqa: PLW0603 - counts the forks between a worker and this process
    _generation += 1
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class _Worker:
    """A thread that runs one attempt after the other. As a daemon it keeps no program from ending."""

    __slots__ = ("_attempt", "_generation", "_handed")

    def __init__(self, attempt: Attempt) -> None:
        self._attempt: Attempt | None = attempt
        self._handed = threading.Lock()
        self._handed.acquire()
        self._generation = _generation
        threading.Thread(target=self._run, name="cladding-worker", daemon=True).start()

    def hand(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._handed.release()

    def _run(self) -> None:
        while True:
            attempt, self._attempt = self._attempt, None
            if attempt is not None:
                attempt.run()
            del attempt
            if self._generation != _generation or len(_idle) >= MOST_KEPT:
                return
            _idle.append(self)
            if not self._handed.acquire(timeout=KEPT):
                try:
                    _idle.remove(self)
                except ValueError:
                    self._handed.acquire()  # Somebody has taken this one already, and hands it something.
                else:
                    return


class Attempt:
    """One call in a worker, in a copy of the context of who makes it. It tells its queue how it ended."""

    __slots__ = ("_call", "_ended", "_open", "_tally", "index")

    def __init__(
        self,
        ended: SimpleQueue[Ended],
        tally: Tally,
        index: int,
        call: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.index = index
        self._ended = ended
        self._tally = tally
        self._call: Any = contextvars.copy_context(), call, args, kwargs
        # Whoever takes the token decides whether the outcome is told or dropped.
        self._open = [None]
        try:
            worker = _idle.pop()
        except IndexError:
            _Worker(self)
        else:
            worker.hand(self)

    def abandon(self) -> bool:
        """Lets the call end by itself, its outcome dropped. False if it is over: then its outcome is told."""
        if not self._take():
            return False
        self._tally.abandon()
        return True

    def _take(self) -> bool:
        try:
            self._open.pop()
        except IndexError:
            return False
        return True

    def run(self) -> None:
        """Makes the call; in the worker."""
        # The frames of what fails here refer to this one, so that nothing may be left in it.
        (context, call, args, kwargs), self._call = self._call, None
        result = failure = None
        try:
            result = context.run(call, *args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is for whoever waits
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
            failure = error
        del context, call, args, kwargs
        if self._take():
            outcome = (self.index, failure, result)
            del failure, result
            self._ended.put(outcome)
            del outcome
        else:
            close_unbegun(result)
            del failure, result
            self._tally.end()


Ended = tuple[int, BaseException | None, Any]
"""Which attempt has ended, its exception, and its result."""


def close_unbegun(result: object) -> None:
    """Closes a coroutine that nobody is going to await, so that it does not warn of that."""
    if isinstance(result, CoroutineType):
        result.close()


def next_ended(ended: SimpleQueue[Ended], end: float) -> Ended | None:
    """Waits for an attempt to end, until a time of the monotonic clock. Signals are handled meanwhile."""
    while True:
        left = end - time.monotonic()
        try:
            return ended.get(timeout=min(max(left, 0.0), SLICE))
        except Empty:
            if left <= SLICE:
                return None


def below_own_frames(error: BaseException) -> TracebackType | None:
    """The traceback of an exception without the entries of this package that it begins with."""
    traceback = error.__traceback__
    while traceback is not None and str(traceback.tb_frame.f_globals.get("__name__")).startswith("cladding."):
        traceback = traceback.tb_next
    return traceback
