"""`cache_result(generators=N)` on async generator functions, under asyncio and trio."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import sys
import threading
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest

from cladding import cache_result, retry, timer

from .helpers import joined, stats


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Runs a coroutine function in an event loop of that kind."""
    if request.param == "trio":
        trio = pytest.importorskip("trio")
        return functools.partial(trio.run)
    return lambda main: asyncio.run(main())


def under_trio() -> bool:
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


async def turns(count: int = 1) -> None:
    """Gives other tasks their turn."""
    if under_trio():
        import trio

        for _ in range(count):
            await trio.lowlevel.checkpoint()
    else:
        for _ in range(count):
            await asyncio.sleep(0)


async def together(*calls: Callable[[], Any]) -> list[Any]:
    """What coroutine functions come to that run at the same time: results or exceptions."""
    if under_trio():
        import trio

        results: list[Any] = [None] * len(calls)

        async def one(index: int) -> None:
            try:
                results[index] = await calls[index]()
            except Exception as error:
                results[index] = error

        async with trio.open_nursery() as nursery:
            for index in range(len(calls)):
                nursery.start_soon(one, index)
        return results
    return await asyncio.gather(*(call() for call in calls), return_exceptions=True)


async def through(generator: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in generator]


class Made:
    """An async generator function that notes what it does."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    async def __call__(self, count: int) -> AsyncIterator[int]:
        self.log.append("begin")
        try:
            for index in range(count):
                await turns()
                self.log.append(index)
                yield index
        finally:
            self.log.append("over")


def cached(made: Made, bound: int = 5) -> Any:
    @cache_result(generators=bound)
    async def items(count: int) -> AsyncIterator[int]:
        async with contextlib.aclosing(made(count)) as inner:  # type: ignore[type-var]
            async for item in inner:
                yield item

    return items


@pytest.fixture
def made() -> Made:
    return Made()


def test_items_are_given_again(run: Any, made: Made) -> None:
    f = cached(made)

    async def main() -> None:
        generator = f(3)
        assert inspect.isasyncgen(generator)
        assert made.log == []
        assert await anext(generator) == 0
        assert made.log == ["begin", 0]
        assert await through(generator) == [1, 2]
        assert await through(f(3)) == [0, 1, 2]
        assert inspect.isasyncgen(f(3))
        assert made.log == ["begin", 0, 1, 2, "over"]
        assert f.cache.get(3) == (0, 1, 2)
        f.cache.put("ab", 9)
        assert await through(f(9)) == ["a", "b"]
        assert await through(f(6)) == await through(f(6)) == [0, 1, 2, 3, 4, 5]

    run(main)
    assert f.cache_info()[:2] == (2, 3)
    assert stats(f)["too_long"] == 2


def test_tasks_share_one_run(run: Any, made: Made) -> None:
    f = cached(made, 100)

    async def main() -> None:
        results = await together(*[lambda: through(f(50))] * 20)
        assert results == [list(range(50))] * 20

    run(main)
    assert made.log.count("begin") == 1
    assert stats(f)["waits"] == 19
    assert f.cache_info().currsize == 1


def test_an_exception_is_everybodys_once(run: Any) -> None:
    begun = []

    @cache_result(generators=5)
    async def f() -> AsyncIterator[int]:
        begun.append(1)
        yield 1
        await turns(3)
        raise KeyError("all")

    async def main() -> None:
        results = await together(*[lambda: through(f())] * 5)
        assert all(isinstance(result, KeyError) and result is results[0] for result in results)
        assert begun == [1]
        generator = f()
        assert await anext(generator) == 1
        with pytest.raises(KeyError) as caught:
            await anext(generator)
        names = [entry.name for entry in traceback.extract_tb(caught.value.__traceback__)]
        assert names == ["main", "f"]
        with pytest.raises(StopAsyncIteration):
            await anext(generator)

    run(main)
    assert begun == [1, 1]
    assert f.cache_info().currsize == 0


def test_who_leaves_ends_nothing_for_others(run: Any, made: Made) -> None:
    f = cached(made)

    async def main() -> None:
        one, other = f(3), f(3)
        assert [await anext(one), await anext(one), await anext(other)] == [0, 1, 0]
        await one.aclose()
        assert "over" not in made.log
        assert await through(other) == [1, 2]
        one, other = f(4), f(4)
        assert [await anext(one), await anext(other)] == [0, 0]
        with pytest.raises(ZeroDivisionError):
            await one.athrow(ZeroDivisionError)
        with pytest.raises(TypeError, match="takes no values"):
            await other.asend(3)
        assert made.log[-2:] == [0, "over"]

    run(main)
    assert f.cache_info().currsize == 1


def test_who_falls_behind_is_on_its_own(run: Any, made: Made) -> None:
    f = cached(made)

    async def main() -> None:
        slow, fast = f(20), f(20)
        assert await anext(slow) == 0
        assert await through(fast) == list(range(20))
        assert made.log.count("begin") == 1
        assert await through(slow) == list(range(1, 20))

    run(main)
    assert made.log.count("begin") == 2


def test_what_is_abandoned_is_closed(made: Made) -> None:
    f = cached(made)

    async def main() -> None:
        generator = f(3)
        await anext(generator)
        del generator
        gc.collect()
        await asyncio.sleep(0.01)
        assert made.log == ["begin", 0, "over"]
        assert f.cache_info().currsize == 0
        assert await through(f(3)) == [0, 1, 2]

    asyncio.run(main())


def test_a_cancelled_task_ends_nothing_for_others() -> None:
    begun: list[int] = []
    stop = asyncio.Event()

    @cache_result(generators=5)
    async def f() -> AsyncIterator[int]:
        begun.append(1)
        yield 0
        await stop.wait()
        yield 1

    async def main() -> None:
        tasks = [asyncio.create_task(through(f())) for _ in range(5)]
        await asyncio.sleep(0.01)
        # The first makes the item, the others wait for it.
        tasks[0].cancel()
        tasks[3].cancel()
        await asyncio.sleep(0.01)
        assert [task.cancelled() for task in tasks] == [True, False, False, True, False]
        stop.set()
        assert [await tasks[index] for index in (1, 2, 4)] == [[0, 1]] * 3

    asyncio.run(main())
    assert begun == [1, 1]


def test_a_cancelled_task_of_trio_ends_nothing_for_others() -> None:
    trio = pytest.importorskip("trio")
    testing = pytest.importorskip("trio.testing")
    begun: list[Any] = []
    results: list[Any] = []
    scopes: dict[Any, Any] = {}

    async def main() -> None:
        stop = trio.Event()

        @cache_result(generators=5)
        async def f() -> AsyncIterator[int]:
            begun.append(trio.lowlevel.current_task())
            yield 0
            begun.append(trio.lowlevel.current_task())
            await stop.wait()
            yield 1

        async def consume() -> None:
            with trio.CancelScope() as scope:
                scopes[trio.lowlevel.current_task()] = scope
                results.append(await through(f()))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(consume)
            await testing.wait_all_tasks_blocked()
            # One makes the item, the others wait for it.
            makes = begun[-1]
            scopes.pop(next(task for task in scopes if task is not makes)).cancel()
            scopes.pop(makes).cancel()
            await testing.wait_all_tasks_blocked()
            stop.set()

    trio.run(main)
    assert len(begun) == 4
    assert results == [[0, 1]] * 3


def test_another_event_loop_makes_its_own() -> None:
    begun: list[int] = []
    first_has_begun, second_is_over = threading.Event(), threading.Event()

    @cache_result(generators=5)
    async def f() -> AsyncIterator[int]:
        begun.append(threading.get_ident())
        yield 0
        yield 1

    results: list[Any] = []

    async def first() -> None:
        generator = f()
        await anext(generator)
        first_has_begun.set()
        assert second_is_over.wait(20)
        results.append(await through(generator))

    async def second() -> None:
        assert first_has_begun.wait(20)
        results.append(await through(f()))
        second_is_over.set()

    threads = [threading.Thread(target=asyncio.run, args=(main(),), daemon=True) for main in (first, second)]
    for thread in threads:
        thread.start()
    joined(threads)
    assert results == [[0, 1], [1]]
    assert len(set(begun)) == 2
    # What the first one's loop has left is there for all.
    assert asyncio.run(through(f())) == [0, 1]
    assert len(begun) == 2


def test_who_goes_on_in_another_event_loop_waits_for_nobody() -> None:
    entered, stop = threading.Event(), threading.Event()
    begun: list[int] = []

    @cache_result(generators=5)
    async def f() -> AsyncIterator[int]:
        begun.append(1)
        yield 0
        if len(begun) == 1:
            entered.set()
            assert await asyncio.to_thread(stop.wait, 20)
        yield 1

    one, other = f(), f()

    async def first() -> list[int]:
        assert [await anext(one), await anext(other)] == [0, 0]
        return await through(one)

    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(asyncio.run(first())), daemon=True)
    thread.start()
    assert entered.wait(20)
    assert asyncio.run(through(other)) == [1]
    stop.set()
    joined([thread])
    assert results == [[1]]
    assert begun == [1, 1]


def test_what_a_closed_event_loop_has_left_is_begun_anew() -> None:
    begun: list[int] = []

    @cache_result(generators=5)
    async def f() -> AsyncIterator[int]:
        begun.append(1)
        yield 0
        yield 1

    loop = asyncio.new_event_loop()
    generator = f()
    assert loop.run_until_complete(anext(generator)) == 0
    loop.close()
    assert asyncio.run(through(f())) == [0, 1]
    assert asyncio.run(through(f())) == [0, 1]
    assert begun == [1, 1]
    # And the first goes on in the loop that runs now.
    assert asyncio.run(through(generator)) == [1]


def test_without_an_event_loop() -> None:
    @cache_result(generators=5)
    async def f() -> AsyncIterator[int]:
        yield 0
        yield 1

    def step(awaitable: Any) -> Any:
        try:
            awaitable.__await__().send(None)
        except StopIteration as stop:
            return stop.value

    generator = f()
    assert [step(anext(generator)), step(anext(generator))] == [0, 1]
    with pytest.raises(StopAsyncIteration):
        step(anext(generator))
    assert f.cache.get() == (0, 1)


def test_a_generator_inside_itself(run: Any) -> None:
    begun = []

    @cache_result(generators=20)
    async def f(count: int) -> AsyncGenerator[int, None]:
        begun.append(count)
        total = 0
        for index in range(count):
            yield total + index
            mine = f(count)
            total += await anext(mine)
            await mine.aclose()

    async def main() -> None:
        assert await through(f(4)) == await through(f(4)) == [0, 1, 2, 3]

    run(main)
    assert begun == [4]


def test_other_policies_around_and_inside(run: Any) -> None:
    fails = iter([True, False])

    async def items() -> AsyncIterator[int]:
        if next(fails):
            raise ConnectionError
        yield 1
        yield 2

    async def main() -> None:
        nonlocal fails
        outside: Any = retry(max_retries=2, initial_delay=0)(cache_result(generators=5)(items))
        assert [await through(outside()), await through(outside())] == [[1, 2], [1, 2]]
        fails = iter([True, False])
        inside: Any = cache_result(generators=5)(timer(retry(max_retries=2, initial_delay=0)(items)))
        assert [await through(inside()), await through(inside())] == [[1, 2], [1, 2]]

    run(main)


def test_copies(run: Any) -> None:
    @cache_result(generators=5, copy=True)
    async def f() -> AsyncIterator[list[int]]:
        yield [1]

    async def main() -> None:
        for _ in range(3):
            (item,) = await through(f())
            assert item == [1]
            item.append(2)

    run(main)
