"""`Range` and `Keys`: which numbers and which mappings they let through."""

from __future__ import annotations

import types
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import Keys, Range

from .helpers import Level, checked

np = pytest.importorskip("numpy")


# -------------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    "value",
    [0, 5, 0.0, 4.999, 5.0, -0.0, Level.LOW, np.float32(2), np.int8(5), Decimal("4.9"), Fraction(9, 2), np.float64(0)],
)
def test_numbers_in_a_range_pass(value: Any) -> None:
    assert checked(Range(0, 5))(value)


NO_NUMBERS = [
    True,
    np.True_,
    "3",
    b"3",
    None,
    3j,
    [3],
    np.array(3),
    float("nan"),
    np.float32("nan"),
    Decimal("nan"),
    Decimal("sNaN"),
]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
@pytest.mark.parametrize("expectation", [Range(0, 5), Range(min=0), Range(max=5), Range()], ids=repr)
def test_what_is_no_number_is_refused(value: Any, expectation: Range) -> None:
    assert not checked(expectation)(value)


@pytest.mark.parametrize(
    "value", [-1, 6, 5.0000001, -1e-300, 2**70, -(2**70), 1e300, Level.HIGH, np.int64(6), Decimal("5.01")]
)
def test_numbers_outside_a_range_are_refused(value: Any) -> None:
    assert not checked(Range(0, 5))(value)


def test_infinity_is_beyond_every_bound_and_no_other() -> None:
    infinity = float("inf")
    assert checked(Range(min=0))(infinity)
    assert checked(Range(max=0))(-infinity)
    assert checked(Range())(infinity)
    assert not checked(Range(max=1e308))(infinity)
    assert checked(Range(max=infinity))(infinity)


bounds = st.one_of(st.none(), st.integers(-(2**80), 2**80), st.floats(allow_nan=False), st.integers(-9, 9))
numbers = st.one_of(
    st.integers(-(2**80), 2**80),
    st.floats(),
    st.integers(-9, 9),
    st.sampled_from([2**53, 2**53 + 1, 2**63, 2**63 - 1, -(2**63)]),
)


@given(bounds, bounds, numbers)
def test_ranges_compare_exactly(low: Any, high: Any, value: Any) -> None:
    if low is not None and high is not None and low > high:
        low, high = high, low
    expected = value == value and (low is None or low <= value) and (high is None or value <= high)
    assert checked(Range(low, high))(value) is expected


# ------------------------------------------------------------------------------------------------------------- mappings


@pytest.mark.parametrize(
    "make", [dict, OrderedDict, types.MappingProxyType, lambda items: __import__("collections").ChainMap(items)]
)
def test_keys_are_looked_for_in_any_mapping(make: Any) -> None:
    passes = checked(Keys("a", "b"))
    assert passes(make({"a": 1, "b": 2, "c": 3}))
    assert not passes(make({"a": 1}))


def test_a_key_can_be_any_string() -> None:
    odd = "a\ud800"
    assert checked(Keys(odd))({odd: 1})
    assert not checked(Keys(odd))({"a": 1})


@pytest.mark.parametrize("value", [["a", "b"], "ab", {"a", "b"}, None, 3], ids=repr)
def test_what_is_no_mapping_has_no_keys(value: Any) -> None:
    assert not checked(Keys("a"))(value)
