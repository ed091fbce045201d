"""What type checkers see of decorated functions. Never run: `tests/test_typing.py` gives it to mypy and pyright."""

from __future__ import annotations

import abc
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar, assert_type, overload

import cladding
from cladding import BoundPolicy, BoundStack, Policy, Stack, monitor, of, retry, stack, timer

T = TypeVar("T")

# ---------------------------------------------------------------------------------------- every kind, bare and configured


@timer
def function(x: int, *, scale: float = 1.0) -> str:
    return str(x * scale)


assert_type(function(3), str)
assert_type(function(x=3, scale=2), str)
takes_it: Callable[[int], str] = function


@timer()
def configured(x: int) -> str:
    return str(x)


assert_type(configured(3), str)


@monitor
@retry(max_retries=5, backoff_factor=1.5, exceptions=(ValueError, KeyError), initial_delay=timedelta(seconds=1))
@retry(None, exceptions=lambda error: bool(error.args), jitter="none", enabled=lambda: True)
@retry
@timer(enabled=False)
@monitor("name", {"team": "ranking"}, enabled=True)
def stacked(x: int) -> str:
    return str(x)


assert_type(stacked(3), str)


@monitor
@retry
@timer
async def coroutine(x: int) -> str:
    return str(x)


async def use_coroutine() -> None:
    assert_type(await coroutine(3), str)
    begun: Coroutine[Any, Any, str] = coroutine(3)
    assert_type(await begun, str)
    waits: Awaitable[str] = coroutine(3)
    await waits


@monitor
@retry
@timer
def generator(x: int) -> Iterator[str]:
    yield str(x)


for item in generator(3):
    assert_type(item, str)


@monitor
@retry
@timer
async def async_generator(x: int) -> AsyncIterator[str]:
    yield str(x)


async def use_async_generator() -> None:
    async for each in async_generator(3):
        assert_type(each, str)


assert_type(timer(len)([1]), int)
assert_type(timer(functools.partial(function, 3))(), str)

# -------------------------------------------------------------------------------- signatures that only F -> F can keep


@overload
def chosen(x: int) -> int: ...
@overload
def chosen(x: str) -> str: ...
@timer
@retry
@monitor
def chosen(x: int | str) -> int | str:
    return x


assert_type(chosen(3), int)
assert_type(chosen("3"), str)


@timer
@retry
@monitor
def generic(x: T, others: list[T]) -> T:
    return others[0] if others else x


assert_type(generic(3, [3]), int)
assert_type(generic("3", []), str)


@timer
@retry
@monitor
def every_sort(a: int, /, b: int, *args: int, c: int, d: int = 1, **kwargs: str) -> tuple[int, ...]:
    return (a, b, *args, c, d)


assert_type(every_sort(1, 2, 3, c=4, e="5"), tuple[int, ...])

# ------------------------------------------------------------------------------------------------- methods and classes


class Service:
    def __init__(self, size: int) -> None:
        self.size = size

    @timer
    def method(self, x: int) -> Service:
        return Service(self.size + x)

    @retry(max_retries=1)
    async def async_method(self, x: int) -> int:
        return self.size + x

    @classmethod
    @monitor
    def class_method(cls, x: int) -> Service:
        return cls(x)

    @staticmethod
    @monitor
    def static_method(x: int) -> str:
        return str(x)

    @timer
    @classmethod
    def above_class_method(cls, x: int) -> Service:
        return cls(x)

    @timer
    @staticmethod
    def above_static_method(x: int) -> str:
        return str(x)

    @property
    @timer
    def value(self) -> int:
        return self.size

    @value.setter
    @timer
    def value(self, value: int) -> None:
        self.size = value

    @functools.cached_property
    @timer
    def kept(self) -> list[int]:
        return [self.size]

    @overload
    def either(self, x: int) -> int: ...
    @overload
    def either(self, x: str) -> str: ...
    @timer
    def either(self, x: int | str) -> int | str:
        return x


