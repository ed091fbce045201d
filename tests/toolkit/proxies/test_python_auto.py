"""Proxies with the protocols of what they wrap, and no others."""

from __future__ import annotations

import asyncio
import collections.abc
import copy
import enum
import functools
import gc
import inspect
import operator
import os
import pickle
import weakref
from collections.abc import AsyncIterator, Callable
from pathlib import PurePath
from typing import Any

import pytest

from cladding._proxies import AutoObjectProxy, CallableObjectProxy, LazyObjectProxy, ObjectProxy, WeakFunctionProxy
from cladding._proxies._protocols import PROTOCOLS

pytestmark = pytest.mark.usefixtures("cladding")


class Awaitable:
    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return 42


class AsyncIterable:
    async def __aiter__(self) -> AsyncIterator[int]:
        yield 1
        yield 2


class Hinted:
    def __length_hint__(self) -> int:
        return 7


class Colour(enum.Enum):
    RED = 1


THINGS: list[Callable[[], Any]] = [
    object,
    lambda: 3,
    lambda: [1, 2],
    lambda: iter([1, 2]),
    lambda: len,
    lambda: str,
    lambda: PurePath("a"),
    lambda: (item for item in ()),
    lambda: property(len),
    lambda: classmethod(len),
    lambda: Colour,
    lambda: Colour.RED,
    Awaitable,
    AsyncIterable,
    Hinted,
    lambda: ObjectProxy(3),
    lambda: AutoObjectProxy(len),
]


def has(cls: type, name: str) -> bool:
    """Whether instances have a special method; what the metaclass has is the class's own."""
    return any(name in vars(base) for base in cls.__mro__)


@pytest.mark.parametrize("make", THINGS)
def test_the_protocols_of_the_object(make: Callable[[], Any]) -> None:
    thing = make()
    proxy = AutoObjectProxy(thing)
    for name in PROTOCOLS:
        assert has(type(proxy), name) == has(type(thing), name), name
    assert callable(proxy) == callable(thing)
    assert inspect.isawaitable(proxy) == inspect.isawaitable(thing)
    for protocol in (collections.abc.Iterable, collections.abc.Iterator, os.PathLike):
        assert isinstance(proxy, protocol) == isinstance(thing, protocol)


def test_they_work() -> None:
    async def collect() -> list[int]:
        return [item async for item in AutoObjectProxy(AsyncIterable())]

    async def wait() -> int:
        return await AutoObjectProxy(Awaitable())

    iterator = AutoObjectProxy(iter([1, 2]))
    assert (next(iterator), list(iterator)) == (1, [2])
    assert AutoObjectProxy(dict)(self=1, a=2) == {"self": 1, "a": 2}
    assert os.fspath(AutoObjectProxy(PurePath("a"))) == "a"
    assert operator.length_hint(AutoObjectProxy(Hinted())) == 7
    assert asyncio.run(collect()) == [1, 2]
    assert asyncio.run(wait()) == 42


def test_descriptors() -> None:
    class Descriptor:
        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            return "got", self.name

        def __set__(self, instance: Any, value: Any) -> None:
            instance.log.append(value)

        def __delete__(self, instance: Any) -> None:
            instance.log.append("deleted")

    class Owner:
        field: Any = AutoObjectProxy(Descriptor())
        method = AutoObjectProxy(lambda self, x: (self, x))

        def __init__(self) -> None:
            self.log: list[Any] = []

    owner = Owner()
    assert owner.field == ("got", "field")
    owner.field = 1
    del owner.field
    assert owner.log == [1, "deleted"]
    assert owner.method(2) == (owner, 2)


def test_it_follows_what_it_wraps() -> None:
    proxy: Any = AutoObjectProxy([1])
    for thing in (len, {1}, object(), 3, iter(())):
        proxy.__wrapped__ = thing
        assert callable(proxy) == callable(thing)
        assert isinstance(proxy, collections.abc.Iterable) == isinstance(thing, collections.abc.Iterable)


def test_what_a_subclass_defines_stays() -> None:
    class Counting(AutoObjectProxy[Any]):
        def __init__(self, wrapped: Any, start: int) -> None:
            super().__init__(wrapped)
            self._self_calls = start

        def __call__(self, *args: Any) -> Any:
            self._self_calls += 1
            return self.__wrapped__(*args)

    counting = Counting(len, 5)
    assert counting("ab") == 2
    assert counting._self_calls == 6
    counting.__wrapped__ = [1]
    assert type(counting).__call__ is Counting.__call__
    assert list(counting) == [1]
    assert issubclass(type(counting), Counting)
    assert type(counting).__name__ == "Counting"


