"""Validation of arrays: shape and type, and the scan of what is in them, beside numpy doing the same."""

from __future__ import annotations

from collections.abc import Iterator

import cladding

from .result import BARE, Case, Row, Target, own_share
from .subjects import nothing, scalar
from .timing import Effort, Variant

SIZES = (64, 10_000, 1_000_000)


def arrays(effort: Effort) -> Iterator[Row]:
    """Left out where numpy is not installed."""
    try:
        import numpy as np
    except ImportError:
        return

    def by_hand(func):
        def wrapper(x):
            if x.ndim != 2 or x.shape[1] != 64 or x.dtype != np.float32:
                raise ValueError
            return func(x)

        return wrapper

    def four_passes(func):
        def wrapper(x):
            if np.isnan(x).any() or np.isinf(x).any() or x.min() < 0 or x.max() > 16:
                raise ValueError
            return func(x)

        return wrapper

    def one_pass(func):
        def wrapper(x):
            x.min()
            return func(x)

        return wrapper

    x = np.ones((8, 64), np.float32)
    shape = cladding.validate_input(x=cladding.Array(shape=("n", 64), dtype="float32"))
    wraps = {"by hand": by_hand, "cladding": shape, "cladding, no policy": nothing()}
    variants = [Variant(BARE, {"f": scalar(), "x": x}, "f(x)")]
    variants += [Variant(name, {"f": wrap(scalar()), "x": x}, "f(x)") for name, wrap in wraps.items()]
    case = Case("arrays", "shape and dtype", variants, yardstick="by hand")
    samples = case.samples(effort)
    yield from case.rows(samples)
    yield own_share(case, samples, "cladding", "cladding, no policy", Target(40))

    scan = cladding.validate_input(x=cladding.Array(dtype="float32", finite=True, min=0, max=16))
    for size in SIZES:
        x = np.random.default_rng(0).uniform(0, 16, size).astype(np.float32)
        wraps = {"numpy, four passes": four_passes, "a.min() alone": one_pass, "cladding": scan}
        variants = [Variant(BARE, {"f": scalar(), "x": x}, "f(x)")]
        variants += [Variant(name, {"f": wrap(scalar()), "x": x}, "f(x)") for name, wrap in wraps.items()]
        large = size == SIZES[-1]
        case = Case("arrays", f"finite, min, max of {size:,}", variants, yardstick="numpy, four passes")
        samples = case.samples(effort)
        for row in case.rows(samples):
            quarter = Target(0.25, ratio=True) if large and row.variant == "cladding" else None
            yield Row(**{**vars(row), "target": quarter})
        if large:
            ratio = samples.over("cladding", BARE) / samples.over("a.min() alone", BARE)
            times = samples.over("cladding", BARE), samples.median_over("cladding", BARE)
            limit = Target(1.2, ratio=True)
            yield Row(case.group, case.name, "cladding", *times, ratio=ratio, yardstick="a.min() alone", target=limit)
