"""decorator_apply: third-party decorators under the face of the function."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._making import decorator_apply

pytestmark = pytest.mark.usefixtures("cladding")


def logging_to(log: list[Any]) -> Callable[[Any], Any]:
    """A decorator as one finds them: its function says nothing of the one it wraps."""

    def dec(func: Any) -> Any:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            log.append((args, kwargs))
            return func(*args, **kwargs)

        return wrapper

    return dec


def test_a_function_keeps_what_it_is() -> None:
    log: list[Any] = []

    def area(width: int, /, height: int = 1, *, scale: int = 1) -> int:
        """Multiplies."""
        return width * height * scale

    made = decorator_apply(logging_to(log), area)
    assert (made(2), made(2, 3), made(2, 3, scale=4)) == (2, 6, 24)
    assert len(log) == 3
    assert inspect.signature(made) == inspect.signature(area)
    assert (made.__name__, made.__doc__, made.__wrapped__) == ("area", "Multiplies.", area)  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match=r"\barea\(\) got some positional-only arguments"):
        made(width=1)  # type: ignore[call-arg]


def test_parameters_of_any_name() -> None:
    def function(self: int, func: int, dec: int, decfunc: int, _call_: int, bound: int) -> Any:
        return (self, func, dec, decfunc, _call_, bound)

    assert decorator_apply(logging_to([]), function)(1, 2, 3, 4, _call_=5, bound=6) == (1, 2, 3, 4, 5, 6)


def test_a_coroutine_function_stays_one() -> None:
    log: list[Any] = []

    async def work(x: int) -> int:
        await asyncio.sleep(0)
        return x

    made = decorator_apply(logging_to(log), work)
    assert inspect.iscoroutinefunction(made)
    assert asyncio.run(made(3)) == 3
    assert log == [((3,), {})]


def test_a_generator_function_stays_one() -> None:
    def items(n: int) -> Any:
        got = yield n
        return got

    made = decorator_apply(logging_to([]), items)
    assert inspect.isgeneratorfunction(made)
    generator = made(1)
    assert next(generator) == 1
    with pytest.raises(StopIteration) as stopped:
        generator.send("x")
    assert stopped.value.value == "x"


def test_an_async_generator_function_stays_one() -> None:
    async def items(n: int) -> Any:
        for index in range(n):
            yield index

    made = decorator_apply(logging_to([]), items)
    assert inspect.isasyncgenfunction(made)

    async def main() -> list[int]:
        return [item async for item in made(3)]

    assert asyncio.run(main()) == [0, 1, 2]


def test_the_decorator_decides_what_it_says() -> None:
    def lazily(func: Any) -> Any:
        async def wrapper(*args: Any) -> Any:
            return func(*args)

        return wrapper

    def double(x: int) -> int:
        return 2 * x

    made: Any = decorator_apply(lazily, double)
    assert inspect.iscoroutinefunction(made)
    assert asyncio.run(made(2)) == 4


def test_the_caller_decides_what_the_decorator_does_not_say() -> None:
    async def work(x: int) -> int:
        return x

    def naming(func: Any) -> Any:
        return lambda *args: (func.__name__, args)

    made: Any = decorator_apply(naming, work, kind="function")
    assert not inspect.iscoroutinefunction(made)
    assert made(4) == ("work", (4,))
    wrong: Any = decorator_apply(naming, work)

    async def main() -> None:
        await wrong(4)

    with pytest.raises(TypeError, match="tuple can't be used in 'await' expression"):
        asyncio.run(main())


class Counted:
    """A decorator that is a class with instances that are called."""

    def __init__(self, func: Any) -> None:
        self.func = func
        self.calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return self.func(*args, **kwargs)


def test_callable_objects_and_methods() -> None:
    class Thing:
        def method(self, x: int) -> Any:
            return self, x

        method = decorator_apply(Counted, method)
        build = decorator_apply(Counted, classmethod(lambda cls, x: (cls, x)))

    thing = Thing()
    assert thing.method(1) == (thing, 1)
    assert Thing.build(2) == (Thing, 2)  # type: ignore[operator]
    assert str(inspect.signature(thing.method)) == "(x: 'int') -> 'Any'"


def test_on_builtins_and_partials() -> None:
    assert decorator_apply(Counted, len)([1]) == 1
    assert decorator_apply(Counted, functools.partial(pow, 2))(3) == 8


def test_wrong_input() -> None:
    with pytest.raises(ConfigurationError, match="kind='thread' is none of 'function', 'coroutine'"):
        decorator_apply(Counted, len, kind="thread")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"made 3 of .* which cannot be called"):
        decorator_apply(lambda func: 3, len)
    with pytest.raises(TypeError, match="cannot decorate the class"):
        decorator_apply(Counted, Counted)
    with pytest.raises(TypeError, match="cannot decorate 3"):
        decorator_apply(Counted, 3)
