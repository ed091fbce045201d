"""What type checkers see of the gallery. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Protocol, TypeVar, assert_type

from cladding import (
    accepts,
    attributes,
    is_available,
    log_once,
    on_exit,
    provided_by,
    provides,
    requires,
    returns,
    singleton,
    tail_recursive,
    timer,
    trace,
    warn_once,
)

T = TypeVar("T")
LOGGER = logging.getLogger("models")
USER: ContextVar[str] = ContextVar("user")


def is_known(x: int) -> bool:
    return x > 0


def is_admin(user: str) -> bool:
    return user == "admin"


def name_of(x: int, name: str | None = None) -> str | None:
    return name


# -------------------------------------------------------------------------------------------------------------- trace


@trace
def traced(x: int, *, scale: float = 1.0) -> str:
    return str(x * scale)


@trace(to=sys.stderr, level="info", hidden=("token",), max_items=3, items=True, enabled=lambda: True)
def traced_items(x: int) -> Iterator[str]:
    yield str(x)


@trace(to=print, entry=True, result=False)
async def traced_coroutine(x: int) -> str:
    return str(x)


@trace(to=LOGGER, level=logging.INFO)
async def traced_async_items(x: int) -> AsyncIterator[str]:
    yield str(x)


assert_type(traced(3, scale=2), str)
assert_type([*traced_items(3)], list[str])
takes_it: Callable[[int], str] = traced


async def use_traced() -> None:
    assert_type(await traced_coroutine(3), str)
    async for each in traced_async_items(3):
        assert_type(each, str)


# ------------------------------------------------------------------------------------- those that are configured at least


@accepts(int, (str, None), elements=True)
@returns(str)
@requires(is_known, caller=None, message="no")
@warn_once.at_call("old", key=name_of)
@log_once.at_call(LOGGER, "info", "called")
@attributes({"stage": 1}, owner="ranking")
@timer
def all_of_them(x: int, name: str | None = None) -> str:
    return f"{x} {name}"


@accepts()
@returns()
@attributes(owner="ranking")
async def coroutine(x: T, others: list[T]) -> T:
    return others[0] if others else x


assert_type(all_of_them(3, name="a"), str)


async def use_coroutine() -> None:
    assert_type(await coroutine(3, [3]), int)


async def may_call(user: str, x: int) -> bool:
    return user == str(x)


class Service:
    @trace
    @accepts(x=int)
    @returns(str)
    @requires(is_admin, caller=USER)
    @attributes(owner="ranking")
    def method(self, x: int) -> str:
        return str(x)

    @accepts(int)
    @warn_once.at_call("old")
    @classmethod
    def of_class(cls, x: int) -> str:
        return str(x)

    @trace(to=print)
    @requires(may_call, caller=USER)
    async def coroutine(self, x: int) -> str:
        return str(x)

    @property
    @trace
    @returns(str)
    def prop(self) -> str:
        return "p"

    @tail_recursive
    def down(self, n: int, total: int = 0) -> int:
        return total if n == 0 else self.down(n - 1, total + n)

    @tail_recursive
    @staticmethod
    def static(n: int) -> int:
        return n if n == 0 else Service.static(n - 1)


assert_type(Service().method(3), str)
assert_type(Service.of_class(3), str)
assert_type(Service().prop, str)
assert_type(Service().down(3), int)
assert_type(Service.static(3), int)


async def use_service() -> None:
    assert_type(await Service().coroutine(3), str)


# ---------------------------------------------------------------------------------------------------- tail_recursive


@tail_recursive
def factorial(n: int, total: int = 1) -> int:
    return total if n <= 1 else factorial(n - 1, n * total)


assert_type(factorial(5), int)

# ---------------------------------------------------------------------------------------------------------- interfaces


class Engine(ABC):
    @abstractmethod
    async def abort(self, request_id: str) -> None: ...


class Named(Protocol):
    name: str


@provides(Engine, Named)
class Client:
    def __init__(self, name: str) -> None:
        self.name = name

    async def abort(self, request_id: str) -> None: ...


@trace
@accepts()
@attributes(owner="ranking")
class Plain:
    def __init__(self, x: int) -> None:
        self.x = x


assert_type(Client("a"), Client)
assert_type(Client("a").name, str)
assert_type(Plain(3).x, int)
assert_type(provided_by(Client), tuple[type, ...])
kinds: type[Client] = Client

# ------------------------------------------------------------------------------------------------- helpers that are called

assert_type(is_available("torch>=2.1"), bool)
is_available.cache_clear()
assert_type(warn_once("slow", FutureWarning, key=("a", 1), stacklevel=2), bool)
assert_type(log_once(LOGGER, "warning", "%s is slow", "a", key="slow"), bool)
assert_type(log_once("models", logging.INFO, "%s", "a", key=str, exc_info=True, extra={}), bool)

# ---------------------------------------------------------------------------------------------- on_exit, singleton


@on_exit
def bye() -> int:
    return 1


@on_exit(1, y=2)
def good_bye(x: int, y: int) -> int:
    return x + y


assert_type(bye(), int)
assert_type(good_bye(1, 2), int)


@singleton
class One:
    x = 1


assert_type(One().x, int)
singleton.reset(One)
