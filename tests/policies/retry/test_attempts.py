"""`retry`: which failures are tried again, how often, and how that is counted."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails, numbers


@all_kinds
def test_first_attempt_succeeds(cladding: Any, waits: list[float], kind: Kind) -> None:
    works = Fails(0)
    f = cladding.retry(kind.make(works))
    assert kind.run(f) == 1
    assert numbers(f) == {"calls": 1, "retries": 0, "gave_up": 0}
    assert waits == []


@all_kinds
def test_retried_until_it_succeeds(cladding: Any, waits: list[float], kind: Kind) -> None:
    f = cladding.retry(jitter="none")(kind.make(Fails(2)))
    assert kind.run(f) == 3
    assert numbers(f) == {"calls": 1, "retries": 2, "gave_up": 0}
    assert waits == [0.1, 0.2]


@all_kinds
def test_the_last_exception_is_raised_as_itself(cladding: Any, waits: list[float], kind: Kind) -> None:
    fails = Fails(10)
    f = cladding.retry(kind.make(fails))
    with pytest.raises(ConnectionError) as caught:
        kind.run(f)
    assert caught.value is fails.raised[3]
    assert fails.calls == 4
    assert caught.value.__context__ is None
    [note] = caught.value.__notes__
    pattern = r"retry of \S+ gave up after 4 attempts in \d+\.\d{3} s: max_retries=3"
    assert re.fullmatch(pattern, note)
    assert numbers(f) == {"calls": 1, "retries": 3, "gave_up": 1}


@all_kinds
def test_other_exceptions_pass(cladding: Any, waits: list[float], kind: Kind) -> None:
    fails = Fails(10, ValueError)
    f = cladding.retry(kind.make(fails))
    with pytest.raises(ValueError) as caught:
        kind.run(f)
    assert fails.calls == 1
    assert not hasattr(caught.value, "__notes__")
    assert numbers(f) == {"calls": 1, "retries": 0, "gave_up": 0}


@all_kinds
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_what_is_no_failure_is_never_retried(
    cladding: Any, waits: list[float], kind: Kind, error: type[BaseException]
) -> None:
    asked: list[BaseException] = []
    for exceptions in (Exception, lambda exception: asked.append(exception) or True):
        fails = Fails(10, error)
        f = cladding.retry(exceptions=exceptions)(kind.make(fails))
        with pytest.raises(error):
            kind.run_bare(f)
        assert fails.calls == 1
        assert f.cladding.retry.stats["gave_up"] == 0
    assert asked == []


def test_subclasses_are_retried_and_a_tuple_means_any_of_them(cladding: Any, waits: list[float]) -> None:
    errors = iter([ConnectionResetError, KeyError, ConnectionResetError])
    f = cladding.retry(exceptions=(ConnectionError, LookupError))(Fails(3, lambda: next(errors)()))
    assert f() == 4
    only = Fails(3, KeyError)
    with pytest.raises(KeyError):
        cladding.retry(exceptions=IndexError)(only)()
    assert only.calls == 1


def test_an_instance_check_of_the_users_own_is_not_run(cladding: Any, waits: list[float]) -> None:
    class Says(type):
        def __instancecheck__(cls, instance: object) -> bool:
            raise AssertionError

    class Odd(Exception, metaclass=Says):
        pass

    assert cladding.retry(exceptions=Odd)(Fails(1, Odd))() == 2


def test_a_predicate_decides(cladding: Any, waits: list[float]) -> None:
    class StatusError(Exception):
        def __init__(self, status: int) -> None:
            self.status = status

    statuses = iter([503, 503, 404])
    fails = Fails(9, lambda: StatusError(next(statuses)))
    f = cladding.retry(exceptions=lambda error: error.status >= 500)(fails)
    with pytest.raises(StatusError) as caught:
        f()
    assert (fails.calls, caught.value.status) == (3, 404)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("answer", [None, -1, float("nan"), float("inf"), 2e9, "yes", 10**400])
def test_a_predicate_that_answers_neither_a_bool_nor_seconds(cladding: Any, waits: list[float], answer: object) -> None:
    fails = Fails(9)

    def decide(error: Exception) -> Any:
        return answer

    with pytest.raises(
        cladding.ConfigurationError, match="must answer True, False, or seconds to wait from 0 to 1e9, got"
    ) as caught:
        cladding.retry(exceptions=decide)(fails)()
    assert repr(answer) in str(caught.value)
    assert "decide" in str(caught.value)
    assert caught.value.__context__ is fails.raised[0]
    assert fails.calls == 1


def test_a_predicate_that_raises(cladding: Any, waits: list[float]) -> None:
    fails = Fails(9)
    with pytest.raises(AttributeError) as caught:
        cladding.retry(exceptions=lambda error: error.missing)(fails)()
    assert caught.value.__context__ is fails.raised[0]


def test_no_retries_at_all(cladding: Any, waits: list[float]) -> None:
    fails = Fails(1)
    with pytest.raises(ConnectionError) as caught:
        cladding.retry(max_retries=0)(fails)()
    [note] = caught.value.__notes__
    assert re.search(r"gave up after 1 attempt in \d+\.\d{3} s: max_retries=0$", note)
    assert (fails.calls, waits) == (1, [])


def test_without_end(cladding: Any, waits: list[float]) -> None:
    assert cladding.retry(max_retries=None)(Fails(3000))() == 3001
    assert len(waits) == 3000
    assert max(waits) <= 30


@all_kinds
def test_arguments_are_those_of_the_call(cladding: Any, waits: list[float], kind: Kind) -> None:
    seen: list[Any] = []
    fails = Fails(2)

    def body(*args: Any, **kwargs: Any) -> Any:
        seen.append((args, kwargs))
        return fails()

    kind.run(cladding.retry(kind.make(body)), 1, [2], key="word")
    assert seen == [((1, [2]), {"key": "word"})] * 3


def test_metrics(cladding: Any, waits: list[float]) -> None:
    def make() -> Any:
        @cladding.retry(max_retries=2)
        def counted_by_prometheus(fails: Fails) -> int:
            return fails()

        return counted_by_prometheus

    first, second = make(), make()  # of one name, so they share a sample
    first(Fails(2))
    with pytest.raises(ConnectionError):
        second(Fails(9))
    name = f"{first.__module__}.{first.__qualname__}"
    lines = [line for line in cladding.metrics_text().splitlines() if name in line]
    assert sorted(lines) == [
        f'cladding_retries_total{{function="{name}"}} 4',
        f'cladding_retry_gave_up_total{{function="{name}"}} 1',
        f'cladding_retry_recovered_total{{function="{name}"}} 1',
    ]
