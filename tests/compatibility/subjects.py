"""The functions that the matrix hands to each consumer: one decorated at the top of this module for each call kind."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

STAND_IN = os.environ.get("CLADDING_TEST_DECORATOR", "")
COUNTING = STAND_IN in ("", "caller", "universal")


def decorator() -> Callable[[Any], Any]:
    """The stack under test, a user's own decorator in either form, or what stands in for it (see tests/conftest.py)."""
    if not COUNTING:
        return lambda function: function
    import cladding

    # A caller counts where every process has a place for it. These two are pickled by value, for not being importable.
    def count(function: Any) -> None:
        counts = vars(sys).setdefault("calls_counted", {})
        counts[function.__qualname__] = counts.get(function.__qualname__, 0) + 1

    def caller(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        count(func)
        return func(*args, **kw)

    def universal(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        count(wrapped)
        return wrapped(*args, **kwargs)

    if STAND_IN:
        return cladding.decorator(caller if STAND_IN == "caller" else universal)
    return cladding.stack(cladding.timer(), cladding.monitor())


decorate = decorator()


@decorate
def function(x: int, y: int = 2) -> int:
    """Multiplies.

    >>> function(2, 3)
    6
    """
    return x * y


@decorate
async def coroutine(x: int, y: int = 2) -> int:
    """Multiplies.

    >>> asyncio.run(coroutine(2, 3))
    6
    """
    return x * y


@decorate
def generator(x: int, y: int = 2) -> Iterator[int]:
    """Multiplies.

    >>> list(generator(2, 3))
    [6]
    """
    yield x * y


@decorate
async def async_generator(x: int, y: int = 2) -> AsyncIterator[int]:
    """Multiplies.

    >>> complete(async_generator(2, 3))
    6
    """
    yield x * y


class Holder:
    """A class with a decorated method."""

    @decorate
    def method(self, x: int, y: int = 2) -> int:
        """Multiplies.

        >>> Holder().method(2, 3)
        6
        """
        return x * y


@typing.overload
def overloaded(x: int) -> int: ...
@typing.overload
def overloaded(x: str) -> str: ...
@decorate
def overloaded(x: Any) -> Any:
    return x


async def _first(items: AsyncIterator[Any]) -> Any:
    [item] = [item async for item in items]
    return item


def complete(result: Any) -> Any:
    """The value of a call of any kind, once it has run to its end."""
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    if inspect.isgenerator(result):
        return next(iter(list(result)))
    if inspect.isasyncgen(result):
        return asyncio.run(_first(result))
    return result


def calls(decorated: Any) -> int:
    """How many calls the stack or caller of `decorated` has seen; 0 for a stand-in."""
    if STAND_IN:
        return vars(sys).get("calls_counted", {}).get(decorated.__qualname__, 0)
    stack = getattr(decorated, "cladding", None)
    return 0 if stack is None else stack.policies[0].stats["calls"]


@contextlib.contextmanager
def counting(decorated: Any, times: int = 1) -> Iterator[None]:
    """Asserts that the policies of `decorated` see exactly so many calls: the consumer has not lost them."""
    before = calls(decorated)
    yield
    if COUNTING:
        assert calls(decorated) - before == times


def call_elsewhere(decorated: Any, x: int, y: int) -> tuple[int, int]:
    """Called in another thread or process: the value, and the calls that the policies saw there."""
    before = calls(decorated)
    value = complete(decorated(x, y))
    return value, calls(decorated) - before


def assert_worked_elsewhere(answer: tuple[int, int], value: int) -> None:
    """Asserts that `call_elsewhere` gave the value, with the policies still in place."""
    assert answer == (value, int(COUNTING))


@dataclass(frozen=True)
class Subject:
    """A column of the matrix: a function at the top of a module, and the source of such a function."""

    name: str
    decorated: Callable[..., Any]
    source: str

    def __str__(self) -> str:
        return self.name

    @property
    def function(self) -> Any:
        """The plain function, without its instance."""
        return getattr(self.decorated, "__func__", self.decorated)

    def local(self) -> Any:
        """A fresh undecorated function that no module knows by name."""
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(self.source, "<local>", "exec", dont_inherit=True), names)
        return names["local"]

    def decorated_local(self) -> Any:
        """A fresh decorated function, bound to an instance in the column of methods."""
        decorated = decorate(self.local())
        if self.name == "method":
            return type("Local", (), {"local": decorated})().local
        return decorated


FUNCTION = Subject("function", function, "def local(x: int, y: int = 2) -> int:\n    return x * y")
METHOD = Subject("method", Holder().method, "def local(self, x: int, y: int = 2) -> int:\n    return x * y")
COROUTINE = Subject("coroutine", coroutine, "async def local(x: int, y: int = 2) -> int:\n    return x * y")
GENERATOR = Subject("generator", generator, "def local(x: int, y: int = 2):\n    yield x * y")
ASYNC_GENERATOR = Subject("async generator", async_generator, "async def local(x: int, y: int = 2):\n    yield x * y")
SUBJECTS = (FUNCTION, METHOD, COROUTINE, GENERATOR, ASYNC_GENERATOR)
