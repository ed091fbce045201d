"""Decorators made with the toolkit, and proxies, beside those of wrapt and decorator."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import cladding

from . import peers
from .result import BARE, Case, Row, Target
from .subjects import closure, method_of, scalar
from .timing import Effort, Variant

UNIVERSAL = "cladding (wrapped, instance, args, kwargs)"
FLAT = "cladding (func, *args, **kw)"
WRAPPERS = 2000


@cladding.decorator
def universal(wrapped, instance, args, kwargs):
    return wrapped(*args, **kwargs)


@cladding.decorator
def flat(func, *args, **kw):
    return func(*args, **kw)


def callers(effort: Effort) -> Iterator[Row]:
    """A user's own decorator that does nothing: its Python function is called and calls the wrapped one."""
    decorators = {
        UNIVERSAL: universal,
        FLAT: flat,
        "closure": closure,
        **peers.here(
            wrapt=peers.wrapt_nothing,
            decorator=peers.decorator_nothing,
            **{"decorator, fastest": peers.decoratorx_nothing},
        ),
    }
    targets = {UNIVERSAL: Target(200), FLAT: Target(150)}
    for name, statement in (("function", "f(1)"), ("keyword", "f(x=1)")):
        variants = [Variant(BARE, {"f": scalar()}, statement)]
        variants += [Variant(peer, {"f": wrap(scalar())}, statement) for peer, wrap in decorators.items()]
        yield from Case("callers", name, variants, yardstick="wrapt", targets=targets).run(effort)
    for name, statement in (("method", "o.m(1)"), ("method, keyword", "o.m(x=1)")):
        variants = [Variant(BARE, {"o": method_of(None)}, statement)]
        variants += [Variant(peer, {"o": method_of(wrap)}, statement) for peer, wrap in decorators.items()]
        yield from Case("callers", name, variants, yardstick="wrapt", targets=targets).run(effort)
    yield from memory(decorators)


def memory(decorators: dict[str, Callable]) -> Iterator[Row]:
    """What each wrapper takes, the function that it wraps not counted."""
    for name, wrap in decorators.items():
        functions = [scalar() for _ in range(WRAPPERS)]
        wrap(scalar())
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        kept = [wrap(function) for function in functions]
        taken = tracemalloc.get_traced_memory()[0] - before - kept.__sizeof__()
        tracemalloc.stop()
        target = Target(304, below=True) if name == UNIVERSAL else None
        yield Row("callers", "memory for each", name, taken / WRAPPERS, unit="B", target=target)


class Thing:
    """What the proxies stand for."""

    def __init__(self) -> None:
        self.x = 1


def proxies(effort: Effort) -> Iterator[Row]:
    """Reading through a proxy: what is the proxy's own, what is the object's, and what neither has."""
    kinds = {"cladding": cladding.ObjectProxy, **peers.here(wrapt=peers.wrapt_proxy)}
    made = {}
    for name, kind in kinds.items():
        made[name] = kind(Thing())
        made[name]._self_x = 1
    for case, statement, ratio in (
        ("attribute of the proxy", "p._self_x", 1.2),
        ("attribute of the object", "p.x", 0.5),
        ("attribute of neither", "getattr(p, 'missing', None)", 0.5),
        ("len", "len(p)", None),
        ("p + 1", "p + 1", None),
    ):
        bare: object = [1] if case == "len" else 1 if case == "p + 1" else Thing()
        if isinstance(bare, Thing):
            bare._self_x = 1
        proxied = made if isinstance(bare, Thing) else {name: kind(bare) for name, kind in kinds.items()}
        variants = [Variant(BARE, {"p": bare}, statement)]
        variants += [Variant(name, {"p": proxy}, statement) for name, proxy in proxied.items()]
        targets = {"cladding": Target(ratio, ratio=True)} if ratio else None
        yield from Case("proxies", case, variants, yardstick="wrapt", targets=targets).run(effort)
