"""SPEC A4: above and below every descriptor, on every sort of class, a decorated method is still that method."""

from __future__ import annotations

import abc
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

import pytest

from .kinds import Kind, Outcome

Decorate = Callable[[Any], Any]
Order = Callable[[Any, Any], Any]


@pytest.fixture(params=["above", "below"])
def apply(request: pytest.FixtureRequest, decorate: Decorate) -> Order:
    """Puts the decorator above or below a descriptor: `apply(classmethod, function)`."""
    if request.param == "above":
        return lambda descriptor, function: decorate(descriptor(function))
    return lambda descriptor, function: descriptor(decorate(function))


def method_of(kind: Kind, parameters: str = "self, a, b=2", body: str = "(self, a, b)") -> Any:
    return kind.build(parameters, body, name="method")


def test_instance_method(decorate: Decorate, kind: Kind, counted: Callable[..., None]) -> None:
    bare = method_of(kind)
    bare.__qualname__ = "C.method"
    decorated = decorate(bare)

    class C:
        method = decorated

    instance = C()
    bound = instance.method
    assert type(bound) is types.MethodType
    assert bound.__self__ is instance
    assert bound.__func__ is decorated
    assert C.method is decorated
    assert instance.method == bound
    assert hash(instance.method) == hash(bound)
    assert inspect.ismethod(bound)
    assert str(inspect.signature(bound)) == "(a, b=2)"
    expected = kind.complete(bare(instance, 1, b=3))
    for call in (
        lambda: instance.method(1, b=3),
        lambda: C.method(instance, 1, b=3),
        lambda: C.method(self=instance, a=1, b=3),
        lambda: bound(1, b=3),
        lambda: bound(*[1], **{"b": 3}),
        lambda: decorated.__get__(instance)(1, 3),
        lambda: decorated.__get__(instance, C)(1, 3),
        lambda: types.MethodType(decorated, instance)(1, 3),
    ):
        assert kind.complete(call()) == expected
    counted(decorated, 8, errors=0)
    for wrong in (lambda f: f(), lambda f: f(1, 2, 3), lambda f: f(1, a=1), lambda f: f(self=1)):
        outcome = Outcome.of(lambda wrong=wrong: wrong(bound))
        assert outcome == Outcome.of(lambda wrong=wrong: wrong(types.MethodType(bare, instance)))
        assert outcome.error


def test_classmethod(apply: Order, kind: Kind) -> None:
    class C:
        method = apply(classmethod, method_of(kind))

    class D(C):
        pass

    assert type(C.__dict__["method"]) is classmethod
    assert C.method.__self__ is C
    for owner, expected in ((C, C), (C(), C), (D, D), (D(), D)):
        assert kind.complete(owner.method(1)) == kind.run(method_of(kind), expected, 1)
        assert kind.complete(owner.method(a=1, b=5)) == kind.run(method_of(kind), expected, 1, 5)
    assert str(inspect.signature(C.method)) == "(a, b=2)"
    assert C.__dict__["method"].__name__ == "method"


def test_staticmethod(apply: Order, kind: Kind) -> None:
    bare = kind.build("a, b=2", "(a, b)", name="method")

    class C:
        method = apply(staticmethod, bare)

    class D(C):
        pass

    assert type(C.__dict__["method"]) is staticmethod
    for owner in (C, C(), D, D()):
        assert type(owner.method) is types.FunctionType
        assert kind.complete(owner.method(1)) == kind.run(bare, 1)
        assert kind.complete(owner.method(b=1, a=3)) == kind.run(bare, 3, 1)
    assert kind.complete(C.__dict__["method"](1)) == kind.run(bare, 1)
    assert inspect.signature(C.method) == inspect.signature(bare)


