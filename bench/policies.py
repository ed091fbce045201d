"""Each policy but retry (see retry.py) alone, on a small function, beside those who do the same."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import count

import cladding

from . import peers
from .alone import THREE, alone, awaited
from .result import BARE, Case, Row, Target
from .subjects import (
    asyncio_timeout_closure,
    coroutine_function,
    pool_closure,
    scalar,
    semaphore_closure,
    timing_closure,
    token_bucket_closure,
    try_closure,
)
from .timing import ASYNC, Effort, EventLoop, Variant

NO_SLOWER = Target(1, ratio=True)


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
    yield from cache_hit(effort)
    yield from cache_miss(effort)
    yield from cache_hit_awaited(effort)


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


def cache_hit(effort: Effort) -> Iterator[Row]:
    """Hits of several shapes. All times are those of the whole call, since the function is not called at all."""
    shapes = [
        ("one int", scalar, "f(1)", {}),
        ("one str of 32", scalar, "f(s)", {"s": "x" * 32}),
        ("two, one keyword", any_arguments, "f(1, 2, k=3)", {}),
    ]
    for shape, make, statement, names in shapes:
        caches = {
            "lru_cache": functools.lru_cache(10_000),
            "cladding": cached(),
            **peers.here(cachetools=peers.cachetools_cache),
        }
        wrapped = {name: {"f": wrap(make()), **names} for name, wrap in caches.items()}
        yield from hit(shape, statement, wrapped, NO_SLOWER, effort)
    methods = {
        name: {"o": with_method(wrap)}
        for name, wrap in {"lru_cache": functools.lru_cache(10_000), "cladding": cached()}.items()
    }
    yield from hit("a method", "o.method(1)", methods, Target(1.3, ratio=True), effort)
    yield from content_hit(effort)


def content_hit(effort: Effort) -> Iterator[Row]:
    """Hits whose key is the content of an argument."""
    try:
        import numpy as np
    except ImportError:
        return
    arguments = {
        "array of 1 KB": (np.arange(256, dtype=np.float32), Target(400)),
        "array of 100 MB": (np.ones(25_000_000, np.float32), None),
        "list of 3": ([1, 2, 3], None),
        "dict of 3": ({"a": 1, "b": 2, "c": 3}, None),
    }
    for name, (argument, target) in arguments.items():
        yield from hit(name, "f(x)", {"cladding": {"f": cached()(any_arguments()), "x": argument}}, target, effort)


def hit(
    shape: str, statement: str, variants: dict[str, dict[str, object]], target: Target | None, effort: Effort
) -> Iterator[Row]:
    """A hit of one shape, of each of these caches."""
    alike = [Variant(BARE, {}, "pass"), *(Variant(name, names, statement) for name, names in variants.items())]
    targets = {} if target is None else {"cladding": target}
    case = Case("policies", f"cache_result, hit, {shape} (in all)", alike, yardstick="lru_cache", targets=targets)
    yield from list(case.run(effort))[1:]


def cached() -> Callable:
    return cladding.cache_result(ttl=60, max_entries=10_000)


def any_arguments() -> Callable:
    """A new function, so that each cache is its own."""

    def f(a: object, b: object = 0, k: object = 0) -> object:
        return a

    return f


def with_method(wrap: Callable) -> object:
    """An instance of a class with a method that is cached."""

    class Owner:
        def method(self, a: object) -> object:
            return a

        method = wrap(method)

    return Owner()


def cache_miss(effort: Effort) -> Iterator[Row]:
    """A call with a new argument, in a cache that is full."""
    caches = {
        "lru_cache": functools.lru_cache(1_000),
        "cladding": cladding.cache_result(ttl=60, max_entries=1_000),
        **peers.here(cachetools=peers.cachetools_cache),
    }
    empty = Variant(BARE, {}, "pass")
    new = "f(next(n))"
    variants = [empty, *(Variant(name, {"f": wrap(scalar()), "n": count()}, new) for name, wrap in caches.items())]
    case = Case(
        "policies",
        "cache_result, miss (in all)",
        variants,
        yardstick="lru_cache",
        targets={"cladding": Target(1.5, ratio=True)},
    )
    yield from list(case.run(effort))[1:]


def cache_hit_awaited(effort: Effort) -> Iterator[Row]:
    """A hit of a coroutine function, over awaiting a bare one."""
    caches = {"cladding": cladding.cache_result(ttl=60), **peers.here(**{"async-lru": peers.async_lru_cache})}
    calls = {BARE: coroutine_function(), **{name: wrap(coroutine_function()) for name, wrap in caches.items()}}
    with EventLoop() as run:
        variants = [Variant(name, {"f": f}, "await f(1)", ASYNC, run) for name, f in calls.items()]
        case = Case("policies", "cache_result, hit awaited", variants, targets={"cladding": Target(100)})
        yield from case.run(effort)
