"""dispatch_on: what a generic function is, how it hands on its arguments, and what it refuses."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._dispatch import dispatch_on

pytestmark = pytest.mark.usefixtures("cladding")


@dispatch_on("value")
def show(value: object, /, *rest: int, unit: str = "m", **more: int) -> Any:
    """Shows a value."""
    return ("default", value, rest, unit, more)


@show.register(int)
def _show_int(number: int, *others: int, unit: str, **more: int) -> Any:
    return ("int", number, others, unit, more)


def test_it_is_still_the_function() -> None:
    assert inspect.isfunction(show)
    assert str(inspect.signature(show)) == (
        "(value: 'object', /, *rest: 'int', unit: 'str' = 'm', **more: 'int') -> 'Any'"
    )
    assert (show.__name__, show.__doc__, show.__module__) == ("show", "Shows a value.", __name__)
    assert pickle.loads(pickle.dumps(show)) is show
    assert show.default("x") == ("default", "x", (), "m", {})
    with pytest.raises(TypeError, match=r"^show\(\) missing 1 required positional argument: 'value'$"):
        show()  # type: ignore[call-arg]


def test_arguments_are_handed_on() -> None:
    assert show(1, 2, 3, unit="s", x=4) == ("int", 1, (2, 3), "s", {"x": 4})
    assert show("a", 2, x=4) == ("default", "a", (2,), "m", {"x": 4})


def test_keywords_and_other_parameter_names() -> None:
    @dispatch_on("second")
    def join(first: object, second: object = "") -> Any:
        return ("default", first, second)

    @join.register(int)
    def _(a: object, number: int) -> Any:
        return ("int", a, number)

    assert join(second=1, first="a") == ("int", "a", 1)
    assert join(first="a") == ("default", "a", "")


def test_a_keyword_only_argument_dispatches() -> None:
    @dispatch_on("how")
    def work(x: int, *, how: object) -> Any:
        return "default"

    @work.register(str)
    def _(x: int, *, how: str) -> Any:
        return (x, how)

    assert work(1, how="fast") == (1, "fast")
    assert work(1, how=2) == "default"


@pytest.mark.parametrize("name", ["self", "func", "args", "types", "find", "table", "_cladding_find"])
def test_parameters_of_any_name(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def function({name}): return 'default'", namespace)
    function = dispatch_on(name)(namespace["function"])
    function.register(int)(lambda x: x + 1)
    assert function(1) == 2
    assert function(**{name: "x"}) == "default"


def test_methods() -> None:
    class Writer:
        mark = "<>"

        @dispatch_on("value")
        def write(self, value: object) -> str:
            return f"{self.mark} {value!r}"

        @write.register(float)
        def _(self, value: float) -> str:
            return f"{self.mark} {value:.1f}"

        @classmethod
        @dispatch_on("value")
        def parse(cls, value: object) -> Any:
            return cls, value

        @staticmethod
        @dispatch_on("value")
        def check(value: object) -> Any:
            return "default"

    Writer.check.register(int)(lambda value: "int")

    class Other(Writer):
        mark = "##"

    assert Writer().write(1.25) == "<> 1.2"
    assert Other().write(value=1.25) == "## 1.2"
    assert Other().write("x") == "## 'x'"
    assert Other.parse(1) == (Other, 1)
    assert (Writer.check(1), Writer().check("")) == ("int", "default")

    @Other.write.register(str)
    def _(self: Writer, value: str) -> str:
        return f"{self.mark} {value}"

    assert Writer().write("x") == "<> x"


def test_coroutine_functions() -> None:
    @dispatch_on("x")
    async def work(x: object) -> Any:
        return "default"

    @work.register(int)
    async def _(x: int) -> Any:
        await asyncio.sleep(0)
        return x + 1

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work(1)) == 2
    assert asyncio.run(work("x")) == "default"


def test_generator_functions() -> None:
    @dispatch_on("x")
    def items(x: object) -> Any:
        yield "default"

    @items.register(int)
    def _(x: int) -> Any:
        got = yield x
        yield got
        return "result"

    assert inspect.isgeneratorfunction(items)
    generator = items(1)
    assert (next(generator), generator.send("sent")) == (1, "sent")
    with pytest.raises(StopIteration, match="result"):
        next(generator)
    assert list(items("x")) == ["default"]


def test_async_generator_functions() -> None:
    @dispatch_on("x")
    async def items(x: object) -> Any:
        yield "default"

    @items.register(int)
    async def _(x: int) -> Any:
        for index in range(x):
            yield index

    async def main() -> Any:
        return [item async for item in items(3)], [item async for item in items("x")]

    assert inspect.isasyncgenfunction(items)
    assert asyncio.run(main()) == ([0, 1, 2], ["default"])


def test_above_another_decorator() -> None:
    def closing(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return "closed", function(*args, **kwargs)

        return wrapper

    @dispatch_on("b")
    @closing
    def work(a: int, b: object = "", *, c: int = 3) -> Any:
        return a, b, c

    work.register(int)(lambda a, b, *, c: (a + b, c))
    assert work(1) == ("closed", (1, "", 3))
    assert work(1, b=2, c=4) == (3, 4)


def test_inspection() -> None:
    @dispatch_on("a", "b")
    def work(a: object, b: object) -> Any: ...

    @work.register(int, str)
    def chosen(a: int, b: str) -> Any: ...

    assert dict(work.implementations()) == {(int, str): chosen}
    with pytest.raises(TypeError):
        work.implementations()[int, int] = chosen  # type: ignore[index]
    assert work.dispatch(bool, str) is chosen
    assert work.dispatch(str, str) is work.default
    assert work.dispatch_info(bool, str) == [("bool", "str"), ("int", "str")]


def test_policies_around_it(cladding: Any) -> None:
    timed = cladding.timer(show)
    assert timed(5)[0] == "int"
    assert timed.cladding.timer.stats["calls"] == 1
    timed.register(complex)(lambda *args, **kwargs: "complex")
    assert timed(1j) == "complex"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((), "arguments is empty"),
        (("x", "x"), "names a parameter twice"),
        (("y",), r"arguments='y' is no parameter of .*; it has x"),
        (("rest",), r"arguments='rest' is no parameter of"),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        dispatch_on(*arguments)(lambda x, *rest: None)


@pytest.mark.parametrize("target", [print, classmethod(print), int, 3], ids=str)
def test_only_functions_become_generic(target: Any) -> None:
    with pytest.raises(TypeError, match="dispatch_on cannot decorate"):
        dispatch_on("x")(target)


@pytest.mark.parametrize(
    "types, message",
    [
        ((), r"dispatches on 1 argument\(s\) \(value\), got 0 type\(s\)"),
        ((int, int), r"got 2 type\(s\)"),
        ((3,), "dispatches on classes, and 3 is none"),
        ((int | str,), "dispatches on classes"),
    ],
)
def test_wrong_types(types: tuple[Any, ...], message: str) -> None:
    for ask in (show.register, show.dispatch, show.dispatch_info):
        with pytest.raises(TypeError, match=message):
            ask(*types)


async def _coroutine(x: object) -> None: ...


@pytest.mark.parametrize(
    "implementation, message",
    [
        (lambda: None, r"calls its implementations with 1 argument\(s\): .*too many positional arguments"),
        (lambda a, b: None, "missing a required argument: 'b'"),
        (_coroutine, "is a plain function, and .* is a coroutine function"),
        (3, "cannot register 3"),
    ],
)
def test_wrong_implementations(implementation: Any, message: str) -> None:
    @dispatch_on("x")
    def work(x: object) -> Any: ...

    with pytest.raises(TypeError, match=message):
        work.register(int)(implementation)
    assert dict(work.implementations()) == {}


def test_other_callables_are_implementations() -> None:
    @dispatch_on("x")
    def work(x: object) -> Any: ...

    work.register(str)(int)
    work.register(bytes)(len)
    assert (work("12"), work(b"abc")) == (12, 3)
