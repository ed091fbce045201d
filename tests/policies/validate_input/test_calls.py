"""`validate_input` on calls of every kind: how arguments are found, on what it can stand, when it is off."""

from __future__ import annotations

import asyncio
import functools
import gc
import weakref
from typing import Any

import pytest

import cladding
from cladding import Array, ConfigurationError, Range, ValidationError, validate_input
from policies.kinds import Kind, all_kinds

np = pytest.importorskip("numpy")


# -------------------------------------------------------------------------------------------------- arguments are found


def test_arguments_by_position_and_by_keyword() -> None:
    @validate_input(a=Range(0, 1), b=Range(0, 1), c=Range(0, 1), d=Range(0, 1))
    def f(a: float, /, b: float, c: float = 0.5, *args: float, d: float = 0.5, **more: float) -> str:
        return "ok"

    assert f(0, 1, 1, 99, d=0, e=7) == f(0, b=1, c=0) == "ok"
    for args, kwargs, name in [
        ((2, 0), {}, "a"),
        ((0, 2), {}, "b"),
        ((0,), {"b": 2}, "b"),
        ((0, 0), {"c": 2}, "c"),
        ((0, 0, 2), {}, "c"),
        ((0, 0), {"d": 2}, "d"),
    ]:
        with pytest.raises(ValidationError) as caught:
            f(*args, **kwargs)
        assert caught.value.argument == name

    @validate_input(a=Range(0, 1))
    def g(a: float = 0.5, /, **more: float) -> dict[str, float]:
        return more

    # A keyword of a positional-only parameter's name is one of `more`, and not that parameter.
    assert f(0, 0, a=5) == "ok"
    assert g(a=5) == {"a": 5}


def test_further_keywords_are_found() -> None:
    @validate_input(rate=Range(0, 1))
    def f(**options: float) -> dict[str, float]:
        return options

    assert f(rate=1, other=9) == {"rate": 1, "other": 9}
    assert f() == {}
    with pytest.raises(ValidationError, match="`rate`"):
        f(rate=2)


def test_parameters_with_the_decorators_own_names() -> None:
    @validate_input({"fallback": Range(0, 1), "enabled": Range(0, 1), "expectations": Range(0, 1)}, self=Range(0, 1))
    def f(fallback: float, enabled: float, expectations: float, self: float) -> str:
        return "ok"

    assert f(0, 0, 0, 0) == "ok"
    for place in range(4):
        with pytest.raises(ValidationError):
            f(*[2 if i == place else 0 for i in range(4)])


def test_defaults_are_the_authors_own() -> None:
    @validate_input(y=Array())
    def f(x: Any, y: Any = None) -> Any:
        return "ok"

    @validate_input(y=Array())
    async def g(x: Any, y: Any = None) -> Any:
        return "ok"

    assert f(1) == f(1, None) == asyncio.run(g(1)) == asyncio.run(g(1, y=None)) == "ok"
    with pytest.raises(ValidationError):
        asyncio.run(g(1, 2))
    with pytest.raises(ValidationError):
        f(1, 2)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((9, 9, 9), {}), ((9,), {"x": 9}), ((9,), {"q": 1}), ((), {"y": 9}), ((9, 9), {"y": 9})],
)
def test_a_wrong_call_is_the_functions_own_type_error(args: Any, kwargs: Any) -> None:
    def f(x: float, y: float = 0) -> None: ...

    decorated = validate_input(x=Range(0, 1), y=Range(0, 1), fallback=1)(f)
    with pytest.raises(TypeError) as bare:
        f(*args, **kwargs)
    with pytest.raises(TypeError) as caught:
        decorated(*args, **kwargs)
    assert str(caught.value) == str(bare.value)
    assert decorated.cladding.validate_input.stats["rejected"] == 0


# ----------------------------------------------------------------------------------------------- every kind, everywhere


@all_kinds
def test_every_kind_of_call_is_checked_before_it_runs(kind: Kind) -> None:
    ran: list[Any] = []
    f = validate_input(x=Range(0, 1))(kind.make(lambda x: ran.append(x)))
    kind.run(f, x=1)
    assert ran == [1]
    with pytest.raises(ValidationError) as caught:
        kind.run(f, x=2)
    assert ran == [1]
    assert (caught.value.argument, caught.value.got) == ("x", "2")
    assert f.cladding.validate_input.stats == {"checked": 2, "rejected": 1, "fallbacks": 0}


def test_methods_of_each_sort() -> None:
    expectation = validate_input(x=Range(0, 1))

    class Model:
        @expectation
        def method(self, x: float) -> float:
            return x

        @classmethod
        @expectation
        def below(cls, x: float) -> float:
            return x

        @expectation
        @classmethod
        def above(cls, x: float) -> float:
            return x

        @expectation
        @staticmethod
        def static(x: float) -> float:
            return x

    model = Model()
    for call in (
        model.method,
        Model.below,
        Model.above,
        model.above,
        Model.static,
        model.static,
        functools.partial(Model.method, model),
    ):
        assert call(1) == call(x=0.5) * 2 == 1
        with pytest.raises(ValidationError, match="`x`"):
            call(2)
        with pytest.raises(ValidationError, match="`x`"):
            call(x=2)


def test_classes_partials_and_callable_objects() -> None:
    @validate_input(x=Range(0, 1))
    class Point:
        def __init__(self, x: float) -> None:
            self.x = x

    assert Point(1).x == 1
    with pytest.raises(ValidationError):
        Point(2)

    def f(a: float, x: float) -> float:
        return a + x

    part = validate_input(x=Range(0, 1))(functools.partial(f, 10))
    assert part(1) == part(x=1) == 11
    with pytest.raises(ValidationError):
        part(2)

    class Adds:
        def __call__(self, x: float) -> float:
            return x + 1

    adds = validate_input(x=Range(0, 1))(Adds())
    assert adds(1) == 2
    with pytest.raises(ValidationError):
        adds(2)

    with pytest.raises(ConfigurationError, match=r"parameters of .*dict.* are not known"):
        validate_input(x=Range(0, 1))(dict)


def test_stacked_each_checks_its_own() -> None:
    @validate_input(x=Range(0, 10))
    @cladding.memory_guard
    @validate_input(x=Range(5, 20))
    def f(x: float) -> float:
        return x

    assert f(7) == 7
    with pytest.raises(ValidationError, match="from 0 to 10"):
        f(11)
    with pytest.raises(ValidationError, match="from 5 to 20"):
        f(4)
    outer, _, inner = f.cladding.policies
    assert (outer.stats["checked"], inner.stats["checked"]) == (3, 2)


def test_switched_off_nothing_is_checked() -> None:
    def f(x: float) -> float:
        return x

    assert validate_input(x=Range(0, 1), enabled=False)(f) is f
    decorated = validate_input(x=Range(0, 1))(f)
    with cladding.disabled("validate_input"):
        assert decorated(2) == 2
    with pytest.raises(ValidationError):
        decorated(2)
    asked = validate_input(x=Range(0, 1), enabled=lambda: False)(f)
    assert asked(2) == 2


def test_a_default_that_leads_back_to_the_function_is_collected() -> None:
    class Box:
        function: Any = None

    def make() -> weakref.ref[Box]:
        box = Box()

        @validate_input(x=Range(), fallback=box)
        def f(x: float, b: Any = box) -> None: ...

        box.function = f
        return weakref.ref(box)

    found = make()
    gc.collect()
    assert found() is None
