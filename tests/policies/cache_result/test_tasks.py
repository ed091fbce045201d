"""`cache_result` with several tasks at once: one computation for a key, and nobody who hangs."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from typing import Any

import pytest

from cladding import cache_result

from .helpers import in_a_loop, in_threads, joined, stats, until


@in_a_loop
async def test_1000_tasks_compute_once() -> None:
    runs = 0

    @cache_result
    async def f(x: int) -> int:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.01)
        return x

    assert await asyncio.gather(*(f(1) for _ in range(1000))) == [1] * 1000
    assert runs == 1
    assert f.cache_info() == (999, 1, 10_000, 1)
    assert stats(f)["waits"] == 999


@in_a_loop
async def test_a_failure_fails_all_waiting_tasks_once() -> None:
    runs = 0

    @cache_result
    async def f() -> int:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.01)
        if runs == 1:
            raise KeyError("once")
        return 5

    results = await asyncio.gather(*(f() for _ in range(100)), return_exceptions=True)
    assert all(result is results[0] for result in results)
    assert isinstance(results[0], KeyError)
    assert len(traceback.extract_tb(results[0].__traceback__)) <= 6
    assert runs == 1
    assert await f() == 5


@in_a_loop
async def test_a_cancelled_leader_hands_over() -> None:
    runs = 0

    @cache_result
    async def f() -> int:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.01)
        return runs

    leader = asyncio.create_task(f())
    await asyncio.sleep(0)
    waiters = [asyncio.create_task(f()) for _ in range(10)]
    await asyncio.sleep(0)
    leader.cancel()
    assert await asyncio.gather(*waiters) == [2] * 10
    assert leader.cancelled()
    assert runs == 2


@in_a_loop
async def test_a_cancelled_waiter_affects_nobody() -> None:
    runs = 0

    @cache_result
    async def f() -> int:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.02)
        return runs

    leader = asyncio.create_task(f())
    await asyncio.sleep(0)
    waiters = [asyncio.create_task(f()) for _ in range(3)]
    await asyncio.sleep(0)
    waiters[1].cancel()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await f()
    assert await asyncio.gather(leader, waiters[0], waiters[2]) == [1, 1, 1]
    assert waiters[1].cancelled()
    assert runs == 1


@in_a_loop
async def test_a_leader_that_is_dropped_hands_over() -> None:
    @cache_result
    async def f(x: int) -> int:
        await asyncio.sleep(0)
        return x

    leader = f(1)
    leader.send(None)
    waiter = asyncio.create_task(f(1))
    await asyncio.sleep(0)
    leader.close()
    assert await asyncio.wait_for(waiter, 20) == 1


@in_a_loop
async def test_recursion_in_one_task() -> None:
    depth = 0

    @cache_result
    async def f(x: int) -> int:
        nonlocal depth
        depth += 1
        await asyncio.sleep(0)
        return await f(x) + 1 if depth < 3 else 0

    assert await asyncio.wait_for(f(1), 20) == 2
    assert await f(1) == 2
    assert depth == 3


@in_a_loop
async def test_recursion_through_other_tasks() -> None:
    @cache_result
    async def fib(n: int) -> int:
        if n < 2:
            return n
        async with asyncio.TaskGroup() as group:
            parts = [group.create_task(fib(n - 1)), group.create_task(fib(n - 2))]
        return sum(part.result() for part in parts)

    assert await asyncio.wait_for(fib(40), 20) == 102334155
    assert fib.cache_info().misses == 41


def test_event_loops_in_several_threads_share_a_computation() -> None:
    runs = 0
    entered = threading.Event()

    @cache_result
    async def f() -> int:
        nonlocal runs
        runs += 1
        entered.set()
        while stats(f)["waits"] < 4:  # noqa: ASYNC110 - the others are in other loops
            await asyncio.sleep(0.001)
        return runs

    results: list[int] = []
    threads = in_threads(5, lambda: results.append(asyncio.run(f())))
    joined(threads)
    assert results == [1] * 5


def test_a_waiter_whose_loop_has_ended() -> None:
    release = threading.Event()

    @cache_result
    async def f() -> int:
        while not release.is_set():  # noqa: ASYNC110 - it is set by another thread
            await asyncio.sleep(0.001)
        return 1

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(f(), 0.01)

    results: list[int] = []
    threads = in_threads(1, lambda: results.append(asyncio.run(f())))
    until(lambda: stats(f)["misses"] == 1)
    asyncio.run(impatient())
    release.set()
    joined(threads)
    assert results == [1]


def test_without_an_event_loop() -> None:
    class Pause:
        def __await__(self) -> Any:
            yield "pause"

    runs = []

    @cache_result
    async def f() -> int:
        runs.append(1)
        await Pause()
        return len(runs)

    first, second = f(), f()
    assert first.send(None) == "pause"
    assert second.send(None) == "pause"
    for coroutine in (second, first):
        with pytest.raises(StopIteration):
            coroutine.send(None)
    with pytest.raises(StopIteration) as over:
        f().send(None)
    assert over.value.value in {1, 2}


def test_trio() -> None:
    trio = pytest.importorskip("trio")
    runs = 0
    begun = {x: trio.Event() for x in (-1, 1, 2, 7)}

    @cache_result
    async def f(x: int) -> int:
        nonlocal runs
        runs += 1
        begun[x].set()
        await trio.sleep(0.01)
        if x < 0:
            raise KeyError(x)
        return await f(x) if x == 7 and runs < 5 else x

    results: list[int] = []

    async def call() -> None:
        results.append(await f(1))

    async def fail() -> None:
        with pytest.raises(KeyError):
            await f(-1)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(call)
                nursery.start_soon(fail)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(f, 2)
            await begun[2].wait()
            with trio.move_on_after(0.001) as scope:
                await f(2)
            assert scope.cancelled_caught
            nursery.start_soon(f, 2)
        assert runs == 3
        assert await f(7) == 7
        assert runs == 5

    trio.run(main)
    assert results == [1] * 100


if sys.version_info >= (3, 12):

    @in_a_loop
    async def test_eager_tasks() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        runs = 0

        @cache_result
        async def f() -> int:
            nonlocal runs
            runs += 1
            await asyncio.sleep(0.01)
            return runs

        assert await asyncio.gather(*(f() for _ in range(50))) == [1] * 50
