"""`cache_result(generators=N)` on generator functions: what is kept, what is handed out, and what is refused."""

from __future__ import annotations

import gc
import inspect
import itertools
import traceback
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from cladding import ConfigurationError, cache_result, of, retry, timer

from .helpers import stats


def through(generator: Any) -> tuple[list[Any], Any]:
    """The items that are left, and what the generator returns."""
    items = []
    while True:
        try:
            items.append(next(generator))
        except StopIteration as stop:
            return items, stop.value


class Made:
    """A generator function that notes what it does."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    def __call__(self, count: int, result: Any = "end") -> Generator[Any, Any, Any]:
        self.log.append("begin")
        try:
            for index in range(count):
                self.log.append(index)
                yield index
        finally:
            self.log.append("over")
        return result


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture
def f(made: Made) -> Any:
    @cache_result(generators=5)
    def items(count: int, result: Any = "end") -> Generator[Any, Any, Any]:
        return (yield from made(count, result))

    return items


def test_items_and_the_result_are_given_again(f: Any, made: Made) -> None:
    assert through(f(3)) == ([0, 1, 2], "end")
    assert through(f(count=3)) == ([0, 1, 2], "end")
    assert made.log == ["begin", 0, 1, 2, "over"]
    assert f.cache_info() == (1, 1, 10_000, 1)

    def outer() -> Generator[Any, Any, Any]:
        return (yield from f(3))

    assert through(outer()) == ([0, 1, 2], "end")


def test_an_empty_generator_is_kept(f: Any, made: Made) -> None:
    assert through(f(0)) == through(f(0)) == ([], "end")
    assert made.log == ["begin", "over"]


def test_nothing_runs_before_it_is_asked_for(f: Any, made: Made) -> None:
    generator = f(3)
    assert inspect.isgenerator(generator)
    assert inspect.isgeneratorfunction(f)
    assert made.log == []
    assert next(generator) == 0
    assert made.log == ["begin", 0]
    assert next(generator) == 1
    assert made.log == ["begin", 0, 1]
    assert f.cache_info().currsize == 0
    again = f(3)
    assert inspect.isgenerator(again)
    assert again.__name__ == generator.__name__


def test_as_many_items_as_are_allowed_are_kept_and_no_more(f: Any, made: Made) -> None:
    assert through(f(5)) == through(f(5)) == (list(range(5)), "end")
    assert made.log.count("begin") == 1
    assert through(f(6)) == through(f(6)) == (list(range(6)), "end")
    assert made.log.count("begin") == 3
    assert stats(f)["too_long"] == 2
    assert f.cache_info().currsize == 1


def test_what_is_too_long_is_let_go() -> None:
    class Item:
        pass

    alive: list[weakref.ref[Item]] = []

    @cache_result(generators=10)
    def items() -> Iterator[Item]:
        for _ in range(100):
            item = Item()
            alive.append(weakref.ref(item))
            yield item
            del item

    most = 0
    for _ in items():
        gc.collect()
        most = max(most, sum(ref() is not None for ref in alive))
    assert len(alive) == 100
    assert most <= 12
    assert sum(ref() is not None for ref in alive[:-1]) == 0


def test_the_rest_of_the_parameters(made: Made) -> None:
    lives: list[Any] = []

    def life(items: Any) -> float:
        lives.append(items)
        return 60

    @cache_result(
        ttl=life,
        generators=5,
        key=lambda count: count % 10,
        tags=lambda items, count: [str(count), str(len(items))],
        max_bytes="1MiB",
    )
    def f(count: int) -> Generator[int, None, Any]:
        return (yield from made(count))

    assert through(f(3)) == through(f(13)) == ([0, 1, 2], "end")
    assert lives == [(0, 1, 2)]
    assert stats(f)["bytes"] > 0
    assert f.cache.invalidate_tag("3") == 1
    assert f.cache_info().currsize == 0
    assert f.cache_parameters()["generators"] == 5


def test_a_life_of_nothing_keeps_nothing(made: Made) -> None:
    f = cache_result(ttl=lambda items: 0, generators=5)(inner(made))
    assert through(f(1)) == through(f(1)) == ([0], "end")
    assert made.log.count("begin") == 2


def inner(made: Callable[..., Any]) -> Any:
    def items(count: int) -> Generator[Any, Any, Any]:
        return (yield from made(count))

    return items


def test_single_results_are_tuples_of_the_items(f: Any, made: Made) -> None:
    with pytest.raises(KeyError):
        f.cache.get(2)
    through(f(2))
    assert f.cache.get(2) == (0, 1)
    assert f.cache.items() == [((2, "end"), (0, 1))]
    f.cache.put(["a", "b"], 4)
    assert through(f(4)) == (["a", "b"], None)
    f.cache.load([((5,), iter("xyz"))])
    assert through(f(5)) == (["x", "y", "z"], None)
    assert f.cache.invalidate(4)
    with pytest.raises(ValueError, match="`generators` is 5, so 6 items cannot be kept"):
        f.cache.put(range(6), 7)
    with pytest.raises(TypeError, match="iterable"):
        f.cache.put(6, 7)
    assert made.log == ["begin", 0, 1, "over"]


def test_copies() -> None:
    @cache_result(generators=5, copy=True)
    def f() -> Generator[list[int], None, list[str]]:
        yield [1]
        yield [2]
        return ["end"]

    for _ in range(3):
        items, result = through(f())
        assert (items, result) == ([[1], [2]], ["end"])
        items[0].append(5)
        result.append("more")
    assert f.cache.get() == ([1], [2])
    f.cache.get()[0].append(7)
    assert f.cache.items() == [((), ([1], [2]))]


def test_instances_are_kept_apart_and_go() -> None:
    class Numbers:
        def __init__(self, start: int) -> None:
            self.start = start

        @cache_result(generators=5)
        def few(self, count: int) -> Iterator[int]:
            yield from range(self.start, self.start + count)

    one, two = Numbers(1), Numbers(2)
    assert [list(one.few(2)), list(two.few(2)), list(one.few(2))] == [[1, 2], [2, 3], [1, 2]]
    assert Numbers.few.cache_info()[:2] == (1, 2)
    del two
    gc.collect()
    assert Numbers.few.cache_info().currsize == 1


def test_an_exception_is_not_kept(made: Made) -> None:
    @cache_result(generators=5)
    def f() -> Iterator[int]:
        yield from made(1)
        raise KeyError("no")

    for _ in range(2):
        generator = f()
        assert next(generator) == 0
        with pytest.raises(KeyError, match="no") as caught:
            next(generator)
        entries = [entry.name for entry in traceback.extract_tb(caught.value.__traceback__)]
        assert entries == ["test_an_exception_is_not_kept", "f"]
        with pytest.raises(StopIteration):
            next(generator)
    assert made.log.count("begin") == 2
    assert f.cache_info().currsize == 0
    assert stats(f)["loads"] == 2


def test_items_that_are_used_up_are_refused() -> None:
    @cache_result(generators=5)
    def f() -> Iterator[Any]:
        yield 1
        yield iter([2])

    with pytest.raises(TypeError, match=r"cannot keep what .*f\(\) yielded: a list_iterator is used up"):
        list(f())
    assert f.cache_info().currsize == 0


@pytest.mark.parametrize("kept", [False, True])
def test_nothing_can_be_sent(f: Any, kept: bool) -> None:
    if kept:
        list(f(3))
    generator = f(3)
    assert next(generator) == 0
    assert generator.send(None) == 1
    with pytest.raises(TypeError, match="takes no values, and was sent 7"):
        generator.send(7)
    with pytest.raises(StopIteration):
        next(generator)


@pytest.mark.parametrize("kept", [False, True])
def test_what_is_thrown_ends_this_caller_only(f: Any, made: Made, kept: bool) -> None:
    if kept:
        list(f(3))
    one, other = f(3), f(3)
    next(one), next(other)
    error = KeyError("thrown")
    with pytest.raises(KeyError) as caught:
        one.throw(error)
    assert caught.value is error
    assert list(other) == [1, 2]
    assert made.log.count("begin") == 1
    assert list(f(3)) == [0, 1, 2]
    assert made.log.count("begin") == 1


def test_a_caller_who_leaves_ends_nothing_for_others(f: Any, made: Made) -> None:
    first, second, third = f(3), f(3), f(3)
    assert [next(first), next(first), next(second)] == [0, 1, 0]
    first.close()
    del third
    assert "over" not in made.log
    assert through(second) == ([1, 2], "end")
    assert made.log == ["begin", 0, 1, 2, "over"]
    assert f.cache_info()[1:] == (1, 10_000, 1)


@pytest.mark.parametrize("end", [lambda generator: generator.close(), lambda _generator: None])
def test_what_nobody_wants_is_closed(f: Any, made: Made, end: Callable[[Any], None]) -> None:
    one, other = f(3), f(3)
    next(one), next(other)
    end(one)
    del one
    gc.collect()
    assert made.log == ["begin", 0]
    end(other)
    del other
    gc.collect()
    assert made.log == ["begin", 0, "over"]
    assert f.cache_info().currsize == 0
    assert list(f(3)) == [0, 1, 2]
    assert made.log.count("begin") == 2


def test_what_closing_raises_is_the_last_ones() -> None:
    @cache_result(generators=5)
    def f() -> Generator[int, None, None]:
        try:
            yield 1
        finally:
            raise KeyError("closing")

    one, other = f(), f()
    next(one), next(other)
    one.close()
    with pytest.raises(KeyError, match="closing"):
        other.close()


def test_who_falls_too_far_behind_is_on_its_own(f: Any, made: Made) -> None:
    slow, fast = f(20), f(20)
    assert [next(slow), next(slow)] == [0, 1]
    assert through(fast) == (list(range(20)), "end")
    assert made.log.count("begin") == 1
    assert through(slow) == (list(range(2, 20)), "end")
    assert made.log.count("begin") == 2


def test_those_who_are_near_go_on_together(f: Any, made: Made) -> None:
    slow, fast = f(20), f(20)
    for index in range(20):
        assert next(fast) == index
        if index >= 4:
            assert next(slow) == index - 4
    assert through(slow) == ([16, 17, 18, 19], "end")
    assert made.log.count("begin") == 1


def test_nothing_is_kept_of_what_was_invalidated_meanwhile(f: Any, made: Made) -> None:
    for forget in (f.cache_clear, lambda: f.cache.invalidate(3), lambda: f.cache.invalidate_tag("any")):
        made.log.clear()
        old = f(3)
        next(old)
        forget()
        new = f(3)
        assert next(new) == 0
        assert made.log.count("begin") == 2
        assert list(old) == [1, 2]
        assert f.cache_info().currsize == 0
        assert list(new) == [1, 2]
        assert f.cache_info().currsize == 1
        f.cache_clear()


def test_a_generator_inside_itself_shares_what_there_is() -> None:
    begun = []

    @cache_result(generators=1000)
    def primes() -> Iterator[int]:
        begun.append(1)
        yield 2
        for number in itertools.count(3, 2):
            if all(number % prime for prime in itertools.takewhile(lambda p: p * p <= number, primes())):
                yield number

    assert list(itertools.islice(primes(), 25))[-1] == 97
    assert begun == [1]


def test_a_generator_that_needs_its_own_next_item_makes_it_by_itself() -> None:
    depth = []

    @cache_result(generators=10)
    def f() -> Iterator[int]:
        depth.append(1)
        yield len(depth)
        if len(depth) < 3:
            yield sum(f())

    # Each shares the first item, and makes what is behind it by itself.
    assert list(f()) == [1, 2]
    assert len(depth) == 3


def test_recursion_computes_each_once() -> None:
    runs = []

    @cache_result(generators=50)
    def numbers(count: int) -> Iterator[int]:
        runs.append(count)
        if count:
            yield from numbers(count - 1)
            yield from numbers(count - 1)
        yield count

    assert len(list(numbers(5))) == 63
    assert runs == [5, 4, 3, 2, 1, 0]


def test_other_policies_around_and_inside() -> None:
    fails = iter([True, False, True])

    def items() -> Iterator[int]:
        if next(fails):
            raise ConnectionError
        yield 1
        yield 2

    outside = retry(max_retries=2, initial_delay=0)(cache_result(generators=5)(items))
    assert [list(outside()), list(outside())] == [[1, 2], [1, 2]]
    fails = iter([True, False, True])
    inside = cache_result(generators=5)(timer(retry(max_retries=2, initial_delay=0)(items)))
    assert [list(inside()), list(inside())] == [[1, 2], [1, 2]]
    assert of(inside).timer.stats["calls"] == 1
    assert of(inside).cache_result.stats["hits"] == 1


def test_switched_off(f: Any, made: Made) -> None:
    off = cache_result(generators=5, enabled=False)(inner(made))
    assert [list(off(2)), list(off(2))] == [[0, 1], [0, 1]]
    assert made.log.count("begin") == 2


def test_a_callable_object_with_a_generator() -> None:
    runs = []

    class Items:
        def __call__(self, count: int) -> Iterator[int]:
            runs.append(count)
            yield from range(count)

    f: Any = cache_result(generators=5)(Items())
    assert [list(f(2)), list(f(2))] == [[0, 1], [0, 1]]
    assert runs == [2]


def test_no_caller_and_no_item_is_kept_alive(f: Any) -> None:
    class Item:
        pass

    first = Item()
    ref = weakref.ref(first)
    generator = f(2, first)
    next(generator)
    del generator, first
    gc.collect()
    f.cache_clear()
    gc.collect()
    assert ref() is None


def test_nothing_is_kept_alive_by_what_has_failed() -> None:
    class Argument:
        pass

    @cache_result(generators=5)
    def f(_argument: Argument) -> Iterator[int]:
        yield 1
        raise KeyError

    def fails() -> weakref.ref[Argument]:
        argument = Argument()
        one, other = f(argument), f(argument)
        next(one), next(other)
        for generator in (one, other):
            with pytest.raises(KeyError):
                next(generator)
        return weakref.ref(argument)

    ref = fails()
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"generators": 0}, "`generators` must be an int from 1"),
        ({"generators": 1.5}, "`generators` must be an int from 1"),
        ({"generators": True}, "`generators` must be an int from 1"),
        ({"generators": 5, "stale": 3}, "`generators` and `stale` cannot be used together"),
        ({"generators": 5, "early": True}, "`generators` and `early` cannot be used together"),
        ({"generators": 5, "on_error": "stale"}, "`generators` and `on_error` cannot be used together"),
        (
            {"generators": 5, "cache_exceptions": KeyError},
            "`generators` and `cache_exceptions` cannot be used together",
        ),
    ],
)
def test_wrong_configuration(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        cache_result(**given)


def test_only_generator_functions_have_items() -> None:
    async def coroutine() -> int:
        return 1

    def function() -> int:
        return 1

    class Class:
        pass

    for target, kind in ((coroutine, "coroutine"), (function, "function"), (Class, "class")):
        with pytest.raises(ConfigurationError, match=rf"`generators` is for generator functions .* is a {kind}"):
            cache_result(generators=5)(target)
