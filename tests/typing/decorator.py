"""What type checkers see of decorators made with `decorator`. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any, TypeVar, assert_type

from cladding import Decorator, decorator

T = TypeVar("T")

# ------------------------------------------------------------------------------------- the two forms, bare and configured


@decorator
def flat(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    return func(*args, **kw)


@decorator
def tagged(func: Callable[..., Any], tag: str = "x", *args: Any, times: int = 1, **kw: Any) -> Any:
    return func(*args, **kw), tag, times


@decorator
def universal(
    wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], level: str = "info"
) -> Any:
    return wrapped(*args, **kwargs), level


@decorator
def limited(wrapped: Any, instance: Any, args: Any, kwargs: Any, *, times: int) -> Any:
    return wrapped(*args, **kwargs), times


@decorator
def around(func: Callable[..., Any], *args: Any, **kw: Any) -> Generator[None, Any, None]:
    print((yield))


@decorator
async def later(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    return func(*args, **kw)


@decorator
async def around_later(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> AsyncGenerator[None, Any]:
    print((yield))


@decorator(kind="coroutine", enabled=False)
def with_options(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    return func(*args, **kw)


# ---------------------------------------------------------------------------------------- what is decorated keeps its type


@flat
def one(x: int, *, y: str = "") -> list[str]:
    return [y] * x


@tagged(tag="debug", times=3)
def two(x: int, /) -> str:
    return str(x)


@tagged
@universal(level="debug")
@limited(times=3)
async def three(x: int) -> str:
    return str(x)


@around
def four(x: int) -> Iterator[int]:
    yield x


@flat(enabled=False)
@with_options
async def five(x: int) -> AsyncIterator[int]:
    yield x


@universal
def generic(x: T) -> T:
    return x


assert_type(one(3, y="a"), list[str])
assert_type(two(3), str)
assert_type(four(3), Iterator[int])
assert_type(five(3), AsyncIterator[int])
assert_type(generic(3), int)
assert_type(generic("3"), str)


class Service:
    @universal
    def method(self, x: int) -> str:
        return str(x)

    @flat
    async def coroutine(self, x: int) -> str:
        return str(x)

    @universal
    @classmethod
    def of_class(cls, x: int) -> str:
        return str(x)

    @flat
    @staticmethod
    def static(x: int) -> str:
        return str(x)

    @decorator
    def decorates(
        self, wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return wrapped(*args, **kwargs)


assert_type(Service().method(3), str)
assert_type(Service.of_class(3), str)
assert_type(Service.static(3), str)


async def awaited() -> None:
    assert_type(await three(3), str)
    assert_type(await Service().coroutine(3), str)


@Service().decorates
def through_an_instance(x: int) -> str:
    return str(x)


assert_type(through_an_instance(3), str)


class Counting:
    def __init__(self, limit: int = 3) -> None:
        self.limit = limit

    def __call__(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)


counting = decorator(Counting)


@counting(limit=5)
def counted(x: int) -> str:
    return str(x)


@counting
class Decorated:
    def __init__(self, x: int) -> None:
        self.x = x


assert_type(counted(3), str)
assert_type(Decorated(3).x, int)
assert_type(tagged(tag="x"), Decorator[[]])
