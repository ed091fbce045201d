"""Switching policies off: in a block, by configuration, by the environment, on one function, and at decoration."""

from __future__ import annotations

import asyncio
import inspect
import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import cladding
from carrier.kinds import KINDS, Kind, Outcome
from cladding import ConfigurationError, _native, configure, disabled, of, retry, stack, timer

all_kinds = pytest.mark.parametrize("kind", KINDS, ids=str)

AGAIN = retry(max_retries=2, exceptions=RuntimeError, initial_delay=0)


def calls(decorated: Any) -> list[int]:
    """How many calls each policy has seen, outermost first."""
    return [policy.stats["calls"] for policy in of(decorated).policies]


@timer
@AGAIN
def one(x: int) -> int:
    """A decorated function with a full name of its own."""
    return 2 * x


@timer
@AGAIN
def other(x: int) -> int:
    """Another."""
    return 3 * x


class Thing:
    """With a decorated method."""

    @timer
    def method(self) -> int:
        """Does something."""
        return 1


ONE = f"{__name__}.one"


def seen(call: Callable[[], Any]) -> dict[str, list[int]]:
    """What each policy of ``one`` and ``other`` saw of a call."""
    before = calls(one), calls(other)
    call()
    return {
        function.__name__: [now - then for now, then in zip(calls(function), earlier, strict=True)]
        for function, earlier in zip((one, other), before, strict=True)
    }


def both() -> None:
    """A call of each."""
    assert (one(1), other(1)) == (2, 3)


# ------------------------------------------------------------------------------------------------------ what is off


@pytest.mark.parametrize(
    ("what", "expected_one", "expected_other"),
    [
        (["timer"], [0, 1], [0, 1]),
        (["retry"], [1, 0], [1, 0]),
        (["timer", "retry"], [0, 0], [0, 0]),
        (["monitor"], [1, 1], [1, 1]),
        ([one], [0, 0], [1, 1]),
        ([one, other], [0, 0], [0, 0]),
        ([ONE], [0, 0], [1, 1]),
        ([f"{ONE}:timer"], [0, 1], [1, 1]),
        ([f"{ONE}:retry", other], [1, 0], [0, 0]),
        ([f"{ONE}:monitor"], [1, 1], [1, 1]),
        (["no.such.function"], [1, 1], [1, 1]),
        ([f"{__name__}.on"], [1, 1], [1, 1]),
        (["all"], [0, 0], [0, 0]),
        ([], [0, 0], [0, 0]),
    ],
    ids=str,
)
def test_disabled(what: list[Any], expected_one: list[int], expected_other: list[int]) -> None:
    with disabled(*what):
        assert seen(both) == {"one": expected_one, "other": expected_other}
    assert seen(both) == {"one": [1, 1], "other": [1, 1]}
    configure(disabled=what or ["all"])
    assert seen(both) == {"one": expected_one, "other": expected_other}
    configure()
    assert seen(both) == {"one": [1, 1], "other": [1, 1]}


@pytest.mark.parametrize("what", [Thing.method, Thing().method, f"{__name__}.Thing.method"], ids=str)
def test_disabled_methods(what: Any) -> None:
    before = calls(Thing.method)
    with disabled(what):
        assert Thing().method() == 1
    assert calls(Thing.method) == before


def test_disabled_classes_and_descriptors() -> None:
    @timer
    class Made:
        @timer
        @property
        def value(self) -> int:
            return 1

    with disabled(Made, Made.__dict__["value"]):
        assert Made().value == 1
    assert calls(Made) == calls(Made.__dict__["value"]) == [0]
    assert Made().value == 1
    assert calls(Made) == calls(Made.__dict__["value"]) == [1]


def test_decorated_while_disabled() -> None:
    with disabled("timer"):
        late = timer(lambda: 1)
        late()
    late()
    assert calls(late) == [1]


def test_a_shared_policy_is_off_in_every_carrier() -> None:
    low = timer(lambda: 1)
    high = timer(low)
    with disabled(low):
        high()
    assert calls(high) == [1, 0]
    with disabled(high):
        low()
    assert calls(high) == [1, 0]


@pytest.mark.parametrize(
    "wrong", ["", "timr", "Timer", "one", "a:timer", "a.b:timr", "a.b:", ".b", "a.", "a..b", ":timer", "1"]
)
def test_wrong_names_are_refused_with_what_is_allowed(wrong: str) -> None:
    allowed = r"'all', one of cache_result, .*, 'module\.function' or 'module\.function:policy', got "
    with pytest.raises(ConfigurationError, match=f"disabled: .*{allowed}{wrong!r}"):
        disabled("timer", wrong)
    with pytest.raises(ConfigurationError, match=f"configure: `disabled`: .*{allowed}{wrong!r}"):
        configure(disabled=["timer", wrong])
    assert _native.rules() == []


