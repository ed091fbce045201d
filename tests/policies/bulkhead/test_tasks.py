"""`bulkhead` on coroutines and async generators: tasks of asyncio and trio, and threads beside them."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trio
import trio.testing

from policies.kinds import Kind, all_kinds

from .helpers import Gate, settle, start, until


@all_kinds
def test_every_kind_comes_in_and_leaves(cladding: Any, kind: Kind) -> None:
    seen: list[int] = []
    f = cladding.bulkhead(1)(kind.make(lambda x: seen.append(f.cladding.bulkhead.stats["running"]) or x))
    assert [kind.run(f, x) for x in range(3)] == [0, 1, 2]
    assert seen == [1, 1, 1]
    gc.collect()
    assert f.cladding.bulkhead.stats == {"calls": 3, "waits": 0, "rejected": 0, "running": 0, "waiting": 0}


def test_no_more_than_so_many_at_once(cladding: Any) -> None:
    order: list[int] = []
    inside = most = 0

    @cladding.bulkhead(2)
    async def f(number: int) -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        order.append(number)
        await asyncio.sleep(0.001)
        inside -= 1
        return number

    async def main() -> list[int]:
        return await asyncio.gather(*map(f, range(20)))

    assert asyncio.run(main()) == [*range(20)]
    assert order == [*range(20)]
    assert most == 2
    assert f.cladding.bulkhead.stats == {"calls": 20, "waits": 18, "rejected": 0, "running": 0, "waiting": 0}


def test_under_trio(cladding: Any) -> None:
    inside = most = 0

    @cladding.bulkhead(2)
    async def f() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await trio.sleep(0.001)
        inside -= 1

    @cladding.bulkhead(1, max_wait=0.005)
    async def g() -> None:
        await trio.sleep_forever()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(f)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(g)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(cladding.BulkheadFullError):
                await g()
            with trio.move_on_after(0.001) as scope:
                await g()
            assert scope.cancelled_caught
            assert g.cladding.bulkhead.stats["waiting"] == 0
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert most == 2
    assert g.cladding.bulkhead.stats["running"] == 0


def test_a_cancelled_wait_gives_its_turn_up(cladding: Any) -> None:
    async def main() -> None:
        gate = asyncio.Event()

        @cladding.bulkhead(1)
        async def f(number: int) -> int:
            await gate.wait()
            return number

        tasks = [asyncio.create_task(f(number)) for number in range(5)]
        await settle()
        tasks[1].cancel()
        tasks[3].cancel()
        await settle()
        assert f.cladding.bulkhead.stats["waiting"] == 2
        gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [int, asyncio.CancelledError, int, asyncio.CancelledError, int]
        assert f.cladding.bulkhead.stats["running"] == 0

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_place_that_was_handed_over_to_a_cancelled_task_goes_on(cladding: Any) -> None:
    async def main() -> None:
        gates = [asyncio.Event() for _ in range(3)]

        @cladding.bulkhead(1)
        async def f(number: int) -> int:
            await gates[number].wait()
            return number

        first, second, third = (asyncio.create_task(f(number)) for number in range(3))
        await settle()
        gates[0].set()
        assert await first == 0
        # The second has the place, but has not run since.
        assert f.cladding.bulkhead.stats["running"] == 1
        second.cancel()
        gates[2].set()
        assert await third == 2
        assert second.cancelled()
        assert f.cladding.bulkhead.stats["running"] == 0

    asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize("how", ["close", "collect"])
def test_a_waiting_coroutine_that_is_abandoned(cladding: Any, how: str) -> None:
    async def main() -> None:
        gate = asyncio.Event()

        @cladding.bulkhead(1)
        async def f() -> None:
            await gate.wait()

        task = asyncio.create_task(f())
        await settle()
        waits = f().__await__()
        next(waits)
        assert f.cladding.bulkhead.stats["waiting"] == 1
        if how == "close":
            waits.close()
        del waits
        gc.collect()
        assert f.cladding.bulkhead.stats["waiting"] == 0
        gate.set()
        await task

    asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.parametrize("places", [1, 5])
def test_a_task_needs_one_place(cladding: Any, places: int) -> None:
    @cladding.bulkhead(places)
    async def factorial(n: int) -> int:
        await asyncio.sleep(0)
        assert factorial.cladding.bulkhead.stats["running"] <= 2
        return n * await factorial(n - 1) if n else 1

    async def main() -> list[int]:
        return await asyncio.gather(factorial(5), factorial(4))

    assert asyncio.run(asyncio.wait_for(main(), 30)) == [120, 24]
    assert factorial.cladding.bulkhead.stats["running"] == 0


def test_what_would_stop_the_loop_or_the_task_raises(cladding: Any) -> None:
    places = cladding.Bulkhead(1)

    @cladding.bulkhead(places)
    async def items() -> AsyncIterator[int]:
        yield 1

    @cladding.bulkhead(places)
    async def f(use: Callable[[], Any]) -> Any:
        result = use()
        return await result if asyncio.iscoroutine(result) else result

    @cladding.bulkhead(places)
    def plain() -> int:
        return places.running

    async def first() -> int:
        return await anext(items())

    async def main() -> None:
        assert await f(plain) == 1  # a call within the task's own
        with pytest.raises(cladding.BulkheadFullError, match="which holds one itself"):
            await f(first)
        open_one = items()
        await anext(open_one)
        for use in (first, lambda: f(plain)):
            with pytest.raises(cladding.BulkheadFullError, match="which holds one itself"):
                await use()
        with pytest.raises(cladding.BulkheadFullError, match="which holds one itself"):
            plain()
        await open_one.aclose()
        assert places.running == 0

        task = asyncio.create_task(f(lambda: asyncio.sleep(0.001, 7)))
        await settle()
        with pytest.raises(cladding.BulkheadFullError, match="which holds one itself"):
            plain()  # it would stop the loop that the other task needs
        assert await task == 7

    asyncio.run(asyncio.wait_for(main(), 30))

    @cladding.bulkhead(places)
    def with_a_loop() -> Any:
        return asyncio.run(f(plain))

    assert with_a_loop() == 1
    assert places.running == 0


def test_an_async_generator_holds_its_place(cladding: Any) -> None:
    @cladding.bulkhead(1)
    async def items(stop: int) -> AsyncIterator[int]:
        for number in range(stop):
            yield number

    async def collect(stop: int) -> list[int]:
        return [number async for number in items(stop)]

    async def main() -> None:
        open_one = items(3)
        assert await anext(open_one) == 0
        other = asyncio.create_task(collect(2))
        await settle()
        assert not other.done()
        assert await anext(open_one) == 1
        await open_one.aclose()
        assert await other == [0, 1]
        assert items.cladding.bulkhead.stats["running"] == 0

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_returned_coroutine_holds_the_place(cladding: Any) -> None:
    async def work() -> int:
        await asyncio.sleep(0.001)
        return 1

    @cladding.bulkhead(1)
    def f() -> Any:
        return work()

    async def main() -> None:
        task = asyncio.create_task(f())
        with pytest.raises(cladding.BulkheadFullError, match="which holds one itself"):
            f()
        assert await task == 1
        assert await f() == 1

    asyncio.run(main())
    assert f.cladding.bulkhead.stats["running"] == 0


def test_threads_and_tasks_share_places(cladding: Any) -> None:
    places = cladding.Bulkhead(1)
    gate = Gate()
    in_thread = cladding.bulkhead(places)(gate)

    @cladding.bulkhead(places)
    async def in_task() -> int:
        return 1

    async def main() -> None:
        thread = start(in_thread)
        until(lambda: gate.inside == 1)
        task = asyncio.create_task(in_task())
        await settle()
        assert (task.done(), places.waiting) == (False, 1)
        gate.opened.set()
        assert await task == 1
        thread.join(30)

    asyncio.run(asyncio.wait_for(main(), 30))
    assert places.running == 0


def test_the_place_of_a_loop_that_has_ended_is_free(cladding: Any) -> None:
    """A task that waits when its loop is closed never wakes up; what is handed to it must not be lost."""
    gate = Gate()
    places = cladding.Bulkhead(1)
    f = cladding.bulkhead(places)(gate)

    @cladding.bulkhead(places)
    async def in_task() -> None: ...

    thread = start(f)
    until(lambda: gate.inside == 1)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    task = loop.create_task(in_task())
    for _ in range(5):
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert places.waiting == 1
    gate.opened.set()
    thread.join(30)
    del task, loop
    gc.collect()
    assert (places.running, places.waiting) == (0, 0)


def test_many_threads_and_tasks_lose_no_place(cladding: Any, hurried: None) -> None:
    places = cladding.Bulkhead(3)
    lock, inside, most, cancelled = threading.Lock(), 0, 0, 0

    def change(by: int) -> None:
        nonlocal inside, most
        with lock:
            inside += by
            most = max(most, inside)

    @cladding.bulkhead(places)
    def plain() -> None:
        change(1)
        change(-1)

    @cladding.bulkhead(places)
    async def in_task(pauses: int) -> None:
        change(1)
        try:
            for _ in range(pauses):
                await asyncio.sleep(0)
        finally:
            change(-1)

    @cladding.bulkhead(places, max_wait=0.001)
    async def items(pauses: int) -> AsyncIterator[int]:
        change(1)
        try:
            for number in range(pauses):
                await asyncio.sleep(0)
                yield number
        finally:
            change(-1)

    async def collect(pauses: int) -> None:
        generator = items(pauses)
        try:
            async for _ in generator:
                pass
        except cladding.BulkheadFullError:
            pass
        finally:
            await generator.aclose()

    async def main(seed: int) -> None:
        nonlocal cancelled
        chance = random.Random(seed)
        for _ in range(10):
            tasks = [asyncio.create_task(chance.choice((in_task, collect))(chance.randrange(4))) for _ in range(30)]
            for _ in range(chance.randrange(20)):
                await asyncio.sleep(0)
            for task in chance.sample(tasks, 10):
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            with lock:
                cancelled += sum(isinstance(result, asyncio.CancelledError) for result in results)
            assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)

    def loop(seed: int) -> None:
        asyncio.run(main(seed))

    def work() -> None:
        for _ in range(300):
            plain()

    threads = [start(loop, seed) for seed in range(3)] + [start(work) for _ in range(4)]
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    gc.collect()
    assert (places.running, places.waiting, inside) == (0, 0, 0)
    assert cancelled > 0
    assert most <= 3
