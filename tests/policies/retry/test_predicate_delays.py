"""`exceptions=` as a callable that says how long to wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails, numbers


@all_kinds
def test_seconds_stand_in_place_of_the_schedule(cladding: Any, waits: list[float], kind: Kind) -> None:
    answers = iter([5, 0.25, timedelta(minutes=1), True])
    f = cladding.retry(9, exceptions=lambda error: next(answers), jitter="none", initial_delay=1)(kind.make(Fails(4)))
    assert kind.run(f) == 5
    assert waits == [5, 0.25, 60, 8]  # the fourth retry waits as long as the schedule says for a fourth one
    assert numbers(f) == {"calls": 1, "retries": 4, "gave_up": 0}
    assert f.cladding.retry.stats["waited_seconds"] == pytest.approx(73.25)


def test_no_cap_and_no_jitter_for_them(cladding: Any, waits: list[float]) -> None:
    cladding.retry(exceptions=lambda error: 1000, max_delay=1, max_retry_after=1)(Fails(3))()
    assert waits == [1000] * 3


@pytest.mark.parametrize("zero", [0, 0.0, timedelta(0)])
def test_no_seconds_are_an_attempt_at_once(cladding: Any, waits: list[float], zero: Any) -> None:
    fails = Fails(3)
    assert cladding.retry(exceptions=lambda error: zero)(fails)() == 4
    assert waits == []


def test_they_are_within_the_deadline(cladding: Any, waits: list[float]) -> None:
    fails = Fails(3)
    with pytest.raises(ConnectionError, match="would not end before the deadline of 7 s"):
        cladding.retry(exceptions=lambda error: 7, deadline=7)(fails)()
    assert (fails.calls, waits) == (1, [])


def test_own_waits_are_not_used_up_meanwhile(cladding: Any, waits: list[float]) -> None:
    answers = iter([True, 9, True])
    cladding.retry(exceptions=lambda error: next(answers), schedule=[1, 2, 3])(Fails(3))()
    assert waits == [1, 9, 2]


def test_retries_are_counted_all_the_same(cladding: Any, waits: list[float]) -> None:
    asked: list[Exception] = []

    def decide(error: Exception) -> float:
        asked.append(error)
        return 2

    fails = Fails(9)
    with pytest.raises(ConnectionError):
        cladding.retry(2, exceptions=decide)(fails)()
    assert asked == fails.raised
    assert waits == [2, 2]


def test_the_predicate_sees_the_traceback_and_whoever_holds_it_later_does_not(
    cladding: Any, waits: list[float]
) -> None:
    seen: list[bool] = []
    kept: list[Exception] = []

    def decide(error: Exception) -> bool:
        seen.append(error.__traceback__ is not None)
        kept.append(error)
        return True

    cladding.retry(exceptions=decide)(Fails(2))()
    assert seen == [True, True]
    assert [error.__traceback__ for error in kept] == [None, None]


def test_a_callable_object_and_a_method_decide(cladding: Any, waits: list[float]) -> None:
    class Decides:
        def __call__(self, error: Exception) -> bool:
            return True

        def by_method(self, error: Exception) -> float:
            return 3

    assert cladding.retry(exceptions=Decides())(Fails(1))() == 2
    waits.clear()
    assert cladding.retry(exceptions=Decides().by_method)(Fails(1))() == 2
    assert waits == [3]


def test_an_async_callable_object_cannot(cladding: Any) -> None:
    class Decides:
        async def __call__(self, error: Exception) -> bool:
            return True

    with pytest.raises(cladding.ConfigurationError, match="`exceptions` must be"):
        cladding.retry(exceptions=Decides())
