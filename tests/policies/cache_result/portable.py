"""Keys and records for other processes, of functions and values that the tests choose."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from cladding import cache_result
from cladding._native import CacheKeys, CacheWire, Target


def anything(x: Any = None, *args: Any, **others: Any) -> None:
    """A function that takes all there is."""


def target(function: Callable[..., Any] = anything) -> Target:
    found: Target = cache_result(function).cladding.target
    return found


def keys(function: Callable[..., Any] = anything, **parameters: Any) -> CacheKeys:
    return CacheKeys(parameters, target(function), function)


def wire(**parameters: Any) -> CacheWire:
    return CacheWire(parameters, target())


def digest(value: Any, **parameters: Any) -> int:
    return keys(**parameters).digest(value)


def back(value: Any, **parameters: Any) -> Any:
    """A value after it was written and read."""
    made = wire(**parameters)
    return made.open(b"name", made.seal(b"name", value))[0]


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Size(enum.IntFlag):
    SMALL = 1
    LARGE = 2


class Pair(NamedTuple):
    x: Any
    y: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: Any
    note: str = dataclasses.field(default="", compare=False)


@dataclasses.dataclass
class Open:
    x: Any


@dataclasses.dataclass(eq=False)
class ByIdentity:
    x: Any


class Keyed:
    def __init__(self, name: Any) -> None:
        self.name = name

    def __cladding_key__(self) -> Any:
        return self.name


class Text(str):
    pass


class Odd(str):
    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = str.__hash__


Counter = collections.Counter

numbers: st.SearchStrategy[Any] = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.fractions(),
    st.decimals(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.integers(-3, 3).flatmap(
        lambda n: st.sampled_from([n, float(n), complex(n), fractions.Fraction(n), decimal.Decimal(n).scaleb(0)])
    ),
)
texts: st.SearchStrategy[Any] = st.one_of(
    st.text(), st.text(st.characters(categories=["Cs", "L"])), st.binary(), st.text(max_size=2).map(Text)
)
moments: st.SearchStrategy[Any] = st.one_of(
    st.dates(), st.times(), st.datetimes(), st.timedeltas(), st.datetimes(timezones=st.just(dt.timezone.utc))
)
leaves: st.SearchStrategy[Any] = st.one_of(st.none(), numbers, texts, moments)

# What comes back from a record as it was.
plain_leaves: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.text(st.characters(categories=["Cs", "L"])),
    st.binary(),
    st.binary().map(bytearray),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.times(timezones=st.just(dt.timezone(dt.timedelta(minutes=-90), "there"))),
    st.timedeltas(),
    st.decimals(),
    st.fractions(),
    st.uuids(),
    st.slices(9),
    st.builds(range, st.integers(), st.integers(), st.integers(1)),
)
plain_keys: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.integers(), st.text(), st.binary(), st.fractions(), st.dates(), st.tuples(st.text())
)


def nested(leaf: st.SearchStrategy[Any], hashable: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Containers of these, in each other."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4).map(tuple),
            st.sets(hashable, max_size=4),
            st.frozensets(hashable, max_size=4),
            st.dictionaries(hashable, inner, max_size=4),
        ),
        max_leaves=12,
    )
