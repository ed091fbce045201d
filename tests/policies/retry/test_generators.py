"""`retry` on what has begun to yield or is being closed."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from .helpers import Fails, numbers


def test_a_generator_is_not_retried_once_it_has_yielded(cladding: Any, waits: list[float]) -> None:
    calls = 0

    @cladding.retry
    def items() -> Iterator[int]:
        nonlocal calls
        calls += 1
        yield calls
        raise ConnectionError

    received = []
    with pytest.raises(ConnectionError) as caught:
        for item in items():
            received.append(item)
    assert (received, calls) == ([1], 1)
    assert not hasattr(caught.value, "__notes__")
    assert numbers(items) == {"calls": 1, "retries": 0, "gave_up": 0}


def test_an_async_generator_is_not_retried_once_it_has_yielded(cladding: Any, waits: list[float]) -> None:
    calls = 0

    @cladding.retry
    async def items() -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise TimeoutError
        yield calls
        raise ConnectionError

    received = []

    async def main() -> None:
        async for item in items():
            received.append(item)

    with pytest.raises(ConnectionError):
        asyncio.run(main())
    assert (received, calls) == ([2], 2)
    assert numbers(items) == {"calls": 1, "retries": 1, "gave_up": 0}


def test_sent_values_reach_the_attempt_that_yields(cladding: Any, waits: list[float]) -> None:
    fails = Fails(1)

    @cladding.retry
    def echo() -> Any:
        fails()
        got = yield "ready"
        return got

    steps = echo()
    assert next(steps) == "ready"
    with pytest.raises(StopIteration) as stop:
        steps.send(5)
    assert (stop.value.value, fails.calls) == (5, 2)


@pytest.mark.parametrize("delay", [0, 0.1])
def test_a_coroutine_that_fails_while_it_is_closed_is_not_retried(
    cladding: Any, waits: list[float], delay: float
) -> None:
    fails = Fails(9)

    @cladding.retry(initial_delay=delay)
    async def work() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            fails()

    call = work()
    call.send(None)
    with pytest.raises(ConnectionError) as caught:
        call.close()
    assert caught.value.__traceback__ is not None
    assert "work" in [entry.name for entry in traceback.extract_tb(caught.value.__traceback__)]
    assert not hasattr(caught.value, "__notes__")
    assert (fails.calls, waits) == (1, [])
    assert numbers(work) == {"calls": 1, "retries": 0, "gave_up": 0}