@pytest.mark.parametrize("wrong", [print, None, 3, timer, timer(), Thing], ids=str)
def test_what_carries_no_policy_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="carries no cladding policy"):
        disabled(wrong)
    with pytest.raises(TypeError, match="carries no cladding policy"):
        configure(disabled=[wrong])
    assert _native.rules() == []


@pytest.mark.parametrize("wrong", ["timer", one], ids=str)
def test_one_name_in_place_of_several_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="`disabled` must be several names or functions"):
        configure(disabled=wrong)


def test_every_decorator_can_be_named() -> None:
    decorators = [name for name in cladding.__all__ if name in cladding._stack.POLICY_NAMES]
    assert sorted([*decorators, "noop"]) == sorted(cladding._stack.POLICY_NAMES)
    with disabled(*decorators):
        assert sorted(_native.rules()) == sorted(decorators)


# ------------------------------------------------------------------------------------------- nesting and overlapping


def test_blocks_nest() -> None:
    with disabled("timer"):
        with disabled("timer", one):
            assert seen(both) == {"one": [0, 0], "other": [0, 1]}
        assert seen(both) == {"one": [0, 1], "other": [0, 1]}
    assert seen(both) == {"one": [1, 1], "other": [1, 1]}


def test_a_block_can_be_entered_again_and_again() -> None:
    block = disabled(one)
    with block, block:
        with block:
            pass
        assert seen(both)["one"] == [0, 0]
    assert seen(both)["one"] == [1, 1]
    with block:
        assert seen(both)["one"] == [0, 0]


def test_blocks_may_end_in_any_order() -> None:
    first, second = disabled("timer"), disabled("timer")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert seen(both)["one"] == [0, 1]
    second.__exit__(None, None, None)
    assert seen(both)["one"] == [1, 1]


def test_an_exception_ends_the_block_and_passes() -> None:
    with pytest.raises(KeyError, match="mine"), disabled():
        raise KeyError("mine")
    assert seen(both)["one"] == [1, 1]


def test_configuration_and_blocks_do_not_undo_each_other() -> None:
    configure(disabled=["timer"])
    with disabled("timer"):
        configure(disabled=())
        assert seen(both)["one"] == [0, 1]
    assert seen(both)["one"] == [1, 1]
    with disabled("retry"):
        configure(disabled=["retry", ONE])
    assert seen(both) == {"one": [0, 0], "other": [1, 0]}
    configure(disabled=())


def test_a_wrong_configuration_changes_nothing() -> None:
    configure(disabled=["timer"])
    with pytest.raises(ConfigurationError):
        configure(disabled=["retry", "wrong"])
    assert seen(both)["one"] == [0, 1]
    configure()


def test_blocks_hold_in_every_thread() -> None:
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with disabled("timer"):
            inside.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(30)
    with disabled(ONE):
        assert seen(both) == {"one": [0, 0], "other": [0, 1]}
    assert seen(both)["one"] == [0, 1]
    done.set()
    thread.join()
    assert seen(both)["one"] == [1, 1]


def test_blocks_hold_in_every_task() -> None:
    async def main() -> None:
        inside, done = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            with disabled("timer"):
                inside.set()
                await done.wait()

        async with asyncio.TaskGroup() as group:
            holder = group.create_task(hold())
            await inside.wait()
            with disabled("retry"):
                assert seen(both)["one"] == [0, 0]
                done.set()
                await holder
                assert seen(both)["one"] == [1, 0]
        assert seen(both)["one"] == [1, 1]

    asyncio.run(main())


