"""`attributes`: what gets them, and that it stays the same object."""

from __future__ import annotations

import functools
import types
from typing import Any

import pytest

import cladding
from cladding._gallery.attributes import attributes


def function() -> None: ...


class Holder:
    def method(self) -> None: ...


class Slotted:
    __slots__ = ()


def test_a_function_stays_the_same() -> None:
    def f() -> int:
        return 3

    assert attributes({"stage": 1}, owner="ranking")(f) is f
    assert (f.owner, f.stage, f()) == ("ranking", 1, 3)  # type: ignore[attr-defined]
    attributes(owner="search")(f)
    assert f.owner == "search"  # type: ignore[attr-defined]


def test_a_class() -> None:
    @attributes(owner="ranking", __test__=False)
    class C: ...

    assert (C.owner, C().owner, C.__test__) == ("ranking",) * 2 + (False,)  # type: ignore[attr-defined]


def test_methods_and_descriptors() -> None:
    mark = attributes(owner="ranking")

    class C:
        @mark
        def method(self) -> None: ...

        @mark
        @classmethod
        def of_class(cls) -> None: ...

        @mark
        @staticmethod
        def static() -> None: ...

        @mark
        @property
        def prop(self) -> int:
            return 3

        @mark
        @functools.cached_property
        def cached(self) -> int:
            return 4

    holders: list[Any] = [C.method, C().method, C.of_class, C().of_class, C.static, C.prop.fget, C.cached]  # type: ignore[attr-defined]
    assert [holder.owner for holder in holders] == ["ranking"] * len(holders)
    assert isinstance(vars(C)["of_class"], classmethod)
    assert vars(C)["of_class"].owner == "ranking"
    assert (C().prop, C().cached) == (3, 4)


def test_decorated_functions_partials_and_objects() -> None:
    class Model:
        def __call__(self) -> int:
            return 3

    timed = cladding.timer(lambda: 3)
    for target in (timed, functools.partial(function), Model()):
        assert attributes(owner="ranking")(target) is target
        assert target.owner == "ranking"  # type: ignore[union-attr]
    assert cladding.of(timed).timer.stats["calls"] == 0


def test_attributes_below_other_decorators_are_kept() -> None:
    @cladding.timer
    @attributes(owner="ranking")
    def f() -> None: ...

    assert f.owner == "ranking"  # type: ignore[attr-defined]


@pytest.mark.parametrize("target", [Holder().method, len, int, 3, Slotted(), property()], ids=str)
def test_refused(target: Any) -> None:
    with pytest.raises(TypeError, match="attributes cannot decorate"):
        attributes(owner="ranking")(target)


@pytest.mark.parametrize(
    "given, named",
    [
        (None, {}),
        ({}, {}),
        ({"not a name": 1}, {}),
        ({3: 1}, {}),
        ({"x": 1}, {"x": 2}),
        (None, {"cladding": 1}),
        (None, {"__wrapped__": 1}),
        (function, {}),
    ],
)
def test_wrong_parameters(given: Any, named: dict[str, Any]) -> None:
    with pytest.raises(cladding.ConfigurationError, match="attributes: "):
        attributes(given, **named)


@pytest.mark.parametrize("name", ["__name__", "__code__", "__doc__", "__defaults__", "__call__", "__class__"])
def test_names_that_mean_something(name: str) -> None:
    before = function.__name__, function.__code__
    with pytest.raises(cladding.ConfigurationError, match=f"attributes: `{name}` must be"):
        attributes(first=1, **{name: 1})(function)
    assert (function.__name__, function.__code__) == before
    assert not hasattr(function, "first")


def test_names_of_a_class_that_mean_something() -> None:
    with pytest.raises(cladding.ConfigurationError, match="`__bases__`"):
        attributes(__bases__=())(Holder)


def test_one_mark_on_many() -> None:
    made = [types.FunctionType(function.__code__, {}) for _ in range(3)]
    mark = attributes(owner="ranking")
    assert [mark(each).owner for each in made] == ["ranking"] * 3  # type: ignore[attr-defined]
