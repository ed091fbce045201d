"""`cache_result` with several callers at once: one computation for a key, and nobody who hangs."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cladding import cache_result, of, retry, stack


def in_a_loop(test: Callable[..., Any]) -> Callable[..., None]:
    """Runs a coroutine test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def stats(function: Any) -> dict[str, int]:
    found: dict[str, int] = of(function).cache_result.stats
    return found


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that happens for certain, and soon."""
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.001)


def in_threads(count: int, call: Callable[[], Any]) -> list[threading.Thread]:
    threads = [threading.Thread(target=call, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def joined(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


# ---- threads -------------------------------------------------------------------------------------------------------


class Gate:
    """A function's body that stops until it is let go, each time."""

    def __init__(self) -> None:
        self.runs = 0
        self.open = threading.Event()

    def __call__(self) -> int:
        self.runs += 1
        assert self.open.wait(20)
        return self.runs


def test_64_threads_compute_once() -> None:
    gate = Gate()
    f = cache_result(lambda x: gate())
    results: list[int] = []
    threads = in_threads(64, lambda: results.append(f(1)))
    until(lambda: stats(f)["waits"] == 63)
    gate.open.set()
    joined(threads)
    assert results == [1] * 64
    assert gate.runs == 1
    assert stats(f) == {"hits": 63, "misses": 1, "waits": 63, "entries": 1, "evictions": 0, "expirations": 0}


def test_different_keys_do_not_wait_for_each_other() -> None:
    gate = Gate()
    f = cache_result(lambda x: gate() if x == 1 else x)
    threads = in_threads(1, lambda: f(1))
    until(lambda: gate.runs == 1)
    assert f(2) == 2
    gate.open.set()
    joined(threads)


def test_a_failure_fails_all_waiters_once() -> None:
    gate = Gate()

    @cache_result
    def f() -> int:
        if gate() == 1:
            raise KeyError("once")
        return 5

    raised: list[BaseException] = []

    def call() -> None:
        try:
            f()
        except KeyError as error:
            raised.append(error)

    threads = in_threads(16, call)
    until(lambda: stats(f)["waits"] == 15)
    gate.open.set()
    joined(threads)
    assert len(raised) == 16
    assert all(error is raised[0] for error in raised)
    assert gate.runs == 1
    assert getattr(raised[0], "__notes__", []) == []
    # The traceback is one caller's, not that of all of them in a row.
    assert len(traceback.extract_tb(raised[0].__traceback__)) <= 5
    assert f() == 5
    assert stats(f)["misses"] == 17


def test_an_interrupted_leader_hands_over() -> None:
    gate = Gate()

    @cache_result
    def f() -> int:
        if gate() == 1:
            raise SystemExit
        return gate.runs

    results: list[Any] = []

    def call() -> None:
        try:
            results.append(f())
        except SystemExit:
            results.append("exit")

    threads = in_threads(8, call)
    until(lambda: stats(f)["waits"] == 7)
    gate.open.set()
    joined(threads)
    assert sorted(map(str, results)) == ["2"] * 7 + ["exit"]
    assert gate.runs == 2


def test_clear_during_a_computation() -> None:
    gate = Gate()
    f = cache_result(lambda: gate())
    results: list[int] = []
    early = in_threads(4, lambda: results.append(f()))
    until(lambda: stats(f)["waits"] == 3)
    f.cache_clear()
    late = in_threads(4, lambda: results.append(f()))
    until(lambda: gate.runs == 2 and stats(f)["waits"] == 6)
    gate.open.set()
    joined(early + late)
    # Those who asked before the clear share the old computation, those who asked after it the new one.
    assert gate.runs == 2
    assert len(results) == 8
    assert f() == 2
    assert f.cache_info().currsize == 1


def test_clear_at_the_end_of_a_computation_keeps_nothing() -> None:
    @cache_result
    def f() -> int:
        f.cache_clear()
        return 1

    assert [f(), f()] == [1, 1]
    assert f.cache_info().currsize == 0


def test_a_waiter_that_is_interrupted_affects_nobody() -> None:
    gate = Gate()
    f = cache_result(lambda: gate())
    threads = in_threads(2, f)
    until(lambda: stats(f)["waits"] == 1)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        f()
    timer.join()
    gate.open.set()
    joined(threads)
    assert gate.runs == 1
    assert f() == 1


def test_recursion_through_the_cache() -> None:
    @cache_result
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(200) == 280571172992510140037611932413038677189525
    assert fib.cache_info().misses == 201