def test_property_with_all_accessors(apply: Order) -> None:
    class C:
        def __init__(self) -> None:
            self.log: list[Any] = []

        def get(self) -> int:
            """The value."""
            self.log.append("get")
            return 7

        def set(self, value: int) -> None:
            self.log.append(("set", value))

        def delete(self) -> None:
            self.log.append("delete")

        value = apply(property, get)
        value = apply(value.setter, set)
        value = apply(value.deleter, delete)
        whole = property(*map(functools.partial(apply, lambda f: f), (get, set, delete)), doc="Whole.")

    class D(C):
        pass

    for cls in (C, D):
        instance = cls()
        assert instance.value == 7
        instance.value = 8
        del instance.value
        assert instance.whole == 7
        instance.whole = 9
        del instance.whole
        assert instance.log == ["get", ("set", 8), "delete", "get", ("set", 9), "delete"]
    assert type(C.__dict__["value"]) is property
    assert C.value.__doc__ == "The value."
    assert C.whole.__doc__ == "Whole."


def test_property_keeps_an_explicit_doc_and_raises_as_ever(decorate: Decorate) -> None:
    def broken(self: Any) -> None:
        raise AttributeError("broken inside")

    class C:
        documented = decorate(property(lambda self: 1, doc="Explicit."))
        read_only = decorate(property(lambda self: 1))
        fails = decorate(property(broken))

        def __getattr__(self, name: str) -> str:
            return f"fallback for {name}"

    assert C.documented.__doc__ == "Explicit."
    assert C().fails == "fallback for fails"
    with pytest.raises(AttributeError, match="has no setter"):
        C().read_only = 1
    with pytest.raises(AttributeError, match="has no deleter"):
        del C().read_only


def test_subclass_of_property(decorate: Decorate) -> None:
    class Special(property):
        pass

    class C:
        value = decorate(Special(lambda self: 1))

    assert type(C.__dict__["value"]) is Special
    assert C().value == 1


def test_cached_property(apply: Order) -> None:
    made: list[Any] = []

    class C:
        def value(self) -> list[int]:
            """Computed once."""
            made.append(self)
            return [1]

        value = apply(functools.cached_property, value)

    one, other = C(), C()
    assert one.value is one.value
    assert one.value is not other.value
    assert made == [one, other]
    assert type(C.__dict__["value"]) is functools.cached_property
    assert C.value.__doc__ == "Computed once."
    assert "value" in one.__dict__
    del one.value
    assert one.value == [1]
    assert len(made) == 3


def test_partialmethod(apply: Order, kind: Kind) -> None:
    class C:
        method = apply(lambda f: functools.partialmethod(f, 1), method_of(kind))
        with_keyword = apply(lambda f: functools.partialmethod(f, b=4), method_of(kind))
        of_class = apply(lambda f: functools.partialmethod(classmethod(f), 1), method_of(kind))

    instance = C()
    bare = method_of(kind)
    assert kind.complete(instance.method()) == kind.run(bare, instance, 1)
    assert kind.complete(instance.method(5)) == kind.run(bare, instance, 1, 5)
    assert kind.complete(instance.with_keyword(3)) == kind.run(bare, instance, 3, 4)
    assert kind.complete(C.of_class()) == kind.run(bare, C, 1)
    assert str(inspect.signature(instance.method)) == "(b=2)"


def test_partialmethod_of_a_decorated_method_by_name(decorate: Decorate) -> None:
    class C:
        @decorate
        def method(self, *args: int) -> tuple[int, ...]:
            return args

        first = functools.partialmethod(method, 1)
        second = decorate(functools.partialmethod(first, 2))

    assert C().first(3) == (1, 3)
    assert C().second(3) == (1, 2, 3)


def test_abstract_methods(apply: Order, kind: Kind) -> None:
    class Base(abc.ABC):
        method = apply(abc.abstractmethod, method_of(kind))

    assert Base.__abstractmethods__ == {"method"}
    assert Base.method.__isabstractmethod__ is True
    with pytest.raises(TypeError, match="abstract"):
        Base()

    class Forgot(Base):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Forgot()

    class Concrete(Base):
        method = apply(lambda f: f, method_of(kind))

    instance = Concrete()
    assert kind.complete(instance.method(1)) == kind.run(method_of(kind), instance, 1)
    assert not getattr(Concrete.method, "__isabstractmethod__", False)


