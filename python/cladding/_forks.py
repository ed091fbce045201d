"""A lock that no fork leaves locked by a thread which the child does not have."""

from __future__ import annotations

import os
import threading

_generation = 0
_renewing = threading.RLock()


def _forked() -> None:
    global _generation, _renewing  # noqa: PLW0603 - the child begins with one thread, and nothing held
    _generation += 1
    _renewing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class ForkSafeLock:
    """A re-entrant lock. In a forked child it is free, unless the thread that forked holds it."""

    __slots__ = ("_generation", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._generation = _generation

    def is_held_here(self) -> bool:
        """Whether the current thread holds the lock."""
        return self._lock._is_owned()  # type: ignore[attr-defined, no-any-return, unused-ignore]

    def __enter__(self) -> None:
        if self._generation != _generation:
            with _renewing:
                if self._generation != _generation and not self.is_held_here():
                    self._lock = threading.RLock()
                    self._generation = _generation
        self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()
