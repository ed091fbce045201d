"""Every wait of every policy ends at once on an interrupt or a cancellation, which is never retried or cached."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from .kinds import Failure, finish

PROMPTLY = 5.0  # seconds; the waits themselves are set to six times that
LONG = 30.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent to a thread")


class Alarm(Exception):
    """Raised by a signal handler, as libraries that limit time do."""


@contextlib.contextmanager
def interrupt_after(entered: threading.Event) -> Iterator[None]:
    """Sends the main thread an interrupt soon after `entered` is set, and asserts that the body then ends promptly.

    The pause makes it likely that the interrupt finds the wait itself; whatever it finds, the outcome is the same.
    """
    sent: list[float] = []

    def send() -> None:
        assert entered.wait(LONG)
        time.sleep(0.05)
        sent.append(time.monotonic())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        sender.join()
        assert time.monotonic() - sent[0] < PROMPTLY


def retrying(cladding: Any, entered: threading.Event, attempts: list[int], delay: float = LONG) -> Callable[[], str]:
    """A function that fails at its first attempt, and then waits for its second."""

    @cladding.retry(max_retries=3, initial_delay=delay, max_delay=delay, exceptions=(Failure,), jitter="none")
    def fails_once() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            entered.set()
            raise Failure
        return "done"

    return fails_once


def guarded(cladding: Any, function: Callable[..., Any]) -> Any:
    """A function whose memory guard finds pressure for ever, and waits."""
    return cladding.memory_guard(threshold=0.000001, on_pressure=("wait", "raise"), wait=LONG)(function)


def test_retry_waiting(cladding: Any) -> None:
    entered, attempts = threading.Event(), []
    function = retrying(cladding, entered, attempts)
    with pytest.raises(KeyboardInterrupt), interrupt_after(entered):
        function()
    assert attempts == [1]
    assert function() == "done"


def test_memory_guard_waiting(cladding: Any) -> None:
    entered, called = threading.Event(), []
    function = guarded(cladding, lambda: called.append(1))
    entered.set()
    with pytest.raises(KeyboardInterrupt), interrupt_after(entered):
        function()
    assert called == []


def test_cache_waiting_for_another_thread(cladding: Any) -> None:
    entered, go, computed = threading.Event(), threading.Event(), []

    @cladding.cache_result(ttl=600)
    def compute(x: int) -> int:
        computed.append(x)
        entered.set()
        assert go.wait(LONG)
        return x

    worker = threading.Thread(target=compute, args=(1,))
    worker.start()
    assert entered.wait(LONG)
    try:
        with pytest.raises(KeyboardInterrupt), interrupt_after(entered):
            compute(1)
    finally:
        go.set()
        worker.join()
    assert compute(1) == 1
    assert computed == [1]


@pytest.mark.parametrize("policy", ["timer", "monitor", "retry", "cache_result"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_raised_inside_it_is_neither_retried_nor_cached(cladding: Any, policy: str, error: type[BaseException]) -> None:
    parameters: dict[str, dict[str, Any]] = {
        "retry": {"max_retries": 3, "initial_delay": 0.0, "exceptions": (Exception,)},
        "cache_result": {"ttl": 600},
    }
    attempts: list[int] = []

    @getattr(cladding, policy)(**parameters.get(policy, {}))
    def first_interrupted() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise error
        return "done"

    with pytest.raises(error):
        first_interrupted()
    assert attempts == [1]
    assert first_interrupted() == "done"


def test_handler_that_returns_lets_the_wait_go_on(cladding: Any) -> None:
    entered, attempts, handled = threading.Event(), [], []
    function = retrying(cladding, entered, attempts, delay=0.3)
    signal.signal(signal.SIGINT, lambda *_: handled.append(len(attempts)))
    with interrupt_after(entered):
        assert function() == "done"
    # The handler ran while the wait was on, not after it.
    assert handled == [1]
    assert attempts == [1, 1]


def test_handler_that_raises_something_else(cladding: Any) -> None:
    def alarm(*_: object) -> None:
        raise Alarm

    signal.signal(signal.SIGINT, alarm)
    entered, attempts = threading.Event(), []
    with pytest.raises(Alarm), interrupt_after(entered):
        retrying(cladding, entered, attempts)()
    with pytest.raises(Alarm), interrupt_after(entered):
        guarded(cladding, lambda: None)()


def test_interrupt_at_the_very_start_of_the_wait(cladding: Any) -> None:
    # Another thread sends it as soon as the waiting thread lets the interpreter go, when a plain sleep would miss it.
    entered, attempts, steps = threading.Event(), [], []

    def count() -> None:
        assert entered.wait(LONG)
        steps.extend(range(1_000))
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    other = threading.Thread(target=count)
    other.start()
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        retrying(cladding, entered, attempts)()
    other.join()
    assert time.monotonic() - before < PROMPTLY
    assert (attempts, len(steps)) == ([1], 1_000)


def test_waiter_computes_when_the_computing_thread_is_interrupted(cladding: Any) -> None:
    entered, computed = threading.Event(), []

    @cladding.cache_result(ttl=600)
    def compute(x: int) -> str:
        computed.append(x)
        if len(computed) == 1:
            entered.set()
            raise KeyboardInterrupt
        return "done"

    results: list[str] = []

    def wait() -> None:
        assert entered.wait(LONG)
        results.append(compute(1))

    waiter = threading.Thread(target=wait)
    waiter.start()
    with pytest.raises(KeyboardInterrupt):
        compute(1)
    waiter.join()
    assert results == ["done"]


# Each of these makes (call, how often the function was called so far) of a coroutine function that waits for long.


def _async_retry(cladding: Any) -> tuple[Callable[[], Awaitable[Any]], list[int]]:
    attempts: list[int] = []

    @cladding.retry(max_retries=3, initial_delay=LONG, max_delay=LONG, exceptions=(Failure,), jitter="none")
    async def fails() -> None:
        attempts.append(1)
        raise Failure

    return fails, attempts


def _async_guard(cladding: Any) -> tuple[Callable[[], Awaitable[Any]], list[int]]:
    attempts: list[int] = []

    async def called() -> None:
        attempts.append(1)

    return guarded(cladding, called), attempts


def _async_cache(cladding: Any) -> tuple[Callable[[], Awaitable[Any]], list[int]]:
    attempts: list[int] = []

    @cladding.cache_result(ttl=600)
    async def compute(x: int) -> None:
        attempts.append(x)
        await asyncio.sleep(LONG)

    async def compute_and_wait() -> None:
        computing = asyncio.create_task(compute(1))
        await asyncio.sleep(0)
        assert attempts == [1]
        try:
            await compute(1)
        finally:
            computing.cancel()

    return compute_and_wait, attempts


ASYNC_WAITS = pytest.mark.parametrize(
    "make, calls", [(_async_retry, 1), (_async_guard, 0), (_async_cache, 1)], ids=["retry", "memory_guard", "cache"]
)


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@ASYNC_WAITS
def test_cancellation(cladding: Any, make: Callable[..., Any], calls: int) -> None:
    call, attempts = make(cladding)

    async def main() -> None:
        task = asyncio.create_task(call())
        await _settle()
        assert not task.done()
        task.cancel("reason")
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(PROMPTLY):
                await task
        assert task.cancelled()

    asyncio.run(main())
    assert len(attempts) == calls


@ASYNC_WAITS
def test_timeouts(cladding: Any, make: Callable[..., Any], calls: int) -> None:
    call, attempts = make(cladding)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call(), 0.02)
        if calls == len(attempts) and make is not _async_cache:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await call()

    before = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - before < PROMPTLY


@ASYNC_WAITS
def test_interrupt_of_an_event_loop(cladding: Any, make: Callable[..., Any], calls: int) -> None:
    call, attempts = make(cladding)
    entered = threading.Event()

    async def main() -> None:
        task = asyncio.create_task(call())
        await _settle()
        entered.set()
        await task

    with pytest.raises(KeyboardInterrupt), interrupt_after(entered):
        asyncio.run(main())
    assert len(attempts) == calls


@ASYNC_WAITS
def test_the_loop_runs_while_a_policy_waits(cladding: Any, make: Callable[..., Any], calls: int) -> None:
    call, _ = make(cladding)

    async def main() -> int:
        task = asyncio.create_task(call())
        steps = 0
        async with asyncio.timeout(PROMPTLY):
            for _ in range(1_000):
                await asyncio.sleep(0)
                steps += 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return steps

    assert asyncio.run(main()) == 1_000


def test_cancelled_computation_is_left_to_the_waiter(cladding: Any) -> None:
    computed: list[int] = []

    @cladding.cache_result(ttl=600)
    async def compute(x: int) -> str:
        computed.append(x)
        if len(computed) == 1:
            await asyncio.Event().wait()
        return "done"

    async def main() -> None:
        first, second = asyncio.create_task(compute(1)), asyncio.create_task(compute(1))
        await _settle()
        assert computed == [1]
        first.cancel()
        async with asyncio.timeout(PROMPTLY):
            assert await second == "done"
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await compute(1) == "done"

    asyncio.run(main())
    assert computed == [1, 1]


def test_cancelled_waiter_leaves_the_computation_alone(cladding: Any) -> None:
    computed: list[int] = []

    async def main() -> None:
        go = asyncio.Event()

        @cladding.cache_result(ttl=600)
        async def compute(x: int) -> str:
            computed.append(x)
            await go.wait()
            return "done"

        first, second = asyncio.create_task(compute(1)), asyncio.create_task(compute(1))
        await _settle()
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        go.set()
        async with asyncio.timeout(PROMPTLY):
            assert await first == "done"

    asyncio.run(main())
    assert computed == [1]


def test_cancellation_inside_the_function_is_not_retried(cladding: Any) -> None:
    attempts: list[int] = []

    @cladding.monitor
    @cladding.cache_result(ttl=600)
    @cladding.retry(max_retries=3, initial_delay=0.0, exceptions=(Exception,))
    async def cancelled() -> None:
        attempts.append(1)
        raise asyncio.CancelledError

    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            finish(cancelled())
    assert attempts == [1, 1]


def test_cancellation_under_trio(cladding: Any) -> None:
    trio = pytest.importorskip("trio")
    for make, calls in ((_async_retry, 1), (_async_guard, 0)):
        call, attempts = make(cladding)

        async def main(call: Any = call) -> None:
            with trio.fail_after(PROMPTLY), trio.move_on_after(0.02) as scope:
                await call()
            assert scope.cancelled_caught

        trio.run(main)
        assert len(attempts) == calls
