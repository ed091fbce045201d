"""`disabled` on a function: policies are off for each of its calls, for as long as the call lasts."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import Any

import pytest

from cladding import ConfigurationError, disabled, of, timer

from .helpers import all_calls
from .switched import ONE, both, one, other, seen


@pytest.mark.parametrize(
    ("what", "expected_one", "expected_other"),
    [
        (["timer"], [0, 1], [0, 1]),
        (["timer", "retry"], [0, 0], [0, 0]),
        ([one], [0, 0], [1, 1]),
        ([f"{ONE}:retry", other], [1, 0], [0, 0]),
        ([], [0, 0], [0, 0]),
    ],
    ids=str,
)
def test_a_function(what: list[Any], expected_one: list[int], expected_other: list[int]) -> None:
    decorated = disabled(*what)(both)
    for _ in range(2):
        assert seen(decorated) == {"one": expected_one, "other": expected_other}
        assert seen(both) == {"one": [1, 1], "other": [1, 1]}


def test_arguments_and_results_pass() -> None:
    @disabled("timer")
    def call(*args: int, **kwargs: int) -> tuple[Any, ...]:
        """Calls."""
        return args, kwargs, one(1)

    assert call(1, 2, x=3) == ((1, 2), {"x": 3}, 2)
    assert (call.__name__, call.__doc__, call.__module__) == ("call", "Calls.", __name__)
    assert list(inspect.signature(call).parameters) == ["args", "kwargs"]


def test_an_exception_passes_and_ends_it() -> None:
    @disabled()
    def fails() -> None:
        both()
        raise KeyError("mine")

    def call() -> None:
        with pytest.raises(KeyError, match="mine"):
            fails()

    assert seen(call) == {"one": [0, 0], "other": [0, 0]}
    assert seen(both) == {"one": [1, 1], "other": [1, 1]}


def test_calls_within_a_call() -> None:
    @disabled("timer")
    def nested(depth: int) -> None:
        if depth:
            nested(depth - 1)
        both()

    assert seen(lambda: nested(3)) == {"one": [0, 4], "other": [0, 4]}
    assert seen(both) == {"one": [1, 1], "other": [1, 1]}


def test_a_coroutine_function() -> None:
    @disabled("timer")
    async def call(x: int) -> int:
        both()
        await asyncio.sleep(0)
        both()
        return x

    assert inspect.iscoroutinefunction(call)
    made: list[Coroutine[Any, Any, int]] = []
    assert seen(lambda: made.append(call(3)) or both())["one"] == [1, 1]
    assert seen(lambda: made.append(asyncio.run(made.pop())))["one"] == [0, 2]  # type: ignore[arg-type]
    assert made == [3]
    assert seen(both)["one"] == [1, 1]


def test_coroutines_that_overlap() -> None:
    @disabled("timer")
    async def call(steps: int) -> None:
        for _ in range(steps):
            both()
            await asyncio.sleep(0)

    async def several() -> None:
        await asyncio.gather(*map(call, (1, 3, 5)))

    assert seen(lambda: asyncio.run(several()))["one"] == [0, 9]
    assert seen(both)["one"] == [1, 1]


def test_a_cancelled_coroutine_ends_it() -> None:
    @disabled("timer")
    async def call() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call(), 0.01)

    asyncio.run(main())
    assert seen(both)["one"] == [1, 1]


def test_a_generator_function_as_fixtures_are() -> None:
    @disabled("timer")
    def call() -> Generator[int, int, str]:
        both()
        got = yield 1
        both()
        assert got == 5
        return "end"

    assert inspect.isgeneratorfunction(call)
    begun = call()
    assert seen(both)["one"] == [1, 1]
    assert seen(lambda: next(begun))["one"] == [0, 1]
    assert seen(both)["one"] == [0, 1]
    with pytest.raises(StopIteration) as caught:
        begun.send(5)
    assert caught.value.value == "end"
    assert seen(both)["one"] == [1, 1]
    closed = call()
    next(closed)
    closed.close()
    assert seen(both)["one"] == [1, 1]


def test_methods_and_functions_that_carry_policies() -> None:
    class Tests:
        @disabled("timer")
        def method(self) -> Tests:
            both()
            return self

    tests = Tests()
    assert seen(lambda: tests.method() is tests)["one"] == [0, 1]

    @disabled("timer")
    @timer
    def inner() -> int:
        return 1

    assert inner() == 1
    assert all_calls(inner) == [0]
    assert of(inner).timer.enabled
    above = timer(disabled("timer")(lambda: both()))
    assert seen(above)["one"] == [0, 1]
    assert all_calls(above) == [1]


def test_threads() -> None:
    go, entered = threading.Event(), threading.Barrier(4)

    @disabled("timer")
    def call() -> None:
        entered.wait(30)
        assert go.wait(30)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    entered.wait(30)
    assert seen(both)["one"] == [0, 1]
    go.set()
    for thread in threads:
        thread.join()
    assert seen(both)["one"] == [1, 1]


async def _async_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    "wrong", [int, staticmethod(both), classmethod(both), property(both), None, 3, "timer"], ids=str
)
def test_only_functions_are_decorated(wrong: Any) -> None:
    with pytest.raises(TypeError, match="disabled: it decorates functions, not "):
        disabled("timer")(wrong)


def test_async_generator_functions_are_refused() -> None:
    with pytest.raises(
        TypeError, match=r"write a `with` block in .*_async_generator.*, as async generator functions cannot be"
    ):
        disabled("timer")(_async_generator)


def test_wrong_names_are_refused_at_decoration() -> None:
    with pytest.raises(ConfigurationError, match="got 'timr'"):

        @disabled("timr")
        def call() -> None: ...


@pytest.fixture
@disabled("timer")
def off() -> Iterator[Callable[[], None]]:
    both()
    yield both
    both()


@disabled("retry")
def test_as_a_test_is_written(off: Callable[[], None]) -> None:
    assert seen(off) == {"one": [0, 0], "other": [0, 0]}
