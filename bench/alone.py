"""One policy on a small function, beside those who do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from .result import BARE, Case, Row, Target, own_share
from .subjects import coroutine_function, nothing, scalar, three_scalars
from .timing import ASYNC, SYNC, Effort, Variant, drive

NO_POLICY = "cladding, no policy"


@dataclass(frozen=True)
class Call:
    """What is decorated, and how it is called."""

    make: Callable[[], Callable] = scalar
    statement: str = "f(1)"
    template: str = SYNC
    run: Callable[[object], int] | None = None

    def variant(self, name: str, decorate: Callable | None = None) -> Variant:
        f = self.make()
        return Variant(name, {"f": f if decorate is None else decorate(f)}, self.statement, self.template, self.run)


PLAIN = Call()
THREE = Call(three_scalars, "f(1, 2, 3)")


def awaited(run: Callable[[object], int] = drive) -> Call:
    """A coroutine function, called by what can run its coroutines."""
    return Call(coroutine_function, "await f(1)", ASYNC, run)


def alone(
    group: str,
    name: str,
    policy: Callable,
    others: Mapping[str, Callable],
    target: Target | None,
    effort: Effort,
    call: Call = PLAIN,
) -> Iterator[Row]:
    """One policy and its peers; the target is for the policy's own share, apart from the carrier."""
    decorators = {"cladding": policy, NO_POLICY: nothing(), **others}
    variants = [call.variant(BARE), *(call.variant(peer, wrap) for peer, wrap in decorators.items())]
    case = Case(group, name, variants, yardstick=next(iter(others), ""))
    samples = case.samples(effort)
    yield from case.rows(samples)
    yield own_share(case, samples, "cladding", NO_POLICY, target)
