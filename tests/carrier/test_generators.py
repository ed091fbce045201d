"""SPEC A6 for generator functions: every way to drive, end or abandon a generator, as on the bare one."""

from __future__ import annotations

import collections.abc
import contextvars
import copy
import gc
import inspect
import itertools
import pickle
import sys
import types
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from .kinds import GENERATOR, RETURNS_GENERATOR, Kind
from .programs import Op, Step, bodies, drivers, generator_body, trace

Decorate = Callable[[Any], Any]
Counted = Callable[..., None]


def echo(log: list[Any]) -> Generator[str, Any, str]:
    """Yields twice, logs what comes in, and returns."""
    try:
        log.append((yield "first"))
        log.append((yield "second"))
    except BaseException as error:
        log.append(repr(error))
        raise
    finally:
        log.append("finally")
    return "done"


@settings(max_examples=200)
@given(steps=bodies("yield"), ops=drivers())
def test_random_bodies_under_random_drivers(decorate: Decorate, steps: list[Step], ops: list[Op]) -> None:
    assert trace(decorate(generator_body), steps, ops, "generator") == trace(generator_body, steps, ops, "generator")


@settings(max_examples=200)
@given(steps=bodies("yield"), ops=drivers())
def test_random_bodies_behind_a_plain_function(decorate: Decorate, steps: list[Step], ops: list[Op]) -> None:
    def plain(steps: list[Step], log: list[Any]) -> Iterator[Any]:
        return generator_body(steps, log)

    assert trace(decorate(plain), steps, ops, "generator") == trace(plain, steps, ops, "generator")


@pytest.mark.parametrize("kind", [GENERATOR, RETURNS_GENERATOR], ids=str)
def test_is_a_generator(decorate: Decorate, kind: Kind) -> None:
    items = decorate(kind.build("x", "x", name="named"))(1)
    assert inspect.isgenerator(items)
    assert not inspect.isawaitable(items)
    assert isinstance(items, collections.abc.Generator)
    assert isinstance(items, types.GeneratorType)
    assert iter(items) is items
    assert list(items) == [1]


def test_names_and_readers(decorate: Decorate) -> None:
    decorated = decorate(echo)
    items = decorated([])
    assert (items.__name__, items.__qualname__) == ("echo", "echo")
    assert repr(items).startswith("<generator object echo at 0x")
    assert items.gi_code is decorated.__code__
    assert items.gi_frame is not None
    assert items.gi_running is False
    assert items.gi_yieldfrom is None
    assert inspect.getgeneratorstate(items) == "GEN_CREATED"
    next(items)
    assert inspect.getgeneratorstate(items) == "GEN_SUSPENDED"
    assert items.gi_suspended is True
    items.close()
    assert inspect.getgeneratorstate(items) == "GEN_CLOSED"
    assert items.gi_frame is None


def test_send_and_return_value(decorate: Decorate, counted: Counted) -> None:
    log: list[Any] = []
    decorated = decorate(echo)
    items = decorated(log)
    with pytest.raises(TypeError, match="can't send non-None value to a just-started generator"):
        items.send("too early")
    assert next(items) == "first"
    assert items.send("a") == "second"
    with pytest.raises(StopIteration) as stop:
        items.send("b")
    assert stop.value.value == "done"
    with pytest.raises(StopIteration) as stop:
        next(items)
    assert stop.value.value is None
    assert log == ["a", "b", "finally"]
    counted(decorated, 1, errors=0)


def test_yield_from_both_ways(decorate: Decorate, counted: Counted) -> None:
    log: list[Any] = []
    inner = decorate(echo)

    @decorate
    def outer() -> Generator[str, Any, tuple[str, str]]:
        result = yield from inner(log)
        return (result, "outer")

    items = outer()
    assert [next(items), items.send("a")] == ["first", "second"]
    with pytest.raises(StopIteration) as stop:
        items.send("b")
    assert stop.value.value == ("done", "outer")
    assert log == ["a", "b", "finally"]

    items = outer()
    next(items)
    with pytest.raises(KeyError, match="through"):
        items.throw(KeyError("through"))
    assert log[3:] == ["KeyError('through')", "finally"]
    counted(inner, 2, errors=1)


def test_throw_keeps_the_object(decorate: Decorate) -> None:
    items = decorate(echo)([])
    next(items)
    error = KeyError("thrown")
    with pytest.raises(KeyError) as caught:
        items.throw(error)
    assert caught.value is error


def test_early_exit_from_a_loop(decorate: Decorate, counted: Counted) -> None:
    log: list[Any] = []
    decorated = decorate(echo)
    for item in decorated(log):
        assert item == "first"
        break
    gc.collect()
    assert log == ["GeneratorExit()", "finally"]
    counted(decorated, 1)


