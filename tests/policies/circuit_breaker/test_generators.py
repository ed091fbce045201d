"""`circuit_breaker` on generators: they count when they end, and hold a probe's place until then."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from cladding import CircuitBreaker, CircuitOpenError, circuit_breaker

from .helpers import assert_stats, half_open


def test_it_counts_when_it_ends() -> None:
    breaker = CircuitBreaker()

    @circuit_breaker(breaker)
    def items() -> Iterator[int]:
        yield 1
        yield 2

    running = items()
    assert next(running) == 1
    assert breaker.stats["calls"] == 0
    assert list(running) == [2]
    assert breaker.stats["calls"] == 1


def test_a_failure_after_items_is_a_failure() -> None:
    breaker = CircuitBreaker(failures=1)

    @circuit_breaker(breaker)
    def items() -> Iterator[int]:
        yield 1
        raise ConnectionError

    with pytest.raises(ConnectionError):
        list(items())
    assert breaker.state == "open"


def test_it_is_refused_at_its_first_item() -> None:
    breaker = CircuitBreaker()

    @circuit_breaker(breaker)
    def items() -> Iterator[int]:
        yield 1

    running = items()
    breaker.trip()
    with pytest.raises(CircuitOpenError):
        next(running)
    assert list(running) == []


def test_a_probe_that_is_closed_after_items_has_succeeded() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    def items() -> Iterator[int]:
        yield 1
        yield 2

    for _ in items():
        assert breaker.stats["probing"] == 1
        break
    gc.collect()
    assert_stats(breaker, state="closed", probing=0)
    assert items.cladding.circuit_breaker.stats["succeeded"] == 1


def test_one_that_is_dropped_before_items_gives_its_place_back() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    async def items() -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 1

    async def main() -> None:
        running = items()
        first = asyncio.ensure_future(anext(running))
        await asyncio.sleep(0)
        assert breaker.stats["probing"] == 1
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(main())
    assert_stats(breaker, state="half-open", probing=0)


def test_an_async_generator_that_is_dropped_outside_of_any_event_loop() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    async def items() -> AsyncIterator[int]:
        yield 1

    running = items()
    with pytest.raises(StopIteration):
        anext(running).__await__().send(None)
    assert_stats(breaker, probing=1)
    del running
    gc.collect()
    assert_stats(breaker, probing=0, state="closed")


def test_an_async_generator_that_is_closed_after_items_has_succeeded() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def main() -> None:
        running = items()
        assert await anext(running) == 1
        await running.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())
    assert breaker.state == "closed"


def test_one_that_never_began_holds_nothing() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    def items() -> Iterator[int]:
        yield 1

    running = [items() for _ in range(3)]
    assert breaker.stats["probing"] == 0
    del running
    assert list(items()) == [1]
    assert breaker.state == "closed"


def test_its_consumer_is_no_part_of_a_probe() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    def items() -> Iterator[int]:
        yield 1

    running = items()
    next(running)
    with pytest.raises(CircuitOpenError, match="half-open"):
        next(items())
    assert list(running) == []
    assert breaker.state == "closed"
