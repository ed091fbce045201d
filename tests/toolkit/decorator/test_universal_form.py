"""The form `(wrapped, instance, args, kwargs)`: what the instance is, on everything that can be decorated."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import pickle
import types
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import pytest

import cladding
from cladding import decorator

Seen = list[tuple[Any, tuple[Any, ...], dict[str, Any]]]
SEEN: Seen = []


@decorator
def spy(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Notes what it is given."""
    SEEN.append((instance, args, kwargs))
    return wrapped(*args, **kwargs)


@spy
def importable(a: int, b: int = 2) -> int:
    """Documented."""
    return a + b


@pytest.fixture(autouse=True)
def seen() -> Iterator[Seen]:
    SEEN.clear()
    yield SEEN
    SEEN.clear()


class Base:
    @spy
    def method(self, a: Any) -> Any:
        return self, a

    @spy
    @classmethod
    def above(cls, a: Any) -> Any:
        return cls, a

    @classmethod
    @spy
    def below(cls, a: Any) -> Any:
        return cls, a

    @spy
    @staticmethod
    def static(a: Any) -> Any:
        return None, a

    @staticmethod
    @spy
    def static_below(a: Any) -> Any:
        return None, a

    @spy
    @property
    def attribute(self) -> Any:
        return self

    @spy
    @functools.cached_property
    def cached(self) -> Any:
        return self

    @spy
    def __call__(self, a: Any) -> Any:
        return self, a

    @spy
    def __class_getitem__(cls, a: Any) -> Any:
        return cls, a

    partial = functools.partialmethod(method, 5)


class Derived(Base):
    __slots__ = ()

    def method(self, a: Any) -> Any:
        return super().method(a)


@pytest.fixture(params=[Base, Derived])
def obj(request: pytest.FixtureRequest) -> Any:
    return request.param()


def test_a_function_has_no_instance(seen: Seen) -> None:
    assert importable(1, b=3) == 4
    assert seen == [(None, (1,), {"b": 3})]


def test_a_method_has_its_object(obj: Any, seen: Seen) -> None:
    assert obj.method(1) == type(obj).method(obj, 1) == obj.method(a=1) == obj(1) == (obj, 1)
    assert [instance for instance, _, _ in seen] == [obj] * 4
    seen.clear()
    Base.method(obj, a=1)
    assert seen == [(obj, (), {"a": 1})]


def test_a_class_method_has_its_class(obj: Any, seen: Seen) -> None:
    cls = type(obj)
    assert obj.above(1) == cls.above(1) == obj.below(1) == cls.below(1) == cls[1] == (cls, 1)
    assert seen == [(cls, (1,), {})] * 5


def test_a_static_method_has_none_even_when_given_an_object(obj: Any, seen: Seen) -> None:
    assert obj.static(obj) == type(obj).static(obj) == obj.static_below(obj) == (None, obj)
    assert seen == [(None, (obj,), {})] * 3


def test_properties_and_partial_methods_have_their_object(obj: Any, seen: Seen) -> None:
    assert obj.attribute is obj.cached is obj.cached is obj
    assert obj.partial() == (obj, 5)
    assert [instance for instance, _, _ in seen] == [obj] * 3


def test_patched_onto_an_instance(obj: Any, seen: Seen) -> None:
    obj = Base()
    obj.method = spy(Base().method)
    other = obj.method.__self__
    seen.clear()
    assert obj.method(1) == (other, 1)
    assert {instance for instance, _, _ in seen} == {other}
    Base.added = spy(lambda self, a: (self, a))
    try:
        seen.clear()
        assert obj.added(2) == (obj, 2)
        assert seen == [(obj, (2,), {})]
        obj.by_hand = types.MethodType(Base.__dict__["added"], obj)
        seen.clear()
        assert obj.by_hand(3) == (obj, 3)
        assert seen == [(obj, (3,), {})]
    finally:
        del Base.added


def test_an_object_passed_to_a_plain_function_is_no_instance(seen: Seen) -> None:
    @spy
    def f(obj: Any) -> Any:
        return obj

    obj = Base()
    assert f(obj) is obj
    assert seen == [(None, (obj,), {})]
    Base.kept = f
    try:
        assert f(obj) is obj
        assert seen[-1] == (obj, (), {})  # now that is what a call through the class looks like
    finally:
        del Base.kept
    assert f(obj) is obj
    assert seen[-1] == (None, (obj,), {})