@pytest.mark.parametrize("descriptor", [property, classmethod, staticmethod, functools.cached_property])
def test_abstract_descriptors(apply: Order, descriptor: Any) -> None:
    class Base(abc.ABC):
        value = apply(descriptor, abc.abstractmethod(lambda *self: 1))

    if descriptor is functools.cached_property:  # the standard one does not pass abstractness on
        assert not Base.__abstractmethods__
        return
    assert Base.__abstractmethods__ == {"value"}
    with pytest.raises(TypeError, match="abstract"):
        Base()


def test_singledispatchmethod(decorate: Decorate) -> None:
    class C:
        @functools.singledispatchmethod
        @decorate
        def show(self, value: object) -> str:
            """Shows a value."""
            return f"object {value}"

        @show.register
        @decorate
        def _(self, value: int) -> str:
            return f"int {value}"

        @show.register(str)
        @decorate
        def _(self, value):
            return f"str {value}"

        @functools.singledispatchmethod
        @classmethod
        @decorate
        def make(cls, value: object) -> tuple[type, object]:
            return cls, value

        @make.register
        @classmethod
        @decorate
        def _(cls, value: int) -> tuple[type, int]:
            return cls, value + 1

    assert [C().show(1), C().show("a"), C().show(None)] == ["int 1", "str a", "object None"]
    assert [C.make(1), C.make("a")] == [(C, 2), (C, "a")]
    assert C.show.__doc__ == "Shows a value."


def test_super(decorate: Decorate, kind: Kind) -> None:
    class Base:
        @decorate
        def method(self, x: int) -> list[Any]:
            return ["Base", x]

        @decorate
        @classmethod
        def make(cls) -> list[Any]:
            return [cls.__name__]

    class Derived(Base):
        @decorate
        def method(self, x: int) -> list[Any]:
            return ["Derived", *super().method(x + 1), *super(Derived, self).method(x + 2)]

        @classmethod
        @decorate
        def make(cls) -> list[Any]:
            return ["Derived", *super().make()]

        @decorate
        def cell(self) -> Any:
            return __class__  # type: ignore[name-defined]

    assert Derived().method(1) == ["Derived", "Base", 2, "Base", 3]
    assert Derived.make() == ["Derived", "Derived"]
    assert Derived().cell() is Derived


def test_slots_and_nested_classes(decorate: Decorate) -> None:
    class Outer:
        __slots__ = ("x",)

        @decorate
        def __init__(self, x: int) -> None:
            self.x = x

        @decorate
        def get(self) -> int:
            return self.x

        class Inner:
            @decorate
            def get(self) -> str:
                return "inner"

    assert Outer(3).get() == 3
    assert not hasattr(Outer(3), "__dict__")
    assert Outer.Inner().get() == "inner"
    assert Outer.Inner.get.__qualname__.endswith("Outer.Inner.get")


def test_monkey_patched_on_an_instance(decorate: Decorate, kind: Kind) -> None:
    class C:
        method = method_of(kind)

    one, other = C(), C()
    one.method = decorate(one.method)
    assert kind.complete(one.method(1)) == kind.run(method_of(kind), one, 1)
    assert kind.complete(other.method(1)) == kind.run(method_of(kind), other, 1)
    assert one.method.__self__ is one
    assert "method" not in vars(other)
    other.method = types.MethodType(decorate(C.method), other)
    assert kind.complete(other.method(1)) == kind.run(method_of(kind), other, 1)


def test_bound_methods(decorate: Decorate, kind: Kind) -> None:
    class C:
        method = method_of(kind)
        of_class = classmethod(method_of(kind))

    instance = C()
    for bound, owner in ((instance.method, instance), (C.of_class, C)):
        decorated = decorate(bound)
        assert type(decorated) is types.MethodType
        assert decorated.__self__ is owner
        assert inspect.signature(decorated) == inspect.signature(bound)
        assert kind.complete(decorated(1, b=4)) == kind.run(method_of(kind), owner, 1, 4)
        assert decorated.__name__ == "method"


def test_inherited_method_decorated_in_the_subclass_only(decorate: Decorate, counted: Callable[..., None]) -> None:
    class Base:
        def method(self) -> str:
            return type(self).__name__

    class Derived(Base):
        method = decorate(Base.method)

    assert (Base().method(), Derived().method()) == ("Base", "Derived")
    counted(Derived.method, 1)
