"""What the harness finds: rows, and the targets they are held against."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .timing import Effort, Samples, Variant, measure

# On 3.11 calls go through the trampoline: reported, and held against nothing.
TARGETS_APPLY = sys.version_info >= (3, 12)
BARE = "bare"


@dataclass(frozen=True)
class Target:
    """The most that a row may show: in its own unit, or as a part of its yardstick."""

    limit: float
    ratio: bool = False
    below: bool = False  # less than the limit, where otherwise the limit itself will do

    def met(self, row: Row) -> bool | None:
        value = row.ratio if self.ratio else row.least
        if value is None:
            return None
        return value < self.limit if self.below else value <= self.limit

    def __str__(self) -> str:
        return f"{'<' if self.below else '<='} {self.limit:g}{'x' if self.ratio else ''}"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    group: str
    case: str
    variant: str
    least: float
    median: float | None = None
    unit: str = "ns"
    ratio: float | None = None
    yardstick: str = ""
    target: Target | None = None
    binding: bool = False  # missing the target fails the run, on every Python and machine

    @property
    def met(self) -> bool | None:
        if self.target is None or not (TARGETS_APPLY or self.binding):
            return None
        return self.target.met(self)

    def record(self) -> dict[str, object]:
        """The row as it is written to a file."""
        return {
            "group": self.group,
            "case": self.case,
            "variant": self.variant,
            "min": round(self.least, 3),
            "median": None if self.median is None else round(self.median, 3),
            "unit": self.unit,
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "yardstick": self.yardstick or None,
            "target": None if self.target is None else str(self.target),
            "met": self.met,
        }


@dataclass(frozen=True)
class Case:
    """Variants that do the same thing, the bare one first."""

    group: str
    name: str
    variants: Sequence[Variant]
    yardstick: str = "closure"  # the variant that the others are set in proportion to
    targets: Mapping[str, Target] | None = None

    def samples(self, effort: Effort) -> Samples:
        return measure(self.variants, effort)

    def rows(self, samples: Samples, *, scale: float = 1.0) -> Iterator[Row]:
        """A row for each variant: what it takes over the bare one, and how that compares to the yardstick."""
        names = [variant.name for variant in self.variants]
        assert names[0] == BARE
        yield Row(self.group, self.name, "bare (in all)", samples.least(BARE) * scale)
        against = samples.over(self.yardstick, BARE) if self.yardstick in names else None
        for name in names[1:]:
            over = samples.over(name, BARE)
            yield Row(
                self.group,
                self.name,
                name,
                over * scale,
                samples.median_over(name, BARE) * scale,
                ratio=over / against if against and against > 0 else None,
                yardstick=self.yardstick if against else "",
                target=(self.targets or {}).get(name),
            )

    def run(self, effort: Effort) -> Iterator[Row]:
        yield from self.rows(self.samples(effort))


def own_share(case: Case, samples: Samples, name: str, base: str, target: Target | None) -> Row:
    """What a policy takes by itself: its carrier with it, less the carrier with a policy that does nothing."""
    least, median = samples.over(name, base), samples.median_over(name, base)
    return Row(case.group, case.name, f"{name}: its own share", least, median, target=target)