def test_threads_that_switch_at_once_leave_nothing_behind() -> None:
    start = threading.Barrier(4)

    def toggle(what: Any) -> None:
        start.wait(30)
        for _ in range(300):
            with disabled(what):
                one(1)
            configure(disabled=["retry"])
            configure()

    threads = [threading.Thread(target=toggle, args=(what,)) for what in ("timer", one, ONE, "all")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _native.rules() == []
    assert seen(both)["one"] == [1, 1]


# ------------------------------------------------------------------------------------------------- calls under way


def test_a_call_under_way_goes_on_as_it_began() -> None:
    @timer
    def items() -> Any:
        yield 1
        yield 2

    begun = items()
    assert next(begun) == 1
    with disabled(items):
        assert list(begun) == [2]
        left_out = items()
        assert next(left_out) == 1
    assert list(left_out) == [2]
    assert calls(items) == [1]


@all_kinds
def test_off_is_the_wrapped_function_exactly(kind: Kind) -> None:
    for signature, body in (("x, *, y=2", "(x, y)"), ("x", "1 / 0"), ("*args", "args")):
        bare = kind.build(signature, body)
        decorated = stack(timer, AGAIN)(bare)
        for arguments in ((), (1,), (1, 2)):
            with disabled():
                result = Outcome.of(lambda: kind.run(decorated, *arguments))
            assert result == Outcome.of(lambda: kind.run(bare, *arguments))
        assert calls(decorated) == [0, 0]


def test_off_leaves_no_frame() -> None:
    @timer
    def fails() -> None:
        raise KeyError

    with disabled(), pytest.raises(KeyError) as caught:
        fails()
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames == ["test_off_leaves_no_frame", "fails"]


# ---------------------------------------------------------------------------------------------- the switch of a policy


@all_kinds
def test_one_policy_of_one_function(kind: Kind) -> None:
    decorated = stack(timer, timer)(kind.build("x", "x"))
    outer, inner = decorated.cladding.policies
    outer.enabled = False
    assert (outer.enabled, inner.enabled) == (False, True)
    kind.run(decorated, 1)
    assert calls(decorated) == [0, 1]
    outer.enabled = True
    kind.run(decorated, 1)
    assert calls(decorated) == [1, 2]


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


# ------------------------------------------------------------------------------------------------------- `enabled=`


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
    assert calls(decorated) == [3, 5]


def test_any_truth_will_do() -> None:
    answers: list[Any] = [[], [0], "", "x", None, 1]
    asked = iter(answers)
    decorated = timer(enabled=lambda: next(asked))(lambda: None)
    for _ in answers:
        decorated()
    assert calls(decorated) == [3]


@all_kinds
def test_a_callable_that_raises_fails_the_call(kind: Kind) -> None:
    ran: list[int] = []

    def broken() -> bool:
        raise LookupError("whether?")

    decorated = stack(timer, timer(enabled=broken), timer)(kind.build("x", "ran.append(x)", ran=ran))
    with pytest.raises(LookupError, match="whether"):
        kind.run(decorated, 1)
    assert ran == []
    assert calls(decorated) == [1, 0, 0]
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
    assert calls(decorated) == [3]


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
    assert calls(Service.serve) == [1]


def test_the_parameter_and_the_switch_are_two_things() -> None:
    decorated = timer(enabled=bool)(lambda: None)
    policy = decorated.cladding.timer
    assert policy.enabled is True
    assert policy.parameters["enabled"] is bool
    assert pickle.loads(pickle.dumps(policy.policy)) == timer(enabled=bool)


# ---------------------------------------------------------------------------------------------------- the environment


def started_with(value: str | None, *options: str) -> subprocess.CompletedProcess[str]:
    """What a new interpreter prints of the switches of a function, started with a value of ``CLADDING_DISABLED``."""
    program = inspect.cleandoc("""
        import cladding

        @cladding.timer
        @cladding.retry
        def function(): ...

        function()
        print(*[policy.stats["calls"] for policy in function.cladding.policies])
        cladding.configure()
        function()
        print(*[policy.stats["calls"] for policy in function.cladding.policies])
    """)
    environment = {name: text for name, text in os.environ.items() if name != "CLADDING_DISABLED"}
    if value is not None:
        environment["CLADDING_DISABLED"] = value
    command = [sys.executable, *options, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("value", "first"),
    [
        (None, "1 1"),
        ("", "1 1"),
        (" , ", "1 1"),
        ("timer", "0 1"),
        (" retry , timer,", "0 0"),
        ("__main__.function:retry", "1 0"),
        ("__main__.function", "0 0"),
        ("1", "0 0"),
        ("all", "0 0"),
    ],
)
def test_the_environment(value: str | None, first: str) -> None:
    process = started_with(value, "-W", "error")
    assert process.stderr == ""
    before, after = process.stdout.splitlines()
    assert before == first
    # A configuration in code takes the place of the environment's.
    assert after == " ".join(str(int(count) + 1) for count in first.split())


def test_a_wrong_name_in_the_environment_is_warned_about_and_the_others_hold() -> None:
    process = started_with("timr,retry")
    assert process.returncode == 0
    assert process.stdout.splitlines()[0] == "1 0"
    assert "<string>:1: RuntimeWarning: CLADDING_DISABLED: each must be " in process.stderr
    assert "one of cache_result" in process.stderr
    assert "got 'timr'" in process.stderr
