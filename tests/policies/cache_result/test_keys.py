"""`cache_result`: what is one key, however the call is written, and what can be none."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import cache_result

from .helpers import Counted, in_a_loop, stats

# ------------------------------------------------------------------------------------------------------- one key or two


def test_one_key_however_the_call_is_written(body: Counted) -> None:
    @cache_result
    def f(x: int, y: int = 2, *, z: int = 3) -> int:
        return body(x, y, z)

    calls = [f(1), f(x=1), f(1, 2), f(1, y=2), f(y=2, x=1), f(1, z=3), f(z=3, y=2, x=1), f(1, 2, z=3)]
    assert calls == [1] * 8
    assert f(1, 3) == f(1, y=3) == f(y=3, x=1) == 2
    assert f(1, z=4) == f(1, 2, z=4) == 3
    assert body.runs == [(1, 2, 3), (1, 3, 3), (1, 2, 4)]


def test_one_key_for_functions_of_few_parameters(body: Counted) -> None:
    one = cache_result(lambda x: body())
    assert one(1) == one(x=1) == 1
    default = cache_result(lambda x=1: body())
    assert default() == default(1) == default(x=1) == 2
    keyword = cache_result(lambda *, k=1: body())
    assert keyword() == keyword(k=1) == 3
    any_keyword = cache_result(lambda **kwargs: body())
    assert any_keyword(a=1) == any_keyword(a=1) == 4
    assert any_keyword(b=1) == 5
    nothing = cache_result(lambda: body())
    assert nothing() == nothing() == 6


def test_var_arguments_are_kept_apart(body: Counted) -> None:
    @cache_result
    def f(a: int, *args: Any, k: int = 0, **kwargs: Any) -> int:
        return body()

    keys: list[Callable[[], int]] = [
        lambda: f(1),
        lambda: f(1, 2),
        lambda: f(1, 0, 2),
        lambda: f(1, k=2),
        lambda: f(1, 2, k=2),
        lambda: f(1, b=2),
        lambda: f(1, "b", 2),
        lambda: f(1, b=2, c=3),
        lambda: f(1, 2, b=2),
    ]
    assert [key() for key in keys] == list(range(1, len(keys) + 1))
    assert [key() for key in keys] == list(range(1, len(keys) + 1))
    assert f(1, c=3, b=2) == f(1, b=2, c=3)
    assert f(1, k=0) == f(1)


def test_positional_only_name_in_var_keywords(body: Counted) -> None:
    @cache_result
    def f(x: int, /, **kwargs: int) -> int:
        return body()

    assert [f(1), f(1, x=2), f(1, x=3), f(1, x=2)] == [1, 2, 3, 2]


@pytest.mark.parametrize("wrong", [lambda f: f(), lambda f: f(1, x=1), lambda f: f(1, bogus=1), lambda f: f(1, 2, 3)])
def test_wrong_calls_stay_wrong(wrong: Callable[[Any], Any]) -> None:
    def f(x: int, y: int = 2) -> int:
        return x

    cached = cache_result(f)
    cached(1)
    cached(1, 2)
    with pytest.raises(TypeError) as bare:
        wrong(f)
    for _ in range(2):
        with pytest.raises(TypeError) as error:
            wrong(cached)
        assert str(error.value) == str(bare.value)


def test_unknown_parameters_are_keys_as_they_come(body: Counted) -> None:
    cached: Any = cache_result(functools.partial(body, 1))
    assert [cached(2), cached(2), cached(3)] == [1, 1, 2]


def test_equal_as_in_a_dict(body: Counted) -> None:
    f = cache_result(lambda x: body(x))
    assert f(1) == f(1.0) == f(True) == f(1 + 0j) == 1
    assert f("1") == 2
    assert f(b"1") == 3
    assert f(None) == 4
    assert f(0.0) == f(-0.0) == f(0) == f(False) == 5
    assert f((1, "a")) == f((1.0, "a")) == 6
    assert f(("1", "a")) == 7
    assert f((b"1",)) == 8
    assert f(("1",)) == 9
    assert f("a b") == 10
    assert f(frozenset({1})) == f(frozenset({1.0})) == 11


def test_every_nan_is_one_key(body: Counted) -> None:
    f = cache_result(lambda x: body(x))
    assert f(float("nan")) == f(float("nan")) == f(-float("nan")) == f(float("inf") - float("inf")) == 1
    assert f(float("inf")) == 2


def test_minus_one_and_minus_two_have_one_hash(body: Counted) -> None:
    f = cache_result(lambda x: body(x))
    assert hash(-1) == hash(-2)
    assert [f(-1), f(-2), f(-1), f(-2)] == [1, 2, 1, 2]
    assert stats(f)["hits"] == 2


def test_order_and_number_of_arguments_matter(body: Counted) -> None:
    f = cache_result(lambda *args: body())
    assert [f(1, 2), f(2, 1), f(1), f(), f((1, 2)), f(1, 2)] == [1, 2, 3, 4, 5, 1]


def test_a_value_that_only_its_method_can_compare(body: Counted) -> None:
    class Celsius:
        def __init__(self, degrees: float) -> None:
            self.degrees = degrees

        def __hash__(self) -> int:
            return hash(self.degrees)

        def __eq__(self, other: object) -> bool:
            return self.degrees == (other.degrees if isinstance(other, Celsius) else other)

    f = cache_result(lambda x, y=0: body())
    assert f(Celsius(20)) == f(Celsius(20)) == f(20) == f(20.0) == f(Celsius(20), 0) == 1
    assert f(Celsius(21)) == 2
    assert f(Celsius(20), 1) == 3


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int


def test_frozen_dataclasses_are_keys(body: Counted) -> None:
    f = cache_result(lambda p: body())
    assert [f(Point(1, 2)), f(Point(1, 2)), f(Point(2, 1))] == [1, 1, 2]


# -------------------------------------------------------------------------------------------- arguments that can be no key


class Bare:
    """Neither a hash nor content."""

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("call", "argument", "kind"),
    [
        (lambda f: f(Bare()), "'x'", "Bare"),
        (lambda f: f(x=Bare()), "'x'", "Bare"),
        (lambda f: f(1, Bare()), "positional argument 2", "Bare"),
        (lambda f: f(1, 2, {1: Bare()}), "positional argument 3", "dict and holds a Bare"),
        (lambda f: f(1, k=[[Bare()]]), "'k'", "list and holds a Bare"),
        (lambda f: f(1, other={"a": (Bare(),)}), "'other'", "dict and holds a Bare"),
        (lambda f: f((1, [Bare()])), "'x'", "tuple and holds a Bare"),
        (lambda f: f([1], Bare()), "positional argument 2", "Bare"),
        (lambda f: f([Bare], Bare()), "positional argument 2", "Bare"),
    ],
)
def test_what_can_be_no_key_is_named(call: Callable[[Any], Any], argument: str, kind: str) -> None:
    @cache_result
    def f(x: Any, *args: Any, k: Any = None, **kwargs: Any) -> Any:
        return x

    with pytest.raises(TypeError, match="neither a hash nor content") as error:
        call(f)
    assert argument in str(error.value)
    assert f"is of type {kind}, which" in str(error.value)
    assert f.cache_info() == (0, 0, 10_000, 0)


def test_what_can_be_no_key_is_named_in_methods() -> None:
    class Each:
        @cache_result
        def method(self, x: Any, *args: Any, k: Any = 1) -> Any:
            return x

    each = Each()
    for call, argument in [
        (lambda: each.method(Bare()), "argument 'x'"),
        (lambda: each.method([1], Bare()), "positional argument 3"),
        (lambda: each.method(1, 2, k=Bare()), "argument 'k'"),
    ]:
        with pytest.raises(TypeError, match=f"{argument} of"):
            call()


def test_a_default_spelled_out_is_one_key(body: Counted) -> None:
    @cache_result
    def f(x: int, options: dict[str, int] = {}) -> int:
        return body()

    assert [f(1), f(1), f(x=1), f(2)] == [1, 1, 1, 2]
    assert f(1, {}) == f(1, options={}) == 1
    assert f(1, {"a": 1}) == 3


def test_a_default_that_can_be_no_key(body: Counted) -> None:
    default = Bare()

    @cache_result
    def f(x: int, y: Any = default, *, z: Any = default) -> int:
        return body()

    assert [f(1), f(1), f(x=1), f(2), f(1, default), f(1, z=default)] == [1, 1, 1, 2, 1, 1]
    with pytest.raises(TypeError, match="argument 'y'"):
        f(1, Bare())
    with pytest.raises(TypeError, match="argument 'z'"):
        f(1, z=Bare())


@in_a_loop
async def test_an_unhashable_default_of_a_coroutine_function() -> None:
    runs = []

    @cache_result
    async def f(x: int, *, options: list[int] = []) -> int:
        runs.append(x)
        return x

    assert [await f(1), await f(1), await f(x=1)] == [1, 1, 1]
    assert runs == [1]


def test_an_error_in_hash_or_eq_reaches_the_caller() -> None:
    class Odd:
        def __init__(self, part: str) -> None:
            self.part = part

        def __hash__(self) -> int:
            if self.part == "hash":
                raise ArithmeticError("no hash today")
            return 1

        def __eq__(self, other: object) -> bool:
            raise ArithmeticError("no equality today")

    f = cache_result(lambda x: 5)
    with pytest.raises(ArithmeticError, match="no hash"):
        f(Odd("hash"))
    first = Odd("eq")
    assert f(first) == f(first) == 5
    with pytest.raises(ArithmeticError, match="no equality"):
        f(Odd("eq"))
    assert f(first) == 5


# ------------------------------------------------------------------------------------------------------ against a model


values = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.0, -0.0, 1.0, 2.5, True, False, None, "a", "b", b"a", 2**70, Point(1, 2)]),
    st.tuples(st.integers(-1, 1), st.sampled_from(["a", b"a", 1.0])),
)
forms = st.sampled_from(["positional", "keyword", "mixed", "default"])


@given(st.lists(st.one_of(st.tuples(forms, values, values), st.none()), max_size=60))
def test_answers_as_a_dict_of_results_would(calls: list[tuple[str, Any, Any] | None]) -> None:
    runs = 0

    @cache_result(ttl=None, max_entries=None)
    def f(x: Any, y: Any = 0, *, z: Any = None) -> int:
        nonlocal runs
        runs += 1
        return runs

    model: dict[Any, int] = {}
    expected_runs = 0
    for call in calls:
        if call is None:
            f.cache_clear()
            model.clear()
            continue
        form, x, y = call
        if form == "default":
            y = 0
        key = (x, y)
        if key not in model:
            expected_runs += 1
            model[key] = expected_runs
        result = {
            "positional": lambda: f(x, y),
            "keyword": lambda: f(y=y, x=x),
            "mixed": lambda: f(x, z=None, y=y),
            "default": lambda: f(x),
        }[form]()
        assert result == model[key]
        assert f.cache_info().currsize == len(model)
    assert runs == expected_runs
