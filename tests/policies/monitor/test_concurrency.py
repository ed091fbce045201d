"""`monitor` with many calls at the same time."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from .helpers import Failure, ended


def test_threads_count_exactly(cladding: Any) -> None:
    threads, calls = 8, 2000

    @cladding.monitor
    def f(x: int) -> int:
        if x % 10 == 0:
            raise Failure
        return x

    def work() -> None:
        for x in range(calls):
            try:
                f(x)
            except Failure:
                pass

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    total = threads * calls
    assert ended(f) == (total, {f"{Failure.__module__}.Failure": total // 10}, 0, 0)


def test_tasks_in_flight(cladding: Any) -> None:
    @cladding.monitor
    async def work(go: asyncio.Event) -> None:
        await go.wait()

    async def main() -> None:
        go = asyncio.Event()
        tasks = [asyncio.create_task(work(go)) for _ in range(50)]
        await asyncio.sleep(0)
        assert ended(work) == (0, {}, 0, 50)
        go.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert ended(work) == (50, {}, 0, 0)
