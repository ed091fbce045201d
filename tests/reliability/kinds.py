"""One small function and one way to make a call of it for each kind of call and each way that a call can end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

Decorate = Callable[[Any], Any]


class Payload:
    """An argument or a result whose references are counted."""


class Failure(Exception):
    """The function's own failure."""


def finish(awaitable: Awaitable[Any]) -> Any:
    """Drives an awaitable that never suspends to its result."""
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it suspended")


async def _collect(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


def function(x: Any, *, fail: bool = False) -> Any:
    if fail:
        raise Failure
    return x


async def coroutine(x: Any, *, fail: bool = False) -> Any:
    if fail:
        raise Failure
    return x


def generator(x: Any, *, fail: bool = False) -> Iterator[Any]:
    yield x
    if fail:
        raise Failure
    yield x


async def async_generator(x: Any, *, fail: bool = False) -> AsyncIterator[Any]:
    yield x
    if fail:
        raise Failure
    yield x


def returns_coroutine(x: Any, *, fail: bool = False) -> Awaitable[Any]:
    return coroutine(x, fail=fail)


def returns_generator(x: Any, *, fail: bool = False) -> Iterator[Any]:
    return generator(x, fail=fail)


def returns_async_generator(x: Any, *, fail: bool = False) -> AsyncIterator[Any]:
    return async_generator(x, fail=fail)


def _failing(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def run(decorated: Any, x: Any) -> None:
        with contextlib.suppress(Failure):
            call(decorated, x)

    return run


def _wrong(decorated: Any, x: Any) -> None:
    with contextlib.suppress(TypeError):
        decorated(x, unknown=x)


def _exhausted(items: Generator[Any, Any, Any]) -> None:
    for _ in items:
        pass


def _closed_early(items: Generator[Any, Any, Any]) -> None:
    next(items)
    items.close()


def _thrown_into(items: Generator[Any, Any, Any]) -> None:
    next(items)
    with contextlib.suppress(Failure):
        items.throw(Failure())


def _dropped_early(items: Generator[Any, Any, Any]) -> None:
    next(items)


async def _aclosed_early(items: Any) -> None:
    await anext(items)
    await items.aclose()


async def _athrown_into(items: Any) -> None:
    await anext(items)
    with contextlib.suppress(Failure):
        await items.athrow(Failure())


# What is called, and how: each is (function, call of the decorated function with one argument).
SCENARIOS: dict[str, tuple[Callable[..., Any], Callable[[Any, Any], Any]]] = {
    "function": (function, lambda f, x: f(x)),
    "function, by keyword": (function, lambda f, x: f(x=x, fail=False)),
    "function, unpacked": (function, lambda f, x: f(*[x], **{"fail": False})),
    "function, failing": (function, _failing(lambda f, x: f(x, fail=True))),
    "function, wrong call": (function, _wrong),
    "coroutine": (coroutine, lambda f, x: finish(f(x))),
    "coroutine, failing": (coroutine, _failing(lambda f, x: finish(f(x, fail=True)))),
    "coroutine, closed before its start": (coroutine, lambda f, x: f(x).close()),
    "coroutine, wrong call": (coroutine, _wrong),
    "generator": (generator, lambda f, x: _exhausted(f(x))),
    "generator, failing": (generator, _failing(lambda f, x: _exhausted(f(x, fail=True)))),
    "generator, never started": (generator, lambda f, x: f(x)),
    "generator, closed early": (generator, lambda f, x: _closed_early(f(x))),
    "generator, dropped early": (generator, lambda f, x: _dropped_early(f(x))),
    "generator, thrown into": (generator, lambda f, x: _thrown_into(f(x))),
    "async generator": (async_generator, lambda f, x: finish(_collect(f(x)))),
    "async generator, failing": (async_generator, _failing(lambda f, x: finish(_collect(f(x, fail=True))))),
    "async generator, never started": (async_generator, lambda f, x: f(x)),
    "async generator, closed early": (async_generator, lambda f, x: finish(_aclosed_early(f(x)))),
    "async generator, thrown into": (async_generator, lambda f, x: finish(_athrown_into(f(x)))),
    "returns coroutine": (returns_coroutine, lambda f, x: finish(f(x))),
    "returns coroutine, failing": (returns_coroutine, _failing(lambda f, x: finish(f(x, fail=True)))),
    "returns generator": (returns_generator, lambda f, x: _exhausted(f(x))),
    "returns generator, closed early": (returns_generator, lambda f, x: _closed_early(f(x))),
    "returns async generator": (returns_async_generator, lambda f, x: finish(_collect(f(x)))),
}


def stand_in() -> bool:
    """Whether a stand-in is tested in cladding's place (see tests/conftest.py)."""
    return bool(os.environ.get("CLADDING_TEST_DECORATOR"))
