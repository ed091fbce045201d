"""One policy switched off: by `policy.enabled` at any time, and by `enabled=` at decoration."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from carrier.kinds import Kind
from cladding import ConfigurationError, disabled, retry, stack, timer

from .helpers import AGAIN, all_calls, all_kinds
from .switched import ONE, Thing, one

# ----------------------------------------------------------------------------------------------- the switch of a policy


@all_kinds
def test_one_policy_of_one_function(kind: Kind) -> None:
    decorated = stack(timer, timer)(kind.build("x", "x"))
    outer, inner = decorated.cladding.policies
    outer.enabled = False
    assert (outer.enabled, inner.enabled) == (False, True)
    kind.run(decorated, 1)
    assert all_calls(decorated) == [0, 1]
    outer.enabled = True
    kind.run(decorated, 1)
    assert all_calls(decorated) == [1, 2]


def test_a_policy_tells_whether_it_is_on() -> None:
    policy = one.cladding.timer
    assert policy.enabled
    for what in ("timer", one, ONE, f"{ONE}:timer", "all"):
        with disabled(what):
            assert not policy.enabled
    assert policy.enabled


def test_its_own_switch_and_the_others_do_not_undo_each_other() -> None:
    policy = one.cladding.timer
    with disabled("timer"):
        policy.enabled = True
        assert not policy.enabled
        policy.enabled = False
    assert not policy.enabled
    policy.enabled = True
    assert policy.enabled


@pytest.mark.parametrize("wrong", [None, 0, "no", [], timer])
def test_the_switch_is_a_bool(wrong: Any) -> None:
    with pytest.raises(TypeError):
        one.cladding.timer.enabled = wrong
    assert one.cladding.timer.enabled


# ----------------------------------------------------------------------------------------------------------- `enabled=`


@all_kinds
def test_off_at_decoration_returns_the_very_function(kind: Kind) -> None:
    function = kind.build("x", "x")
    assert timer(enabled=False)(function) is function
    assert stack(timer(enabled=False), retry(enabled=False))(function) is function
    some = stack(timer(enabled=False), AGAIN)(function)
    assert [policy.name for policy in some.cladding.policies] == ["retry"]


@pytest.mark.parametrize(
    "target",
    [
        len,
        int,
        Thing,
        Thing.__dict__["method"],
        property(lambda self: 1),
        classmethod(lambda cls: 1),
        staticmethod(len),
    ],
    ids=str,
)
def test_off_at_decoration_returns_the_very_thing(target: Any) -> None:
    assert timer(enabled=False)(target) is target


@all_kinds
def test_a_callable_is_asked_at_each_call(kind: Kind) -> None:
    answers = [True, False, True, True, False]
    asked = iter(answers)
    decorated = stack(timer(enabled=lambda: next(asked)), timer)(kind.build("x", "x"))
    for _ in answers:
        assert kind.run(decorated, 1) == kind.run(decorated.cladding.wrapped, 1)
    assert list(asked) == []
    assert all_calls(decorated) == [3, 5]


def test_any_truth_will_do() -> None:
    answers: list[Any] = [[], [0], "", "x", None, 1]
    asked = iter(answers)
    decorated = timer(enabled=lambda: next(asked))(lambda: None)
    for _ in answers:
        decorated()
    assert all_calls(decorated) == [3]


@all_kinds
def test_a_callable_that_raises_fails_the_call(kind: Kind) -> None:
    ran: list[int] = []

    def broken() -> bool:
        raise LookupError("whether?")

    decorated = stack(timer, timer(enabled=broken), timer)(kind.build("x", "ran.append(x)", ran=ran))
    with pytest.raises(LookupError, match="whether"):
        kind.run(decorated, 1)
    assert ran == []
    assert all_calls(decorated) == [1, 0, 0]
    assert decorated.cladding.policies[0].stats["errors"] == 1


def test_a_callable_is_not_asked_while_its_policy_is_off() -> None:
    asked: list[int] = []
    decorated = timer(enabled=lambda: asked.append(1) or True)(lambda: None)
    with disabled("timer"):
        decorated()
    assert asked == []
    decorated()
    assert asked == [1]


def test_a_callable_may_call_the_function_and_switch() -> None:
    depth: list[int] = []

    def enabled() -> bool:
        depth.append(1)
        if len(depth) < 3:
            decorated()
        with disabled("timer"):
            decorated()
        return True

    decorated = timer(enabled=enabled)(lambda: None)
    decorated()
    assert len(depth) == 3
    assert all_calls(decorated) == [3]


@pytest.mark.parametrize("wrong", [None, 0, 1, "yes", []])
@pytest.mark.parametrize("decorator", [timer, retry], ids=["timer", "retry"])
def test_wrong_values_are_refused(decorator: Any, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"`enabled` must be a bool, or a callable without arguments, got "):
        decorator(enabled=wrong)


def test_methods_ask_without_an_instance() -> None:
    class Service:
        active = True

        @timer(enabled=lambda: Service.active)
        def serve(self) -> int:
            return 1

    service = Service()
    service.serve()
    Service.active = False
    service.serve()
    assert all_calls(Service.serve) == [1]


def test_the_parameter_and_the_switch_are_two_things() -> None:
    decorated = timer(enabled=bool)(lambda: None)
    policy = decorated.cladding.timer
    assert policy.enabled is True
    assert policy.parameters["enabled"] is bool
    assert pickle.loads(pickle.dumps(policy.policy)) == timer(enabled=bool)
