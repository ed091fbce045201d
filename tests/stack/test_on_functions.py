"""Stacks on functions, given at once or one by one: what carriers share, and what each has for itself."""

from __future__ import annotations

import functools
from collections.abc import Callable

from carrier.kinds import Kind
from cladding import of, stack, timer

from .helpers import AGAIN, Fails, all_kinds, calls, names


@all_kinds
def test_reuse_leaves_each_function_its_own_state(kind: Kind) -> None:
    whole = stack(timer, AGAIN)
    one = whole(kind.build("x", "x"))
    two = whole(kind.build("x", "x"))
    for _ in range(3):
        kind.run(one, 1)
    kind.run(two, 1)
    assert [calls(policy) for policy in one.cladding.policies] == [3, 3]
    assert [calls(policy) for policy in two.cladding.policies] == [1, 1]
    assert whole == stack(timer, AGAIN)


@all_kinds
def test_a_stack_and_the_decorators_one_by_one_are_the_same(kind: Kind) -> None:
    function = kind.build("x, *, y=2", "(x, y)")
    at_once = stack(timer, AGAIN, timer)(function)
    one_by_one = timer(AGAIN(timer(function)))
    for decorated in (at_once, one_by_one):
        assert kind.run(decorated, 1) == kind.run(function, 1)
        assert names(decorated) == ["timer", "retry", "timer"]
        assert [calls(policy) for policy in decorated.cladding.policies] == [1, 1, 1]
        assert decorated.cladding.wrapped is function
    assert at_once.__wrapped__ is function


def test_an_empty_stack_is_no_decoration() -> None:
    def function() -> None: ...

    assert stack()(function) is function


@all_kinds
def test_the_way_down(kind: Kind) -> None:
    function = kind.build("x", "x")
    low = AGAIN(function)
    middle = timer(low)
    high = timer(middle)
    assert high.__wrapped__ is middle
    assert middle.__wrapped__ is low
    assert low.__wrapped__ is function
    assert not hasattr(function, "cladding")
    assert [names(each) for each in (high, middle, low)] == [["timer", "timer", "retry"], ["timer", "retry"], ["retry"]]
    assert high.cladding.wrapped is middle.cladding.wrapped is low.cladding.wrapped is function


@all_kinds
def test_the_carrier_above_shares_the_state_of_the_one_below(kind: Kind) -> None:
    low = timer(kind.build("x", "x"))
    high = timer(low)
    assert high.cladding.policies[1] is low.cladding.policies[0]
    assert high.cladding.policies[0] is not low.cladding.policies[0]
    kind.run(low, 1)
    kind.run(high, 1)
    kind.run(high, 1)
    assert [calls(policy) for policy in high.cladding.policies] == [2, 3]


@all_kinds
def test_two_carriers_above_one_share_what_is_below_alone(kind: Kind) -> None:
    low = timer(kind.build("x", "x"))
    left, right = timer(low), timer(low)
    kind.run(left, 1)
    kind.run(right, 1)
    assert calls(left.cladding.timer) == calls(right.cladding.timer) == 1
    assert calls(low.cladding.timer) == 2


def test_a_subclass_that_decorates_the_base_method_again() -> None:
    class Base:
        @timer
        def method(self) -> str:
            return type(self).__name__

    class Derived(Base):
        method = AGAIN(Base.method)

    assert (Base().method(), Derived().method()) == ("Base", "Derived")
    assert names(Derived.method) == ["retry", "timer"]
    assert calls(of(Base.method).timer) == 2


def test_a_deep_stack() -> None:
    decorated = stack(*[timer] * 200)(Fails(0))
    assert decorated() == 1
    assert {calls(policy) for policy in decorated.cladding.policies} == {1}


def test_decorators_that_are_not_ours_stay_where_they_are() -> None:
    def doubled(function: Callable[[], int]) -> Callable[[], int]:
        @functools.wraps(function)
        def wrapper() -> int:
            return function() + function()

        return wrapper

    source = Fails(0)

    @timer
    @doubled
    @timer
    def function() -> int:
        return source()

    assert function() == 3
    assert calls(function.cladding.policies[0]) == 1
    assert len(function.cladding.policies) == 1, "the foreign wrapper is the end of the upper stack"
    assert calls(of(function.__wrapped__.__wrapped__).policies[0]) == 2
