"""`RetryBudget`: what is refused, how it is written, and that it stays one object."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from datetime import timedelta
from typing import Any

import pytest

from cladding import ConfigurationError, RetryBudget

NUMBERS = (-1, float("nan"), float("inf"), "1", None, True)
TOKENS = "a number from 0.001 to 1e6"
TIME = "seconds above 0 and at most 1e9, as a number or a timedelta"
COUNTS = (0, -1, 1.5, "3", True, None, 2**70)


@pytest.mark.parametrize(
    ("make", "parameter", "values", "allowed"),
    [
        (RetryBudget, "ratio", (*NUMBERS, 1001), "a number from 0 to 1000"),
        (RetryBudget, "min_per_second", (*NUMBERS, 2e9), "a number from 0 to 1e9"),
        (RetryBudget, "window", (*NUMBERS, 0, 2e9, timedelta(0), timedelta(seconds=-1)), TIME),
        (RetryBudget.grpc, "max_tokens", (*NUMBERS, 0, 0.0001, 2e6), TOKENS),
        (RetryBudget.grpc, "token_ratio", (*NUMBERS, 0, 0.0001, 2e6), TOKENS),
        *(
            (RetryBudget.aws, name, COUNTS, "an int from 1 to 2**64 - 1")
            for name in ("capacity", "cost", "timeout_cost")
        ),
    ],
)
def test_wrong_parameters_are_refused_by_name(
    make: Any, parameter: str, values: tuple[object, ...], allowed: str
) -> None:
    for value in values:
        with pytest.raises(ConfigurationError) as caught:
            make(**{parameter: value})
        assert str(caught.value) == f"{make.__qualname__}: `{parameter}` must be {allowed}, got {value!r}"


def test_unknown_parameters_are_refused() -> None:
    for make in (RetryBudget, RetryBudget.grpc, RetryBudget.aws):
        with pytest.raises(TypeError):
            make(tokens=3)


def test_it_is_written_as_it_was_made() -> None:
    window = timedelta(seconds=30)
    assert repr(RetryBudget(window=window)) == f"RetryBudget(ratio=0.2, min_per_second=10.0, window={window!r})"
    assert repr(RetryBudget.grpc(20)) == "RetryBudget.grpc(max_tokens=20, token_ratio=0.1)"
    assert repr(RetryBudget.aws(cost=7)) == "RetryBudget.aws(capacity=500, cost=7, timeout_cost=10)"


def test_what_there_is_at_first() -> None:
    available = [
        (RetryBudget(), 100),
        (RetryBudget(min_per_second=2.5, window=2), 5),
        (RetryBudget(min_per_second=0), 0),
        (RetryBudget.grpc(), 4),
        (RetryBudget.aws(), 100),
        (RetryBudget.aws(capacity=4), 0),
    ]
    for budget, retries in available:
        assert budget.stats == {"available": retries, "retries": 0, "refused": 0}


@pytest.mark.parametrize("budget", [RetryBudget(0.5), RetryBudget.grpc(8), RetryBudget.aws(cost=2)], ids=repr)
def test_copies_are_the_budget_itself(budget: RetryBudget) -> None:
    assert copy.copy(budget) is copy.deepcopy(budget) is budget
    assert pickle.loads(pickle.dumps([budget, budget])) == [budget, budget]


@pytest.mark.parametrize("make", [RetryBudget, RetryBudget.grpc, RetryBudget.aws])
def test_one_that_is_gone_is_made_anew(make: Any) -> None:
    budget = make()
    text, shown, gone = pickle.dumps(budget), repr(budget), weakref.ref(budget)
    del budget
    gc.collect()
    assert gone() is None
    first, second = pickle.loads(text), pickle.loads(text)
    assert first is second
    assert repr(first) == shown
