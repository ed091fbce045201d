"""Calls that nobody goes on with are left by every policy, and keep nothing alive."""

from __future__ import annotations

import asyncio
import gc
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import pytest


class Failure(Exception):
    """What the functions here raise."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Abandoned tasks and coroutines are what this file is about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_during_a_wait_after_a_failure(cladding: Any) -> None:
    class Box:
        task: Any

        def work(self) -> None:
            raise ValueError

    @cladding.monitor
    @cladding.retry(exceptions=Failure, initial_delay=20)
    async def call(box: Box) -> None:
        try:
            box.work()
        except ValueError as error:
            raise Failure from error

    async def begin(box: Box) -> None:
        box.task = asyncio.get_running_loop().create_task(call(box))
        for _ in range(5):
            await asyncio.sleep(0)
        assert call.cladding.monitor.stats["in_flight"] == 1

    box, loop = Box(), asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    watch = weakref.ref(box)
    loop.run_until_complete(begin(box))
    loop.close()
    del box, loop
    for _ in range(3):
        gc.collect()
    assert watch() is None
    assert call.cladding.monitor.stats["in_flight"] == 0


def test_in_a_cycle(cladding: Any) -> None:
    async def later() -> None: ...

    @cladding.monitor
    def call() -> Any:
        return later()

    cycle: list[Any] = [call()]
    cycle.append(cycle)
    assert call.cladding.monitor.stats["in_flight"] == 1
    del cycle
    gc.collect()
    assert call.cladding.monitor.stats["in_flight"] == 0


def test_when_a_policy_outside_refuses_what_came_back(cladding: Any) -> None:
    @cladding.cache_result
    @cladding.monitor
    def call() -> Any:
        return (item for item in range(3))

    with pytest.raises(TypeError):
        call()
    stats = call.cladding.monitor.stats
    assert (stats["in_flight"], stats["calls"]) == (0, 1)
