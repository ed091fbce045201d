"""What policies cost that are switched off: at run time, and at decoration."""

from __future__ import annotations

from collections.abc import Iterator

import cladding

from .headline import five
from .result import BARE, Case, Row, Target
from .subjects import nothing, scalar
from .timing import Effort, Variant

NOTHING_MEASURABLE = Target(3)


def switched_off(effort: Effort) -> Iterator[Row]:
    """Five policies that are off, beside one that does nothing: what is left is the carrier."""
    off = five()(scalar())
    variants = [
        Variant(BARE, {"f": scalar()}),
        Variant("one that does nothing", {"f": nothing()(scalar())}),
        Variant("five, off", {"f": off}),
        Variant("off at decoration", {"f": cladding.retry(enabled=False)(scalar())}),
    ]
    targets = {"off at decoration": NOTHING_MEASURABLE}
    case = Case("off", "function", variants, yardstick="one that does nothing", targets=targets)
    with cladding.disabled(off):
        samples = case.samples(effort)
    yield from case.rows(samples)
    over = "one that does nothing"
    least, median = samples.over("five, off", over), samples.median_over("five, off", over)
    yield Row("off", "function", "five, off, over the carrier", least, median, target=NOTHING_MEASURABLE)
