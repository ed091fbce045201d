"""`provides`: what an interface asks for, and everything that a class lacks, in one error."""

from __future__ import annotations

import abc
import functools
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Sized
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import pytest

import cladding
from cladding._errors import InterfaceError
from cladding._gallery.provides import provided_by, provides
from cladding._gallery.trace import trace

T = TypeVar("T")


class EngineClient(ABC):
    """An interface in the style of an engine's client."""

    @property
    @abstractmethod
    def is_running(self) -> bool: ...

    @property
    @abstractmethod
    def errored(self) -> bool: ...

    @abstractmethod
    def generate(self, prompt: str, *, request_id: str) -> AsyncGenerator[str, None]: ...

    @abstractmethod
    async def encode(self, prompt: str) -> AsyncIterator[str]:
        yield prompt

    @abstractmethod
    async def abort(self, request_id: str, reason: str = "") -> None: ...


def client(**changes: Any) -> type:
    """A class that has all that is asked for, but for the changes."""

    async def generate(self: Any, prompt: str, *, request_id: str, more: int = 0) -> AsyncGenerator[str, None]:
        yield prompt

    async def encode(self: Any, prompt: str) -> AsyncIterator[str]:
        yield prompt

    async def abort(self: Any, request_id: str, reason: str = "", *rest: Any) -> None: ...

    members = {
        "is_running": property(lambda self: True),
        "errored": property(lambda self: False),
        "generate": generate,
        "encode": encode,
        "abort": abort,
    }
    return type("Client", (), {name: value for name, value in (members | changes).items() if value is not None})


def problems(cls: type, *interfaces: type) -> tuple[str, ...]:
    with pytest.raises(InterfaceError) as caught:
        provides(*interfaces)(cls)
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def test_a_class_that_has_it_all() -> None:
    cls = client()
    assert provides(EngineClient)(cls) is cls
    assert isinstance(cls(), EngineClient)
    assert provided_by(cls) == provided_by(cls()) == (EngineClient,)


@pytest.mark.parametrize(
    "decorator",
    [cladding.timer, cladding.retry, cladding.monitor, trace, cladding.stack(cladding.timer, cladding.retry)],
)
def test_decorated_implementations(decorator: Any) -> None:
    class Implementation(EngineClient):
        @decorator
        @property
        def is_running(self) -> bool:
            return True

        @property
        @decorator
        def errored(self) -> bool:
            return False

        @decorator
        async def generate(self, prompt: str, *, request_id: str) -> AsyncGenerator[str, None]:
            yield prompt

        @decorator
        async def encode(self, prompt: str) -> AsyncIterator[str]:
            yield prompt

        @decorator
        async def abort(self, request_id: str, reason: str = "") -> None: ...

    assert provides(EngineClient)(Implementation)().is_running


def test_decorators_on_the_interface_itself() -> None:
    class Interface(ABC):
        @cladding.timer
        @abstractmethod
        async def run(self, x: int) -> int: ...

        @trace
        @abstractmethod
        def plain(self) -> int: ...

    class Half(Interface):
        async def run(self, x: int) -> int:
            return x

    assert problems(Half, Interface) == ("Interface.plain: still abstract (a plain method is wanted)",)


def test_everything_that_is_missing_is_listed() -> None:
    assert set(problems(type("Empty", (), {}), EngineClient)) == {
        "EngineClient.is_running: missing (a property is wanted)",
        "EngineClient.errored: missing (a property is wanted)",
        "EngineClient.generate: missing (a plain method is wanted)",
        "EngineClient.encode: missing (an async generator method is wanted)",
        "EngineClient.abort: missing (a coroutine method is wanted)",
    }


async def coroutine(self: Any, prompt: str, *, request_id: str = "") -> Any: ...


def plain(self: Any, request_id: str, reason: str = "") -> None: ...


def gives_awaitable(self: Any, request_id: str, reason: str = "") -> Awaitable[None]: ...  # type: ignore[empty-body]


def gives_items(self: Any, prompt: str) -> AsyncIterator[str]: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"is_running": lambda self: True}, "is_running: a plain method, but a property is wanted"),
        (
            {"generate": coroutine},
            "generate: a coroutine function, but an async generator function or a plain function is wanted",
        ),
        ({"encode": coroutine}, "encode: a coroutine function, but an async generator function is wanted"),
        ({"abort": plain}, "abort: a plain function, but a coroutine function is wanted"),
        ({"abort": None}, "abort: missing (a coroutine method is wanted)"),
        ({"abort": property(plain)}, "abort: a property, but a coroutine method is wanted"),
        ({"abort": 3}, "abort: an attribute, but a coroutine method is wanted"),
    ],
    ids=str,
)
def test_one_thing_is_wrong(change: dict[str, Any], problem: str) -> None:
    assert problems(client(**change), EngineClient) == (f"EngineClient.{problem}",)


