"""Functions of each kind of call around one body, and a way to run each to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

Body = Callable[..., Any]


def _function(body: Body) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        return body(*args, **kwargs)

    return function


def _coroutine(body: Body) -> Callable[..., Any]:
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        return body(*args, **kwargs)

    return coroutine


def _suspended_coroutine(body: Body) -> Callable[..., Any]:
    async def suspended(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return body(*args, **kwargs)

    return suspended


def _generator(body: Body) -> Callable[..., Any]:
    def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
        yield body(*args, **kwargs)

    return generator


def _async_generator(body: Body) -> Callable[..., Any]:
    async def async_generator(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        yield body(*args, **kwargs)

    return async_generator


def _returning(make: Callable[[Body], Callable[..., Any]]) -> Callable[[Body], Callable[..., Any]]:
    def plain(body: Body) -> Callable[..., Any]:
        inner = make(body)

        def returning(*args: Any, **kwargs: Any) -> Any:
            return inner(*args, **kwargs)

        return returning

    return plain


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _run_coroutine(awaitable: Any) -> Any:
    return asyncio.run(_await(awaitable))


def _run_generator(items: Iterator[Any]) -> Any:
    [item] = items
    return item


def _run_async_generator(items: AsyncIterator[Any]) -> Any:
    async def collect() -> list[Any]:
        return [item async for item in items]

    [item] = asyncio.run(collect())
    return item


def _step(awaitable: Any) -> Any:
    """Drives something that never really waits, with no event loop that would make something of its exceptions."""
    steps = awaitable.__await__()
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


@dataclass(frozen=True)
class Kind:
    """A kind of call: `make` gives a function around a body, `complete` runs what its call has returned."""

    name: str
    make: Callable[[Body], Callable[..., Any]]
    complete: Callable[[Any], Any]
    complete_bare: Callable[[Any], Any]

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls and completes the call, in an event loop where it needs one."""
        return self.complete(function(*args, **kwargs))

    def run_bare(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The same without an event loop."""
        return self.complete_bare(function(*args, **kwargs))

    def __str__(self) -> str:
        return self.name


def _itself(result: Any) -> Any:
    return result


def _first(items: AsyncIterator[Any]) -> Any:
    return _step(anext(items))


KINDS = (
    Kind("function", _function, _itself, _itself),
    Kind("coroutine", _coroutine, _run_coroutine, _step),
    Kind("suspended coroutine", _suspended_coroutine, _run_coroutine, _step),
    Kind("generator", _generator, _run_generator, _run_generator),
    Kind("async generator", _async_generator, _run_async_generator, _first),
    Kind("returns coroutine", _returning(_coroutine), _run_coroutine, _step),
    Kind("returns generator", _returning(_generator), _run_generator, _run_generator),
    Kind("returns async generator", _returning(_async_generator), _run_async_generator, _first),
)

all_kinds = pytest.mark.parametrize("kind", KINDS, ids=str)
