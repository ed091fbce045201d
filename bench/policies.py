"""Each policy but retry (see retry.py) and cache_result (see caches.py) alone, on a small function, beside those who do the same."""

from __future__ import annotations

from collections.abc import Iterator

import cladding

from . import peers
from .alone import THREE, alone, awaited
from .result import Row, Target
from .subjects import (
    asyncio_timeout_closure,
    pool_closure,
    semaphore_closure,
    timing_closure,
    token_bucket_closure,
    try_closure,
)
from .timing import Effort, EventLoop


def policies(effort: Effort) -> Iterator[Row]:
    """A call that all of them let through."""
    monitors = {"timing closure": timing_closure, **peers.here(prometheus=peers.prometheus_monitor)}
    yield from alone("policies", "monitor", cladding.monitor(), monitors, Target(66), effort)

    guards = peers.here(psutil=peers.psutil_guard)
    yield from alone("policies", "memory_guard", cladding.memory_guard(threshold=0.999), guards, Target(10), effort)

    checks = peers.here(beartype=peers.beartype_check, pydantic=peers.pydantic_check)
    small = cladding.Range(0, 10)
    yield from alone("policies", "validate_input, one range", cladding.validate_input(x=small), checks, None, effort)
    three = cladding.validate_input(a=small, b=small, c=small)
    yield from alone("policies", "validate_input, three ranges", three, checks, Target(35), effort, THREE)

    tries = {"try in a closure": try_closure}
    yield from alone("policies", "fallback, call succeeds", cladding.fallback(0), tries, None, effort)
    fast = cladding.rate_limit(1e9, burst=2**60)
    yield from alone(
        "policies", "rate_limit, at once", fast, {"token bucket in a closure": token_bucket_closure}, None, effort
    )
    places = {"semaphore in a closure": semaphore_closure}
    yield from alone("policies", "bulkhead, a place is free", cladding.bulkhead(100), places, None, effort)

    yield from breakers(effort)
    yield from timeouts(effort)


def breakers(effort: Effort) -> Iterator[Row]:
    """Breakers that let the call through."""
    others = peers.here(pybreaker=peers.pybreaker_breaker)
    yield from alone("policies", "circuit_breaker, closed", cladding.circuit_breaker(), others, None, effort)
    others = peers.here(aiobreaker=peers.aiobreaker_breaker)
    name = "circuit_breaker, closed, async"
    yield from alone("policies", name, cladding.circuit_breaker(), others, None, effort, awaited())


def timeouts(effort: Effort) -> Iterator[Row]:
    """Calls that take no time, in a task and in a worker thread."""
    with EventLoop() as run:
        others = {"asyncio.timeout": asyncio_timeout_closure}
        yield from alone("policies", "timeout, async", cladding.timeout(60), others, None, effort, awaited(run))
    others = {"a pool's result()": pool_closure}
    yield from alone("policies", "timeout, in a thread", cladding.timeout(60), others, None, effort)
