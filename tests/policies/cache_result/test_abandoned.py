"""`cache_result` when the call that computes never goes on: its task is gone, or its event loop is stopped or closed."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from cladding import cache_result, timer

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
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
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
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert await f() == child


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals to threads")
def test_an_interrupt_while_waiters_are_woken() -> None:
    """The interrupt comes in the leader's thread wherever it comes; no waiter is left behind."""
    interrupted = 0
    for delay in range(60):
        opened = threading.Event()

        def body(opened: threading.Event = opened) -> int:
            opened.wait(20)
            return 1

        f = cache_result(asynchronous(body))
        results: list[int] = []
        threads: list[threading.Thread] = []

        def interrupt(delay: int = delay, opened: threading.Event = opened, f: Any = f) -> None:
            until(lambda: stats(f)["waits"] == 3)
            opened.set()
            end = time.perf_counter() + delay * 5e-6
            while time.perf_counter() < end:
                pass
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            sent.set()

        sent = threading.Event()
        threads += in_threads(1, interrupt)

        def wait(f: Any = f, results: list[int] = results) -> None:
            until(lambda: stats(f)["misses"] == 1)
            results.append(asyncio.run(f()))

        threads += in_threads(3, wait)
        try:
            asyncio_step(f())
            assert sent.wait(20)
            time.sleep(0.001)
        except KeyboardInterrupt:
            interrupted += 1
        joined(threads)
        assert results == [1, 1, 1]
    assert interrupted > 0


def asynchronous(body: Any) -> Any:
    async def run() -> Any:
        return body()

    return run


def asyncio_step(call: Any) -> None:
    """Runs a coroutine that never suspends."""
    with pytest.raises(StopIteration):
        call.send(None)


def test_timers_inside_do_not_count_what_finding_a_key_took() -> None:
    class Slow:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            time.sleep(0.05)
            return self is other

    taken: list[float] = []
    f = timer(cache_result(timer(callback=lambda info: taken.append(info.seconds))(lambda key: None)))
    f(Slow())
    f(Slow())
    assert max(taken) < 0.04
