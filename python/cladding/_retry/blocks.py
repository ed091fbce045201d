"""Attempts of a block of code, where there is no function to decorate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cladding import _native
from cladding._errors import ConfigurationError
from cladding._trampoline import CO_ASYNC_GENERATOR, CO_GENERATOR

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import CodeType, TracebackType
    from typing import Self

    from cladding._native import Policy

_YIELDS = CO_GENERATOR | CO_ASYNC_GENERATOR
_NEED_A_FUNCTION = ("timeout", "hedge", "fallback")


class Attempt:
    """One attempt of a block; a context manager around it."""

    __slots__ = ("_ended", "_result", "_walk", "number")

    def __init__(self, walk: _Walk, number: int) -> None:
        self._walk = walk
        self.number: Final = number
        """Which attempt this is, from 1."""
        self._result: object = None
        self._ended = False

    def set_result(self, result: object) -> None:
        """Says what the block has come to, for ``retry_on_result`` and ``on_success``.

        Raises:
            RuntimeError: the block was left already, and judged by what it had come to then.
        """
        if self._ended:
            message = "set_result() belongs inside the `with attempt:` block, at whose end the result is judged"
            raise RuntimeError(message)
        self._result = result

    def __enter__(self) -> Self:
        self._walk.enter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> bool:
        self._ended = True
        return self._walk.leave(error, self._result)


class _Walk:
    """One run of a block with its attempts."""

    __slots__ = ("_block", "_count", "_says", "_state")

    def __init__(self, attempts: Attempts) -> None:
        self._block = _native.Block(attempts.bound)
        self._count = 0
        self._says = ""
        self._state = "new"

    def enter(self) -> None:
        if self._state != "made":
            message = "an attempt is entered once, and before the next one is asked for"
            raise RuntimeError(message)
        self._state = "inside"

    def leave(self, error: BaseException | None, result: object) -> bool:
        """Whether the exception of a block, or of a wait, is dealt with: another attempt follows."""
        self._state = "left"
        self._says, what = self._block.returned(result) if error is None else self._block.raised(error)
        if self._says != "raise":
            return True
        try:
            if what is not error:
                raise what  # It stands in the place of what the block raised.
        finally:
            del what, error  # What holds its own frames, as a traceback would here, waits for the collector.
        return False

    def _go_on(self) -> None:
        self._says, what = self._block.go_on()
        try:
            if self._says == "raise":
                raise what
        finally:
            del what

    def _attempt(self) -> Attempt:
        self._state = "made"
        self._count += 1
        return Attempt(self, self._count)

    def _waits(self) -> bool:
        """Whether a wait comes before the next attempt; raises when there is no other attempt."""
        if self._state in ("made", "inside"):
            message = "write `with attempt:` around the block, so that its failures are seen"
            raise RuntimeError(message)
        if self._state == "new":
            self._state = "begun"
            self._go_on()
        if self._says in ("return", "raise"):
            raise StopIteration
        return self._says == "wait"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Attempt:
        while self._waits():
            try:
                self._block.wait()
            except BaseException as error:
                if not self.leave(error, None):
                    raise
            else:
                self._go_on()
        return self._attempt()


class _AsyncWalk(_Walk):
    """The same where waits are awaited."""

    __slots__ = ()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Attempt:
        while self._waits_async():
            try:
                await self._block.wait_async()
            except BaseException as error:
                if not self.leave(error, None):
                    raise
            else:
                self._go_on()
        return self._attempt()

    def _waits_async(self) -> bool:
        try:
            return self._waits()
        except StopIteration:
            raise StopAsyncIteration from None


class Attempts:
    """The attempts of a block of code, each time it is iterated over anew. Made by ``retry.attempts``."""

    __slots__ = ("_bound",)

    def __init__(self, policy: Policy, module: str, code: CodeType) -> None:
        wrong = next((name for name in _NEED_A_FUNCTION if name in policy.parameters), None)
        if wrong is not None:
            message = (
                f"retry.attempts: `{wrong}` needs a function that can be called: decorate one, or use retry(...).call"
            )
            raise ConfigurationError(message)
        # A block that yields runs in its consumer's context meanwhile, where it must not be taken for one around the
        # consumer's own calls.
        kind = "generator" if code.co_flags & _YIELDS else "function"
        info = _native.Target(f"a block in {module}", code.co_qualname, kind, (), 0, 0)
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
