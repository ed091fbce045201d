"""Marks change what is reported and nothing else; bridges run what they say."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from cladding import ConfigurationError, async_to_sync, mark_as_async, mark_as_sync, sync_to_async, timer
from cladding._kinds import kind_of
from cladding._locks import synchronized


async def coroutine(x: int, /, y: int = 1) -> int:
    await asyncio.sleep(0)
    return x + y


def plain(x: int, *, y: int = 1) -> int:
    return x + y


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


def returns_coroutine(x: int) -> Any:
    return coroutine(x)


REPORTS: dict[str, Callable[[Any], bool]] = {
    "coroutine": inspect.iscoroutinefunction,
    "generator": inspect.isgeneratorfunction,
    "async_generator": inspect.isasyncgenfunction,
}


def reported(function: Any) -> str:
    found = [kind for kind, ask in REPORTS.items() if ask(function)]
    return found[0] if found else "function"


@pytest.mark.parametrize("target", [coroutine, plain, generator, async_generator])
@pytest.mark.parametrize("option", [None, True, False])
def test_what_marks_report(target: Any, option: bool | None) -> None:
    is_generator = target in (generator, async_generator) if option is None else option
    assert reported(mark_as_sync(target, generator=option)) == ("generator" if is_generator else "function")
    assert reported(mark_as_async(target, generator=option)) == ("async_generator" if is_generator else "coroutine")
    marked = mark_as_sync(generator=option)(target)
    assert inspect.signature(marked) == inspect.signature(target)
    assert inspect.isfunction(marked)


def test_marks_leave_calls_alone() -> None:
    asynchronous = mark_as_async(returns_coroutine)
    assert asyncio.run(asynchronous(1)) == 2
    assert asyncio.run(mark_as_async(coroutine)(1)) == 2

    @mark_as_sync
    @functools.wraps(coroutine)
    def collapsed(*args: Any) -> Any:
        return asyncio.run(coroutine(*args))

    assert reported(collapsed) == "function"
    assert collapsed(1) == 2
    assert list(mark_as_sync(generator)()) == [1]


def test_on_methods() -> None:
    class Thing:
        @mark_as_async
        def method(self, x: int) -> Any:
            return coroutine(x)

        @mark_as_async
        @classmethod
        def of_class(cls, x: int) -> Any:
            return coroutine(x)

        @async_to_sync
        async def run(self, x: int) -> int:
            return await coroutine(x)

        @sync_to_async
        def thread(self) -> int:
            return threading.get_ident()

    thing = Thing()
    assert reported(thing.method) == reported(Thing.of_class) == reported(Thing.method) == "coroutine"
    assert asyncio.run(thing.method(1)) == asyncio.run(Thing.of_class(1)) == 2
    assert thing.run(1) == 2

    async def ask() -> int:
        return await thing.thread()

    assert asyncio.run(ask()) != threading.get_ident()


def test_other_decorators_believe_the_mark() -> None:
    @timer
    @synchronized
    @mark_as_async
    def work(x: int) -> Any:
        return coroutine(x)

    assert reported(work) == "coroutine"
    assert asyncio.run(work(1)) == 2
    assert work.cladding.synchronized.stats["calls"] == 1  # type: ignore[attr-defined]


def test_async_to_sync() -> None:
    run = async_to_sync(coroutine)
    assert reported(run) == "function"
    assert run(1) == 2
    assert inspect.signature(run) == inspect.signature(coroutine)
    assert pickle.loads(pickle.dumps(bridged))(1) == 2

    async def inside() -> int:
        return run(1)

    with pytest.raises(RuntimeError, match="where an event loop runs"):
        asyncio.run(inside())


bridged = async_to_sync(coroutine)
bridged.__name__ = bridged.__qualname__ = "bridged"

variable = contextvars.ContextVar("variable", default=0)


def test_sync_to_async() -> None:
    @sync_to_async
    def work(x: int) -> tuple[int, int, int]:
        return x, variable.get(), threading.get_ident()

    async def main() -> tuple[int, int, int]:
        variable.set(5)
        return await work(x=1)

    assert reported(work) == "coroutine"
    x, value, thread = asyncio.run(main())
    assert (x, value) == (1, 5)
    assert thread != threading.get_ident()
    trio = pytest.importorskip("trio", reason="trio is not installed")
    assert trio.run(main)[:2] == (1, 5)


def test_stop_iteration_does_not_hang() -> None:
    @sync_to_async
    def stop() -> None:
        raise StopIteration

    async def main() -> None:
        await asyncio.wait_for(stop(), 10)

    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(main())


@pytest.mark.parametrize("target", [plain, generator, async_generator, int])
def test_async_to_sync_refuses(target: Any) -> None:
    with pytest.raises(TypeError, match="mark_as_async"):
        async_to_sync(target)


@pytest.mark.parametrize("target", [coroutine, generator, async_generator, int])
def test_sync_to_async_refuses(target: Any) -> None:
    with pytest.raises(TypeError, match="sync_to_async cannot decorate"):
        sync_to_async(target)


def test_marks_refuse() -> None:
    with pytest.raises(TypeError, match="no class"):
        mark_as_async(int)
    with pytest.raises(TypeError, match="mark_as_sync cannot mark 1"):
        mark_as_sync(1)  # type: ignore[type-var]
    with pytest.raises(ConfigurationError, match="`generator`"):
        mark_as_sync(generator=1)  # type: ignore[call-overload]


def test_kind_of() -> None:
    kinds = [
        kind_of(each) for each in (plain, coroutine, generator, async_generator, int, staticmethod(coroutine), len)
    ]
    assert kinds == ["function", "coroutine", "generator", "async_generator", "class", "coroutine", "function"]
