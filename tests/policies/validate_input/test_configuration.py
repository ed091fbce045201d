"""`validate_input` as it is written down: what is refused, and expectations and policies as values."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest

import cladding
from cladding import Array, ConfigurationError, Keys, Range, validate_input

np = pytest.importorskip("numpy")


# ---------------------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: validate_input(), "expectations are needed"),
        (lambda: validate_input({}), "expectations are needed"),
        (lambda: validate_input(lambda x: x), "cannot be used bare"),  # type: ignore[arg-type]
        (lambda: validate_input(x=int), "`x` must be an Array, a Range or Keys"),  # type: ignore[arg-type]
        (lambda: validate_input({"x": Range()}, x=Range()), "`x` must be given once"),
        (lambda: validate_input(x=Range(), enabled=3), "`enabled`"),  # type: ignore[arg-type]
        (lambda: Range(2, 1), "`min` must be at most `max`"),
        (lambda: Range(min=float("nan")), "`min` must be a number"),
        (lambda: Range(max=True), "`max` must be a number"),
        (lambda: Range(max="1"), "`max` must be a number"),  # type: ignore[arg-type]
        (lambda: Range(max=2**127), "`max`"),
        (lambda: Keys(), "`names`"),
        (lambda: Keys(""), "`names`"),
        (lambda: Keys("a", "a"), "`names`"),
        (lambda: Keys(1), "`names`"),  # type: ignore[arg-type]
        (lambda: Array(5), "`shape`"),  # type: ignore[arg-type]
        (lambda: Array("n"), "`shape`"),
        (lambda: Array((-1,)), "`shape`"),
        (lambda: Array((True,)), "`shape`"),
        (lambda: Array(("",)), "`shape`"),
        (lambda: Array((1.5,)), "`shape`"),  # type: ignore[arg-type]
        (lambda: Array((...,)), "`shape`"),  # type: ignore[arg-type]
        (lambda: Array(dtype="float33"), "`dtype`"),
        (lambda: Array(dtype=()), "`dtype`"),
        (lambda: Array(dtype=("int8", "int8")), "`dtype`"),
        (lambda: Array(dtype=np.dtype("f4").newbyteorder()), "`dtype`"),
        (lambda: Array(dtype=object), "`dtype`"),
        (lambda: Array(finite=1), "`finite`"),  # type: ignore[arg-type]
        (lambda: Array(min=2, max=1), "`min`"),
        (lambda: Array(max=float("nan")), "`max`"),
        (lambda: Array(dtype="bool", max=1), "`max` must be None for bool"),
        (lambda: Array(dtype="complex64", min=1), "`min` must be None for complex64"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(text)):
        make()


def test_a_parameter_that_is_not_there_is_refused_at_decoration() -> None:
    def f(a: int, *args: int, b: int = 0) -> None: ...

    for name in ("c", "args"):
        with pytest.raises(ConfigurationError, match=f"`{name}` must be a parameter of .*f, which has a, b"):
            validate_input({name: Range()})(f)


# --------------------------------------------------------------------------------------------------------------- values


def test_dtypes_can_be_numpys_own() -> None:
    assert Array(dtype=np.float32) == Array(dtype=np.dtype("float32")) == Array(dtype="float32")
    assert Array(dtype=np.float32).dtype == ("float32",)
    assert Array(min=np.float32(0.5)).min == 0.5
    assert Range(np.int64(1), np.float64(2)) == Range(1, 2.0)


EXPECTATIONS = [
    Array(shape=("n", 64, None), dtype="float32", finite=True, min=0, max=1.5),
    Array(),
    Array(dtype=("float32", "float64")),
    Range(0, 1),
    Range(max=2.5),
    Keys("a", "b"),
]


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=repr)
def test_expectations_are_values(expectation: Any) -> None:
    again = pickle.loads(pickle.dumps(expectation))
    assert again == expectation
    assert hash(again) == hash(expectation)
    assert eval(repr(expectation)) == expectation
    assert [other == expectation for other in EXPECTATIONS].count(True) == 1
    with pytest.raises(AttributeError):
        expectation.min = 3


def test_policies_are_values() -> None:
    policy = validate_input(x=Range(0, 1), y=Keys("a"), fallback=None)
    same = validate_input({"y": Keys("a"), "x": Range(0, 1)}, fallback=None)
    assert policy == same
    assert hash(policy) == hash(same)
    assert policy != validate_input(x=Range(0, 1), y=Keys("a"))
    assert policy == pickle.loads(pickle.dumps(policy))
    assert repr(policy) == "validate_input(expectations={'x': Range(min=0, max=1), 'y': Keys('a')}, fallback=None)"
    assert policy.expectations["x"] == Range(0, 1)
    with pytest.raises(TypeError):
        policy.expectations["x"] = Range()
    assert cladding.stack(policy).policies == (policy,)