service = Service(1)
assert_type(service.method(3), Service)
assert_type(Service.method(service, 3), Service)
assert_type(Service.class_method(3), Service)
assert_type(service.class_method(3), Service)
assert_type(Service.static_method(3), str)
assert_type(service.static_method(3), str)
assert_type(Service.above_class_method(3), Service)
assert_type(service.above_static_method(3), str)
assert_type(service.value, int)
service.value = 3
assert_type(service.kept, list[int])
assert_type(service.either(3), int)
assert_type(service.either("3"), str)


async def use_async_method() -> None:
    assert_type(await service.async_method(3), int)


class Engine(abc.ABC):
    @property
    @abc.abstractmethod
    def ready(self) -> bool: ...

    @abc.abstractmethod
    async def generate(self, prompt: str) -> str: ...

    @abc.abstractmethod
    def stream(self, prompt: str) -> AsyncIterator[str]: ...


class LocalEngine(Engine):
    @property
    @timer
    def ready(self) -> bool:
        return True

    @retry
    async def generate(self, prompt: str) -> str:
        return prompt

    @monitor
    async def stream(self, prompt: str) -> AsyncIterator[str]:
        yield prompt


class Generates(Protocol):
    async def generate(self, prompt: str) -> str: ...


engine: Generates = LocalEngine()


@timer
class Made:
    def __init__(self, x: int) -> None:
        self.x = x


@timer()
@dataclass(frozen=True)
class Point(Generic[T]):
    x: T


assert_type(Made(3), Made)
assert_type(Made(3).x, int)
assert_type(Point("x").x, str)
made: Made = Made(3)


class Derived(Made): ...


def is_made(thing: object) -> int:
    return thing.x if isinstance(thing, Made) else 0


# ------------------------------------------------------------------------------------------------------------- stacks

assert_type(timer(), Policy)
assert_type(retry(), Policy)
assert_type(retry(3), Policy)
assert_type(monitor(), Policy)
assert_type(monitor("name"), Policy)
assert_type(timer().name, str)
assert_type(timer().parameters, MappingProxyType[str, Any])

whole = stack(monitor, timer(), stack(retry(max_retries=1)), retry)
assert_type(whole, Stack)
assert_type(whole + timer() + timer + whole, Stack)
assert_type(timer() + whole, Stack)
assert_type(timer + whole, Stack)
assert_type(whole.policies, tuple[Policy, ...])
assert_type(list(whole), list[Policy])
assert_type(len(whole), int)


@whole
def with_stack(x: int) -> str:
    return str(x)


@stack(timer)
async def with_stack_inline(x: int) -> str:
    return str(x)


assert_type(with_stack(3), str)
assert_type(whole(generic)(3, []), int)
assert_type(whole(Made), type[Made])


async def use_stack() -> None:
    assert_type(await with_stack_inline(3), str)


# ------------------------------------------------------------------------------------------------- looking at a stack

assert_type(of(function), BoundStack)
assert_type(of(Made), BoundStack)
assert_type(of(service.method), BoundStack)
assert_type(of(Service.__dict__["value"]), BoundStack)
assert_type(of(function).policies, tuple[BoundPolicy, ...])
assert_type(of(function).timer, BoundPolicy)
assert_type(of(function).timer.stats, dict[str, Any])
assert_type(of(function).timer.name, str)
assert_type(of(function).timer.enabled, bool)
assert_type(of(function).target.module, str)
assert_type(of(function).target.parameters, tuple[str, ...])
assert_type(cladding.metrics_text(), str)
of(function).timer.enabled = False

# ------------------------------------------------------------------------------------------------------ switching off

with cladding.disabled():
    function(3)
with cladding.disabled("timer", "module.function:retry", function, service.method, Made, Service.__dict__["value"]):
    function(3)
cladding.configure(disabled=["timer", function])
cladding.configure(disabled={"timer"})
cladding.configure()


def after_a_block() -> int:
    with cladding.disabled("timer"):
        return 1  # The block swallows no exception, so nothing is missing after it.


# --------------------------------------------------------------------------------------------------------- exceptions

configuration: ValueError = cladding.ConfigurationError()
validation: ValueError = cladding.ValidationError()
pressure: MemoryError = cladding.MemoryPressureError()
assert_type(cladding.MemoryPressureError().fraction, float)
assert_type(cladding.ValidationError().argument, str)
