"""`cache_result` when the call that computes never goes on: its task is gone, or its event loop is stopped or closed."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
import weakref
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from cladding import cache_result, of, timer

from .helpers import Counted, in_a_loop, in_threads, joined, stats, until

NO_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def loops() -> Iterator[tuple[asyncio.AbstractEventLoop, asyncio.AbstractEventLoop]]:
    pair = asyncio.new_event_loop(), asyncio.new_event_loop()
    yield pair
    for loop in pair:
        if not loop.is_closed():
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()


def limited(call: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
    return asyncio.wait_for(call, 5)


def exit_code(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def runs_once_stopped(body: Counted) -> Any:
    """Stops for ever in its first call."""

    @cache_result
    async def f(x: int) -> int:
        if body(x) == 1:
            await asyncio.get_running_loop().create_future()
        return len(body.runs)

    return f


@in_a_loop
async def test_a_task_that_nobody_holds_can_go() -> None:
    f = runs_once_stopped(Counted())
    task = asyncio.create_task(f(1))
    gone = weakref.ref(task)
    await asyncio.sleep(0)
    del task
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    gc.collect()
    assert gone() is None
    assert await limited(f(1)) == 2
    assert await f(1) == 2


@in_a_loop
async def test_a_task_that_goes_wakes_those_who_wait() -> None:
    f = runs_once_stopped(Counted())
    task = asyncio.create_task(f(1))
    await asyncio.sleep(0)
    waiters = [asyncio.create_task(f(1)) for _ in range(3)]
    await asyncio.sleep(0)
    del task
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    gc.collect()
    assert await limited(asyncio.gather(*waiters)) == [2, 2, 2]


@in_a_loop
async def test_a_coroutine_that_outlives_its_task() -> None:
    f = runs_once_stopped(Counted())
    call = f(1)

    async def begin() -> None:
        call.send(None)

    await asyncio.create_task(begin())
    assert await limited(f(1)) == 2
    call.close()
    assert await f(1) == 2


@pytest.mark.parametrize("closed", [False, True])
def test_a_leader_in_an_event_loop_that_does_not_run(loops: Any, body: Counted, closed: bool) -> None:
    f = runs_once_stopped(body)
    first, second = loops
    task = first.create_task(f(1))
    first.run_until_complete(asyncio.sleep(0))
    if closed:
        first._ready.clear()
        first.close()
    assert second.run_until_complete(limited(f(1))) == 2
    # A stopped event loop may go on, and what its task comes to is kept then; a closed one never does.
    assert second.run_until_complete(limited(f(1))) == (2 if closed else 3)
    assert f.cache_info().currsize == (1 if closed else 0)
    assert not task.done()
    task._log_destroy_pending = False


def test_a_stopped_event_loop_that_goes_on_keeps_its_result(loops: Any, body: Counted) -> None:
    @cache_result
    async def f(x: int) -> int:
        run = body(x)
        await asyncio.sleep(0.001)
        return run

    first, second = loops
    task = first.create_task(f(1))
    first.run_until_complete(asyncio.sleep(0))
    assert second.run_until_complete(limited(f(1))) == 2
    assert f.cache_info().currsize == 0
    assert first.run_until_complete(task) == 1
    assert second.run_until_complete(limited(f(1))) == 1
    assert f.cache_info() == (1, 2, 10_000, 1)


def test_an_event_loop_inside_another_one_of_its_thread(loops: Any, body: Counted) -> None:
    f = runs_once_stopped(body)
    inner = loops[0]

    async def outer() -> None:
        task = asyncio.create_task(f(1))
        await asyncio.sleep(0)
        running = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        try:
            assert inner.run_until_complete(limited(f(1))) == 2
        finally:
            asyncio._set_running_loop(running)
        task.cancel()

    asyncio.run(outer())


def test_an_event_loop_that_stopped_in_another_thread(loops: Any, body: Counted) -> None:
    f = runs_once_stopped(body)
    first, second = loops

    def begin() -> None:
        tasks.append(first.create_task(f(1)))
        first.run_until_complete(asyncio.sleep(0))

    tasks: list[Any] = []
    joined(in_threads(1, begin))
    assert second.run_until_complete(limited(f(1))) == 2


@NO_FORK
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@in_a_loop
async def test_a_fork_inside_an_event_loop(body: Counted) -> None:
    f = runs_once_stopped(body)
    task = asyncio.create_task(f(1))
    await asyncio.sleep(0)
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)
            results = [asyncio.run(limited(f(1))) for _ in range(2)]
            os._exit(0 if results == [2, 2] and f.cache_info().currsize == 1 else 1)
        finally:
            os._exit(2)
    assert exit_code(child) == 0
    task.cancel()


@NO_FORK
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@in_a_loop
async def test_a_fork_inside_a_leading_task() -> None:
    @cache_result
    async def f() -> int:
        await asyncio.sleep(0)
        return os.fork()

    child = await f()
    if child == 0:
        os._exit(0 if f.cache_info().currsize == 1 else 1)
    assert exit_code(child) == 0
    assert await f() == child


def test_an_interrupt_while_waiters_are_woken() -> None:
    """The interrupt reaches the program, and no waiter is left behind."""

    class Interrupted(asyncio.SelectorEventLoop):
        interrupted = False

        def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> asyncio.Handle:
            if not self.interrupted:
                self.interrupted = True
                held.append(self)
                raise KeyboardInterrupt
            return super().call_soon_threadsafe(*args, **kwargs)

    @cache_result
    async def f() -> int:
        until(lambda: stats(f)["waits"] == 3)
        time.sleep(0.05)  # noqa: ASYNC251 - until all have subscribed
        return 1

    def wait() -> None:
        until(lambda: stats(f)["misses"] == 1)
        with asyncio.Runner(loop_factory=Interrupted) as runner:
            results.append(runner.run(limited(f())))

    held: list[asyncio.AbstractEventLoop] = []
    """Event loops, whose finalisers would swallow the interrupt."""
    results: list[int] = []
    threads = in_threads(3, wait)
    call = f()
    with pytest.raises(KeyboardInterrupt):
        with pytest.raises(StopIteration):
            call.send(None)
        time.sleep(5)
    joined(threads)
    assert results == [1, 1, 1]


def test_timers_inside_do_not_count_what_finding_a_key_took() -> None:
    class Slow:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            time.sleep(0.05)
            return self is other

    f = timer(cache_result(timer(lambda key: None)))
    f(Slow())
    f(Slow())
    assert of(f).policies[2].stats["last_seconds"] < 0.04