@pytest.mark.parametrize("change", [{"abort": gives_awaitable}, {"encode": gives_items}], ids=str)
def test_a_plain_function_that_says_what_it_returns(change: dict[str, Any]) -> None:
    provides(EngineClient)(client(**change))


def test_a_wrapper_of_somebody_else_around_a_coroutine_function() -> None:
    async def abort(self: Any, request_id: str, reason: str = "") -> None: ...

    @functools.wraps(abort)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return abort(*args, **kwargs)

    provides(EngineClient)(client(abort=wrapper))


# ---------------------------------------------------------------------------------------------------------- parameters


def interface_of(method: Any) -> type:
    return abc.ABCMeta("I", (), {"m": abstractmethod(method)})


@pytest.mark.parametrize(
    "wanted, fits",
    [
        (
            lambda self, x: 0,
            [lambda self, x: 0, lambda me, x, y=1: 0, lambda self, *a, **k: 0, lambda self, x, *a, z=3, **k: 0],
        ),
        (lambda self, x, /: 0, [lambda self, y: 0, lambda self, y, /: 0, lambda self, *a: 0]),
        (
            lambda self, *, x: 0,
            [lambda self, x: 0, lambda self, *, x=1: 0, lambda self, **k: 0, lambda self, *, y=1, x: 0],
        ),
        (lambda self, x=1: 0, [lambda self, x=2: 0, lambda self, *a, **k: 0, lambda *a, **k: 0]),
        (lambda self, *a, **k: 0, [lambda self, *args, **kwargs: 0]),
        (lambda self: 0, [lambda self: 0, lambda self, x=1: 0, functools.partialmethod(lambda self, x: 0, 3)]),
    ],
    ids=range(6),
)
def test_parameters_that_fit(wanted: Any, fits: list[Any]) -> None:
    for method in fits:
        provides(interface_of(wanted))(type("C", (), {"m": method}))


@pytest.mark.parametrize(
    "wanted, method, problem",
    [
        (lambda self, x: 0, lambda self: 0, "does not take `x` by position"),
        (lambda self, x: 0, lambda self, y: 0, "does not take `x` by keyword, the parameter there is `y`"),
        (lambda self, x: 0, lambda self, x, /: 0, "does not take `x` by keyword, the parameter there is `x`"),
        (lambda self, x: 0, lambda self, *, x: 0, "does not take `x` by position"),
        (lambda self, x, y: 0, lambda self, y, x: 0, "has `y` where `x` is wanted"),
        (lambda self, x: 0, lambda self, x, y: 0, "wants a value for `y`, which the interface does not have"),
        (lambda self, x=1: 0, lambda self, x: 0, "wants a value for `x`, which may be left out"),
        (lambda self, *, x: 0, lambda self: 0, "does not take `x` by keyword"),
        (lambda self, *a: 0, lambda self: 0, "takes no further positional arguments (*a)"),
        (lambda self, **k: 0, lambda self: 0, "takes no further keyword arguments (**k)"),
        (lambda self: 0, lambda: 0, ""),
    ],
    ids=range(11),
)
def test_parameters_that_do_not_fit(wanted: Any, method: Any, problem: str) -> None:
    cls = type("C", (), {"m": method})
    if problem:
        assert problems(cls, interface_of(wanted)) == (f"I.m: {problem}",)


def test_class_and_static_methods() -> None:
    class Interface(ABC):
        @classmethod
        @abstractmethod
        def load(cls, path: str) -> Any: ...

        @staticmethod
        @abstractmethod
        def rows(x: int) -> int: ...

    class Good:
        @classmethod
        def load(cls, path: str) -> Any: ...

        @cladding.timer
        @staticmethod
        def rows(x: int) -> int:
            return x

    class Bad:
        def load(self, path: str) -> Any: ...

        @staticmethod
        def rows(y: int) -> int:
            return y

    provides(Interface)(Good)
    assert problems(Bad, Interface) == (
        "Interface.load: a method, but a classmethod is wanted",
        "Interface.rows: does not take `x` by keyword, the parameter there is `y`",
    )


