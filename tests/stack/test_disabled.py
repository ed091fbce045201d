"""Policies switched off by name or by function: what is off, and how it runs."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

import cladding
from carrier.kinds import Kind, Outcome
from cladding import ConfigurationError, _native, configure, disabled, stack, timer

from .helpers import AGAIN, all_calls, all_kinds
from .switched import ONE, Thing, both, one, other, seen

# ---------------------------------------------------------------------------------------------------------- what is off


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
        ([f"{one.__module__}.on"], [1, 1], [1, 1]),
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


@pytest.mark.parametrize("what", [Thing.method, Thing().method, f"{Thing.__module__}.Thing.method"], ids=str)
def test_disabled_methods(what: Any) -> None:
    before = all_calls(Thing.method)
    with disabled(what):
        assert Thing().method() == 1
    assert all_calls(Thing.method) == before


def test_disabled_classes_and_descriptors() -> None:
    @timer
    class Made:
        @timer
        @property
        def value(self) -> int:
            return 1

    with disabled(Made, Made.__dict__["value"]):
        assert Made().value == 1
    assert all_calls(Made) == all_calls(Made.__dict__["value"]) == [0]
    assert Made().value == 1
    assert all_calls(Made) == all_calls(Made.__dict__["value"]) == [1]


def test_decorated_while_disabled() -> None:
    with disabled("timer"):
        late = timer(lambda: 1)
        late()
    late()
    assert all_calls(late) == [1]


def test_a_shared_policy_is_off_in_every_carrier() -> None:
    low = timer(lambda: 1)
    high = timer(low)
    with disabled(low):
        high()
    assert all_calls(high) == [1, 0]
    with disabled(high):
        low()
    assert all_calls(high) == [1, 0]


def test_every_decorator_can_be_named() -> None:
    decorators = [name for name in cladding.__all__ if name in cladding._stack.POLICY_NAMES]
    assert sorted([*decorators, "noop"]) == sorted(cladding._stack.POLICY_NAMES)
    with disabled(*decorators):
        assert sorted(_native.rules()) == sorted(decorators)


# ---------------------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    "wrong", ["", "timr", "Timer", "one", "a:timer", "a.b:timr", "a.b:", ".b", "a.", "a..b", ":timer", "1"]
)
def test_wrong_names_are_refused_with_what_is_allowed(wrong: str) -> None:
    allowed = r"'all', one of .*cache_result, .*, 'module\.function' or 'module\.function:policy', got "
    with pytest.raises(ConfigurationError, match=f"disabled: .*{allowed}{wrong!r}"):
        disabled("timer", wrong)
    with pytest.raises(ConfigurationError, match=f"configure: `disabled`: .*{allowed}{wrong!r}"):
        configure(disabled=["timer", wrong])
    assert _native.rules() == []


def test_what_is_allowed_leaves_out_what_is_not_public() -> None:
    with pytest.raises(ConfigurationError) as caught:
        disabled("timr")
    allowed = str(caught.value).partition("one of ")[2].partition(", 'module")[0].split(", ")
    assert allowed == sorted(name for name in cladding.__all__ if name in cladding._stack.POLICY_NAMES)


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


# ------------------------------------------------------------------------------------------------------ calls under way


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
    assert all_calls(items) == [1]


@all_kinds
def test_off_is_the_wrapped_function_exactly(kind: Kind) -> None:
    for signature, body in (("x, *, y=2", "(x, y)"), ("x", "1 / 0"), ("*args", "args")):
        bare = kind.build(signature, body)
        decorated = stack(timer, AGAIN)(bare)
        for arguments in ((), (1,), (1, 2)):
            with disabled():
                result = Outcome.of(lambda: kind.run(decorated, *arguments))
            assert result == Outcome.of(lambda: kind.run(bare, *arguments))
        assert all_calls(decorated) == [0, 0]


def test_off_leaves_no_frame() -> None:
    @timer
    def fails() -> None:
        raise KeyError

    with disabled(), pytest.raises(KeyError) as caught:
        fails()
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert frames == ["test_off_leaves_no_frame", "fails"]
