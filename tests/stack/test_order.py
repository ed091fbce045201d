"""The order of policies on one function: what it means for a call, and that Python's own is kept."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

import cladding
from carrier.kinds import Kind
from cladding import retry, stack, timer

from .helpers import AGAIN, Fails, all_kinds, calls, names

# ------------------------------------------------------------------------------------------------ what runs inside what


@pytest.mark.parametrize("times", [0, 1, 2])
def test_retry_outside_is_counted_inside(times: int) -> None:
    outside, inside = timer(AGAIN(Fails(times))), AGAIN(timer(Fails(times)))
    assert outside() == inside() == times + 1
    assert outside.cladding.timer.stats["errors"] == 0
    assert calls(outside.cladding.timer) == 1
    assert inside.cladding.timer.stats["errors"] == times
    assert calls(inside.cladding.timer) == times + 1


def test_order_with_a_policy_on_both_sides() -> None:
    twice = retry(max_retries=1, exceptions=RuntimeError, initial_delay=0)
    inner = retry(max_retries=2, exceptions=RuntimeError, initial_delay=0, nested="allow")
    decorated = stack(timer, twice, timer, inner, timer)(Fails(5))
    assert decorated() == 6
    # The inner retry makes three attempts of each of the outer one's two.
    assert [calls(policy) for policy in decorated.cladding.policies if policy.name == "timer"] == [1, 2, 6]


@all_kinds
def test_order_for_each_kind_of_call(kind: Kind) -> None:
    source = Fails(2)
    decorated = stack(timer, AGAIN, timer)(kind.build("", "source()", source=source))
    kind.run(decorated)
    assert source.calls == 3
    assert [calls(decorated.cladding.policies[place]) for place in (0, 2)] == [1, 3]


def test_cache_outside_retry_and_inside() -> None:
    cache = cladding.cache_result(ttl=60)

    def fails_once() -> Callable[[int], int]:
        seen: list[int] = []

        def function(x: int) -> int:
            seen.append(x)
            if len(seen) == 1:
                raise RuntimeError
            return len(seen)

        return function

    outside, inside = stack(cache, timer, AGAIN)(fails_once()), stack(AGAIN, timer, cache)(fails_once())
    for decorated in (outside, inside):
        assert [decorated(1), decorated(1)] == [2, 2]
    # Outside, the second call never gets past the cache; inside, every attempt of both calls asks it.
    assert calls(outside.cladding.timer) == 1
    assert calls(inside.cladding.timer) == 3
    assert calls(outside.cladding.retry) == 1
    assert calls(inside.cladding.retry) == 2
    # A failure that is retried inside the cache is not its miss.
    assert outside.cache_info().misses == 1
    assert inside.cache_info().misses == 2


def test_validation_outside_and_inside() -> None:
    checks = cladding.validate_input(x=cladding.Range(0, 10))

    def function(x: int) -> int:
        return x

    outside, inside = stack(checks, timer)(function), stack(timer, checks)(function)
    for decorated in (outside, inside):
        assert decorated(3) == 3
        with pytest.raises(cladding.ValidationError):
            decorated(11)
    assert calls(outside.cladding.timer) == 1
    assert inside.cladding.timer.stats["calls"] == 2
    assert inside.cladding.timer.stats["errors"] == 1


def test_all_five_together() -> None:
    whole = stack(
        cladding.monitor,
        cladding.validate_input(x=cladding.Range(0, 10)),
        cladding.cache_result(ttl=60),
        cladding.memory_guard(threshold=1.0),
        AGAIN,
    )
    source = Fails(1)
    decorated = whole(lambda x: source())
    assert [decorated(1), decorated(1), decorated(x=1)] == [2, 2, 2]
    assert source.calls == 2
    with pytest.raises(cladding.ValidationError):
        decorated(11)
    assert names(decorated) == ["monitor", "validate_input", "cache_result", "memory_guard", "retry"]
    assert calls(decorated.cladding.monitor) == 4
    assert pickle.loads(pickle.dumps(whole)) == whole


# -------------------------------------------------------------------------------- the order in which Python does it all


def test_arguments_are_evaluated_from_the_top_and_decorators_applied_from_the_bottom() -> None:
    done: list[str] = []

    def note(what: str, policy: Any) -> Callable[[Any], Any]:
        done.append(f"evaluate {what}")

        def apply_it(function: Any) -> Any:
            done.append(f"apply {what}")
            return policy(function)

        return apply_it

    def value(name: str, number: float) -> float:
        done.append(name)
        return number

    @note("first", retry(max_retries=1, initial_delay=value("a", 0), max_delay=value("b", 1)))
    @note("second", timer())
    @note("third", retry(initial_delay=value("c", 0)))
    def function() -> None: ...

    assert done == [
        "a", "b", "evaluate first", "evaluate second", "c", "evaluate third",
        "apply third", "apply second", "apply first",
    ]  # fmt: skip
    assert names(function) == ["retry", "timer", "retry"]


def test_wrong_arguments_are_refused_before_anything_is_decorated() -> None:
    applied: list[str] = []

    with pytest.raises(cladding.ConfigurationError, match="max_retries"):

        @retry(max_retries=-1)
        @applied.append
        def function() -> None: ...

    assert applied == []
