"""Each of these policies alone, on a small function, beside those who do the same."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import cladding

from . import peers
from .result import BARE, Case, Row, Target, own_share
from .subjects import (
    nothing,
    scalar,
    semaphore_closure,
    three_scalars,
    timing_closure,
    token_bucket_closure,
    try_closure,
)
from .timing import Effort, Variant

NO_SLOWER = Target(1, ratio=True)


def policies(effort: Effort) -> Iterator[Row]:
    """A call that all of them let through."""
    retries = peers.here(tenacity=peers.tenacity_retry, stamina=peers.stamina_retry, backoff=peers.backoff_retry)
    retry = cladding.retry(max_retries=3, exceptions=(ConnectionError,))
    yield from alone("retry, first attempt succeeds", retry, retries, Target(25), effort)

    monitors = {"timing closure": timing_closure, **peers.here(prometheus=peers.prometheus_monitor)}
    yield from alone("monitor", cladding.monitor(), monitors, Target(66), effort)

    guards = peers.here(psutil=peers.psutil_guard)
    yield from alone("memory_guard", cladding.memory_guard(threshold=0.999), guards, Target(10), effort)

    yield from alone("circuit_breaker, closed", cladding.circuit_breaker(), {}, None, effort)

    checks = peers.here(beartype=peers.beartype_check, pydantic=peers.pydantic_check)
    small = cladding.Range(0, 10)
    yield from alone("validate_input, one range", cladding.validate_input(x=small), checks, None, effort)
    three = cladding.validate_input(a=small, b=small, c=small)
    yield from alone("validate_input, three ranges", three, checks, Target(35), effort, three_scalars, "f(1, 2, 3)")

    tries = {"try in a closure": try_closure}
    yield from alone("fallback, call succeeds", cladding.fallback(0), tries, None, effort)
    fast = cladding.rate_limit(1e9, burst=2**60)
    yield from alone("rate_limit, at once", fast, {"token bucket in a closure": token_bucket_closure}, None, effort)
    places = {"semaphore in a closure": semaphore_closure}
    yield from alone("bulkhead, a place is free", cladding.bulkhead(100), places, None, effort)

    yield from cache_hit(effort)


def alone(
    name: str,
    policy: Callable,
    others: dict[str, Callable],
    target: Target | None,
    effort: Effort,
    make: Callable[[], Callable] = scalar,
    statement: str = "f(1)",
) -> Iterator[Row]:
    """One policy and its peers; the target is for the policy's own share, apart from the carrier."""
    decorators = {"cladding": policy, "cladding, no policy": nothing(), **others}
    variants = [Variant(BARE, {"f": make()}, statement)]
    variants += [Variant(peer, {"f": wrap(make())}, statement) for peer, wrap in decorators.items()]
    case = Case("policies", name, variants, yardstick=next(iter(others), ""))
    samples = case.samples(effort)
    yield from case.rows(samples)
    yield own_share(case, samples, "cladding", "cladding, no policy", target)


def cache_hit(effort: Effort) -> Iterator[Row]:
    """A hit, one int argument. All times are those of the whole call, since the function is not called at all."""
    caches = {
        "lru_cache": functools.lru_cache(10_000),
        "cladding": cladding.cache_result(ttl=60, max_entries=10_000),
        **peers.here(cachetools=peers.cachetools_cache),
    }
    empty = Variant(BARE, {}, "pass")
    variants = [empty, *(Variant(name, {"f": wrap(scalar())}) for name, wrap in caches.items())]
    case = Case(
        "policies", "cache_result, hit (in all)", variants, yardstick="lru_cache", targets={"cladding": NO_SLOWER}
    )
    yield from list(case.run(effort))[1:]
