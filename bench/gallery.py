"""Caches and locks of the gallery, beside those of functools, methodtools and wrapt."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import cladding

from . import peers
from .result import BARE, Case, Row, Target
from .subjects import method_of, scalar
from .timing import Effort, Variant


def caches(effort: Effort) -> Iterator[Row]:
    """Hits of an unbounded and of a bounded cache, and of one for each instance."""
    level = {"cladding": Target(1.0, ratio=True)}
    kinds: dict[str, dict[str, Callable]] = {
        "lru_cache": {"cladding": cladding.lru_cache(maxsize=128), "functools": functools.lru_cache(maxsize=128)},
        "cache": {"cladding": cladding.cache, "functools": functools.cache},
    }
    for kind, decorators in kinds.items():
        for name, statement in (("int", "f(1)"), ("str", "f('a')"), ("keyword", "f(x=1)")):
            variants = [Variant(BARE, {"f": scalar()}, statement)]
            variants += [Variant(peer, {"f": wrap(scalar())}, statement) for peer, wrap in decorators.items()]
            yield from Case("caches", f"{kind}, {name}", variants, yardstick="functools", targets=level).run(effort)
    decorators = {
        "cladding": cladding.lru_cache(maxsize=128),
        "cladding, per instance": cladding.lru_cache(maxsize=128, per_instance=True),
        "functools": functools.lru_cache(maxsize=128),
        **peers.here(methodtools=peers.methodtools_cache, wrapt=peers.wrapt_cache),
    }
    targets = {"cladding": Target(1.0, ratio=True), "cladding, per instance": Target(1.5, ratio=True)}
    variants = [Variant(BARE, {"o": method_of(None)}, "o.m(1)")]
    variants += [Variant(peer, {"o": method_of(wrap)}, "o.m(1)") for peer, wrap in decorators.items()]
    yield from Case("caches", "lru_cache, method", variants, yardstick="functools", targets=targets).run(effort)


def locks(effort: Effort) -> Iterator[Row]:
    """A lock that nobody else wants."""
    decorators = {"cladding": cladding.synchronized, **peers.here(wrapt=peers.wrapt_synchronized)}
    targets = {"cladding": Target(0.25, ratio=True)}
    variants = [Variant(BARE, {"f": scalar()})]
    variants += [Variant(peer, {"f": wrap(scalar())}) for peer, wrap in decorators.items()]
    yield from Case("locks", "function", variants, yardstick="wrapt", targets=targets).run(effort)
    variants = [Variant(BARE, {"o": method_of(None)}, "o.m(1)")]
    variants += [Variant(peer, {"o": method_of(wrap)}, "o.m(1)") for peer, wrap in decorators.items()]
    yield from Case("locks", "method", variants, yardstick="wrapt", targets=targets).run(effort)