@pytest.mark.parametrize("policies", [[cladding.timer], [cladding.timer, cladding.monitor]])
def test_the_instance_is_known_below_policies_too(policies: list[Any], seen: Seen) -> None:
    def both(target: Any) -> Any:
        for policy in policies:
            target = policy(target)
        return target

    class C:
        @both
        @spy
        def method(self, a: Any) -> Any:
            return self, a

        @both
        @spy
        @classmethod
        def of_class(cls, a: Any) -> Any:
            return cls, a

        @both
        @spy
        @staticmethod
        def static(a: Any) -> Any:
            return a

        @both
        @spy
        @property
        def attribute(self) -> Any:
            return self

    class D(C):
        def method(self, a: Any) -> Any:
            return super().method(a)

    for obj in C(), D():
        seen.clear()
        assert obj.method(1) == type(obj).method(obj, 1) == (obj, 1)
        assert obj.of_class(1) == (type(obj), 1)
        assert obj.static(obj) is obj
        assert obj.attribute is obj
        assert [instance for instance, _, _ in seen] == [obj, obj, type(obj), None, obj]
    assert C.method.cladding.timer.stats["calls"] == 4


def test_above_policies(seen: Seen) -> None:
    class C:
        @spy
        @cladding.timer
        def method(self, a: Any) -> Any:
            return self, a

    obj = C()
    assert obj.method(1) == (obj, 1)
    assert seen == [(obj, (1,), {})]
    assert cladding.of(C.method).timer.stats["calls"] == 1


def test_builtins_partials_and_objects(seen: Seen) -> None:
    class Callable_:
        def __call__(self, a: int) -> int:
            return a

    items = [1]
    assert spy(len)(items) == 1
    assert spy(items.count)(1) == 1
    assert spy(functools.partial(max, 3))(1) == 3
    assert spy(Callable_())(7) == 7
    assert [instance for instance, _, _ in seen] == [None, items, None, None]
    assert spy(str.upper)("a") == "A"


def test_classes_stay_classes(seen: Seen) -> None:
    @spy
    class C:
        def __init__(self, a: int) -> None:
            self.a = a

    class D(C): ...

    made = C(1)
    assert (type(made), made.a) == (C, 1)
    assert D(2).a == 2
    assert seen == [(None, (1,), {})]
    assert isinstance(made, C)


def test_it_tells_what_the_function_tells() -> None:
    assert importable.__name__ == "importable"
    assert importable.__doc__ == "Documented."
    assert inspect.isfunction(importable)
    assert inspect.signature(importable) == inspect.signature(importable.__wrapped__)
    assert inspect.getfullargspec(importable) == inspect.getfullargspec(importable.__wrapped__)
    assert inspect.getsource(importable) == inspect.getsource(importable.__wrapped__)


