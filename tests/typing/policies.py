"""What type checkers see of each decorator's own parameters. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import TypeVar, assert_type

import cladding
from cladding import Array, Keys, Policy, Range, cache_result, memory_guard, monitor, of, retry, timer, validate_input

T = TypeVar("T")

# -------------------------------------------------------------------------------------------------------------- retry

assert_type(retry(max_retries=None, initial_delay=timedelta(seconds=1), max_delay=3, jitter="equal"), Policy)


def worth_it(error: Exception) -> bool:
    return bool(error.args)


@retry(exceptions=worth_it)
def retried(x: int) -> str:
    return str(x)


assert_type(retried(3), str)

# ------------------------------------------------------------------------------------------------------------ monitor


@monitor(name="predict", labels={"team": "ranking"})
def monitored(x: int) -> str:
    return str(x)


assert_type(monitored(3), str)

# ----------------------------------------------------------------------------------------------------- validate_input

assert_type(validate_input(x=Range(0, 1)), Policy)
assert_type(Array(shape=("rows", 64, None), dtype="float32", finite=True, min=0, max=16), Array)
assert_type(Keys("id", "pixels"), Keys)
assert_type(Range(0, 1), Range)


@validate_input(x=Range(0, 10), row=Array(shape=(64,)), options=Keys("id"))
def validated(x: float, row: object, options: dict[str, int]) -> str:
    return f"{x} {row} {options}"


@validate_input({"fallback": Range(0, 1)}, fallback="unknown", enabled=True)
async def with_fallback(fallback: float) -> str:
    return str(fallback)


assert_type(validated(3, [], {}), str)


async def use_fallback() -> None:
    assert_type(await with_fallback(0.5), str)


# ------------------------------------------------------------------------------------------------------- memory_guard


@memory_guard
def guarded(x: int) -> str:
    return str(x)


@memory_guard(threshold=0.9, on_pressure=("collect", "raise"), wait=timedelta(seconds=1), limit="2GiB")
def guarded_iterator(x: int) -> Iterator[str]:
    yield str(x)


@memory_guard(0.95)
async def guarded_async_iterator(x: int) -> AsyncIterator[str]:
    yield str(x)


assert_type(guarded(3), str)
assert_type([*guarded_iterator(3)], list[str])

# ------------------------------------------------------------------------------------------------------- cache_result


@cache_result
def cached(x: int, *, scale: float = 1.0) -> str:
    return str(x * scale)


@cache_result(ttl=60, max_entries=10_000)
async def cached_coroutine(x: int) -> str:
    return str(x)


def key_of(x: int, **options: int) -> int:
    return x


@cache_result(key=key_of, ignore=("option",), typed=True, namespace="n", version="source")
def cached_by_key(x: int, **options: int) -> int:
    return x


@monitor
@cache_result(ttl=None)
@retry
@timer
def cached_between(x: int) -> str:
    return str(x)


@cache_result(ttl=60, generators=100)
def cached_items(x: int) -> Iterator[str]:
    yield str(x)


@cache_result(generators=100)
async def cached_async_items(x: int) -> AsyncIterator[str]:
    yield str(x)


class Service:
    @cache_result(ttl=timedelta(minutes=1))
    def method(self, x: int) -> Service:
        return self

    @cache_result
    async def coroutine(self, x: int) -> str:
        return str(x)

    @staticmethod
    @cache_result
    def static_method(x: int) -> str:
        return str(x)

    @property
    @cache_result
    def value(self) -> int:
        return 1


assert_type(cached(3), str)
assert_type(cached(x=3, scale=2), str)
assert_type(cached_between(3), str)
assert_type(cached.cache_info().hits, int)
assert_type(cached.cache_info().maxsize, int | None)
assert_type(cached_by_key(1, option=2), int)
assert_type(cached_items(1), Iterator[str])
assert_type(cached_async_items(x=1), AsyncIterator[str])
cached.cache_clear()
assert_type(Service().method(3), Service)
assert_type(Service.method(Service(), 3), Service)
assert_type(Service.method.cache_info().misses, int)
assert_type(Service().method.cache_info().misses, int)
assert_type(Service.static_method(3), str)
assert_type(Service().value, int)
takes_it: Callable[[int], str] = cached_between
assert_type(cladding.stack(monitor, cache_result(ttl=1), memory_guard, cache_result), cladding.Stack)


async def use_cached() -> None:
    assert_type(await cached_coroutine(3), str)
    assert_type(await Service().coroutine(3), str)


# ---------------------------------------------------------------------------------------------------------- all of them


@monitor
@validate_input(x=Range(0, 10))
@memory_guard
@retry
@timer
def with_all_but_a_cache(x: T, others: list[T]) -> T:
    return others[0] if others else x


assert_type(with_all_but_a_cache(3, []), int)
assert_type([policy.name for policy in of(with_all_but_a_cache).policies], list[str])