def test_recursion_on_the_same_key() -> None:
    depth = 0

    @cache_result
    def f(x: int) -> int:
        nonlocal depth
        depth += 1
        return f(x) + 1 if depth < 3 else 0

    assert f(1) == 2
    assert f(1) == 2
    assert depth == 3
    assert f.cache_info().currsize == 1


def test_threads_that_compute_in_each_other() -> None:
    @cache_result
    def fib(n: int) -> int:
        time.sleep(0)
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    with ThreadPoolExecutor(16) as pool:
        results = [each.result(30) for each in [pool.submit(fib, n % 60) for n in range(600)]]
    assert results[59] == 956722026041
    assert fib.cache_info().misses == 60


def test_a_retry_inside_is_one_computation_and_outside_several() -> None:
    runs = []

    def flaky() -> int:
        runs.append(1)
        if len(runs) % 2:
            raise ConnectionError
        return len(runs)

    inside = stack(cache_result(), retry(max_retries=2, initial_delay=0))(flaky)
    assert inside() == inside() == 2
    assert stats(inside)["misses"] == 1
    outside = stack(retry(max_retries=2, initial_delay=0), cache_result())(flaky)
    assert outside() == outside() == 4
    assert stats(outside)["misses"] == 2


# ---- code that runs inside -----------------------------------------------------------------------------------------


def test_an_equality_that_calls_the_cache() -> None:
    class Key:
        def __init__(self, name: str) -> None:
            self.name = name

        def __hash__(self) -> int:
            return 7

        def __eq__(self, other: object) -> bool:
            f("from eq")
            f.cache_info()
            if self.name == "clears":
                f.cache_clear()
            return isinstance(other, Key) and self.name == other.name

    f: Any = cache_result(ttl=None)(lambda x: object())
    kept = f(Key("a"))
    assert f(Key("a")) is kept
    assert f(Key("b")) is not kept
    f(Key("clears"))
    f(Key("clears"))
    assert f(Key("a")) is f(Key("a"))


def test_a_finaliser_that_calls_the_cache() -> None:
    class Value:
        def __init__(self, x: int) -> None:
            self.x = x

        def __del__(self) -> None:
            seen.append(self.x)
            f(-1)
            f.cache_info()
            if self.x == 5:
                f.cache_clear()

    seen: list[int] = []
    f: Any = cache_result(max_entries=2)(lambda x: Value(x) if x >= 0 else x)
    for x in range(20):
        f(x)
    f.cache_clear()
    gc.collect()
    assert sorted(set(seen)) == list(range(20))
    assert f(-1) == -1


def test_a_key_whose_finaliser_calls_the_cache() -> None:
    class Key:
        def __del__(self) -> None:
            f(None)

    f: Any = cache_result(max_entries=1)(lambda x: None)
    for _ in range(10):
        f(Key())
    f.cache_clear()


def test_garbage_collection_during_calls() -> None:
    f: Any = cache_result(max_entries=50)(lambda x: [x])
    old = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for x in range(2000):
            f((x % 100, str(x % 70)))
    finally:
        gc.set_threshold(*old)


def test_threads_with_keys_that_run_code() -> None:
    class Key:
        def __init__(self, number: int) -> None:
            self.number = number

        def __hash__(self) -> int:
            return self.number % 3

        def __eq__(self, other: object) -> bool:
            time.sleep(0)
            return isinstance(other, Key) and self.number == other.number

    f: Any = cache_result(max_entries=None)(lambda key: (key.number, []))
    wrong: list[Any] = []

    def hammer() -> None:
        for round_ in range(100):
            number = round_ % 12
            if f(Key(number))[0] != number:
                wrong.append(number)

    joined(in_threads(8, hammer))
    assert wrong == []
    assert f.cache_info().currsize == 12
    assert f.cache_info().misses == 12


# ---- tasks ---------------------------------------------------------------------------------------------------------


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


# ---- processes -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_wait_for_threads_it_does_not_have() -> None:
    gate = Gate()
    f = cache_result(lambda: os.getpid() if os.getpid() != parent else gate())
    parent = os.getpid()
    threads = in_threads(3, f)
    until(lambda: stats(f)["waits"] == 2)
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)
            os._exit(0 if f() == f() == os.getpid() else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    gate.open.set()
    joined(threads)
    assert f() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_inside_a_computation() -> None:
    @cache_result
    def f() -> int:
        return os.fork()

    child = f()
    if child == 0:
        os._exit(0 if f() == 0 and f.cache_info().currsize == 1 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert f() == child


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