def test_setters() -> None:
    class Interface(Protocol):
        @property
        def rate(self) -> float: ...
        @rate.setter
        def rate(self, value: float) -> None: ...

    class ReadOnly:
        @property
        def rate(self) -> float:
            return 1.0

    class Plain:
        rate = 1.0

    provides(Interface)(Plain)
    assert problems(ReadOnly, Interface) == ("Interface.rate: a property without a setter, which is wanted",)


# ----------------------------------------------------------------------------------------------------------- protocols


@runtime_checkable
class Model(Protocol):
    name: str

    def __len__(self) -> int: ...
    def predict(self, row: Any) -> float: ...


def test_protocol() -> None:
    @provides(Model, Sized)
    class Good:
        def __init__(self) -> None:
            self.name = "m"

        def __len__(self) -> int:
            return 1

        def predict(self, row: Any) -> float:
            return 1.0

    assert isinstance(Good(), Model)
    assert provided_by(Good) == (Model, Sized)
    assert set(problems(type("Bad", (), {}), Model)) == {
        "Model.name: missing (an attribute is wanted)",
        "Model.__len__: missing (a plain method is wanted)",
        "Model.predict: missing (a plain method is wanted)",
    }


def test_ways_to_have_an_attribute() -> None:
    class Named(Protocol):
        name: str

    @dataclass
    class Annotated:
        name: str

    class Slotted:
        __slots__ = ("name",)

    class Own:
        name = "n"

    class Computed:
        @property
        def name(self) -> str:
            return "n"

    class Inherited(Annotated): ...

    for cls in (Annotated, Slotted, Own, Computed, Inherited):
        provides(Named)(cls)


def test_generic_interfaces_and_those_of_several_levels() -> None:
    class Reader(Protocol[T]):
        def read(self) -> T: ...

    class Store(Reader[T], Protocol[T]):
        def write(self, value: T) -> None: ...

    class Base(Generic[T]):
        def read(self) -> T:
            raise NotImplementedError

    class Half(Base[int]): ...

    class Whole(Half):
        def write(self, value: int) -> None: ...

    assert problems(Half, Store) == ("Store.write: missing (a plain method is wanted)",)
    provides(Store)(Whole)


def test_public_members_of_a_plain_class_and_what_is_private() -> None:
    class Interface:
        limit = 3

        def run(self) -> None: ...
        def _private(self) -> None: ...

    assert set(problems(type("C", (), {}), Interface)) == {
        "Interface.limit: missing (an attribute is wanted)",
        "Interface.run: missing (a plain method is wanted)",
    }


def test_generators() -> None:
    def items(self: Any) -> Iterator[int]:
        yield 1

    async def later(self: Any) -> None: ...

    class Source(Protocol):
        def items(self) -> Iterator[int]: ...

    class Count(Protocol):
        def items(self) -> int: ...

    good = type("C", (), {"items": items})
    provides(Source)(good)
    assert problems(good, Count) == ("Count.items: a generator function, but a plain function is wanted",)
    assert len(problems(type("C", (), {"items": later}), Source)) == 1


def test_annotations_are_not_evaluated() -> None:
    class Interface(ABC):
        @abstractmethod
        def run(self, x: NotThere) -> NotThere: ...  # type: ignore[name-defined]  # noqa: F821

    class C:
        value: NotThereEither  # type: ignore[name-defined]  # noqa: F821

        def run(self, x: NotThere) -> NotThere: ...  # type: ignore[name-defined]  # noqa: F821

    provides(Interface)(C)


# ------------------------------------------------------------------------------------------------------------ the rest


def test_what_is_declared_is_inherited_and_listed_once() -> None:
    class A(ABC): ...

    class B(ABC): ...

    @provides(B)
    @provides(A)
    class Base: ...

    @provides(A)
    class Derived(Base): ...

    assert provided_by(Base) == (A, B)
    assert provided_by(Derived()) == (A, B)
    assert provided_by(3) == ()


def test_slots_made_by_dataclass_keep_it() -> None:
    class A(Protocol):
        x: int

    @dataclass(slots=True)
    @provides(A)
    class C:
        x: int

    assert provided_by(C(3)) == (A,)


def test_nothing_is_declared_if_something_lacks() -> None:
    class A(ABC): ...

    cls = type("C", (), {})
    problems(cls, A, EngineClient)
    assert provided_by(cls) == ()
    assert not isinstance(cls(), A)


def test_wrong_use() -> None:
    with pytest.raises(cladding.ConfigurationError, match="one class at least"):
        provides()
    with pytest.raises(cladding.ConfigurationError, match="`interfaces` must be classes, got 3"):
        provides(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="provides cannot decorate"):
        provides(ABC)(plain)  # type: ignore[type-var]
