"""`accepts` and `returns`: what is checked, when, and what the error says."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Optional, TypeVar

import pytest

import cladding
from cladding._errors import TypeMismatchError
from cladding._gallery.accepts import accepts
from cladding._gallery.returns import returns

if TYPE_CHECKING:
    from decimal import Decimal

T = TypeVar("T")


@accepts(int, (str, bytes), scale=float)
def scaled(x: Any, name: Any = "n", *, scale: Any = None) -> Any:
    return x, name, scale


def test_by_place_and_by_name() -> None:
    assert scaled(1, b"n", scale=2.0) == (1, b"n", 2.0)
    assert scaled(name="a", x=1) == (1, "a", None)
    for call in (lambda: scaled("1"), lambda: scaled(1, 2), lambda: scaled(1, scale="2"), lambda: scaled(x=None)):
        with pytest.raises(TypeMismatchError):
            call()


def test_the_error() -> None:
    with pytest.raises(TypeMismatchError) as caught:
        scaled(1, 2)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, cladding.CladdingError)
    assert str(caught.value) == "scaled: `name` must be str | bytes, got 2"
    error = caught.value
    assert (error.function, error.argument, error.expected, error.got) == ("scaled", "name", "str | bytes", "2")


def test_a_default_is_never_checked() -> None:
    assert scaled(1, scale=None) == (1, "n", None)


def test_wrong_calls_raise_the_functions_own_error() -> None:
    for call in (lambda: scaled(), lambda: scaled(1, "n", 2), lambda: scaled(1, other=3)):  # type: ignore[call-arg, misc]
        with pytest.raises(TypeError, match=r"scaled\(\)") as caught:
            call()
        assert type(caught.value) is TypeError


def test_from_annotations() -> None:
    @accepts()
    def f(x: int, y: Optional[str], *rest: float, z: Any = 1, **more: bytes) -> str:
        return "not an int"

    assert f(1, None, 1.5, 2, z=object(), extra=b"") == "not an int"
    for call, argument in (
        (lambda: f("1", None), "x"),
        (lambda: f(1, 2), "y"),
        (lambda: f(1, None, 1.5, "2"), "rest"),
        (lambda: f(1, None, extra=""), "extra"),
    ):
        with pytest.raises(TypeMismatchError) as caught:
            call()
        assert caught.value.argument == argument


def test_annotations_are_read_at_the_first_call() -> None:
    @accepts()
    def f(x: Later) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(
        cladding.ConfigurationError, match=r"accepts: the type of `x` in .*f, 'Later', cannot be checked"
    ):
        f(1)
    f.__globals__["Later"] = int
    try:
        f(1)
        with pytest.raises(TypeMismatchError):
            f("1")
    finally:
        del f.__globals__["Later"]


def test_a_name_for_type_checkers_alone_is_an_error_and_not_a_silence() -> None:
    @accepts()
    def f(x: Decimal) -> None: ...

    with pytest.raises(cladding.ConfigurationError, match="'Decimal'"):
        f(1)  # type: ignore[arg-type]
    from decimal import Decimal as Real

    accepts(x=Real)(inspect.unwrap(f))(Real(1))


def test_names_of_the_surrounding_function() -> None:
    class Local: ...

    @accepts()
    def f(x: Local, y: list[Local] | None = None) -> Local:
        return Local()

    f(Local(), [])
    with pytest.raises(TypeMismatchError, match="Local"):
        f(1)  # type: ignore[arg-type]


def test_strings_are_looked_up_at_the_first_call() -> None:
    @accepts("Model", other="Model | None")
    def f(x: Any, other: Any = None) -> None: ...

    f(Model(), Model())
    with pytest.raises(TypeMismatchError, match="must be Model"):
        f(1)


class Model:
    @accepts(int)
    def method(self, x: Any) -> Any:
        return x

    @accepts(int)
    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x

    @staticmethod
    @accepts(int)
    def static(x: Any) -> Any:
        return x

    @accepts()
    def annotated(self, other: Model) -> Model:
        return other

    @accepts(value=int)
    def set_value(self, value: int) -> None:
        self._value = value

    value = property(lambda self: self._value, set_value)


def test_methods() -> None:
    model = Model()
    assert (model.method(1), model.of_class(2), Model.static(3), Model.method(model, 4)) == (1, 2, 3, 4)
    assert model.annotated(model) is model
    model.value = 3
    for call in (model.method, model.of_class, model.static, model.annotated, model.set_value):
        with pytest.raises(TypeMismatchError, match="Model"):
            call("1")
    with pytest.raises(TypeMismatchError):
        model.value = "3"


def test_classes() -> None:
    @accepts()
    @dataclass
    class Point:
        x: int
        label: str = ""

    assert isinstance(Point(1, "a"), Point)
    with pytest.raises(TypeMismatchError, match="`label` must be str"):
        Point(1, 2)  # type: ignore[arg-type]


def test_coroutine_when_it_runs() -> None:
    ran: list[Any] = []

    @accepts(int)
    async def f(x: Any) -> Any:
        ran.append(x)
        return x

    wrong = f("1")
    with pytest.raises(TypeMismatchError):
        asyncio.run(wrong)
    assert asyncio.run(f(1)) == 1
    assert ran == [1]
    assert inspect.iscoroutinefunction(f)


def test_generators_when_they_run() -> None:
    @accepts(int)
    def f(x: Any) -> Iterator[Any]:
        yield x

    @accepts(int)
    async def g(x: Any) -> AsyncIterator[Any]:
        yield x

    async def first(items: AsyncIterator[Any]) -> Any:
        return await anext(items)

    wrong = f("1")
    with pytest.raises(TypeMismatchError):
        next(wrong)
    with pytest.raises(TypeMismatchError):
        asyncio.run(first(g("1")))
    assert list(f(1)) == [1]
    assert asyncio.run(first(g(1))) == 1
    assert inspect.isgeneratorfunction(f)
    assert inspect.isasyncgenfunction(g)


def test_positional_only_and_a_keyword_of_the_same_name() -> None:
    @accepts(x=int, more=str)
    def f(x: Any, /, **more: Any) -> Any:
        return x, more

    assert f(1, x="a") == (1, {"x": "a"})
    with pytest.raises(TypeMismatchError, match="`x` must be str"):
        f(1, x=2)


def test_further_keywords_with_types_of_their_own() -> None:
    @accepts(flag=bool)
    def f(**more: Any) -> Any:
        return more

    assert f(flag=True, other=3) == {"flag": True, "other": 3}
    with pytest.raises(TypeMismatchError, match="`flag` must be bool"):
        f(flag=1)


def test_parameters_that_are_called_like_options() -> None:
    @accepts({"elements": int, "enabled": str})
    def f(elements: Any, enabled: Any) -> Any:
        return elements, enabled

    assert f(1, "a") == (1, "a")
    with pytest.raises(TypeMismatchError, match="`enabled` must be str"):
        f(1, 2)


def test_elements_if_asked() -> None:
    def f(x: list[int]) -> list[int]:
        return x

    wrong: Any = [1, "2"]
    assert accepts()(returns()(f))(wrong) == wrong
    with pytest.raises(TypeMismatchError, match=r"`x` must be list\[int\]"):
        accepts(elements=True)(f)(wrong)
    with pytest.raises(TypeMismatchError, match=r"the result must be list\[int\]"):
        returns(elements=True)(f)(wrong)


def test_type_variables_are_left_alone() -> None:
    class Box(Generic[T]):
        @accepts()
        def put(self, x: T, make: Callable[[], T], kind: type[T]) -> T:
            return x

    assert Box[int]().put("anything", str, str) == "anything"  # type: ignore[arg-type, comparison-overlap]
    with pytest.raises(TypeMismatchError, match="make"):
        Box[int]().put(1, 2, int)  # type: ignore[arg-type]


def test_partials_builtins_and_enabled() -> None:
    assert accepts(int)(abs)(-3) == 3
    assert accepts(int)(functools.partial(pow, 2))(3) == 8
    with pytest.raises(TypeMismatchError):
        accepts(list)(len)("abc")
    assert accepts(int, enabled=False)(inspect.unwrap(scaled)) is inspect.unwrap(scaled)
    assert accepts(int, enabled=lambda: False)(lambda x: x)("a") == "a"


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: accepts(3), "`types\\[0\\]` must be a type, got 3"),
        (lambda: accepts(x=[int]), "`x` must be a type"),
        (lambda: accepts(()), "`types\\[0\\]` must be a type"),
        (lambda: accepts(test_classes), r"used without types it is written @accepts\(\)"),
        (lambda: accepts(int, int)(lambda x: x), "`types` must be at most 1"),
        (lambda: accepts(y=int)(lambda x: x), "has no parameter `y`"),
        (lambda: accepts(int, x=int)(lambda x: x), "`x` must be given once"),
        (lambda: accepts(elements=1), "`elements` must be a bool"),  # type: ignore[arg-type]
        (lambda: accepts(enabled=1), "`enabled` must be a bool"),  # type: ignore[arg-type]
    ],
)
def test_wrong_parameters(make: Any, message: str) -> None:
    with pytest.raises(cladding.ConfigurationError, match="accepts: " + ".*" + message):
        make()


# ------------------------------------------------------------------------------------------------------------- returns


def test_returns() -> None:
    @returns((int, None))
    def f(x: Any) -> Any:
        return x

    assert (f(1), f(None)) == (1, None)
    with pytest.raises(TypeMismatchError) as caught:
        f("1")
    assert str(caught.value).endswith("f: the result must be int | None, got '1'")
    assert caught.value.argument == "return"


def test_returns_by_annotation() -> None:
    @returns()
    def f(x: Any) -> Model | None:
        return x

    @returns()
    def bare(x):  # type: ignore[no-untyped-def]
        return x

    assert f(None) is None
    assert bare("anything") == "anything"
    with pytest.raises(TypeMismatchError):
        f(3)
    with pytest.raises(TypeMismatchError):
        returns("Model")(lambda: 3)()


def test_returns_of_a_coroutine() -> None:
    @returns(int)
    async def f(x: Any) -> Any:
        await asyncio.sleep(0)
        return x

    assert asyncio.run(f(1)) == 1
    with pytest.raises(TypeMismatchError):
        asyncio.run(f("1"))


def test_returns_of_a_function_that_gives_an_awaitable() -> None:
    async def inner() -> int:
        return 3

    @returns(Awaitable)
    def f() -> Any:
        return inner()

    assert asyncio.run(f()) == 3


class Holder:
    @returns(int)
    @property
    def prop(self) -> Any:
        return "1"

    @returns(int)
    @classmethod
    def of_class(cls) -> Any:
        return "1"


def test_returns_of_methods() -> None:
    for call in (lambda: Holder().prop, Holder.of_class):
        with pytest.raises(TypeMismatchError, match="Holder"):
            call()


def test_returns_refuses() -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def async_generator() -> AsyncIterator[int]:
        yield 1

    for target in (generator, async_generator):
        with pytest.raises(TypeError, match="a generator yields many things"):
            returns(int)(target)
    with pytest.raises(TypeError, match="what a class returns is its instance"):
        returns(int)(Model)
    with pytest.raises(cladding.ConfigurationError, match=r"used without types it is written @returns\(\)"):
        returns(test_classes)
    with pytest.raises(cladding.ConfigurationError, match="`type` must be a type"):
        returns(3)
