"""SPEC A6 for async generator functions: items, asend, athrow, aclose, hooks and every way to leave early."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import contextvars
import gc
import inspect
import sys
import types
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given, settings

from .kinds import ASYNC_GENERATOR, RETURNS_ASYNC_GENERATOR, Kind, collect, finish, suspend
from .programs import Op, Step, async_generator_body, bodies, drivers, outcome, trace_async

Decorate = Callable[[Any], Any]
Counted = Callable[..., None]


async def echo(log: list[Any]) -> AsyncGenerator[str, Any]:
    """Yields twice, logs what comes in, and cleans up with an await."""
    try:
        log.append((yield "first"))
        log.append((yield "second"))
    except BaseException as error:
        log.append(repr(error))
        raise
    finally:
        await asyncio.sleep(0)
        log.append("finally")


@settings(max_examples=200)
@given(steps=bodies("yield", "suspend"), ops=drivers(nested=True))
def test_random_bodies_under_random_drivers(decorate: Decorate, steps: list[Step], ops: list[Op]) -> None:
    expected = trace_async(async_generator_body, steps, ops)
    assert trace_async(decorate(async_generator_body), steps, ops) == expected


@settings(max_examples=200)
@given(steps=bodies("yield", "suspend"), ops=drivers(nested=True))
def test_random_bodies_behind_a_plain_function(decorate: Decorate, steps: list[Step], ops: list[Op]) -> None:
    def plain(steps: list[Step], log: list[Any]) -> AsyncIterator[Any]:
        return async_generator_body(steps, log)

    assert trace_async(decorate(plain), steps, ops) == trace_async(plain, steps, ops)


@pytest.mark.parametrize("kind", [ASYNC_GENERATOR, RETURNS_ASYNC_GENERATOR], ids=str)
def test_is_an_async_generator(decorate: Decorate, kind: Kind) -> None:
    items = decorate(kind.build("x", "x", name="named"))(1)
    assert inspect.isasyncgen(items)
    assert not inspect.isawaitable(items)
    assert isinstance(items, collections.abc.AsyncGenerator)
    assert isinstance(items, types.AsyncGeneratorType)
    assert items.__aiter__() is items
    assert finish(collect(items)) == [1]


def test_names_and_readers(decorate: Decorate) -> None:
    decorated = decorate(echo)
    items = decorated([])
    assert (items.__name__, items.__qualname__) == ("echo", "echo")
    assert repr(items).startswith("<async_generator object echo at 0x")
    assert items.ag_code is decorated.__code__
    assert items.ag_frame is not None
    assert items.ag_running is False
    assert items.ag_await is None
    finish(items.aclose())
    assert items.ag_frame is None


def test_asend_and_end(decorate: Decorate, counted: Counted) -> None:
    log: list[Any] = []
    decorated = decorate(echo)

    async def main() -> None:
        items = decorated(log)
        assert await anext(items) == "first"
        assert await items.asend("a") == "second"
        with pytest.raises(StopAsyncIteration):
            await items.asend("b")
        with pytest.raises(StopAsyncIteration):
            await anext(items)
        assert await anext(items, "default") == "default"

    asyncio.run(main())
    assert log == ["a", "b", "finally"]
    counted(decorated, 1, errors=0)


def test_asend_too_early(decorate: Decorate) -> None:
    def early(function: Any) -> Any:
        items = function([])
        return outcome(lambda: finish(items.asend("too early")))

    assert early(decorate(echo)) == early(echo)


def test_athrow_keeps_the_object(decorate: Decorate) -> None:
    log: list[Any] = []

    async def main() -> None:
        items = decorate(echo)(log)
        await anext(items)
        error = KeyError("thrown")
        with pytest.raises(KeyError) as caught:
            await items.athrow(error)
        assert caught.value is error

    asyncio.run(main())
    assert log == ["KeyError('thrown')", "finally"]


def test_aclose_awaits_the_finally(decorate: Decorate, counted: Counted) -> None:
    log: list[Any] = []
    decorated = decorate(echo)

    async def main() -> None:
        async with contextlib.aclosing(decorated(log)) as items:
            async for item in items:
                assert item == "first"
                break
        assert log == ["GeneratorExit()", "finally"]
        await items.aclose()
        unstarted = decorated(log)
        await unstarted.aclose()
        assert await collect(unstarted) == []

    asyncio.run(main())
    assert len(log) == 2


def test_ignoring_the_exit(decorate: Decorate) -> None:
    async def stubborn() -> AsyncIterator[int]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    def close(function: Any) -> Any:
        items = function()
        finish(anext(items))
        return outcome(lambda: finish(items.aclose()))

    assert close(decorate(stubborn)) == close(stubborn)
    assert "async generator ignored GeneratorExit" in close(stubborn)[1]


@pytest.mark.parametrize("error", [StopIteration, StopAsyncIteration])
def test_stop_raised_inside(decorate: Decorate, error: type[Exception]) -> None:
    async def leaks() -> AsyncIterator[int]:
        yield 1
        raise error(3)

    def run(function: Any) -> Any:
        return outcome(lambda: finish(collect(function())))

    assert run(decorate(leaks)) == run(leaks)
    assert run(leaks)[1][:2] == ("RuntimeError", f"async generator raised {error.__name__}")


def test_two_at_once_is_refused_as_ever(decorate: Decorate) -> None:
    async def slow() -> AsyncIterator[int]:
        await suspend("waiting")
        yield 1

    def run(function: Any) -> list[Any]:
        items = function()
        one, two, three = items.asend(None), items.asend(None), items.aclose()
        came = [outcome(lambda: one.send(None)), items.ag_running]
        came += [outcome(lambda: two.send(None)), outcome(lambda: three.send(None))]
        came += [outcome(lambda: one.send(None)), outcome(lambda: finish(items.aclose())), items.ag_running]
        return came

    assert run(decorate(slow)) == run(slow)


def test_awaitable_used_twice(decorate: Decorate) -> None:
    def run(function: Any) -> list[Any]:
        items = function()
        step = items.asend(None)
        return [outcome(lambda: finish(step)), outcome(lambda: finish(step)), outcome(lambda: finish(items.aclose()))]

    bare = ASYNC_GENERATOR.build("", "1")
    assert run(decorate(bare)) == run(bare)


def test_left_suspended_when_the_loop_ends(decorate: Decorate) -> None:
    log: list[Any] = []
    problems: list[Any] = []
    kept: list[Any] = []
    decorated = decorate(echo)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
        for _ in range(3):
            items = decorated(log)
            await anext(items)
            kept.append(items)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(main())  # shutdown_asyncgens closes them
        gc.collect()
    assert log == ["GeneratorExit()", "finally"] * 3 or sorted(log) == ["GeneratorExit()"] * 3 + ["finally"] * 3
    assert problems == []
    assert all(items.ag_frame is None for items in kept)


def test_dropped_under_a_running_loop(decorate: Decorate) -> None:
    log: list[Any] = []
    problems: list[Any] = []
    decorated = decorate(echo)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
        async for _ in decorated(log):
            break
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        assert log == ["GeneratorExit()", "finally"]

    asyncio.run(main())
    assert problems == []


def test_hooks_see_the_generator_the_caller_sees(decorate: Decorate) -> None:
    def run(function: Any) -> tuple[list[bool], int]:
        started: list[Any] = []
        finalized: list[Any] = []
        previous = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=started.append, finalizer=finalized.append)
        try:
            items = function()
            with pytest.raises(StopIteration):
                items.__anext__().send(None)
            same = [seen is items for seen in started]
            started.clear()
            del items
            gc.collect()
            count = len(finalized)
            while finalized:
                finish(finalized.pop().aclose())
        finally:
            sys.set_asyncgen_hooks(*previous)
        return same, count

    async def endless() -> AsyncIterator[int]:
        while True:
            yield 1

    assert run(endless) == ([True], 1)
    assert run(decorate(endless)) == ([True], 1)


def test_dropped_before_the_first_step(decorate: Decorate) -> None:
    log: list[Any] = []
    decorate(echo)(log)
    gc.collect()
    assert log == []


def test_cancellation_between_and_inside_items(decorate: Decorate, counted: Counted) -> None:
    log: list[Any] = []

    @decorate
    async def items(started: asyncio.Event) -> AsyncIterator[int]:
        try:
            yield 1
            started.set()
            await asyncio.Event().wait()
            yield 2
        except asyncio.CancelledError:
            log.append("cancelled inside")
            raise
        finally:
            await asyncio.sleep(0)
            log.append("finally")

    async def consume(started: asyncio.Event) -> None:
        async for item in items(started):
            log.append(item)

    async def main() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(consume(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == [1, "cancelled inside", "finally"]
    counted(items, 1)


def test_context_variables(decorate: Decorate) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    @decorate
    async def change() -> AsyncIterator[int]:
        variable.set(1)
        yield variable.get()
        yield variable.get()

    async def main() -> list[int]:
        items = change()
        seen = [await anext(items), variable.get()]
        variable.set(2)
        return [*seen, await anext(items), *await collect(items)]

    assert asyncio.run(main()) == [1, 1, 2]


def test_handled_exception_is_visible_inside(decorate: Decorate) -> None:
    @decorate
    async def look() -> AsyncIterator[Any]:
        while True:
            yield sys.exception()

    async def main() -> None:
        items = look()
        assert await anext(items) is None
        error = ValueError()
        try:
            raise error
        except ValueError:
            assert await anext(items) is error
        assert await anext(items) is None
        await items.aclose()

    asyncio.run(main())


def test_comprehensions_and_nesting(decorate: Decorate, counted: Counted) -> None:
    @decorate
    async def count(stop: int) -> AsyncIterator[int]:
        for value in range(stop):
            await asyncio.sleep(0)
            yield value

    @decorate
    async def doubled(stop: int) -> AsyncIterator[int]:
        async for value in count(stop):
            yield 2 * value

    async def main() -> Any:
        return [value async for value in doubled(3)], {value async for value in count(2)}

    assert asyncio.run(main()) == ([0, 2, 4], {0, 1})
    counted(count, 2, errors=0)
    counted(doubled, 1, errors=0)


def test_errors_inside_are_the_very_objects(decorate: Decorate, counted: Counted) -> None:
    error = ValueError("inside")

    @decorate
    async def fails() -> AsyncIterator[int]:
        yield 1
        raise error

    with pytest.raises(ValueError, match="inside") as caught:
        finish(collect(fails()))
    assert caught.value is error
    counted(fails, 1, errors=1)


def test_hot_loop(decorate: Decorate, counted: Counted) -> None:
    @decorate
    async def one() -> AsyncIterator[int]:
        yield 1

    async def many() -> int:
        total = 0
        for _ in range(1_000):
            async for item in one():
                total += item
        return total

    assert finish(many()) == 1_000
    counted(one, 1_000, errors=0)


def test_trio(decorate: Decorate) -> None:
    trio = pytest.importorskip("trio")
    log: list[Any] = []

    @decorate
    async def items() -> AsyncIterator[int]:
        try:
            for value in range(5):
                await trio.sleep(0)
                yield value
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0)
            log.append("finally")

    async def main() -> list[int]:
        seen = []
        async with contextlib.aclosing(items()) as source:
            async for item in source:
                seen.append(item)
                if item == 2:
                    break
        with trio.move_on_after(0):
            await collect(items())
        return seen

    assert trio.run(main) == [0, 1, 2]
    assert log == ["finally"] * 2


def test_arguments_are_let_go_when_it_ends(decorate: Decorate) -> None:
    class Big:
        pass

    @decorate
    async def hold(big: Any) -> AsyncIterator[int]:
        yield 1

    big = Big()
    before = sys.getrefcount(big)
    items = hold(big)
    finish(collect(items))
    assert sys.getrefcount(big) == before
