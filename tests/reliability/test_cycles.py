"""Decorated functions, methods, classes, generators and coroutines in reference cycles are collected."""

from __future__ import annotations

import gc
import sys
import types
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from .kinds import Payload, finish

Decorate = Callable[[Any], Any]


@types.coroutine
def suspend() -> Iterator[None]:
    yield


def assert_collected(make: Callable[[], Any]) -> None:
    """Asserts that what `make` builds, and gives a weak reference of, is gone after a collection."""
    gc.collect()
    gc.disable()
    try:
        reference = make()
        gc.collect()
        assert reference() is None
        assert gc.garbage == []
    finally:
        gc.enable()


def test_function_that_refers_to_itself(decorate: Decorate) -> None:
    def make() -> Any:
        @decorate
        def recursive(n: int) -> int:
            return 0 if n == 0 else recursive(n - 1)

        recursive(3)
        recursive.itself = recursive
        return weakref.ref(recursive)

    assert_collected(make)


def test_function_in_its_own_defaults_and_attributes(decorate: Decorate) -> None:
    def make() -> Any:
        payload = Payload()

        def bare(x: Any = payload) -> Any:
            return x

        decorated = decorate(bare)
        payload.cycle = decorated  # type: ignore[attr-defined]
        bare.cycle = decorated  # type: ignore[attr-defined]
        decorated()
        return weakref.ref(payload)

    assert_collected(make)


def test_stack_that_is_kept_by_its_function(decorate: Decorate, cladding: Any) -> None:
    def make() -> Any:
        decorated = decorate(lambda x: x)
        decorated.policies = decorated.cladding.policies
        decorated.cladding_again = decorated.cladding
        decorated(1)
        return weakref.ref(decorated)

    assert_collected(make)


def test_method_and_instance(decorate: Decorate) -> None:
    def make() -> Any:
        class C:
            @decorate
            def method(self) -> Any:
                return __class__  # type: ignore[name-defined]

        instance = C()
        instance.bound = instance.method  # type: ignore[attr-defined]
        instance.patched = decorate(instance.method)  # type: ignore[attr-defined]
        instance.patched()  # type: ignore[attr-defined]
        return weakref.ref(instance)

    assert_collected(make)


@pytest.mark.parametrize("calls", [0, 100])
def test_class(decorate: Decorate, calls: int) -> None:
    def make() -> Any:
        @decorate
        class C:
            instances: list[Any] = []

            @decorate
            def method(self) -> type:
                return C

        for _ in range(calls):
            C.instances.append(C())
            C().method()
        return weakref.ref(C)

    assert_collected(make)


def test_subclass_of_a_decorated_class(decorate: Decorate) -> None:
    def make() -> Any:
        @decorate
        class Base:
            pass

        class Derived(Base):
            pass

        Derived.example = Derived()  # type: ignore[attr-defined]
        Base.derived = Derived  # type: ignore[attr-defined]
        return weakref.ref(Base)

    assert_collected(make)


@pytest.mark.parametrize("steps", [0, 1])
def test_live_generator(decorate: Decorate, steps: int) -> None:
    ended: list[int] = []

    def make() -> Any:
        @decorate
        def generator(payload: Any) -> Iterator[int]:
            try:
                yield 1
                yield payload
            finally:
                ended.append(1)

        payload = Payload()
        items = payload.items = generator(payload)  # type: ignore[attr-defined]
        for _ in range(steps):
            next(items)
        return weakref.ref(payload)

    assert_collected(make)
    assert ended == [1] * steps


@pytest.mark.parametrize("steps", [0, 1])
def test_live_coroutine(decorate: Decorate, steps: int) -> None:
    ended: list[int] = []

    def make() -> Any:
        @decorate
        async def coroutine(payload: Any) -> Any:
            try:
                await suspend()
                return payload
            finally:
                ended.append(1)

        payload = Payload()
        running = payload.running = coroutine(payload)  # type: ignore[attr-defined]
        for _ in range(steps):
            running.send(None)
        return weakref.ref(payload)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the one that was never awaited
        assert_collected(make)
    assert ended == [1] * steps


@pytest.mark.parametrize("steps", [0, 1])
def test_live_async_generator(decorate: Decorate, steps: int) -> None:
    ended: list[int] = []

    def make() -> Any:
        @decorate
        async def items(payload: Any) -> AsyncIterator[int]:
            try:
                yield 1
                yield payload
            finally:
                ended.append(1)

        payload = Payload()
        running = payload.running = items(payload)  # type: ignore[attr-defined]
        for _ in range(steps):
            finish(anext(running))
        return weakref.ref(payload)

    assert_collected(make)
    assert ended == [1] * steps


def test_exception_with_its_traceback(decorate: Decorate) -> None:
    def make() -> Any:
        @decorate
        def fails(payload: Any) -> None:
            payload.error = error = ValueError()
            raise error

        payload = Payload()
        try:
            fails(payload)
        except ValueError as error:
            error.payload = payload  # type: ignore[attr-defined]
        return weakref.ref(payload)

    assert_collected(make)


def test_cached_result_that_refers_to_its_function(cladding: Any) -> None:
    def make() -> Any:
        payload = Payload()

        @cladding.cache_result(ttl=600)
        def cached(x: int) -> Any:
            return payload

        payload.cached = cached  # type: ignore[attr-defined]
        cached(1)
        return weakref.ref(payload)

    assert_collected(make)


def test_callbacks_that_refer_to_the_function(cladding: Any) -> None:
    def make() -> Any:
        payload = Payload()

        @cladding.validate_input(x=cladding.Range(0, 10), fallback=lambda *args, **kwargs: payload)
        def validated(x: int) -> Any:
            return x

        payload.validated = validated  # type: ignore[attr-defined]
        validated(5)
        return weakref.ref(payload)

    assert_collected(make)


def test_without_a_cycle_nothing_waits_for_the_collector(decorate: Decorate) -> None:
    gc.collect()
    gc.disable()
    try:
        argument = Payload()
        reference = weakref.ref(argument)
        decorated = decorate(lambda x: [x])
        decorated(argument)
        del argument
        assert reference() is None
        before = sys.getrefcount(decorated)
        decorated(1)
        assert sys.getrefcount(decorated) == before
    finally:
        gc.enable()


def test_collection_during_calls(decorate: Decorate) -> None:
    previous = gc.get_threshold()
    gc.set_threshold(1)
    try:

        @decorate
        def churn(depth: int) -> list[Any]:
            cycle: list[Any] = []
            cycle.append(cycle)
            return cycle if depth == 0 else churn(depth - 1)

        @decorate
        def items(count: int) -> Iterator[list[Any]]:
            for index in range(count):
                yield churn(index % 3)

        assert len(list(items(200))) == 200
    finally:
        gc.set_threshold(*previous)
