"""The form `(func, *args, **kw)`: arguments as they were given, names of any kind, every kind of target."""

from __future__ import annotations

import functools
import inspect
import pickle
import types
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import decorator

Seen = list[tuple[tuple[Any, ...], dict[str, Any]]]


@pytest.fixture
def seen() -> Seen:
    return []


@pytest.fixture
def spy(seen: Seen) -> Any:
    @decorator
    def spy(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        seen.append((args, kw))
        return func(*args, **kw)

    return spy


@decorator
def twice(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    """Calls twice."""
    func(*args, **kw)
    return func(*args, **kw)


@twice
def importable(a: int, b: int = 2) -> int:
    """Documented."""
    return a + b


def target(a: int, /, b: int = 2, *rest: int, c: int = 3, **extra: int) -> Any:
    return a, b, rest, c, extra


@given(
    args=st.lists(st.integers(), min_size=1, max_size=4),
    kw=st.dictionaries(st.sampled_from(["c", "d", "func", "args", "kw", "self"]), st.integers()),
)
def test_the_caller_gets_what_was_given_and_how(args: list[int], kw: dict[str, int]) -> None:
    seen: Seen = []

    @decorator
    def spy(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        seen.append((args, kw))
        return func(*args, **kw)

    assert spy(target)(*args, **kw) == target(*args, **kw)
    assert seen == [(tuple(args), kw)]


def test_keywords_stay_keywords_and_defaults_are_the_functions_own(spy: Any, seen: Seen) -> None:
    @spy
    def f(a: int, b: int = 1) -> tuple[int, int]:
        return a, b

    f(1), f(a=1), f(1, b=2)
    assert seen == [((1,), {}), ((), {"a": 1}), ((1,), {"b": 2})]
    f.__wrapped__.__defaults__ = (9,)
    assert f(1) == (1, 9)


@pytest.mark.parametrize(
    "name", ["func", "self", "wrapped", "args", "kw", "_call_", "_func_", "level", "caller", "target"]
)
def test_parameters_may_have_any_name(name: str) -> None:
    @decorator
    def hand_on(func: Any, level: str = "info", *args: Any, tag: Any = None, **kw: Any) -> Any:
        return level, tag, func(*args, **kw)

    namespace: dict[str, Any] = {}
    exec(f"def f({name}, tag=0): return {name}, tag", namespace)
    f = hand_on(tag="mine")(namespace["f"])
    assert f(1) == ("info", "mine", (1, 0))
    assert f(**{name: 1, "tag": 5}) == ("info", "mine", (1, 5))
    assert list(inspect.signature(f).parameters) == [name, "tag"]


def test_it_is_a_genuine_function_that_tells_what_the_wrapped_one_tells() -> None:
    assert type(importable) is types.FunctionType
    assert importable.__name__ == "importable"
    assert importable.__doc__ == "Documented."
    assert inspect.signature(importable) == inspect.signature(importable.__wrapped__)
    assert inspect.getfullargspec(importable) == inspect.getfullargspec(importable.__wrapped__)
    assert importable.__code__.co_filename == __file__
    assert importable.__code__.co_firstlineno == importable.__wrapped__.__code__.co_firstlineno


def test_the_slash_stays_in_the_signature(spy: Any) -> None:
    assert inspect.signature(spy(target)) == inspect.signature(target)
    with pytest.raises(TypeError, match="positional-only"):
        spy(lambda a, /: a)(a=1)


def test_wrong_calls_fail_as_the_bare_function_does(spy: Any) -> None:
    def f(a: int) -> int:
        return a

    for args, kw in (((), {}), ((1, 2), {}), ((), {"b": 1})):
        with pytest.raises(TypeError) as bare:
            f(*args, **kw)
        with pytest.raises(TypeError) as decorated:
            spy(f)(*args, **kw)
        assert str(decorated.value) == str(bare.value)


def test_methods_and_descriptors(spy: Any, seen: Seen) -> None:
    class C:
        @spy
        def method(self, a: int) -> Any:
            return self, a

        @spy
        @classmethod
        def of_class(cls, a: int) -> Any:
            return cls, a

        @classmethod
        @spy
        def of_class_below(cls, a: int) -> Any:
            return cls, a

        @spy
        @staticmethod
        def static(a: int) -> Any:
            return a

        @spy
        @property
        def attribute(self) -> Any:
            return self

        @spy
        @functools.cached_property
        def cached(self) -> Any:
            return self

        @spy
        def __call__(self, a: int) -> Any:
            return self, a

    c = C()
    assert c.method(1) == C.method(c, 1) == c(1) == (c, 1)
    assert c.of_class(1) == C.of_class(a=1) == c.of_class_below(1) == (C, 1)
    assert c.static(1) == C.static(1) == 1
    assert c.attribute is c.cached is c.cached is c
    assert len(seen) == 10  # the cached property once


def test_other_callables(spy: Any, seen: Seen) -> None:
    assert spy(len)([1]) == 1
    assert spy(functools.partial(target, 1, b=5))(c=6)[:2] == (1, 5)
    assert spy([3, 1].index)(1) == 1

    class Callable_:
        def __call__(self, a: int) -> int:
            return a

    assert spy(Callable_())(7) == 7
    assert len(seen) == 4


def test_callers_above_and_below_each_other() -> None:
    log = []

    def named(name: str) -> Any:
        @decorator
        def write(func: Any, *args: Any, **kw: Any) -> Any:
            log.append(name)
            return func(*args, **kw)

        return write

    @named("outer")
    @named("middle")
    @named("inner")
    def f(a: int) -> int:
        return a

    assert f(1) == 1
    assert log == ["outer", "middle", "inner"]
    assert inspect.unwrap(f) is f.__wrapped__.__wrapped__.__wrapped__


def test_pickled_by_name_and_by_value() -> None:
    assert pickle.loads(pickle.dumps(importable)) is importable
    assert pickle.loads(pickle.dumps(twice)) is twice
    calls: list[int] = []

    @twice
    def local(calls: list[int]) -> list[int]:
        calls.append(1)
        return calls

    again = cloudpickle.loads(cloudpickle.dumps(local))
    assert again([]) == [1, 1]
    assert calls == []


def test_enabled() -> None:
    log = []

    @decorator
    def write(func: Any, *args: Any, **kw: Any) -> Any:
        log.append(args)
        return func(*args, **kw)

    def f(a: int) -> int:
        return a

    assert write(enabled=False)(f) is f
    on = True
    asked = write(enabled=lambda: on)(f)
    assert asked(1) == 1
    on = False
    assert asked(2) == 2
    assert log == [(1,)]
    assert decorator(lambda func, *args, **kw: None, **{}) is not None

    @decorator(enabled=False)
    def never(func: Any, *args: Any, **kw: Any) -> Any:
        raise AssertionError

    assert never(f) is f
    with pytest.raises(AssertionError):
        never(enabled=True)(f)(1)


def test_a_failing_enabled_is_the_callers_business() -> None:
    def broken() -> bool:
        raise LookupError("switch")

    with pytest.raises(LookupError, match="switch"):
        twice(enabled=broken)(lambda: 1)()


def test_recursion_ends_in_a_recursion_error() -> None:
    @twice
    def endless() -> None:
        endless()

    with pytest.raises(RecursionError):
        endless()
