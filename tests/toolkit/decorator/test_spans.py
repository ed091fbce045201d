"""Callers that are generators or async generators: they stand around a call like a context manager."""

from __future__ import annotations

import asyncio
import inspect
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cladding import decorator

Log = list[Any]


def spans(log: Log) -> list[Any]:
    """The same span as a generator in either form, and as an async generator."""

    @decorator
    def flat(func: Any, *args: Any, **kw: Any) -> Any:
        log.append("enter")
        try:
            result = yield
        except ValueError as error:
            log.append(error)
            return "rescued"
        else:
            log.append(result)
        finally:
            log.append("leave")

    @decorator
    def universal(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        log.append("enter")
        try:
            result = yield
        except ValueError as error:
            log.append(error)
            return "rescued"
        else:
            log.append(result)
        finally:
            log.append("leave")

    return [flat, universal]


def async_spans(log: Log) -> list[Any]:
    @decorator
    async def flat(func: Any, *args: Any, **kw: Any) -> Any:
        log.append("enter")
        await asyncio.sleep(0)
        try:
            log.append((yield))
        except ValueError as error:
            log.append(error)
        finally:
            await asyncio.sleep(0)
            log.append("leave")

    @decorator
    async def universal(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        log.append("enter")
        try:
            log.append((yield))
        except ValueError as error:
            log.append(error)
        finally:
            log.append("leave")

    return [flat, universal]


@pytest.fixture
def log() -> Log:
    return []


@pytest.fixture(params=[0, 1], ids=["flat", "universal"])
def span(request: pytest.FixtureRequest, log: Log) -> Any:
    return spans(log)[request.param]


@pytest.fixture(params=[0, 1], ids=["flat", "universal"])
def async_span(request: pytest.FixtureRequest, log: Log) -> Any:
    return async_spans(log)[request.param]


def work(x: Any) -> Any:
    if isinstance(x, BaseException):
        raise x
    return x


async def awork(x: Any) -> Any:
    await asyncio.sleep(0)
    return work(x)


def gwork(x: Any) -> Iterator[Any]:
    got = yield "first"
    return (got, work(x))


async def agwork(x: Any) -> AsyncIterator[Any]:
    got = yield "first"
    yield (got, work(x))


class TestGenerator:
    def test_around_a_function(self, span: Any, log: Log) -> None:
        assert span(work)(1) == 1
        assert log == ["enter", 1, "leave"]

    def test_what_it_swallows_it_answers(self, span: Any, log: Log) -> None:
        error = ValueError()
        assert span(work)(error) == "rescued"
        assert log == ["enter", error, "leave"]

    @pytest.mark.parametrize("kind", [KeyError, StopIteration, RuntimeError, KeyboardInterrupt, GeneratorExit])
    def test_what_it_does_not_goes_on_as_itself(self, span: Any, log: Log, kind: type[BaseException]) -> None:
        error = kind()
        with pytest.raises(type(error)) as raised:
            span(work)(error)
        assert raised.value is error
        assert log == ["enter", "leave"]
        names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        assert names[1:] == ["work"]

    def test_around_a_coroutine_until_it_is_over(self, span: Any, log: Log) -> None:
        decorated = span(awork)
        assert inspect.iscoroutinefunction(decorated)
        running = decorated(1)
        assert log == []
        assert asyncio.run(running) == 1
        assert log == ["enter", 1, "leave"]
        assert asyncio.run(decorated(ValueError())) == "rescued"
        with pytest.raises(KeyError) as raised:
            asyncio.run(decorated(KeyError()))
        assert [frame.name for frame in traceback.extract_tb(raised.tb)][-2:] == ["awork", "work"]
        assert "coroutine" not in [frame.name for frame in traceback.extract_tb(raised.tb)]

    def test_around_a_cancelled_coroutine(self, span: Any, log: Log) -> None:
        @span
        async def sleeps() -> None:
            await asyncio.sleep(60)

        async def main() -> None:
            task = asyncio.ensure_future(sleeps())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        assert log == ["enter", "leave"]

    def test_around_a_generator_until_it_is_over(self, span: Any, log: Log) -> None:
        decorated = span(gwork)
        assert inspect.isgeneratorfunction(decorated)
        items = decorated(1)
        assert log == []
        assert next(items) == "first"
        assert log == ["enter"]
        with pytest.raises(StopIteration) as stop:
            items.send("sent")
        assert stop.value.value == ("sent", 1)
        assert log == ["enter", ("sent", 1), "leave"]

    def test_around_a_generator_that_is_closed(self, span: Any, log: Log) -> None:
        items = span(gwork)(1)
        next(items)
        items.close()
        assert log == ["enter", "leave"]

    def test_around_an_async_generator(self, span: Any, log: Log) -> None:
        decorated = span(agwork)
        assert inspect.isasyncgenfunction(decorated)

        async def main() -> None:
            items = decorated(1)
            assert await anext(items) == "first"
            assert log == ["enter"]
            assert await items.asend("sent") == ("sent", 1)
            with pytest.raises(StopAsyncIteration):
                await anext(items)
            assert log == ["enter", None, "leave"]
            items = decorated(1)
            await anext(items)
            await items.aclose()
            assert log[3:] == ["enter", "leave"]
            items = decorated(1)
            await anext(items)
            with pytest.raises(LookupError):
                await items.athrow(LookupError())

        asyncio.run(main())

    def test_around_making_instances(self, span: Any, log: Log) -> None:
        @span
        class C:
            def __init__(self, x: Any) -> None:
                self.x = work(x)

        made = C(1)
        assert type(made) is C
        assert log == ["enter", made, "leave"]


class TestAsyncGenerator:
    def test_makes_a_coroutine_function_of_a_function(self, async_span: Any, log: Log) -> None:
        decorated = async_span(work)
        assert inspect.iscoroutinefunction(decorated)
        assert asyncio.run(decorated(1)) == 1
        assert log == ["enter", 1, "leave"]

    def test_around_a_coroutine(self, async_span: Any, log: Log) -> None:
        assert asyncio.run(async_span(awork)(1)) == 1
        error = ValueError()
        assert asyncio.run(async_span(awork)(error)) is None
        assert log == ["enter", 1, "leave", "enter", error, "leave"]
        with pytest.raises(KeyError):
            asyncio.run(async_span(awork)(KeyError()))

    def test_around_an_async_generator(self, async_span: Any, log: Log) -> None:
        async def main() -> list[Any]:
            return [item async for item in async_span(agwork)(1)]

        assert asyncio.run(main()) == ["first", (None, 1)]
        assert log == ["enter", None, "leave"]

    def test_refuses_what_is_never_awaited(self, async_span: Any) -> None:
        with pytest.raises(TypeError, match="generator"):
            async_span(gwork)
        with pytest.raises(TypeError, match="without await"):

            @async_span
            class C: ...


def test_coroutine_functions_make_coroutine_functions() -> None:
    @decorator
    async def wait(func: Any, *args: Any, **kw: Any) -> Any:
        await asyncio.sleep(0)
        result = func(*args, **kw)
        return await result if inspect.isawaitable(result) else result

    for function in work, awork:
        decorated = wait(function)
        assert inspect.iscoroutinefunction(decorated)
        assert asyncio.run(decorated(3)) == 3


def test_kind_can_be_stated() -> None:
    @decorator(kind="function")
    def finish(func: Any, *args: Any, **kw: Any) -> Any:
        return asyncio.run(func(*args, **kw))

    decorated = finish(awork)
    assert not inspect.iscoroutinefunction(decorated)
    assert decorated(4) == 4


def test_marked_coroutine_functions_are_known() -> None:
    if sys.version_info < (3, 12):
        pytest.skip("inspect.markcoroutinefunction came with 3.12")

    @inspect.markcoroutinefunction
    def returns(x: Any) -> Any:
        return awork(x)

    log: Log = []
    assert asyncio.run(spans(log)[0](returns)(1)) == 1
    assert log == ["enter", 1, "leave"]


@pytest.mark.parametrize("yields", [0, 2])
def test_a_span_yields_once(yields: int) -> None:
    @decorator
    def wrong(func: Any, *args: Any, **kw: Any) -> Any:
        for _ in range(yields):
            yield

    @decorator
    async def wrong_too(func: Any, *args: Any, **kw: Any) -> Any:
        for _ in range(yields):
            yield

    message = "without a yield" if yields == 0 else "yielded again"
    with pytest.raises(RuntimeError, match=message):
        wrong(work)(1)
    with pytest.raises(RuntimeError, match=message):
        asyncio.run(wrong_too(awork)(1))
