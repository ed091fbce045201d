"""`retry`: the schedules that it has, against their formulas."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.kinds import Kind, all_kinds

from .helpers import Fails, waits_of

DRAWS = 20_000


def fibonacci(index: int) -> int:
    before, now = 0, 1
    for _ in range(index):
        before, now = now, before + now
    return now


MULTIPLES: dict[str, Any] = {
    "exponential": lambda index, factor: factor**index,
    "constant": lambda index, factor: 1,
    "linear": lambda index, factor: index + 1,
    "fibonacci": lambda index, factor: fibonacci(index),
}

all_growths = pytest.mark.parametrize("growth", MULTIPLES)


@pytest.mark.parametrize(
    ("growth", "expected"),
    [
        ("exponential", [1, 3, 9, 27, 60, 60]),
        ("constant", [1, 1, 1, 1, 1, 1]),
        ("linear", [1, 2, 3, 4, 5, 6]),
        ("fibonacci", [1, 1, 2, 3, 5, 8]),
    ],
)
@all_kinds
def test_first_waits(cladding: Any, waits: list[float], kind: Kind, growth: str, expected: list[float]) -> None:
    policy = cladding.retry(6, 3, initial_delay=1, max_delay=60, jitter="none", schedule=growth)
    assert kind.run(policy(kind.make(Fails(6)))) == 7
    assert waits == expected


@given(
    growth=st.sampled_from(sorted(MULTIPLES)),
    initial=st.floats(1e-6, 100.0),
    factor=st.floats(1.0, 10.0),
    room=st.floats(0.0, 1000.0),
    retries=st.integers(0, 40),
)
def test_limits_follow_the_formula_and_never_shrink(
    cladding: Any, growth: str, initial: float, factor: float, room: float, retries: int
) -> None:
    policy = cladding.retry(
        retries, factor, initial_delay=initial, max_delay=initial + room, jitter="none", schedule=growth
    )
    waits = waits_of(policy, retries)
    expected = [min(initial + room, initial * MULTIPLES[growth](index, factor)) for index in range(retries)]
    assert waits == pytest.approx(expected, rel=1e-9)
    assert all(now <= later * (1 + 1e-12) for now, later in pairwise(waits))
    assert all(wait <= initial + room for wait in waits)


@given(
    growth=st.sampled_from(sorted(MULTIPLES)),
    jitter=st.sampled_from(["full", "equal"]),
    initial=st.floats(1e-6, 100.0),
    factor=st.floats(1.0, 10.0),
    room=st.floats(0.0, 1000.0),
)
def test_jitter_is_drawn_below_the_limit_of_every_growth(
    cladding: Any, growth: str, jitter: str, initial: float, factor: float, room: float
) -> None:
    shape = {"initial_delay": initial, "max_delay": initial + room, "schedule": growth}
    limits = waits_of(cladding.retry(30, factor, jitter="none", **shape), 30)
    least = 0.5 if jitter == "equal" else 0.0
    for wait, limit in zip(waits_of(cladding.retry(30, factor, jitter=jitter, **shape), 30), limits, strict=True):
        assert limit * least * (1 - 1e-12) <= wait <= limit


@given(initial=st.floats(1e-6, 100.0), room=st.floats(0.0, 1000.0))
def test_decorrelated_waits_are_within_their_bounds(cladding: Any, initial: float, room: float) -> None:
    cap = initial + room
    waits = waits_of(cladding.retry(50, initial_delay=initial, max_delay=cap, jitter="decorrelated"), 50)
    for before, wait in pairwise([initial, *waits]):
        assert initial <= wait <= max(initial, min(cap, 3 * before)) * (1 + 1e-12)


def evenness(draws: list[float]) -> float:
    """How far numbers are from an even spread over [0, 1): the statistic of Kolmogorov and Smirnov, times root n.

    It exceeds 2.5 once in 130,000 times where the spread is even.
    """
    count = len(draws)
    off = max(max((index + 1) / count - draw, draw - index / count) for index, draw in enumerate(sorted(draws)))
    return off * math.sqrt(count)


def assert_even_and_independent(draws: list[float]) -> None:
    assert evenness(draws) < 2.5
    assert abs(statistics.correlation(draws[:-1], draws[1:])) < 5 / math.sqrt(len(draws))


def test_what_is_not_even_is_seen() -> None:
    even = [index / DRAWS for index in range(DRAWS)]
    assert evenness(even) < 2.5
    assert evenness([0.96 * draw for draw in even]) > 2.5
    assert evenness([draw**1.1 for draw in even]) > 2.5


@pytest.mark.parametrize(("jitter", "least"), [("full", 0.0), ("equal", 0.5)])
def test_waits_spread_evenly_below_their_limit(cladding: Any, jitter: str, least: float) -> None:
    # All but the first few waits are at the cap: jitter that is clipped by it would pile up there.
    waits = waits_of(cladding.retry(None, 2, initial_delay=1, max_delay=8, jitter=jitter), DRAWS + 10)[10:]
    assert_even_and_independent([(wait / 8 - least) / (1 - least) for wait in waits])


def test_decorrelated_waits_spread_evenly_up_to_three_times_the_wait_before(cladding: Any) -> None:
    waits = waits_of(cladding.retry(None, initial_delay=1, max_delay=50, jitter="decorrelated"), DRAWS)
    shares = [(wait - 1) / (min(50, 3 * before) - 1) for before, wait in pairwise([1.0, *waits])]
    assert_even_and_independent(shares)
    assert max(waits) > 40
    assert len({wait for wait in waits if wait > 49.999}) < DRAWS / 100  # not clipped to the cap


def test_decorrelated_waits_begin_anew_with_each_call(cladding: Any) -> None:
    policy = cladding.retry(20, initial_delay=1, max_delay=1000, jitter="decorrelated")
    assert all(waits_of(policy, 20)[0] <= 3 for _ in range(100))


@all_growths
def test_attempts_far_beyond_what_a_float_can_hold(cladding: Any, growth: str) -> None:
    policy = cladding.retry(None, 10, initial_delay=1e-3, max_delay=1e9, jitter="none", schedule=growth)
    waits = waits_of(policy, 5000)
    assert len(waits) == 5000
    assert all(0 < wait <= 1e9 for wait in waits)
    expected = min(1e9, 1e-3 * MULTIPLES[growth](1024, 10)) if growth != "exponential" else 1e9
    assert waits[1024] == pytest.approx(expected)


@pytest.mark.parametrize("jitter", ["full", "equal", "decorrelated", "none"])
def test_attempts_without_end_and_without_a_limit_to_speak_of(cladding: Any, jitter: str) -> None:
    waits = waits_of(cladding.retry(None, 1e300, initial_delay=1e-300, max_delay=1e9, jitter=jitter), 1200)
    assert len(waits) == 1200
    assert all(0 <= wait <= 1e9 for wait in waits)


@all_growths
def test_nothing_grows_from_nothing(cladding: Any, growth: str) -> None:
    assert waits_of(cladding.retry(None, initial_delay=0, schedule=growth), 20) == []


@all_kinds
def test_a_wait_of_zero_calls_no_sleep(cladding: Any, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    def sleep(seconds: float) -> None:
        raise AssertionError(seconds)

    monkeypatch.setattr("time.sleep", sleep)
    assert kind.run(cladding.retry(None, initial_delay=0)(kind.make(Fails(1000)))) == 1001
    monkeypatch.undo()
