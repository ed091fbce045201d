"""`retry` with many calls at the same time, and with calls inside calls."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from .helpers import Fails, numbers


def test_threads_count_exactly(cladding: Any) -> None:
    threads, calls = 8, 300
    attempts = [[0] * calls for _ in range(threads)]

    @cladding.retry(initial_delay=0)
    def f(thread: int, call: int) -> int:
        attempts[thread][call] += 1
        if attempts[thread][call] < 3:
            raise TimeoutError
        return call

    def work(thread: int) -> None:
        for call in range(calls):
            assert f(thread, call) == call

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert attempts == [[3] * calls] * threads
    total = threads * calls
    assert numbers(f) == {"calls": total, "retries": 2 * total, "gave_up": 0}


def test_tasks_have_delays_of_their_own(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: dict[str, list[float]] = {}

    async def sleep_async(seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        waits.setdefault(task.get_name(), []).append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr("cladding._waits.sleep_async", sleep_async)

    @cladding.retry(jitter="none", initial_delay=1)
    async def f(fails: Fails) -> int:
        await asyncio.sleep(0)
        return fails()

    async def main() -> None:
        tasks = [asyncio.create_task(f(Fails(3)), name=str(i)) for i in range(20)]
        assert await asyncio.gather(*tasks) == [4] * 20

    asyncio.run(main())
    assert waits == {str(i): [1.0, 2.0, 4.0] for i in range(20)}


def test_a_call_inside_a_call_starts_anew(cladding: Any, waits: list[float]) -> None:
    attempts: dict[int, int] = {}

    @cladding.retry(max_retries=1, nested="allow")
    def f(depth: int) -> int:
        attempts[depth] = attempts.get(depth, 0) + 1
        if attempts[depth] % 2:
            raise ConnectionError
        return f(depth - 1) + 1 if depth else 0

    assert f(5) == 5
    assert attempts == dict.fromkeys(range(6), 2)
