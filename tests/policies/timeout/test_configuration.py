"""`timeout` as it is written down: what is refused, and policies and errors as values."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest


def test_the_policy_apart_from_any_function(cladding: Any) -> None:
    policy = cladding.timeout(1.5)
    assert policy == cladding.timeout(seconds=1.5) != cladding.timeout(2)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert policy.seconds == 1.5
    assert repr(policy) == "timeout(seconds=1.5)"
    assert cladding.timeout(timedelta(seconds=2))(lambda: 3)() == 3


@pytest.mark.parametrize(
    "value", [0, -1, float("nan"), float("inf"), 2e9, "1", None, True, timedelta(0), timedelta(seconds=-1), len]
)
def test_wrong_times_are_refused(cladding: Any, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.timeout(value)
    shown = value if isinstance(value, float) else repr(value)
    assert str(caught.value) == (
        f"timeout: `seconds` must be seconds above 0 and at most 1e9, as a number or a timedelta, got {shown}"
    )


def test_a_generator_function_is_refused(cladding: Any) -> None:
    with pytest.raises(TypeError, match=r"timeout cannot be used here, as \S+items is a generator function"):

        @cladding.timeout(1)
        def items() -> Any:
            yield 1


def test_the_error_can_be_pickled(cladding: Any) -> None:
    error = cladding.CallTimeoutError("m.f took longer than 1 s")
    error.function, error.seconds = "m.f", 1.0
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (cladding.CallTimeoutError, str(error), vars(error))
    assert isinstance(again, TimeoutError)
    assert isinstance(again, cladding.CladdingError)
