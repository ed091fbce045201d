"""`hedge` as it is written down: what is refused, and policies as values."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest


def test_the_policy_apart_from_any_function(cladding: Any) -> None:
    policy = cladding.hedge(0.5, max_hedges=2)
    assert policy == cladding.hedge(delay=0.5, max_hedges=2) != cladding.hedge(0.5)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert (policy.delay, policy.max_hedges) == (0.5, 2)
    assert repr(policy) == "hedge(delay=0.5, max_hedges=2)"
    assert cladding.hedge(timedelta(seconds=2))(lambda: 3)() == 3


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 2e9, "1", None, True, timedelta(0), len])
def test_wrong_delays_are_refused(cladding: Any, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.hedge(value)
    shown = value if isinstance(value, float) else repr(value)
    assert str(caught.value) == (
        f"hedge: `delay` must be seconds above 0 and at most 1e9, as a number or a timedelta, got {shown}"
    )


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None, True, 101, 2**70])
def test_wrong_numbers_of_hedges_are_refused(cladding: Any, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.hedge(1, max_hedges=value)
    assert str(caught.value) == f"hedge: `max_hedges` must be an int from 1 to 100, got {value!r}"


def test_generator_functions_are_refused(cladding: Any) -> None:
    def items() -> Any:
        yield 1

    async def async_items() -> Any:
        yield 1

    for function in (items, async_items):
        with pytest.raises(TypeError, match=r"hedge cannot be used here, as \S+items is a generator function"):
            cladding.hedge(1)(function)
