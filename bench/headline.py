"""The headline: stacks of real policies against ONE closure written by hand."""

from __future__ import annotations

from collections.abc import Iterator

import cladding

from .result import BARE, Case, Row, Target
from .subjects import closure, scalar, timing_closure
from .timing import Effort, Variant

LESS = Target(1, ratio=True, below=True)
FOUR = "monitor, validate, guard, retry"
ALL_FIVE = "all five, cache hit"


def headline(effort: Effort) -> Iterator[Row]:
    """A function of one small scalar argument."""
    variants = [
        Variant(BARE, {"f": scalar()}),
        Variant("closure", {"f": closure(scalar())}),
        Variant(f"cladding: {FOUR}", {"f": four()(scalar())}),
    ]
    targets = {f"cladding: {FOUR}": LESS}
    yield from Case("headline", "four policies, one closure", variants, targets=targets).run(effort)

    # The cache is below the checks and the guard, so that a hit has passed through all that a miss would have.
    variants = [
        Variant(BARE, {"f": scalar()}),
        Variant("timing closure", {"f": timing_closure(scalar())}),
        Variant(f"cladding: {ALL_FIVE}", {"f": five()(scalar())}),
    ]
    targets = {f"cladding: {ALL_FIVE}": LESS}
    case = Case("headline", "five policies, one timing closure", variants, "timing closure", targets)
    yield from case.run(effort)


def four():
    return cladding.stack(
        cladding.monitor(),
        cladding.validate_input(x=cladding.Range(0, 10)),
        cladding.memory_guard(threshold=0.999),
        cladding.retry(max_retries=3),
    )


def five():
    return cladding.stack(
        cladding.monitor(),
        cladding.validate_input(x=cladding.Range(0, 10)),
        cladding.memory_guard(threshold=0.999),
        cladding.cache_result(ttl=60, max_entries=10_000),
        cladding.retry(max_retries=3),
    )
