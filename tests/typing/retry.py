"""What type checkers see of `retry`. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from datetime import timedelta
from typing import Literal, TypeVar, assert_type, overload

import cladding.testing
from cladding import Policy, RetryEvent, retry

T = TypeVar("T")

# ---------------------------------------------------------------------------------------------------------- parameters

assert_type(retry(), Policy)
assert_type(retry(5, 1.5, OSError), Policy)
assert_type(retry(None, exceptions=(OSError, ValueError), initial_delay=timedelta(seconds=1), max_delay=3), Policy)
assert_type(retry(jitter="decorrelated", schedule="fibonacci", deadline=None, timeout=3), Policy)
assert_type(retry(schedule=[0.1, 1, timedelta(minutes=1)], max_retry_after=timedelta(minutes=1)), Policy)
assert_type(retry(nested="outer", enabled=lambda: False), Policy)


def doubling() -> Iterator[float]:
    yield 1.0


def worth_it(error: Exception) -> bool:
    return bool(error.args)


def how_long(error: Exception) -> float | bool:
    return 0.5 if error.args else False


def asks(error: Exception) -> float | None:
    return None


def pending(result: str) -> bool:
    return result == "pending"


def hear(event: RetryEvent) -> None:
    assert_type(event.function, str)
    assert_type(event.attempt, int)
    assert_type(event.exception, Exception | None)
    assert_type(event.result, object)
    assert_type(event.delay, float | None)
    assert_type(event.elapsed, float)
    assert_type(event.deadline, float | None)
    assert_type(event.max_retries, int | None)
    assert_type(event.reason, str | None)
    assert_type(event.failures, tuple[Exception, ...])


assert_type(retry(schedule=doubling, exceptions=worth_it, retry_after=asks, retry_on_result=pending), Policy)
assert_type(retry(exceptions=how_long, on_retry=hear, on_giveup=hear, on_success=hear), Policy)

# ------------------------------------------------------------------------------------------------ exact types are kept


@retry
def bare(x: int, *more: str, flag: bool = False) -> str:
    return str(x)


@retry(max_retries=5)
def configured(x: int, *more: str, flag: bool = False) -> str:
    return str(x)


@retry
def generic(x: T, others: list[T]) -> T:
    return x


@retry(exceptions=OSError)
async def coroutine(x: int) -> str:
    return str(x)


@retry
def generator(x: int) -> Generator[int, str, bytes]:
    got = yield x
    return got.encode()


@retry(deadline=3)
async def async_generator(x: int) -> AsyncIterator[str]:
    yield str(x)


@overload
def overloaded(x: int) -> int: ...
@overload
def overloaded(x: str) -> str: ...
@retry
def overloaded(x: int | str) -> int | str:
    return x


assert_type(bare(1, "a", flag=True), str)
assert_type(configured(1, "a", flag=True), str)
assert_type(generic(3, [4]), int)
assert_type(generic("a", []), str)
assert_type(generator(3), Generator[int, str, bytes])
assert_type(async_generator(3), AsyncIterator[str])
assert_type(overloaded(3), int)
assert_type(overloaded("a"), str)
takes_it: Callable[[int], str] = configured


class Client:
    @retry
    def method(self, key: str) -> Client:
        return self

    @retry(max_retries=1)
    async def coroutine(self, key: str) -> int:
        return len(key)

    @retry
    @classmethod
    def above_class(cls, key: str) -> Client:
        return cls()

    @classmethod
    @retry(max_retries=1)
    def below_class(cls, key: str) -> Client:
        return cls()

    @retry
    @staticmethod
    def above_static(key: str) -> int:
        return len(key)

    @staticmethod
    @retry
    def below_static(key: str) -> int:
        return len(key)

    @property
    @retry
    def value(self) -> int:
        return 1


@retry
class Session:
    def __init__(self, url: str) -> None:
        self.url = url


client = Client()
assert_type(client.method("k"), Client)
assert_type(Client.method(client, "k"), Client)
assert_type(client.above_class("k"), Client)
assert_type(Client.below_class("k"), Client)
assert_type(client.above_static("k"), int)
assert_type(Client.below_static("k"), int)
assert_type(client.value, int)
assert_type(Session("u"), Session)
assert_type(Session("u").url, str)


async def awaited() -> None:
    assert_type(await coroutine(3), str)
    assert_type(await client.coroutine("k"), int)
    assert_type(await retry.call(coroutine, 3), str)
    assert_type(await retry(5).call(client.coroutine, key="k"), int)
    assert_type(await retry.replace(coroutine, None, 1.5, OSError)(3), str)
    assert_type(await retry.replace(client.coroutine, on_retry=hear)("k"), int)
    async for item in async_generator(3):
        assert_type(item, str)


# ---------------------------------------------------------------------------------------------------------------- call

assert_type(retry.call(bare, 1, "a", flag=True), str)
assert_type(retry.call(client.method, "k"), Client)
assert_type(retry.call(Session, "u"), Session)
assert_type(retry(5).call(bare, 1), str)
assert_type(retry(5).call(len, "abc"), int)

# ------------------------------------------------------------------------------------------------------------- replace

assert_type(retry.replace(bare, max_retries=5)(1, "a", flag=True), str)
assert_type(retry.replace(client.method, deadline=3, jitter="none")(key="k"), Client)
assert_type(retry.replace(Client.method, schedule=[1])(client, "k"), Client)
assert_type(retry.replace(Client.below_class, exceptions=OSError)("k"), Client)
assert_type(retry.replace(generator, timeout=3)(3), Generator[int, str, bytes])
assert_type(retry.replace(Session, nested="allow")("u"), Session)

# ------------------------------------------------------------------------------------------------------------ attempts


def block() -> int:
    for attempt in retry.attempts(3, exceptions=OSError, deadline=3, on_giveup=hear):
        with attempt as entered:
            assert_type(attempt.number, int)
            assert_type(entered.number, int)
            attempt.set_result("any")
            if attempt.number > 1:
                return attempt.number
    return 0


async def async_block() -> None:
    async for attempt in retry.attempts(max_retries=None, jitter="equal"):
        with attempt:
            assert_type(attempt.number, int)


# ------------------------------------------------------------------------------------------------------------ failures

assert_type(retry.failures(KeyError()), tuple[BaseException, ...])
assert_type(retry.group(KeyError()), ExceptionGroup[Exception])

# ------------------------------------------------------------------------------------------------------------- testing

with cladding.testing.fast_retries(attempts=2):
    pass
fast = cladding.testing.fast_retries()
assert_type(fast.start(), None)
assert_type(fast.stop(), None)

nested: Literal["warn", "outer", "allow"] = "outer"
assert_type(retry(nested=nested), Policy)
later: Callable[[int], Awaitable[str]] = coroutine
