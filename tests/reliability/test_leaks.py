"""Very many calls of each kind, in success and in failure, leave no object, reference or memory behind.

`CLADDING_SOAK=1` makes a million calls of each instead of some thousands.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .kinds import SCENARIOS, Failure, Payload, coroutine, finish, function

SOAK = os.environ.get("CLADDING_SOAK") == "1"
CALLS = 1_000_000 if SOAK else 20_000
WARM_UP = 2_000
PAGE = os.sysconf("SC_PAGE_SIZE")
STATM = Path("/proc/self/statm")

pytestmark = [pytest.mark.leak, pytest.mark.slow, *([pytest.mark.timeout(0)] if SOAK else [])]


def resident() -> int:
    """Bytes of memory that this process holds; 0 where there is no /proc to ask."""
    return int(STATM.read_text().split()[1]) * PAGE if STATM.exists() else 0


def assert_steady(call: Callable[[], Any], *watched: Any, calls: int = CALLS) -> None:
    """Asserts that many calls leave blocks, tracked objects, memory and the watched references as they were."""
    for _ in range(WARM_UP):
        call()
    gc.collect()
    references = [sys.getrefcount(thing) for thing in watched]
    objects, blocks, memory = len(gc.get_objects()), sys.getallocatedblocks(), resident()
    for _ in range(calls):
        call()
    gc.collect()
    assert [sys.getrefcount(thing) for thing in watched] == references
    # The interpreter's own caches move by a few; a leak of one object a call would be as many as there were calls.
    assert len(gc.get_objects()) - objects < 100
    assert sys.getallocatedblocks() - blocks < 500
    assert resident() - memory < 4 * 2**20


@pytest.mark.parametrize("name", SCENARIOS)
def test_calls(decorate: Callable[[Any], Any], name: str) -> None:
    bare, call = SCENARIOS[name]
    decorated, argument = decorate(bare), Payload()
    assert_steady(lambda: call(decorated, argument), argument, decorated, bare, Failure, Payload)


def test_methods(decorate: Callable[[Any], Any]) -> None:
    class C:
        @decorate
        def method(self, x: Any) -> Any:
            return x

        @decorate
        @classmethod
        def of_class(cls, x: Any) -> Any:
            return x

    instance, argument = C(), Payload()

    def call() -> None:
        instance.method(argument)
        instance.method(x=argument)
        C.of_class(argument)

    assert_steady(call, instance, argument, C, C.method)


def test_classes(decorate: Callable[[Any], Any]) -> None:
    class C:
        def __init__(self, x: Any, *, fail: bool = False) -> None:
            self.x = x
            if fail:
                raise Failure

    decorate(C)
    argument = Payload()

    def call() -> None:
        C(argument)
        C(x=argument)
        with contextlib.suppress(Failure):
            C(argument, fail=True)

    # A class is also referred to by each of its instances, and by the interpreter's caches of it.
    assert_steady(call, argument)


def test_results_are_let_go(decorate: Callable[[Any], Any]) -> None:
    decorated = decorate(lambda: Payload())
    alive = decorated()
    before = sys.getrefcount(alive)
    assert before == 2  # the name, and the argument of getrefcount
    assert_steady(decorated, alive)


def test_exceptions_are_let_go(decorate: Callable[[Any], Any]) -> None:
    error = Failure()

    @decorate
    def fails() -> None:
        raise error

    def call() -> None:
        with contextlib.suppress(Failure):
            fails()
        error.__traceback__ = None

    assert_steady(call, error)


def test_decorating(decorate: Callable[[Any], Any]) -> None:
    def make() -> None:
        def local(x: int, *, y: int = 1) -> int:
            return x + y

        decorate(decorate(local))(1)
        decorate(coroutine)

    assert_steady(make, function, coroutine, calls=CALLS // 20)


# What decorates the function, and one call of it.
POLICIES: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "retry": (lambda c: c.retry(max_retries=2, initial_delay=0.0, exceptions=(Failure,)), lambda f, x: f(x)),
    "retry, used up": (
        lambda c: c.retry(max_retries=2, initial_delay=0.0, exceptions=(Failure,)),
        lambda f, x: f(x, fail=True),
    ),
    "cache, hits": (lambda c: c.cache_result(ttl=600), lambda f, x: f(1)),
    "cache, misses": (lambda c: c.cache_result(ttl=600, max_entries=8), lambda f, x: f(Payload())),
    "cache, failures": (lambda c: c.cache_result(ttl=600), lambda f, x: f(1, fail=True)),
    "cache, unhashable": (lambda c: c.cache_result(ttl=600, max_entries=8), lambda f, x: f([1])),
    "validation": (lambda c: c.validate_input(x=c.Range(0, 10)), lambda f, x: f(5)),
    "validation, refused": (lambda c: c.validate_input(x=c.Range(0, 10)), lambda f, x: f(50)),
    "memory guard": (lambda c: c.memory_guard(threshold=0.99), lambda f, x: f(x)),
    "memory guard, refused": (
        lambda c: c.memory_guard(threshold=0.000001, on_pressure=("raise",)),
        lambda f, x: f(x),
    ),
    "breaker": (lambda c: c.circuit_breaker(), lambda f, x: f(x)),
    "breaker, open": (lambda c: c.circuit_breaker(failures=1, open_for=1e6), lambda f, x: f(x, fail=True)),
    "breaker, probes": (lambda c: c.circuit_breaker(failures=1, open_for=1e-9), lambda f, x: f(x, fail=True)),
    "monitor": (lambda c: c.monitor(), lambda f, x: f(x)),
    "monitor, failing": (lambda c: c.monitor(), lambda f, x: f(x, fail=True)),
    "all five": (
        lambda c: c.stack(
            c.monitor(),
            c.memory_guard(threshold=0.99),
            c.validate_input(x=c.Range(0, 10)),
            c.cache_result(ttl=600),
            c.retry(max_retries=2, initial_delay=0.0),
        ),
        lambda f, x: f(5),
    ),
}


@pytest.mark.parametrize("kind", [function, coroutine])
@pytest.mark.parametrize("name", POLICIES)
def test_policies(cladding: Any, name: str, kind: Callable[..., Any]) -> None:
    policy, call = POLICIES[name]
    decorated, argument = policy(cladding)(kind), Payload()
    expected = (Failure, ValueError, MemoryError, TypeError, ConnectionError)

    def once() -> None:
        with contextlib.suppress(*expected):
            result = call(decorated, argument)
            if kind is coroutine:
                finish(result)

    assert_steady(once, argument, decorated, kind, calls=CALLS // 4)
