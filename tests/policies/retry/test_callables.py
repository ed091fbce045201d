"""`retry` on callables of every make, and on generators that are spoken to."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest

from .helpers import Fails, numbers


class Fetches:
    """Its objects are called as coroutine functions are."""

    def __init__(self, times: int) -> None:
        self.fails = Fails(times)

    async def __call__(self, key: str) -> tuple[str, int]:
        await asyncio.sleep(0)
        return key, self.fails()


class Iterates:
    """Its objects are called as async generator functions are."""

    def __init__(self, times: int) -> None:
        self.fails = Fails(times)

    async def __call__(self) -> AsyncIterator[int]:
        yield self.fails()


async def collect(items: Any) -> list[Any]:
    return [item async for item in items]


def test_objects_that_are_called_like_coroutine_functions(cladding: Any, waits: list[float]) -> None:
    for target in (Fetches(2), functools.partial(Fetches(2)), functools.partial(functools.partial(Fetches(2)))):
        f = cladding.retry(target)
        assert asyncio.run(f("k")) == ("k", 3)
        assert numbers(f) == {"calls": 1, "retries": 2, "gave_up": 0}
    f = cladding.retry(Iterates(2))
    assert asyncio.run(collect(f())) == [3]
    assert f.cladding.retry.stats["retries"] == 2


def test_lambdas_that_give_coroutines(cladding: Any, waits: list[float]) -> None:
    fetches = Fetches(2)
    assert asyncio.run(cladding.retry(lambda: fetches("k"))()) == ("k", 3)


def test_partials_of_coroutine_functions(cladding: Any, waits: list[float]) -> None:
    async def fetch(fails: Fails, key: str) -> tuple[str, int]:
        return key, fails()

    f = cladding.retry(functools.partial(fetch, Fails(2)))
    assert asyncio.run(f("k")) == ("k", 3)
    assert f.cladding.retry.stats["retries"] == 2


@pytest.mark.parametrize("order", ["above", "below"])
def test_async_methods_of_classes(cladding: Any, waits: list[float], order: str) -> None:
    async def of_class(cls: Any, fails: Fails) -> tuple[Any, int]:
        return cls, fails()

    async def static(fails: Fails) -> int:
        return fails()

    above = order == "above"

    class Client:
        class_method = cladding.retry(classmethod(of_class)) if above else classmethod(cladding.retry(of_class))
        static_method = cladding.retry(staticmethod(static)) if above else staticmethod(cladding.retry(static))

    for owner in (Client, Client()):
        assert asyncio.run(owner.class_method(Fails(2))) == (Client, 3)
        assert asyncio.run(owner.static_method(Fails(2))) == 3
        assert inspect.iscoroutinefunction(owner.class_method)
        assert inspect.iscoroutinefunction(owner.static_method)


def test_a_class_stays_one(cladding: Any, waits: list[float]) -> None:
    @cladding.retry
    class Session:
        def __init__(self, fails: Fails) -> None:
            self.made = fails()

    @cladding.retry
    class Pool(Session):
        pass

    session = Session(Fails(2))
    assert (session.made, type(session) is Session, isinstance(session, Session)) == (3, True, True)
    assert isinstance(Session, type)
    assert Pool(Fails(3)).made == 4
    assert issubclass(Pool, Session)


def test_what_is_sent_and_thrown_reaches_the_generator(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)

    @cladding.retry(exceptions=Exception)
    def echo() -> Generator[Any, Any, str]:
        fails()
        got: list[Any] = []
        while len(got) < 3:
            try:
                got.append((yield len(got)))
            except KeyError as error:
                got.append(error)
        return f"got {got}"

    steps = echo()
    assert next(steps) == 0
    assert fails.calls == 3
    assert steps.send("one") == 1
    thrown = KeyError("two")
    assert steps.throw(thrown) == 2
    with pytest.raises(StopIteration) as stop:
        steps.send("three")
    assert stop.value.value == f"got {['one', thrown, 'three']}"
    assert fails.calls == 3


def test_what_is_thrown_and_not_handled_is_not_retried(cladding: Any, waits: list[float]) -> None:
    runs: list[int] = []

    @cladding.retry(exceptions=Exception)
    def items() -> Iterator[int]:
        runs.append(1)
        yield 1
        yield 2

    steps = items()
    next(steps)
    with pytest.raises(ConnectionError) as caught:
        steps.throw(ConnectionError("thrown"))
    assert (len(runs), waits) == (1, [])
    assert not hasattr(caught.value, "__notes__")


def test_async_generators_are_spoken_to_as_well(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)

    @cladding.retry
    async def echo() -> Any:
        fails()
        got = yield "ready"
        while True:
            try:
                got = yield got
            except KeyError:
                got = "thrown"

    async def main() -> None:
        steps = echo()
        assert await anext(steps) == "ready"
        assert await steps.asend(5) == 5
        assert await steps.athrow(KeyError()) == "thrown"
        await steps.aclose()

    asyncio.run(main())
    assert fails.calls == 3


def test_items_come_once_and_one_at_a_time(cladding: Any, waits: list[float]) -> None:
    made: list[int] = []
    fails = Fails(1)

    @cladding.retry(exceptions=Exception)
    def items() -> Iterator[int]:
        for item in range(4):
            if item == 2:
                fails()
            made.append(item)
            yield item

    seen = []
    with pytest.raises(ConnectionError):
        for item in items():
            seen.append(item)
            assert made == seen  # nothing is made ahead
    assert seen == [0, 1]
    assert list(items()) == [0, 1, 2, 3]


def test_yield_from_a_retried_generator(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)

    @cladding.retry
    def inner() -> Generator[str, str, str]:
        fails()
        got = yield "first"
        return f"sent {got}"

    def outer() -> Generator[str, str, str]:
        return (yield from inner())

    steps = outer()
    assert next(steps) == "first"
    with pytest.raises(StopIteration) as stop:
        steps.send("word")
    assert stop.value.value == "sent word"


def test_a_predicate_is_not_asked_about_a_generator_that_yielded(cladding: Any, waits: list[float]) -> None:
    asked: list[Exception] = []

    @cladding.retry(exceptions=asked.append)
    def items() -> Iterator[int]:
        yield 1
        raise ConnectionError

    with pytest.raises(ConnectionError):
        list(items())
    assert asked == []
