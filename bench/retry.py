"""Retries: what they cost where all is well, where one attempt fails, and where they are switched off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cladding

from . import retry_peers
from .alone import NO_POLICY, alone, awaited
from .result import BARE, Case, Row, Target, own_share
from .retry_peers import ATTEMPTS, EXCEPTIONS, async_loop, loop, retries
from .subjects import nothing, scalar
from .timing import ASYNC, Effort, Variant, drive

OVER_THE_CARRIER = Target(10)
OVER_THE_CARRIER_ASYNC = Target(60)
NO_SLOWER = Target(1, ratio=True)
NOTHING_MEASURABLE = Target(3)


def retry(effort: Effort) -> Iterator[Row]:
    """Everything that has to do with retries."""
    policy = cladding.retry(ATTEMPTS - 1, exceptions=EXCEPTIONS)
    decorators = {"loop by hand": loop, **retries()}
    yield from alone("retry", "first attempt succeeds", policy, decorators, OVER_THE_CARRIER, effort)
    decorators = {"loop by hand": async_loop, **retries()}
    yield from alone(
        "retry", "first attempt succeeds, async", policy, decorators, OVER_THE_CARRIER_ASYNC, effort, awaited()
    )
    yield from one_failure(effort)
    yield from off(effort)
    yield from layers(effort)


def one_failure(effort: Effort) -> Iterator[Row]:
    """One attempt fails, and the next succeeds, without a wait. All times are those of the whole call."""
    policy = cladding.retry(ATTEMPTS - 1, exceptions=EXCEPTIONS, initial_delay=0)
    at_once, peers = {"wait": False}, retries(wait=False)
    decorators = {"cladding": policy, "loop by hand": lambda f: loop(f, **at_once), **peers}
    variants = [Variant(BARE, {}, "pass")]
    variants += [Variant(name, {"f": wrap(every_other_fails())}) for name, wrap in decorators.items()]
    yield from whole("one failure, no wait (in all)", variants, effort)

    decorators = {"cladding": policy, "loop by hand": lambda f: async_loop(f, **at_once)}
    variants = [Variant(BARE, {}, "pass", ASYNC, drive)]
    variants += [
        Variant(name, {"f": wrap(every_other_await_fails())}, "await f(1)", ASYNC, drive)
        for name, wrap in decorators.items()
    ]
    yield from whole("one failure, no wait, async (in all)", variants, effort)


def whole(name: str, variants: list[Variant], effort: Effort) -> Iterator[Row]:
    """The rows without the first, which is that of an empty loop."""
    case = Case("retry", name, variants, yardstick="loop by hand", targets={"cladding": NO_SLOWER})
    with retry_peers.opnieuw_at_once():
        samples = case.samples(effort)
    yield from list(case.rows(samples))[1:]


def every_other_fails() -> Callable:
    """A function whose first call fails, whose second does not, and so on."""
    fails = False

    def f(x):
        nonlocal fails
        fails = not fails
        if fails:
            raise ConnectionError
        return x

    return f


def every_other_await_fails() -> Callable:
    """The same as a coroutine function."""
    fails = False

    async def f(x):
        nonlocal fails
        fails = not fails
        if fails:
            raise ConnectionError
        return x

    return f


def off(effort: Effort) -> Iterator[Row]:
    """Retries that are switched off, at decoration and at run time."""
    policy = cladding.retry(ATTEMPTS - 1, exceptions=EXCEPTIONS)
    disabled = policy(scalar())
    variants = [
        Variant(BARE, {"f": scalar()}),
        Variant(NO_POLICY, {"f": nothing()(scalar())}),
        Variant("off at decoration", {"f": cladding.retry(enabled=False)(scalar())}),
        Variant("disabled()", {"f": disabled}),
    ]
    case = Case("retry", "switched off", variants, NO_POLICY, {"off at decoration": NOTHING_MEASURABLE})
    with cladding.disabled(disabled):
        samples = case.samples(effort)
    yield from case.rows(samples)
    yield own_share(case, samples, "disabled()", NO_POLICY, NOTHING_MEASURABLE)


def layers(effort: Effort) -> Iterator[Row]:
    """What retry can bring along, where the first attempt succeeds. Nothing was promised of that."""
    brought = {
        "a budget": {"budget": cladding.RetryBudget()},
        "a breaker": {"breaker": cladding.CircuitBreaker()},
        "a fallback": {"fallback": None},
        "a deadline": {"deadline": 60},
    }
    for name, options in brought.items():
        policy = cladding.retry(ATTEMPTS - 1, exceptions=EXCEPTIONS, **options)
        yield from alone("retry", f"with {name}", policy, {}, None, effort)
