"""`retry` with a budget, a breaker, a timeout, a hedge and a fallback: one policy, of several layers."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from typing import Any

import pytest

from policies.kinds import KINDS, Kind, all_kinds

from .helpers import Fails, numbers

LONG = 1000.0


def test_a_budget_bounds_retries_of_all_functions_that_share_it(cladding: Any, waits: list[float]) -> None:
    budget = cladding.RetryBudget(ratio=0, min_per_second=0.5, window=10)
    first, second = Fails(99), Fails(99)
    f, g = (cladding.retry(max_retries=3, budget=budget)(each) for each in (first, second))
    for each in (f, g, f, g):
        with pytest.raises(ConnectionError):
            each()
    assert first.calls + second.calls == 4 + 5
    assert budget.stats["retries"] == 5
    with pytest.raises(ConnectionError) as caught:
        f()
    assert caught.value.__notes__[0].endswith(": the retry budget is used up")


def test_success_pays_back_what_the_last_retry_took(cladding: Any, waits: list[float]) -> None:
    budget = cladding.RetryBudget.aws(capacity=10, cost=5)
    assert cladding.retry(budget=budget)(Fails(1))() == 2
    assert budget.stats["available"] == 2
    with pytest.raises(ConnectionError):
        cladding.retry(max_retries=9, budget=budget)(Fails(99))()
    assert budget.stats["available"] == 0


def test_timeouts_cost_more_where_the_budget_says_so(cladding: Any, waits: list[float]) -> None:
    budget = cladding.RetryBudget.aws(capacity=20, cost=5, timeout_cost=10)
    with pytest.raises(TimeoutError):
        cladding.retry(max_retries=1, budget=budget)(Fails(99, TimeoutError))()
    assert budget.stats["available"] == 2  # of 4 that cost 5 each


def test_giving_up_counts_for_a_throttle(cladding: Any, waits: list[float]) -> None:
    budget = cladding.RetryBudget.grpc(max_tokens=10, token_ratio=0.1)
    with pytest.raises(ConnectionError):
        cladding.retry(max_retries=1, budget=budget)(Fails(99))()
    assert budget.stats["available"] == 2  # of 4: both attempts have failed


@all_kinds
def test_a_breaker_is_asked_before_each_attempt(cladding: Any, waits: list[float], kind: Kind) -> None:
    breaker = cladding.CircuitBreaker(min_calls=2, open_for=LONG)
    fails = Fails(99)
    f = cladding.retry(max_retries=5, breaker=breaker)(kind.make(fails))
    with pytest.raises(cladding.CircuitOpenError) as caught:
        kind.run(f)
    assert (fails.calls, breaker.state) == (2, "open")
    assert [type(each) for each in cladding.retry.failures(caught.value)[:2]] == [ConnectionError] * 2
    with pytest.raises(cladding.CircuitOpenError):
        kind.run(f)
    assert fails.calls == 2
    assert f.cladding.retry.stats["breaker"]["rejected"] == 2


@pytest.mark.parametrize("named", [False, True])
def test_an_open_breaker_is_retried_only_where_it_is_named(cladding: Any, waits: list[float], named: bool) -> None:
    breaker = cladding.CircuitBreaker(open_for=LONG)
    breaker.trip()
    exceptions = (Exception, cladding.CircuitOpenError) if named else Exception
    f = cladding.retry(max_retries=2, exceptions=exceptions, breaker=breaker)(Fails(0))
    with pytest.raises(cladding.CircuitOpenError):
        f()
    assert numbers(f)["retries"] == (2 if named else 0)


def test_a_fallback_answers_what_is_given_up(cladding: Any, waits: list[float]) -> None:
    fails = Fails(99)
    f = cladding.retry(max_retries=2, fallback=None)(fails)
    assert f() is None
    assert (fails.calls, numbers(f)["gave_up"]) == (3, 1)
    assert f.cladding.retry.stats["fallback"]["fallbacks"] == 1

    @cladding.retry(max_retries=0, fallback=lambda path, limit=1: (path, limit))
    def fetch(path: str, limit: int = 1) -> Any:
        raise ValueError

    assert fetch("rows", limit=7) == ("rows", 7)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "generator" not in kind.name], ids=str)
def test_a_fallback_answers_a_result_that_is_not_wanted(cladding: Any, waits: list[float], kind: Kind) -> None:
    works = Fails(0)
    f = cladding.retry(max_retries=2, retry_on_result=lambda result: True, fallback="instead")(kind.make(works))
    assert kind.run(f) == "instead"
    assert works.calls == 3

    def fails(*args: object) -> None:
        raise LookupError

    g = cladding.retry(max_retries=0, retry_on_result=lambda result: True, fallback=fails)(Fails(0))
    with pytest.raises(LookupError) as caught:
        g()
    assert type(caught.value.__context__) is cladding.UnwantedResultError


def test_a_coroutine_function_is_a_fallback_of_coroutines(cladding: Any, waits: list[float]) -> None:
    async def instead(x: int) -> int:
        await asyncio.sleep(0)
        return -x

    @cladding.retry(max_retries=1, fallback=instead)
    async def f(x: int) -> int:
        raise ConnectionError

    assert asyncio.run(f(3)) == -3


def test_each_attempt_has_its_time(cladding: Any) -> None:
    calls: list[float] = []

    @cladding.retry(max_retries=2, initial_delay=0, timeout=0.01)
    async def f() -> int:
        calls.append(0)
        if len(calls) < 3:
            await asyncio.sleep(LONG)
        return len(calls)

    assert asyncio.run(f()) == 3
    assert f.cladding.retry.stats["timeout"]["timed_out"] == 2


def test_each_attempt_of_a_plain_function_has_its_time(cladding: Any) -> None:
    go_on = threading.Event()
    calls: list[int] = []

    @cladding.retry(max_retries=1, initial_delay=0, timeout=0.02)
    def f() -> int:
        calls.append(0)
        if len(calls) == 1:
            go_on.wait(LONG)
        return len(calls)

    assert f() == 2
    go_on.set()


def test_an_attempt_takes_no_longer_than_the_deadline_leaves(cladding: Any) -> None:
    @cladding.retry(max_retries=None, initial_delay=0, timeout=LONG, deadline=0.05)
    async def f() -> None:
        await asyncio.sleep(LONG)

    began = time.monotonic()
    with pytest.raises(cladding.CallTimeoutError) as caught:
        asyncio.run(f())
    assert time.monotonic() - began < LONG / 10
    assert "the deadline of 0.05 s has passed" in caught.value.__notes__[0]


def test_a_timeout_below_is_bounded_by_the_deadline_too(cladding: Any) -> None:
    @cladding.retry(deadline=0.03, max_retries=0)
    @cladding.timer
    @cladding.timeout(LONG)
    async def f() -> None:
        await asyncio.sleep(LONG)

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(f(), LONG / 10))


def test_a_deadline_ends_with_the_policy_that_set_it(cladding: Any) -> None:
    calls: list[int] = []

    @cladding.retry(max_retries=1, initial_delay=0, nested="allow")
    @cladding.retry(max_retries=0, deadline=0.8)
    @cladding.timeout(LONG)
    async def f() -> int:
        calls.append(0)
        await asyncio.sleep(0.45)
        if len(calls) == 1:
            raise ConnectionError
        return len(calls)

    assert asyncio.run(f()) == 2


def test_a_slow_attempt_gets_company(cladding: Any) -> None:
    calls: list[int] = []

    @cladding.retry(max_retries=0, hedge=0.005, timeout=LONG)
    async def f() -> int:
        calls.append(0)
        mine = len(calls)
        await asyncio.sleep(LONG if mine == 1 else 0)
        return mine

    assert asyncio.run(f()) == 2
    assert f.cladding.retry.stats["hedge"]["won"] == 1


def test_all_of_it_is_one_policy(cladding: Any, waits: list[float]) -> None:
    policy = cladding.retry(
        max_retries=1,
        budget=cladding.RetryBudget(),
        breaker=cladding.CircuitBreaker(),
        timeout=LONG,
        fallback=0,
        deadline=LONG,
        enabled=lambda: asked.append(0) or True,
    )
    asked: list[int] = []
    f = policy(Fails(99))
    assert [each.name for each in f.cladding.policies] == ["retry"]
    assert f() == 0
    assert len(asked) == 1, "asked once, and not by each layer"
    assert set(f.cladding.retry.stats) >= {"calls", "breaker", "timeout", "fallback"}


def test_switched_off_it_is_off_altogether(cladding: Any, waits: list[float]) -> None:
    breaker = cladding.CircuitBreaker(min_calls=1, open_for=LONG)
    fails = Fails(99)
    f = cladding.retry(max_retries=1, breaker=breaker, fallback=0, timeout=LONG)(fails)
    with cladding.disabled("retry"):
        for _ in range(3):
            with pytest.raises(ConnectionError):
                f()
    assert (fails.calls, breaker.state) == (3, "closed")
    f.cladding.retry.enabled = False
    with pytest.raises(ConnectionError):
        f()
    g = cladding.retry(max_retries=1, fallback=0, enabled=lambda: False)(Fails(99))
    with pytest.raises(ConnectionError):
        g()


def test_a_switch_is_for_whole_policies_in_coroutines_too(cladding: Any, waits: list[float]) -> None:
    @cladding.timer
    @cladding.retry(max_retries=1, fallback=0, timeout=LONG, enabled=lambda: False)
    @cladding.timer
    async def f() -> None:
        await asyncio.sleep(0)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(f())
    assert [policy.stats["calls"] for policy in f.cladding.policies if policy.name == "timer"] == [1, 1]


def test_for_one_call_a_layer_can_be_added_and_taken_away(cladding: Any, waits: list[float]) -> None:
    f = cladding.retry(max_retries=1, fallback=0)(Fails(99))
    assert f() == 0
    assert f.cladding.retry.replace(fallback="other")() == "other"
    assert f() == 0


def test_policies_with_layers_are_values(cladding: Any) -> None:
    breaker, budget = cladding.CircuitBreaker(), cladding.RetryBudget()
    policy = cladding.retry(breaker=breaker, budget=budget, timeout=3, hedge=1, fallback=0)
    again = pickle.loads(pickle.dumps(policy))
    assert again == policy
    assert again.breaker is breaker
    assert again.budget is budget


@pytest.mark.parametrize(
    ("parameter", "values", "allowed"),
    [
        ("budget", (1, "many", object()), "a RetryBudget, or None"),
        ("breaker", (1, "open", object()), "a CircuitBreaker, or None"),
        ("timeout", (0, -1, float("nan"), float("inf"), "1", True), "seconds above 0 and at most 1e9"),
        ("hedge", (0, -1, float("nan"), float("inf"), "1", True), "seconds above 0 and at most 1e9"),
    ],
)
def test_wrong_layers_are_refused_by_name(
    cladding: Any, parameter: str, values: tuple[object, ...], allowed: str
) -> None:
    for value in values:
        with pytest.raises(cladding.ConfigurationError) as caught:
            cladding.retry(**{parameter: value})
        assert str(caught.value).startswith(f"retry: `{parameter}` must be {allowed}")


def test_what_a_generator_cannot_have_is_refused(cladding: Any) -> None:
    def items() -> Any:
        yield 1

    for parameter, value in (("timeout", 1), ("hedge", 1), ("fallback", 0)):
        with pytest.raises((cladding.ConfigurationError, TypeError), match="generator"):
            cladding.retry(**{parameter: value})(items)


@pytest.mark.parametrize("parameter", ["timeout", "hedge", "fallback"])
def test_what_a_block_cannot_have_is_refused(cladding: Any, parameter: str) -> None:
    with pytest.raises(cladding.ConfigurationError, match=f"`{parameter}` needs a function"):
        cladding.retry.attempts(**{parameter: 1})


def test_blocks_have_budgets_and_breakers(cladding: Any, waits: list[float]) -> None:
    breaker = cladding.CircuitBreaker(min_calls=2, open_for=LONG)
    count = 0
    with pytest.raises(cladding.CircuitOpenError):
        for attempt in cladding.retry.attempts(max_retries=9, breaker=breaker):
            with attempt:
                count += 1
                raise ConnectionError
    assert count == 2
    budget = cladding.RetryBudget.aws(capacity=5, cost=5)
    with pytest.raises(ConnectionError):
        for attempt in cladding.retry.attempts(max_retries=9, budget=budget):
            with attempt:
                count += 1
                raise ConnectionError
    assert count == 4
