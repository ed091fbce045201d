"""What type checkers see of the decorators that answer for, slow down or limit calls. Never run, only checked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import assert_type

from cladding import Bulkhead, Policy, RateLimiter, Stack, bulkhead, fallback, rate_limit, stack

# ----------------------------------------------------------------------------------------------------------- fallback

assert_type(fallback(None), Policy)
assert_type(stack(fallback(0), fallback(value=len)), Stack)


@fallback("unknown", exceptions=(OSError, KeyError), enabled=True)
def with_value(x: int, *, y: float = 0) -> str:
    return str(x + y)


async def other(x: int) -> str:
    return str(-x)


@fallback(other, exceptions=lambda error: bool(error.args))
async def with_coroutine(x: int) -> str:
    return str(x)


assert_type(with_value(3, y=0.5), str)


async def use_fallback() -> None:
    assert_type(await with_coroutine(3), str)


# --------------------------------------------------------------------------------------------------------- rate_limit

limiter = RateLimiter(10, per=timedelta(minutes=1), burst=2)
assert_type(limiter, RateLimiter)
assert_type(limiter.rate, float)
assert_type(limiter.per, float | timedelta)
assert_type((limiter.burst, limiter.available), tuple[int, int])
assert_type(rate_limit(10), Policy)
assert_type(rate_limit(limiter=limiter, max_wait=timedelta(seconds=1)), Policy)


@rate_limit(0.5, timedelta(minutes=1), burst=1, max_wait=0, enabled=False)
def limited(x: int) -> str:
    return str(x)


assert_type(limited(3), str)


# ----------------------------------------------------------------------------------------------------------- bulkhead

places = Bulkhead(3, max_waiting=0, max_wait=timedelta(seconds=1))
assert_type(places.max_concurrent, int)
assert_type(places.max_waiting, int | None)
assert_type((places.running, places.waiting), tuple[int, int])
assert_type(bulkhead(4), Policy)


@bulkhead(places, max_wait=2, enabled=lambda: True)
async def in_places(x: int) -> AsyncIterator[str]:
    yield str(x)


async def use_places() -> None:
    assert_type([item async for item in in_places(3)], list[str])