def test_a_method_that_is_switched_off() -> None:
    """``__iter__ = None`` says that it is not iterable."""

    class Never:
        __iter__ = None

    assert not isinstance(AutoObjectProxy(Never()), collections.abc.Iterable)


def test_classes_are_shared() -> None:
    """A proxy costs no class of its own."""
    assert type(AutoObjectProxy([1])) is type(AutoObjectProxy({2}))
    assert type(AutoObjectProxy(object())) is AutoObjectProxy


def test_classes_go_with_their_base() -> None:
    class Local(AutoObjectProxy[Any]):
        pass

    alive = weakref.ref(Local), weakref.ref(type(Local([1])))
    del Local
    gc.collect()
    assert [reference() for reference in alive] == [None, None]


class Named(AutoObjectProxy[Any]):
    pass


@pytest.mark.parametrize("cls", [AutoObjectProxy, Named])
def test_pickling(cls: Any) -> None:
    proxy = cls([1, 2])
    proxy._self_note = "kept"
    loaded = pickle.loads(pickle.dumps(proxy))
    assert type(loaded) is type(proxy)
    assert (loaded.__wrapped__, loaded._self_note, list(loaded)) == ([1, 2], "kept", [1, 2])


def test_errors_of_the_object_are_its_own() -> None:
    class Failing:
        def __iter__(self) -> Any:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        list(AutoObjectProxy(Failing()))


@pytest.mark.parametrize(
    "make", [AutoObjectProxy, CallableObjectProxy, WeakFunctionProxy, lambda f: LazyObjectProxy(lambda: f)]
)
def test_what_introspection_sees(make: Callable[[Any], Any]) -> None:
    def function(x: int, /, y: str = "a") -> bool:
        """Documented."""
        return True

    proxy = make(function)
    assert proxy.__annotations__ == {"x": "int", "y": "str", "return": "bool"}
    assert (proxy.__doc__, proxy.__module__, proxy.__name__) == ("Documented.", __name__, "function")
    assert proxy.__qualname__ == function.__qualname__
    assert inspect.signature(proxy) == inspect.signature(function)


def test_copies() -> None:
    proxy = Named([1, []])
    proxy._self_note = ["kept"]
    shallow, deep = copy.copy(proxy), copy.deepcopy(proxy)
    for made in (shallow, deep):
        assert type(made) is type(proxy)
        assert made.__wrapped__ == [1, []]
        assert made.__wrapped__ is not proxy.__wrapped__
        assert made._self_note == ["kept"]
    assert shallow[1] is proxy[1]
    assert deep[1] is not proxy[1]
    assert deep._self_note is not proxy._self_note


def test_objects_that_refer_back() -> None:
    held: list[Any] = []
    proxy = AutoObjectProxy(held)
    held.append(proxy)
    for made in (pickle.loads(pickle.dumps(proxy)), copy.deepcopy(proxy)):
        assert made[0] is made
        assert made is not proxy
        assert list(made) == [made]


def test_errors_of_properties_are_not_taken_for_a_missing_attribute() -> None:
    class Wrapped:
        x = 5

    class Failing(AutoObjectProxy[Any]):
        @property
        def x(self) -> Any:
            raise AttributeError("inside")

    for _ in range(2):
        with pytest.raises(AttributeError, match="inside"):
            Failing(Wrapped()).x


@pytest.mark.parametrize("cls", [AutoObjectProxy, CallableObjectProxy, ObjectProxy])
def test_signatures_of_classes_and_of_what_they_wrap(cls: Any) -> None:
    class Proxy(cls):
        def __init__(self, wrapped: Any, tag: int = 1) -> None:
            super().__init__(wrapped)

        def __call__(self, *args: Any) -> Any: ...

    def function(x: int, /) -> None: ...

    function_of_other_parameters = functools.partial(function)
    function_of_other_parameters.__signature__ = inspect.signature(lambda a, b: None)  # type: ignore[attr-defined]
    assert str(inspect.signature(Proxy(function))) == "(x: 'int', /) -> 'None'"
    assert str(inspect.signature(Proxy(function_of_other_parameters))) == "(a, b)"
    if cls is not CallableObjectProxy:
        assert str(inspect.signature(cls)).startswith("(wrapped: ")
        assert list(inspect.signature(Proxy).parameters) == ["wrapped", "tag"]
