"""What it costs to be decorated at all: a policy that does nothing, on every kind of call, and several of them."""

from __future__ import annotations

from collections.abc import Iterator

from . import peers
from .result import BARE, Case, Row, Target
from .subjects import closure, method_of, nothing, scalar
from .timing import Effort, Variant

CARRIER = Target(40)
EACH_FURTHER = Target(5)
MOST = 5


def carrier(effort: Effort) -> Iterator[Row]:
    """One policy that does nothing, on the calls that programs make."""
    decorators = {
        "cladding": nothing(),
        "closure": closure,
        **peers.here(wrapt=peers.wrapt_nothing, decorator=peers.decorator_nothing),
    }
    for name, statement in (("function", "f(1)"), ("keyword", "f(x=1)")):
        variants = [Variant(BARE, {"f": scalar()}, statement)]
        variants += [Variant(peer, {"f": wrap(scalar())}, statement) for peer, wrap in decorators.items()]
        yield from Case("carrier", name, variants, targets={"cladding": CARRIER}).run(effort)
    for name, statement in (("method", "o.m(1)"), ("method, keyword", "o.m(x=1)")):
        variants = [Variant(BARE, {"o": method_of(None)}, statement)]
        variants += [Variant(peer, {"o": method_of(wrap)}, statement) for peer, wrap in decorators.items()]
        yield from Case("carrier", name, variants, targets={"cladding": CARRIER}).run(effort)


def stacks(effort: Effort) -> Iterator[Row]:
    """Stacks of one to five policies that do nothing."""
    variants = [Variant(BARE, {"f": scalar()})]
    for height in range(1, MOST + 1):
        variants += [
            Variant(f"cladding x{height}", {"f": piled(nothing(), height)}),
            Variant(f"closure x{height}", {"f": piled(closure, height)}),
        ]
    case = Case("stacks", "function", variants, yardstick="closure x1")
    samples = case.samples(effort)
    yield from case.rows(samples)
    for name, target in (("cladding", EACH_FURTHER), ("closure", None)):
        first, last = f"{name} x1", f"{name} x{MOST}"
        least = samples.over(last, first) / (MOST - 1)
        median = samples.median_over(last, first) / (MOST - 1)
        yield Row("stacks", "function", f"{name}, each further", least, median, target=target)


def piled(decorate, height):
    """A function decorated so many times."""
    f = scalar()
    for _ in range(height):
        f = decorate(f)
    return f


def noise(effort: Effort) -> Iterator[Row]:
    """The harness against itself: the bare call twice is nothing, and a known amount of work is seen as such."""
    variants = [
        Variant(BARE, {"f": scalar()}),
        Variant("bare again", {"f": scalar()}),
        Variant("two bare calls", {"f": scalar()}, "f(1); f(1)"),
        Variant("three bare calls", {"f": scalar()}, "f(1); f(1); f(1)"),
    ]
    yield from Case("noise", "function", variants, yardstick="two bare calls").run(effort)
