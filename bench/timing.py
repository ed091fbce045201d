"""The clock of the harness: each variant in a compiled loop of its own, all of them in turns, many times over.

Only ratios within one run mean anything on a machine that does other things too. So the variants of a case are timed
round-robin in short slices, each round starting with another one, and whatever disturbs the machine hits all alike. What
is reported is time over the bare variant, in two forms: the difference of the minima, which is what the code costs when
nothing disturbs it, and the median over the rounds of the difference within one round, which is what it costs here. The
loop's own cost is in both terms and falls out.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from time import perf_counter_ns

Loop = Callable[[int], int]  # runs a statement so many times, and gives the nanoseconds that took

# Names are bound as parameters, so that the statement finds them as fast locals, and each variant has code of its own:
# the interpreter specialises each for what it calls.
SYNC = """
def loop(number, {parameters}):
    numbers = repeat(None, number)
    start = clock()
    for _ in numbers:
        {statement}
    return clock() - start
"""
ASYNC = SYNC.replace("def loop", "async def loop")
# For items: the statement runs once, and has to take `number` of them.
ONCE = """
def loop(number, {parameters}):
    start = clock()
    {statement}
    return clock() - start
"""
ASYNC_ONCE = ONCE.replace("def loop", "async def loop")


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int = 200
    slice_ns: int = 1_000_000

    @classmethod
    def quick(cls) -> Effort:
        return cls(rounds=30, slice_ns=300_000)


@dataclass(frozen=True)
class Variant:
    """One way to do what the case is about: a statement and the names that it uses."""

    name: str
    names: Mapping[str, object]
    statement: str = "f(1)"
    template: str = SYNC
    run: Callable[[object], int] | None = None  # how to run the loop where it is a coroutine

    def loop(self) -> Loop:
        parameters = ", ".join(f"{name}={name}" for name in ("clock", "repeat", *self.names))
        scope = {"clock": perf_counter_ns, "repeat": repeat, **self.names}
        statement = self.statement.replace("\n", "\n        ")
        exec(compile(self.template.format(parameters=parameters, statement=statement), f"<{self.name}>", "exec"), scope)
        made, run = scope["loop"], self.run
        return made if run is None else lambda number: run(made(number))


@dataclass(frozen=True)
class Samples:
    """Nanoseconds a call of each variant, round by round."""

    rounds: Mapping[str, Sequence[float]] = field(repr=False)

    def least(self, name: str) -> float:
        return min(self.rounds[name])

    def over(self, name: str, base: str) -> float:
        """What one variant takes more than another when nothing disturbs either."""
        return self.least(name) - self.least(base)

    def median_over(self, name: str, base: str) -> float:
        """What one variant takes more than another in the same round, at the median."""
        pairs = zip(self.rounds[name], self.rounds[base], strict=True)
        return statistics.median(mine - other for mine, other in pairs)


def measure(variants: Sequence[Variant], effort: Effort) -> Samples:
    """Time all variants in turns."""
    names = [variant.name for variant in variants]
    assert len(set(names)) == len(names), f"two variants have one name: {names}"
    loops = [variant.loop() for variant in variants]
    numbers = [calibrate(loop, effort.slice_ns) for loop in loops]
    rounds: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.disable()
    try:
        for turn in range(effort.rounds):
            for i in range(len(loops)):
                at = (i + turn) % len(loops)
                rounds[names[at]].append(loops[at](numbers[at]) / numbers[at])
    finally:
        gc.enable()
    return Samples(rounds)


def calibrate(loop: Loop, slice_ns: int) -> int:
    """How many calls fill a slice; running them also lets the interpreter specialise the loop."""
    number = 1
    loop(number)  # what only the first call of all does is no measure
    while True:
        took = loop(number)
        if took >= slice_ns // 2 or number >= 10_000_000:
            return max(1, round(number * slice_ns / max(took, 1)))
        number *= 2


def drive(coroutine: object) -> int:
    """Run a loop that is a coroutine, and never has to wait, without an event loop."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("the coroutine waited for something")


class EventLoop:
    """Runs loops that are coroutines within one asyncio event loop."""

    def __enter__(self) -> Callable[[object], int]:
        self._runner = asyncio.Runner()
        return self._runner.run

    def __exit__(self, *_: object) -> None:
        self._runner.close()
