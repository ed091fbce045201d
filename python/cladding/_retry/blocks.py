"""Attempts of a block of code, where there is no function to decorate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cladding import _native
from cladding._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType
    from typing import Self

    from cladding._native import Policy

_NEED_A_FUNCTION = ("timeout", "hedge", "fallback")


class Attempt:
    """One attempt of a block; a context manager around it."""

    __slots__ = ("_result", "_walk", "number")

    def __init__(self, walk: _Walk, number: int) -> None:
        self._walk = walk
        self.number: Final = number
        """Which attempt this is, from 1."""
        self._result: object = None

    def set_result(self, result: object) -> None:
        """Says what the block has come to, for ``retry_on_result`` and ``on_success``."""
        self._result = result

    def __enter__(self) -> Self:
        self._walk.enter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> bool:
        return self._walk.leave(error, self._result)


class _Walk:
    """One run of a block with its attempts."""

    __slots__ = ("_block", "_count", "_says", "_state")

    def __init__(self, attempts: Attempts) -> None:
        self._block = _native.Block(attempts.bound)
        self._count = 0
        self._says = self._block.go_on()
        self._state = "new"

    def enter(self) -> None:
        if self._state != "made":
            message = "an attempt is entered once, and before the next one is asked for"
            raise RuntimeError(message)
        self._state = "inside"

    def leave(self, error: BaseException | None, result: object) -> bool:
        """Whether the exception is dealt with: another attempt follows."""
        self._state = "left"
        says, what = self._says = self._block.returned(result) if error is None else self._block.raised(error)
        if says == "raise" and what is not error:
            raise what  # It stands in the place of what the block raised.
        return says != "raise"

    def _attempt(self) -> Attempt:
        self._state = "made"
        self._count += 1
        return Attempt(self, self._count)

    def _next(self) -> bool:
        """Whether a wait comes before the next attempt; raises when there is no other attempt."""
        if self._state in ("made", "inside"):
            message = "write `with attempt:` around the block, so that its failures are seen"
            raise RuntimeError(message)
        says, what = self._says
        if says == "raise":
            raise what
        if says == "return":
            raise StopIteration
        return says == "wait"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Attempt:
        while self._next():
            self._block.wait()
            self._says = self._block.go_on()
        return self._attempt()


class _AsyncWalk(_Walk):
    """The same where waits are awaited."""

    __slots__ = ()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        while self._waits():
            await self._block.wait_async()
            self._says = self._block.go_on()
        return self._attempt()

    def _waits(self) -> bool:
        try:
            return self._next()
        except StopIteration:
            raise StopAsyncIteration from None


class Attempts:
    """The attempts of a block of code, each time it is iterated over anew. Made by ``retry.attempts``."""

    __slots__ = ("_bound",)

    def __init__(self, policy: Policy, module: str, qualname: str) -> None:
        wrong = next((name for name in _NEED_A_FUNCTION if name in policy.parameters), None)
        if wrong is not None:
            message = (
                f"retry.attempts: `{wrong}` needs a function that can be called: decorate one, or use retry(...).call"
            )
            raise ConfigurationError(message)
        info = _native.Target(f"a block in {module}", qualname, "function", (), 0, 0)
        self._bound = _native.bind(_nothing, info, (_native.BoundPolicy(policy, info),), plain=True)

    @property
    def bound(self) -> Any:
        """The stack that the blocks run in."""
        return self._bound

    def __iter__(self) -> Iterator[Attempt]:
        return _Walk(self)

    def __aiter__(self) -> AsyncIterator[Attempt]:
        return _AsyncWalk(self)


def _nothing() -> None:
    """What the stack of a block wraps. It is never called."""
