"""Attributes of proxy classes: errors inside them are their own, and `__getattr__` of a subclass is asked once."""

from __future__ import annotations

import pydoc
from typing import Any

import pytest

from cladding._native import BaseObjectProxy, CompatBaseObjectProxy, FunctionWrapper


def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


class Hidden:
    broken = "the wrapped object's"


class Failing(BaseObjectProxy):
    @property
    def broken(self) -> Any:
        raise AttributeError("inside the property")

    @property
    def worse(self) -> Any:
        raise KeyError("inside")


def test_an_attribute_error_inside_a_property_is_not_swallowed() -> None:
    with pytest.raises(AttributeError, match="inside the property"):
        _ = Failing(Hidden()).broken
    with pytest.raises(KeyError, match="inside"):
        _ = Failing(Hidden()).worse


def test_the_compatible_family_looks_further() -> None:
    class Compatible(CompatBaseObjectProxy):
        @property
        def broken(self) -> Any:
            raise AttributeError("inside the property")

    assert Compatible(Hidden()).broken == "the wrapped object's"


def test_an_error_of_the_wrapped_object_comes_through() -> None:
    class Wrapped:
        def __getattr__(self, name: str) -> Any:
            raise ZeroDivisionError(name)

        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError("eq")

        def __hash__(self) -> int:
            raise ZeroDivisionError("hash")

    proxy = BaseObjectProxy(Wrapped())
    for operation in (lambda: proxy.anything, lambda: hasattr(proxy, "other"), lambda: proxy == 1, lambda: hash(proxy)):
        with pytest.raises(ZeroDivisionError):
            operation()


def test_a_subclass_may_have_getattr() -> None:
    asked: list[str] = []

    class Counting(BaseObjectProxy):
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            if name == "made":
                return "up"
            return super().__getattr__(name)

    proxy = Counting(Hidden())
    assert (proxy.made, proxy.broken) == ("up", "the wrapped object's")
    with pytest.raises(AttributeError):
        _ = proxy.missing
    assert asked == ["made", "broken", "missing"]


def test_a_subclass_may_have_getattribute() -> None:
    class Watching(BaseObjectProxy):
        def __getattribute__(self, name: str) -> Any:
            return "seen" if name == "x" else super().__getattribute__(name)

    proxy = Watching(Hidden())
    assert (proxy.x, proxy.broken) == ("seen", "the wrapped object's")


def test_getattr_that_comes_later_counts() -> None:
    class Later(BaseObjectProxy):
        pass

    proxy = Later(Hidden())
    assert proxy.broken == "the wrapped object's"
    Later.__getattr__ = lambda self, name: "late"
    assert proxy.anything == "late"
    del Later.__getattr__
    assert proxy.broken == "the wrapped object's"


def test_descriptors_and_slots_of_subclasses_work() -> None:
    class Slotted(BaseObjectProxy):
        __slots__ = ("_self_slot", "plain")

    proxy = Slotted(Hidden())
    proxy._self_slot = 1
    proxy.plain = 2
    assert (proxy._self_slot, proxy.plain, proxy.__self_dict__) == (1, 2, {})
    assert not hasattr(proxy.__wrapped__, "plain")


def test_names_set_on_a_function_wrapper_stay_there() -> None:
    def original(x: int) -> int:
        "Original."
        return x

    wrapper: Any = FunctionWrapper(original, call)
    before = {name: getattr(original, name) for name in ("__name__", "__qualname__", "__doc__", "__module__")}
    assert {name: getattr(wrapper, name) for name in before} == before
    wrapper.__name__, wrapper.__qualname__, wrapper.__doc__, wrapper.__module__ = "n", "q", "d", "m"
    wrapper.__annotations__ = {}
    wrapper.__signature__ = "s"
    assert (wrapper.__name__, wrapper.__qualname__, wrapper.__doc__, wrapper.__module__) == ("n", "q", "d", "m")
    assert (wrapper.__annotations__, wrapper.__signature__) == ({}, "s")
    assert {name: getattr(original, name) for name in before} == before
    assert original.__annotations__
    assert not hasattr(original, "__signature__")
    del wrapper.__name__
    assert wrapper.__name__ == "original"
    with pytest.raises(AttributeError):
        del wrapper.__name__
    with pytest.raises(TypeError, match="must be set to a string"):
        wrapper.__qualname__ = 3


def test_other_attributes_of_a_function_wrapper_are_passed_on() -> None:
    def original() -> None: ...

    wrapper: Any = FunctionWrapper(original, call)
    wrapper.mark = 1
    assert original.mark == 1


def test_a_bound_wrapper_shows_the_wrappers_names() -> None:
    class Owner:
        @staticmethod
        def _() -> None: ...

        def method(self) -> None: ...

    wrapper: Any = FunctionWrapper(Owner.method, call)
    wrapper.__name__ = "renamed"
    wrapper._self_note = "kept"
    Owner.method = wrapper
    bound: Any = Owner().method
    assert (bound.__name__, bound._self_note) == ("renamed", "kept")
    bound._self_note = "changed"
    assert wrapper._self_note == "changed"


def test_help_shows_the_wrapped_documentation() -> None:
    def original() -> None:
        "What it does."

    assert "What it does." in pydoc.render_doc(FunctionWrapper(original, call))
    assert "FunctionWrapper" not in str(FunctionWrapper.__doc__)


def test_a_subclass_may_have_a_descriptor_for_its_documentation() -> None:
    class Documented(BaseObjectProxy):
        @property
        def __doc__(self) -> str:
            return "own"

    assert Documented(Hidden()).__doc__ == "own"
