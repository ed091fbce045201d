"""`retry.attempts`: waits that are cancelled or interrupted, under each event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from .helpers import Fails


async def block(attempts: Any, fails: Fails) -> int:
    result = 0
    async for attempt in attempts:
        with attempt:
            result = fails()
    return result


def test_cancellation_ends_the_wait(cladding: Any) -> None:
    attempts = cladding.retry.attempts(initial_delay=600, max_delay=600, exceptions=Exception)
    fails = Fails(99)

    async def main() -> None:
        task = asyncio.create_task(block(attempts, fails))
        await asyncio.sleep(0)
        assert fails.calls == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(main(), 30))
    assert fails.calls == 1


def test_cancellation_inside_the_block_passes(cladding: Any) -> None:
    async def work(started: asyncio.Event) -> None:
        async for attempt in cladding.retry.attempts(exceptions=lambda error: True):
            with attempt:
                started.set()
                await asyncio.sleep(600)

    async def main() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(work(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(main(), 30))


def test_trio_cancels_waits_and_blocks(cladding: Any) -> None:
    trio = pytest.importorskip("trio")
    fails = Fails(99)
    attempts = cladding.retry.attempts(initial_delay=600, max_delay=600, exceptions=Exception, jitter="none")

    async def main() -> None:
        with trio.move_on_after(1) as scope:
            await block(attempts, fails)
        assert scope.cancelled_caught
        with trio.move_on_after(1) as scope:
            async for attempt in attempts:
                with attempt:
                    await trio.sleep(600)
        assert scope.cancelled_caught

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert fails.calls == 1


def test_trio_waits_by_its_own_clock(cladding: Any) -> None:
    trio = pytest.importorskip("trio")
    fails = Fails(2)

    async def main() -> tuple[int, float]:
        began = trio.current_time()
        attempts = cladding.retry.attempts(initial_delay=100, max_delay=1000, jitter="none")
        return await block(attempts, fails), trio.current_time() - began

    result, passed = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert result == 3
    assert passed == pytest.approx(300)


def test_tasks_and_threads_have_their_own(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: dict[Any, list[float]] = {}

    async def sleep_async(seconds: float) -> None:
        waits.setdefault(asyncio.current_task(), []).append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr("cladding._waits.sleep_async", sleep_async)
    monkeypatch.setattr(
        "cladding._waits.sleep", lambda seconds: waits.setdefault(threading.get_ident(), []).append(seconds)
    )
    attempts = cladding.retry.attempts(initial_delay=1, jitter="none")

    async def main() -> list[int]:
        return await asyncio.gather(*(block(attempts, Fails(3)) for _ in range(10)))

    assert asyncio.run(main()) == [4] * 10
    together = threading.Barrier(4)

    def work() -> None:
        together.wait(30)
        fails = Fails(3)
        for attempt in attempts:
            with attempt:
                fails()
        together.wait(30)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert list(waits.values()) == [[1, 2, 4]] * 14


def test_an_interrupt_ends_the_wait(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cladding._waits.sleep", interrupted)
    walk = iter(cladding.retry.attempts(exceptions=Exception))
    with next(walk):
        raise ConnectionError
    with pytest.raises(KeyboardInterrupt):
        next(walk)
    assert list(walk) == []


def test_what_needs_a_function_is_refused(cladding: Any) -> None:
    for parameter in ("timeout", "hedge", "fallback"):
        with pytest.raises((cladding.ConfigurationError, TypeError), match=parameter):
            cladding.retry.attempts(**{parameter: 1})
