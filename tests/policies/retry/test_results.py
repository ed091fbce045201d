"""`retry_on_result`: results that are failures."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from policies.kinds import KINDS, Kind

from .helpers import Fails, numbers

# Generators have no result of their own once they have yielded.
with_results = pytest.mark.parametrize("kind", [kind for kind in KINDS if "generator" not in kind.name], ids=str)


@with_results
def test_retried_until_the_result_is_good(cladding: Any, waits: list[float], kind: Kind) -> None:
    body = Fails(0)
    f = cladding.retry(9, jitter="none", retry_on_result=lambda result: result < 3)(kind.make(body))
    assert kind.run(f) == 3
    assert waits == [0.1, 0.2]
    assert numbers(f) == {"calls": 1, "retries": 2, "gave_up": 0}
    assert f.cladding.retry.stats["recovered"] == 1


@with_results
def test_the_last_result_is_returned(cladding: Any, waits: list[float], kind: Kind) -> None:
    results = [object() for _ in range(3)]
    left = iter(results)
    told: list[Any] = []
    f = cladding.retry(2, retry_on_result=lambda result: True, on_giveup=told.append)(kind.make(lambda: next(left)))
    assert kind.run(f) is results[2]
    assert numbers(f) == {"calls": 1, "retries": 2, "gave_up": 1}
    [event] = told
    assert (event.result, event.exception, event.reason) == (results[2], None, "max_retries=2")
    assert (event.attempt, event.delay, event.failures) == (3, None, ())


@with_results
def test_good_results_at_once(cladding: Any, waits: list[float], kind: Kind) -> None:
    asked: list[Any] = []
    f = cladding.retry(retry_on_result=asked.append)(kind.make(Fails(0)))
    assert kind.run(f) == 1
    assert (asked, waits) == ([1], [])


@pytest.mark.parametrize("answer", [True, 1, "yes", [0], np.True_])
def test_what_counts_as_yes(cladding: Any, waits: list[float], answer: object) -> None:
    body = Fails(0)
    assert cladding.retry(1, retry_on_result=lambda result: answer)(body)() == 2


@pytest.mark.parametrize("answer", [False, 0, None, "", [], np.False_])
def test_what_counts_as_no(cladding: Any, waits: list[float], answer: object) -> None:
    assert cladding.retry(1, retry_on_result=lambda result: answer)(Fails(0))() == 1


def test_exceptions_and_results_share_the_attempts(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)
    told: list[Any] = []
    f = cladding.retry(3, jitter="none", retry_on_result=lambda result: True, on_retry=told.append)(fails)
    assert f() == 4
    assert waits == [0.1, 0.2, 0.4]
    assert [(event.exception, event.result) for event in told] == [
        (fails.raised[0], None),
        (fails.raised[1], None),
        (None, 3),
    ]


def test_failures_before_a_last_result_are_told(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)
    told: list[Any] = []
    cladding.retry(2, retry_on_result=lambda result: True, on_giveup=told.append)(fails)()
    assert told[0].failures == tuple(fails.raised)


def test_an_exception_after_bad_results_is_raised_as_ever(cladding: Any, waits: list[float]) -> None:
    outcomes = iter(["pending", "pending", KeyError("gone")])

    @cladding.retry(retry_on_result=lambda result: result == "pending")
    def f() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(KeyError, match="gone") as caught:
        f()
    assert not hasattr(caught.value, "__notes__")
    assert cladding.retry.failures(caught.value) == (caught.value,)


@with_results
def test_a_callable_that_raises(cladding: Any, waits: list[float], kind: Kind) -> None:
    for error in (LookupError, KeyboardInterrupt):

        def decide(result: object, error: type[BaseException] = error) -> bool:
            raise error

        body = Fails(0)
        f = cladding.retry(retry_on_result=decide)(kind.make(body))
        with pytest.raises(error) as caught:
            kind.run_bare(f)
        assert caught.value.__context__ is None
        assert body.calls == 1


def test_a_result_whose_truth_cannot_be_told(cladding: Any, waits: list[float]) -> None:
    f = cladding.retry(retry_on_result=lambda result: result == 0)(lambda: np.zeros(3))
    with pytest.raises(ValueError, match="truth value"):
        f()


def test_a_generator_is_judged_by_its_result_only_where_it_yielded_nothing(cladding: Any, waits: list[float]) -> None:
    asked: list[Any] = []

    def judge(result: object) -> bool:
        asked.append(result)
        return len(asked) < 3

    runs = 0

    @cladding.retry(retry_on_result=judge)
    def empty() -> Iterator[int]:
        nonlocal runs
        runs += 1
        return f"run {runs}"
        yield

    assert list(empty()) == []
    assert asked == ["run 1", "run 2", "run 3"]

    @cladding.retry(retry_on_result=judge)
    def full() -> Iterator[int]:
        yield 1

    asked.clear()
    assert list(full()) == [1]
    assert asked == []


def test_an_async_generator_that_yielded_is_not_judged(cladding: Any, waits: list[float]) -> None:
    import asyncio

    asked: list[Any] = []

    @cladding.retry(retry_on_result=asked.append)
    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def main() -> list[int]:
        return [item async for item in items()]

    assert asyncio.run(main()) == [1, 2]
    assert asked == []


async def _asks(result: object) -> bool:
    return True


@pytest.mark.parametrize("value", ["pending", 3, True, (1,), _asks])
def test_what_is_no_callable(cladding: Any, value: object) -> None:
    allowed = "a callable that takes the result and answers whether to try again, not a coroutine function, or None"
    expected = f"retry: `retry_on_result` must be {allowed}, got {value!r}"
    with pytest.raises(cladding.ConfigurationError, match=f"^{re.escape(expected)}$"):
        cladding.retry(retry_on_result=value)
