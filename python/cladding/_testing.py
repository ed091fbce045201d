"""What is in force while a program is tested: for a block, or everywhere."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias

from cladding import _native

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

# What is in force: nothing, or the most attempts that are allowed (None for no limit) in a tuple.
_Found: TypeAlias = "tuple[int | None] | None"
# The innermost block's, and those of the blocks around it.
_Blocks: TypeAlias = "tuple[tuple[int | None], _Blocks] | None"

_blocks: ContextVar[_Blocks] = ContextVar("cladding_testing", default=None)
# What was started, replaced as a whole, because whoever asks takes no lock.
_everywhere: list[tuple[tuple[int | None], ...]] = [()]
_lock = threading.Lock()


def in_force() -> _Found:
    """What is in force for the thread or task that asks: the innermost block's, else what was started last."""
    blocks = _blocks.get()
    if blocks is not None:
        return blocks[0]
    started = _everywhere[0]
    return started[-1] if started else None


class FastRetries:
    """No waits and few attempts: in a block, or between ``start`` and ``stop`` for everybody.

    One object can be entered by several threads and tasks, and inside itself: what it restores is in the context.
    """

    __slots__ = ("_found", "_running")

    def __init__(self, attempts: int | None) -> None:
        self._found = (attempts,)
        self._running = False

    def __enter__(self) -> Self:
        _blocks.set((self._found, _blocks.get()))
        _native.testing(True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        _native.testing(False)
        blocks = _blocks.get()
        _blocks.set(None if blocks is None else blocks[1])

    def start(self) -> None:
        """Switches it on for all threads and tasks, but for those in a block of their own. Does nothing if it is on."""
        with _lock:
            if not self._running:
                self._running = True
                _everywhere[0] += (self._found,)
                _native.testing(True)

    def stop(self) -> None:
        """Switches it off again. Does nothing if it is off."""
        with _lock:
            if self._running:
                self._running = False
                _everywhere[0] = tuple(found for found in _everywhere[0] if found is not self._found)
                _native.testing(False)
