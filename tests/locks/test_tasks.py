"""Coroutines and async generators: one task at a time, in order, whatever is cancelled."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cladding import synchronized

from .helpers import LONG, Inside, live


class Thing:
    def __init__(self) -> None:
        self.inside = Inside()

    @synchronized
    async def method(self, pauses: int = 2) -> int:
        with self.inside:
            for _ in range(pauses):
                await asyncio.sleep(0)
            return self.inside.now

    @synchronized
    async def nested(self) -> int:
        return await self.method()

    @synchronized
    async def items(self) -> AsyncIterator[int]:
        with self.inside:
            yield 1
            await asyncio.sleep(0)
            yield 2

    @synchronized
    async def fail(self) -> None:
        raise ValueError("mine")

    @synchronized
    def plain(self) -> int:
        return live()


def test_one_task_at_a_time() -> None:
    async def main() -> Thing:
        thing = Thing()
        await asyncio.gather(*(thing.method() for _ in range(20)))
        return thing

    thing = asyncio.run(main())
    assert thing.inside.most == 1
    assert thing.inside.entries == 20
    assert live() == 0


def test_callable_objects_with_a_lock_of_their_own() -> None:
    class Work:
        inside = Inside()

        async def __call__(self) -> None:
            with self.inside:
                await asyncio.sleep(0)

    async def main() -> None:
        work = synchronized(Work())
        await asyncio.gather(*(work() for _ in range(5)))

    asyncio.run(main())
    assert Work.inside.most == 1
    assert Work.inside.entries == 5
    assert live() == 0


def test_two_instances_at_the_same_time() -> None:
    async def main() -> int:
        shared = Inside()
        one, two = Thing(), Thing()
        one.inside = two.inside = shared
        await asyncio.gather(one.method(), two.method())
        return shared.most

    assert asyncio.run(main()) == 2


def test_re_entrant_for_a_task_and_not_for_its_children() -> None:
    async def main() -> None:
        thing = Thing()
        assert await asyncio.wait_for(thing.nested(), LONG) == 1
        async with synchronized(thing):
            async with synchronized(thing):
                assert await thing.method() == 1
            child = asyncio.create_task(thing.method())
            for _ in range(5):
                await asyncio.sleep(0)
            assert not child.done()
        assert await child == 1

    asyncio.run(main())
    assert live() == 0


def test_in_the_order_of_asking() -> None:
    async def main() -> list[int]:
        thing, order = object(), []

        @synchronized(on=thing)
        async def work(number: int) -> None:
            order.append(number)
            await asyncio.sleep(0)

        async def again(number: int) -> None:
            for _ in range(3):
                await work(number)

        await asyncio.gather(*(again(number) for number in range(4)))
        return order

    assert asyncio.run(main()) == [0, 1, 2, 3] * 3


@pytest.mark.parametrize("cancel", [[1], [1, 2], [2, 3], [1, 2, 3]])
def test_waiters_that_are_cancelled_leave_the_queue(cancel: list[int]) -> None:
    async def main() -> None:
        thing, go = object(), asyncio.Event()

        @synchronized(on=thing)
        async def work(number: int) -> int:
            await go.wait()
            return number

        tasks = [asyncio.create_task(work(number)) for number in range(5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for number in cancel:
            tasks[number].cancel()
        go.set()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), LONG)
        for number, result in enumerate(results):
            assert isinstance(result, asyncio.CancelledError) if number in cancel else result == number

    asyncio.run(main())
    assert live() == 0


def test_cancelled_in_the_moment_of_handing_over() -> None:
    async def main() -> None:
        thing = object()

        @synchronized(on=thing)
        async def work(release: asyncio.Event) -> str:
            await release.wait()
            return "done"

        first_go, later_go = asyncio.Event(), asyncio.Event()
        later_go.set()
        first = asyncio.create_task(work(first_go))
        await asyncio.sleep(0)
        second = asyncio.create_task(work(later_go))
        third = asyncio.create_task(work(later_go))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first_go.set()
        first.add_done_callback(lambda _: second.cancel())
        assert await asyncio.wait_for(third, LONG) == "done"
        with pytest.raises(asyncio.CancelledError):
            await second

    asyncio.run(main())
    assert live() == 0


def test_errors_and_timeouts_let_go() -> None:
    async def main() -> None:
        thing = Thing()
        with pytest.raises(ValueError, match="mine"):
            await thing.fail()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(thing.method(10**9), 0.01)
        assert await thing.method() == 1

    asyncio.run(main())
    assert live() == 0


def test_an_async_generator_holds_from_its_first_item_to_its_end() -> None:
    async def main() -> None:
        thing = Thing()
        items = thing.items()
        assert live() == 0
        assert await anext(items) == 1
        assert live() == 1
        other = asyncio.create_task(thing.method())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not other.done()
        await items.aclose()
        assert await other == 1
        assert [item async for item in thing.items()] == [1, 2]

    asyncio.run(main())
    assert live() == 0


def test_an_abandoned_coroutine_lets_go() -> None:
    thing = Thing()
    coroutine = thing.method()
    coroutine.send(None)
    assert live() == 1
    coroutine.close()
    assert live() == 0
    coroutine = thing.method()
    coroutine.send(None)
    del coroutine
    gc.collect()
    assert live() == 0


def test_a_cycle_through_a_held_lock_is_collected() -> None:
    thing: Any = Thing()
    thing.me = thing.method()
    thing.me.send(None)
    assert live() == 1
    del thing
    gc.collect()
    assert live() == 0


def test_event_loops_of_two_threads_exclude_each_other() -> None:
    inside, thing = Inside(), object()

    @synchronized(on=thing)
    async def work() -> None:
        with inside:
            await asyncio.sleep(0)

    async def main() -> None:
        for _ in range(50):
            await work()

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert inside.most == 1
    assert inside.entries == 150
    assert live() == 0


def test_tasks_and_threads_have_locks_of_their_own() -> None:
    async def main() -> None:
        thing = Thing()
        async with synchronized(thing):
            assert thing.plain() == 2

    asyncio.run(main())


def test_a_block_closed_by_another_task() -> None:
    async def main() -> None:
        thing = object()

        async def hold() -> None:
            async with synchronized(thing):
                await asyncio.sleep(LONG)

        coroutine = hold()
        task = asyncio.create_task(asyncio.wait_for(asyncio.shield(asyncio.sleep(0)), LONG))
        await task
        coroutine.send(None)
        assert live() == 1
        coroutine.close()
        assert live() == 0

    asyncio.run(main())


def test_an_asyncio_lock_that_is_given() -> None:
    async def main() -> None:
        lock, inside = asyncio.Lock(), Inside()

        @synchronized(lock)
        async def work() -> None:
            with inside:
                await asyncio.sleep(0)

        await asyncio.gather(*(work() for _ in range(10)))
        assert inside.most == 1
        async with synchronized(lock):
            waiting = asyncio.create_task(work())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert lock.locked()
        assert not lock.locked()
        with pytest.raises(TypeError, match="`with`"):
            async with synchronized(threading.Lock()):
                pass

    asyncio.run(main())


def test_a_plain_function_that_returns_a_coroutine_is_refused() -> None:
    async def inner() -> None: ...

    @synchronized
    def outer() -> Any:
        return inner()

    @synchronized(threading.RLock())
    def outer_given() -> Any:
        return inner()

    for function in (outer, outer_given):
        with pytest.raises(TypeError, match="async def"):
            function()
    assert live() == 0


def test_under_trio() -> None:
    trio = pytest.importorskip("trio", reason="trio is not installed")
    inside, thing = Inside(), object()

    @synchronized(on=thing)
    async def work() -> None:
        with inside:
            await trio.sleep(0)
            async with synchronized(thing):
                await trio.sleep(0)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(work)
        with trio.move_on_after(0.01):
            async with synchronized(thing):
                await trio.sleep(LONG)

    trio.run(main)
    assert inside.most == 1
    assert inside.entries == 10
    assert live() == 0


def test_random_cancellations_leave_nothing_behind() -> None:
    import random

    async def main(seed: int) -> None:
        chance, thing, inside = random.Random(seed), object(), Inside()

        @synchronized(on=thing)
        async def work() -> None:
            with inside:
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)

        tasks = [asyncio.create_task(work()) for _ in range(40)]
        for _ in range(60):
            await asyncio.sleep(0)
            chance.choice(tasks).cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), LONG)
        assert inside.most <= 1
        await asyncio.wait_for(work(), LONG)

    for seed in range(20):
        asyncio.run(main(seed))
    assert live() == 0
