"""Functions of each kind with everything introspection can look at: source, docs, annotations, defaults, attributes."""

from __future__ import annotations

import types
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from typing import Any

SHARED: list[int] = []


# A comment above the function.
def function(
    a: int, /, b: str = "b", *rest: float, c: bytes, d: list[int] = SHARED, **extra: object
) -> tuple[Any, ...]:
    """A function.

    >>> function(1, c=b"c")[0]
    1
    """
    return (a, b, rest, c, d, extra)


async def coroutine(a: int, /, b: str = "b", *rest: float, c: bytes, d: list[int] = SHARED, **extra: object) -> object:
    """A coroutine function."""
    return (a, b, rest, c, d, extra)


def generator(
    a: int, /, b: str = "b", *rest: float, c: bytes, d: list[int] = SHARED, **extra: object
) -> Iterator[object]:
    """A generator function."""
    yield (a, b, rest, c, d, extra)


async def async_generator(
    a: int, /, b: str = "b", *rest: float, c: bytes, d: list[int] = SHARED, **extra: object
) -> AsyncIterator[object]:
    """An async generator function."""
    yield (a, b, rest, c, d, extra)


def returns_coroutine(a: int, /, b: str = "b", *, c: bytes, **extra: object) -> Coroutine[Any, Any, object]:
    """A function that returns a coroutine."""
    return coroutine(a, b, c=c, **extra)


def returns_generator(a: int, /, b: str = "b", *, c: bytes, **extra: object) -> Iterator[object]:
    """A function that returns a generator."""
    return generator(a, b, c=c, **extra)


def returns_async_generator(a: int, /, b: str = "b", *, c: bytes, **extra: object) -> AsyncIterator[object]:
    """A function that returns an async generator."""
    return async_generator(a, b, c=c, **extra)


@types.coroutine
def iterable_coroutine(a: int) -> Generator[int, object, object]:
    """A generator function that `types.coroutine` made awaitable."""
    return (yield a)


def undocumented(a, b=2):
    return a + b


lambda_ = lambda a, *, b=2: a + b

FUNCTIONS = (
    function,
    coroutine,
    generator,
    async_generator,
    returns_coroutine,
    returns_generator,
    returns_async_generator,
    iterable_coroutine,
    undocumented,
    lambda_,
)


class Holder:
    """A class, for qualified names and source with an indent."""

    def method(self, a: int) -> int:
        """A method."""
        return a

    class Inner:
        """A class in a class."""

        async def method(self, a: int) -> int:
            """A coroutine method."""
            return a
