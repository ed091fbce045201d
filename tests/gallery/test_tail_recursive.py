"""`tail_recursive`: which calls take no stack, and that all others are what they were."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cladding
from cladding._gallery.tail_recursive import tail_recursive

DEEP = 5000


def height() -> int:
    frame: types.FrameType | None = sys._getframe(1)
    count = 0
    while frame is not None:
        count, frame = count + 1, frame.f_back
    return count


@tail_recursive
def factorial(n: int, total: int = 1) -> int:
    return total if n <= 1 else factorial(n - 1, n * total)


def test_factorial_of_5000() -> None:
    assert factorial(DEEP) == math.factorial(DEEP)


def test_the_stack_does_not_grow() -> None:
    heights: list[int] = []

    @tail_recursive
    def f(n: int) -> int:
        heights.append(height())
        if n == 0:
            return 0
        return f(n - 1)

    assert f(DEEP) == 0
    assert len(heights) == DEEP + 1
    assert len(set(heights)) == 1


@tail_recursive
def fibonacci(n: int) -> int:
    if n > 1000:
        return fibonacci(n % 1000)
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def test_other_calls_of_itself() -> None:
    assert fibonacci(15) == 610
    assert fibonacci(1015) == 610


@tail_recursive
def collatz(n: int, steps: int = 0) -> int:
    if n == 1:
        return steps
    return collatz(n // 2, steps + 1) if n % 2 == 0 else collatz(3 * n + 1, steps=steps + 1)


def bare_collatz(n: int) -> int:
    steps = 0
    while n != 1:
        n, steps = (n // 2 if n % 2 == 0 else 3 * n + 1), steps + 1
    return steps


@given(st.integers(1, 10**6))
def test_both_branches_and_keywords(n: int) -> None:
    assert collatz(n) == bare_collatz(n)


@tail_recursive
def even(n: int) -> bool:
    return n == 0 or odd(n - 1)


@tail_recursive
def odd(n: int) -> bool:
    return n != 0 and even(n - 1)


def test_two_functions_that_call_each_other() -> None:
    assert even(2 * DEEP)
    assert odd(2 * DEEP + 1)
    assert not odd(2 * DEEP)


@tail_recursive
def ackermann(m: int, n: int) -> int:
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def test_a_call_inside_the_arguments_of_another() -> None:
    assert ackermann(2, 3) == 9


class Counter:
    def __init__(self, step: int) -> None:
        self.step = step
        self.inner: Any = None

    @tail_recursive
    def down(self, n: int, total: int = 0) -> int:
        left = n - 1
        for _ in range(3):
            for _ in range(2):
                if n == 0:
                    return total
                return self.down(left, total + self.step)
        raise AssertionError

    @tail_recursive
    @classmethod
    def of_class(cls, n: int, *, total: int = 0) -> int:
        return total if n == 0 else cls.of_class(n - 1, total=total + 1)

    @classmethod
    @tail_recursive
    def of_class_inside(cls, n: int, total: int = 0) -> int:
        return total if n == 0 else cls.of_class_inside(n - 1, total + 1)

    @staticmethod
    @tail_recursive
    def static(n: int, total: int = 0) -> int:
        return total if n == 0 else Counter.static(n - 1, total + 1)

    @tail_recursive
    def of_another(self, n: int) -> int:
        other = self.inner or self
        return self.step if n == 0 else other.of_another(n - 1)


class Doubled(Counter):
    def down(self, n: int, total: int = 0) -> int:
        return super().down(n, total)


def test_methods() -> None:
    counter = Counter(2)
    assert counter.down(DEEP) == 2 * DEEP
    assert counter.of_class(DEEP) == Counter.of_class_inside(DEEP) == Counter.static(DEEP) == DEEP
    assert Counter.down(counter, 10) == 20


def test_calls_on_another_instance() -> None:
    first, second = Counter(1), Counter(2)
    first.inner, second.inner = second, first
    assert first.of_another(DEEP) == 1
    assert first.of_another(DEEP + 1) == 2


def test_an_override_is_not_passed_by() -> None:
    assert Doubled(1).down(50) == 50


def test_a_name_that_means_something_else_by_now() -> None:
    @tail_recursive
    def f(n: int) -> Any:
        return n if n <= 0 else f(n - 1)

    once, f = f, lambda n: ("other", n)
    assert once(3) == ("other", 2)


def test_calls_that_something_else_makes() -> None:
    @tail_recursive
    def f(n: int, *rest: Any) -> Any:
        if n == 0:
            return 0
        if n == 1:
            return list(map(f, [0, 2]))
        if n == 2:
            return f(*map(f, [0, 0]))
        if n == 3:
            return functools.reduce(f, [0, 0, 0])
        if n == 4:
            return sorted([3, 0], key=f)
        if n == 5:
            return max(f(0), 1)
        return f(n - 5)

    assert [f(n) for n in (1, 2, 3, 5, 6, 10)] == [[0, 0], 0, 0, 1, [0, 0], 1]
    assert f(4) == [3, 0]


def test_calls_inside_try_and_with_are_ordinary() -> None:
    cleaned: list[int] = []

    @tail_recursive
    def f(n: int) -> Any:
        if n == 0:
            raise KeyError(n)
        if n == 1:
            try:
                return f(0)
            except KeyError:
                return "caught"
            finally:
                cleaned.append(n)
        return f(n - 1)

    assert f(DEEP) == "caught"
    assert cleaned == [1]


def test_an_exception_of_a_call_inside_try_is_caught_there() -> None:
    @tail_recursive
    def f(n: int) -> Any:
        if n == 0:
            raise KeyError(n)
        if n > 3:
            return f(n - 1)
        try:
            return f(n - 1)
        except KeyError:
            return ("caught", n)

    assert f(DEEP) == ("caught", 1)


def test_exceptions_pass() -> None:
    @tail_recursive
    def f(n: int) -> int:
        return 1 // n if n == 0 else f(n - 1)

    with pytest.raises(ZeroDivisionError):
        f(DEEP)
    with pytest.raises(TypeError, match=r"f\(\) missing 1 required positional argument: 'n'"):
        f()


def test_the_bare_function_can_be_called_as_such() -> None:
    bare: Any = inspect.unwrap(factorial)
    assert bare is not factorial
    assert bare(50) == math.factorial(50)


def test_re_entrance() -> None:
    @tail_recursive
    def outer(n: int, total: int = 0) -> int:
        if n == 0:
            return total
        return outer(n - 1, total + factorial(3) + (outer(0, 1) if n % 2 else 1))

    assert outer(DEEP) == 7 * DEEP


def test_threads() -> None:
    results: list[int] = []
    start = threading.Barrier(4)

    def run(n: int) -> None:
        start.wait()
        results.extend(factorial(k) == math.factorial(k) for k in range(n, n + 50))

    threads = [threading.Thread(target=run, args=(400 + n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 200
    assert all(results)


def test_decorators_above_see_every_call() -> None:
    @cladding.timer
    @tail_recursive
    def f(n: int) -> int:
        return 0 if n == 0 else f(n - 1)

    @cladding.cache_result(ttl=60)
    @tail_recursive
    def cached(n: int) -> int:
        return 0 if n == 0 else cached(n - 1)

    assert f(20) == 0
    assert f.cladding.timer.stats["calls"] == 21
    assert [cached(n) for n in (5, 4, 3, 2)] == [0, 0, 0, 0]


def test_while_something_counts_lines() -> None:
    seen: list[str] = []

    def tracer(frame: types.FrameType, event: str, argument: Any) -> Any:
        seen.append(event)
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        assert factorial(200) == math.factorial(200)
    finally:
        sys.settrace(before)
    assert seen


def test_what_it_is() -> None:
    assert isinstance(factorial, types.FunctionType)
    assert str(inspect.signature(factorial)) == "(n: 'int', total: 'int' = 1) -> 'int'"
    assert factorial.__name__ == "factorial"


# --------------------------------------------------------------------------------------------------------- what it refuses


async def coroutine(n: int) -> Any:
    return coroutine(n)


def generator(n: int) -> Iterator[Any]:
    yield generator(n)


async def async_generator(n: int) -> Any:
    yield async_generator(n)


@pytest.mark.parametrize(
    "target",
    [coroutine, generator, async_generator, len, functools.partial(len), Counter, Counter(1).down, property(len), 3,
     cladding.timer(bare_collatz), factorial],
    ids=str,
)  # fmt: skip
def test_refused(target: Any) -> None:
    with pytest.raises(TypeError, match="tail_recursive cannot decorate"):
        tail_recursive(target)


def test_no_call_in_tail_position() -> None:
    def f(n: int) -> int:
        return 1 if n == 0 else n * f(n - 1)

    with pytest.raises(cladding.ConfigurationError, match="has no call in tail position"):
        tail_recursive(f)


def test_asynchronous_code_may_call_it() -> None:
    async def main() -> int:
        return factorial(10)

    assert asyncio.run(main()) == 3628800