def test_dropped_before_the_first_step(decorate: Decorate) -> None:
    log: list[Any] = []
    decorated = decorate(echo)
    decorated(log)
    gc.collect()
    items = decorated(log)
    items.close()
    assert list(items) == []
    assert log == []


def test_close_returns_what_the_bare_one_returns(decorate: Decorate) -> None:
    def returns() -> Iterator[int]:
        try:
            yield 1
        except GeneratorExit:
            return 5

    def closed(function: Any) -> Any:
        items = function()
        next(items)
        return items.close()

    assert closed(decorate(returns)) == closed(returns)


def test_running_generator_cannot_be_entered_again(decorate: Decorate) -> None:
    @decorate
    def reenter() -> Iterator[Any]:
        with pytest.raises(ValueError, match="generator already executing"):
            next(items)
        yield items.gi_running

    items = reenter()
    assert list(items) == [True]


def test_stop_iteration_raised_inside(decorate: Decorate) -> None:
    def leaks() -> Iterator[int]:
        yield 1
        raise StopIteration(3)

    def caught(function: Any) -> list[Any]:
        with pytest.raises(RuntimeError) as error:
            list(function())
        return [str(error.value), repr(error.value.__cause__), error.value.__suppress_context__]

    assert caught(decorate(leaks)) == caught(leaks)
    assert caught(leaks)[0] == "generator raised StopIteration"


def test_context_variables_leak_as_ever(decorate: Decorate) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    @decorate
    def change() -> Iterator[int]:
        variable.set(1)
        yield variable.get()
        yield variable.get()

    def inside() -> list[int]:
        items = change()
        seen = [next(items), variable.get()]
        variable.set(2)
        return [*seen, next(items)]

    assert contextvars.copy_context().run(inside) == [1, 1, 2]


def test_handled_exception_is_visible_inside(decorate: Decorate) -> None:
    @decorate
    def look() -> Iterator[Any]:
        while True:
            yield sys.exception()

    items = look()
    assert next(items) is None
    error = ValueError()
    try:
        raise error
    except ValueError:
        assert next(items) is error
    assert next(items) is None


def test_as_an_iterator_everywhere(decorate: Decorate, counted: Counted) -> None:
    @decorate
    def count(stop: int) -> Iterator[int]:
        yield from range(stop)

    first, *rest = count(4)
    assert (first, rest) == (0, [1, 2, 3])
    assert sum(count(4)) == 6
    assert dict(zip(count(2), count(2), strict=True)) == {0: 0, 1: 1}
    assert list(itertools.chain.from_iterable(count(stop) for stop in (1, 2))) == [0, 0, 1]
    assert 2 in count(5)
    counted(count, 7, errors=0)


def test_other_iterators_pass_through_unchanged(decorate: Decorate) -> None:
    for made in (iter([1]), map(str, [1]), iter(range(3)), iter({1: 2}), itertools.count()):
        assert decorate(lambda made=made: made)() is made


def test_hot_loop(decorate: Decorate, counted: Counted) -> None:
    @decorate
    def one() -> Iterator[int]:
        yield 1

    total = 0
    for _ in range(2_000):
        for item in one():
            total += item
    assert total == 2_000
    counted(one, 2_000, errors=0)


def test_many_alive_at_once(decorate: Decorate) -> None:
    @decorate
    def count(start: int) -> Iterator[int]:
        yield from itertools.count(start)

    alive = [count(start) for start in range(100)]
    for step in range(10):
        assert [next(items) for items in alive] == [start + step for start in range(100)]


def test_deep_delegation(decorate: Decorate) -> None:
    @decorate
    def descend(depth: int) -> Iterator[int]:
        yield depth
        if depth:
            yield from descend(depth - 1)

    assert list(descend(50)) == list(range(50, -1, -1))


@pytest.mark.parametrize("operation", [copy.copy, pickle.dumps])
def test_copying_is_refused_as_ever(decorate: Decorate, operation: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="generator"):
        operation(decorate(echo)([]))


def test_arguments_are_let_go_when_it_ends(decorate: Decorate) -> None:
    class Big:
        pass

    @decorate
    def hold(big: Any) -> Iterator[int]:
        yield 1

    big = Big()
    before = sys.getrefcount(big)
    items = hold(big)
    list(items)
    assert sys.getrefcount(big) == before
    items = hold(big)
    next(items)
    items.close()
    assert sys.getrefcount(big) == before


def test_arguments_are_let_go_once_something_was_yielded(cladding: Any) -> None:
    class Thing:
        pass

    @cladding.retry
    def items(thing: Any) -> Any:
        del thing
        yield 1
        yield 2

    thing = Thing()
    watch = weakref.ref(thing)
    running = items(thing)
    del thing
    assert next(running) == 1
    gc.collect()
    assert watch() is None
    assert list(running) == [2]