def test_kinds_are_those_of_what_a_call_returns() -> None:
    @decorator
    async def later(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    @decorator(kind="function")
    def now(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return asyncio.run(wrapped(*args, **kwargs))

    def plain(a: Any) -> Any:
        return a

    async def coroutine(a: Any) -> Any:
        return a

    assert inspect.iscoroutinefunction(spy(coroutine))
    assert not inspect.iscoroutinefunction(spy(plain))
    assert inspect.iscoroutinefunction(later(plain))
    assert asyncio.run(later(plain)(1)) == 1
    assert not inspect.iscoroutinefunction(now(coroutine))
    assert now(coroutine)(2) == 2
    assert inspect.iscoroutinefunction(cladding.timer(later(plain)))
    assert asyncio.run(cladding.timer(later(plain))(3)) == 3


def test_copies_and_pickles(seen: Seen) -> None:
    assert copy.copy(importable) is importable
    assert copy.deepcopy(importable) is importable
    assert pickle.loads(pickle.dumps(importable)) is importable
    obj = Base()
    obj.state = [1]
    twin = copy.deepcopy(obj)
    assert twin.method(1) == (twin, 1)
    method = pickle.loads(pickle.dumps(obj.method))
    assert method.__self__.state == [1]
    assert method(1)[1] == 1


def test_a_local_function_takes_its_wrapper_along() -> None:
    calls: list[Any] = []

    @decorator
    def note(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return "noted", instance is not None, wrapped(*args, **kwargs)

    @note
    def local(a: int) -> int:
        return a

    class C:
        @note
        def method(self) -> int:
            return 1

    assert cloudpickle.loads(cloudpickle.dumps(local))(1) == ("noted", False, 1)
    assert cloudpickle.loads(cloudpickle.dumps(C))().method() == ("noted", True, 1)
    assert cloudpickle.loads(cloudpickle.dumps(cladding.timer(local)))(1) == ("noted", False, 1)
    assert calls == []


def test_renaming_the_wrapper_leaves_the_function_alone() -> None:
    def f() -> None: ...

    wrapper = spy(f)
    wrapper.__name__, wrapper.__doc__, wrapper.__qualname__ = "g", "other", "C.g"
    assert (f.__name__, f.__doc__) == ("f", None)
    assert (wrapper.__name__, wrapper.__doc__, wrapper.__qualname__) == ("g", "other", "C.g")


def test_enabled(seen: Seen) -> None:
    on = False

    class C:
        @spy(enabled=lambda: on)
        def method(self, a: Any) -> Any:
            return self, a

    obj = C()
    assert obj.method(1) == (obj, 1)
    assert seen == []
    on = True
    assert obj.method(1) == (obj, 1)
    assert len(seen) == 1

    def f() -> None: ...

    assert spy(enabled=False)(f) is f


@pytest.mark.parametrize(
    "twice",
    [
        lambda f: spy(spy(f)),
        lambda f: cladding.timer(spy(spy(f))),
        lambda f: cladding.retry(spy(cladding.timer(f))),
        lambda f: classmethod(spy(f)),
        lambda f: spy(classmethod(spy(f))),
    ],
)
def test_implicit_class_methods_below_several(seen: Seen, twice: Any) -> None:
    class Parent:
        @twice
        def __init_subclass__(cls, **kwargs: Any) -> None:
            cls.made = kwargs

        @twice
        def __class_getitem__(cls, item: Any) -> Any:
            return cls, item

    class Child(Parent, at=1):
        made: Any

    assert Child.made == {"at": 1}
    assert Child[2] == (Child, 2)
    assert {instance for instance, _, _ in seen} == {Child}


def test_the_search_for_the_instance_ends_and_makes_nothing(seen: Seen) -> None:
    def own() -> None: ...

    def there() -> None: ...

    def back() -> None: ...

    own.__wrapped__ = own  # type: ignore[attr-defined]
    there.__wrapped__, back.__wrapped__ = back, there  # type: ignore[attr-defined]
    made: list[bool] = []

    class Odd:
        itself = own
        circle = there
        as_property = property(there)
        lazy = cladding.LazyObjectProxy(lambda: made.append(True))
        failing = cladding.LazyObjectProxy(lambda: 1 / 0)
        empty = cladding.ObjectProxy.__new__(cladding.ObjectProxy)

        @cladding.timer
        @spy
        def method(self) -> int:
            return 1

    odd = Odd()
    assert odd.method() == 1
    assert seen == [(odd, (), {})]
    assert not made
    assert spy(lambda x: x)(odd) is odd


def test_policies_above_caches_above_locks_keep_the_instance(seen: Seen) -> None:
    class Model:
        @cladding.timer
        @spy
        @cladding.lru_cache(per_instance=True)
        @cladding.synchronized
        def each(self, a: int) -> Any:
            return self, a

        @cladding.retry
        @spy
        @cladding.lru_cache
        @cladding.synchronized
        def shared(self, a: int) -> Any:
            return self, a

    one, other = Model(), Model()
    for model in (one, other):
        for method in (model.each, model.shared):
            assert [method(1), method(1)] == [(model, 1), (model, 1)]
    assert Model.each(one, 1) == (one, 1)
    assert [instance for instance, _, _ in seen] == [one] * 4 + [other] * 4 + [one]
    assert {args for _, args, _ in seen} == {(1,)}


def test_the_search_for_the_instance_asks_no_metaclass(seen: Seen) -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise RuntimeError(name)

    class Guarded(metaclass=Meta):
        @cladding.timer
        @spy
        def method(self) -> int:
            return 1

    guarded = Guarded()
    assert guarded.method() == 1
    assert seen[0][0] is guarded


def test_a_wrapper_around_itself_has_no_code() -> None:
    wrapper = spy(lambda: 1)
    wrapper.__wrapped__ = wrapper
    with pytest.raises((AttributeError, RecursionError)):
        _ = wrapper.__code__
    wrapper.__wrapped__ = len
