"""What is in force while a program is tested: for a block, or everywhere."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from cladding import _native

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

# What is in force: nothing, or the most attempts that are allowed (None for no limit) in a tuple.
_Found: TypeAlias = "tuple[int | None] | None"

_block: ContextVar[_Found] = ContextVar("cladding_testing", default=None)
_everywhere: list[tuple[int | None]] = []
_lock = threading.Lock()


def in_force() -> _Found:
    """What is in force for the thread or task that asks: the innermost block's, else what was started last."""
    found = _block.get()
    return found if found is not None or not _everywhere else _everywhere[-1]


class FastRetries:
    """No waits and few attempts: in a block, or between ``start`` and ``stop`` for everybody."""

    __slots__ = ("_found", "_running", "_tokens")

    def __init__(self, attempts: int | None) -> None:
        self._found = (attempts,)
        self._tokens: list[Any] = []
        self._running = False

    def __enter__(self) -> Self:
        self._tokens.append(_block.set(self._found))
        _native.testing(True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        _native.testing(False)
        _block.reset(self._tokens.pop())

    def start(self) -> None:
        """Switches it on for all threads and tasks, but for those in a block of their own. Does nothing if it is on."""
        with _lock:
            if not self._running:
                self._running = True
                _everywhere.append(self._found)
                _native.testing(True)

    def stop(self) -> None:
        """Switches it off again. Does nothing if it is off."""
        with _lock:
            if self._running:
                self._running = False
                _everywhere.remove(self._found)
                _native.testing(False)
