"""The wrapper toolkit beside `decorator`: very many calls of each kind leave nothing behind.

`CLADDING_SOAK=1` makes a million calls of each kind, fewer of those that take long.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

import cladding
from cladding.compat import wrapt

from .kinds import Failure, Payload, coroutine, finish, function, generator
from .test_leaks import CALLS, SOAK, assert_steady

pytestmark = [pytest.mark.leak, pytest.mark.slow, *([pytest.mark.timeout(0)] if SOAK else [])]

EXPECTED = (Failure, TypeError, AttributeError, cladding.AccessDeniedError, cladding.TypeMismatchError)


class Service:
    """What is patched, locked, cached and stood for."""

    value = 1

    @cladding.synchronized
    def locked(self, x: Any) -> Any:
        return self.locked_twice(x)

    @cladding.synchronized
    def locked_twice(self, x: Any) -> Any:
        return x

    @cladding.synchronized
    async def locked_task(self, x: Any) -> Any:
        return x

    @cladding.synchronized
    def locked_items(self, x: Any) -> Any:
        yield x
        yield x

    @cladding.lru_cache(maxsize=4, per_instance=True)
    def each(self, x: Any) -> Any:
        return x

    @cladding.memoize(max_entries=4)
    def kept(self, x: Any) -> Any:
        return x

    @cladding.memoize(max_entries=4)
    async def kept_task(self, x: Any) -> Any:
        return x

    @cladding.cached_property
    def computed(self) -> Any:
        return object()

    def plain(self, x: Any, *, fail: bool = False) -> Any:
        if fail:
            raise Failure
        return x


def through(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


service = Service()
proxy = cladding.ObjectProxy(service)
auto = cladding.AutoObjectProxy([1, 2])
shared = cladding.lru_cache(maxsize=8)(function)
checked = cladding.accepts(int)(lambda x: x)
told = cladding.returns(str)(lambda x: x)
allowed = cladding.requires(lambda x: x is not None)(lambda x: x)
marked = cladding.mark_as_async(coroutine)
traced = cladding.trace(to=lambda line: None)(function)


@cladding.dispatch_on("x")
def general(x: Any) -> Any:
    return x


@general.register(Payload)
def _(x: Any) -> Any:
    return x


@cladding.contextmanager
def managed(x: Any) -> Any:
    yield x


@cladding.tail_recursive
def count_down(n: int, x: Any) -> Any:
    return x if n == 0 else count_down(n - 1, x)


def in_scope(x: Any) -> None:
    with cladding.scoped_function_wrapper(Service, "plain", through):
        service.plain(x)


def patched(x: Any) -> None:
    handle = cladding.wrap_function_wrapper(Service, "plain", through)
    service.plain(x)
    cladding.unwrap_object(Service, "plain", handle)


def fresh(x: Any) -> None:
    own = Service()
    own.each(x), own.kept(x), own.computed, own.locked(x)


def locked_block(x: Any) -> None:
    with cladding.synchronized(service), cladding.synchronized(x):
        pass


# What is done, and by how much fewer than a million times.
OPERATIONS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "proxy, read": (lambda x: (proxy.value, proxy.plain(x), proxy == service, hash(proxy)), 1),
    "proxy, missing": (lambda x: proxy.missing, 1),
    "proxy, made": (lambda x: (cladding.ObjectProxy(x), cladding.CallableObjectProxy(service.plain)(x)), 1),
    "proxy, automatic": (lambda x: (len(auto), auto[0], list(auto), cladding.AutoObjectProxy(x)), 4),
    "proxy, lazy": (lambda x: cladding.LazyObjectProxy(lambda: x).__class__, 10),
    "proxy, weak": (lambda x: cladding.WeakFunctionProxy(service.plain)(x), 4),
    "proxy, partial": (lambda x: cladding.PartialCallableObjectProxy(service.plain, x)(), 1),
    "wrapper": (lambda x: cladding.FunctionWrapper(service.plain, through)(x), 1),
    "wrapper, failing": (lambda x: cladding.FunctionWrapper(service.plain, through)(x, fail=True), 1),
    "wrapper, compatible": (lambda x: wrapt.FunctionWrapper(service.plain, through)(x), 1),
    "patch": (patched, 20),
    "patch, scoped": (in_scope, 20),
    "lru_cache, hit": (lambda x: shared(x), 1),
    "lru_cache, miss": (lambda x: shared(object()), 1),
    "lru_cache, failing": (lambda x: shared(x, fail=True), 1),
    "lru_cache, unhashable": (lambda x: shared([x]), 1),
    "lru_cache, each": (lambda x: (service.each(x), service.each(object())), 1),
    "memoize": (lambda x: (service.kept(x), service.kept(object())), 2),
    "memoize, task": (lambda x: (finish(service.kept_task(x)), finish(service.kept_task(object()))), 4),
    "caches of new instances": (fresh, 4),
    "synchronized": (lambda x: service.locked(x), 1),
    "synchronized, wrong call": (lambda x: service.locked_twice(x, unknown=x), 1),
    "synchronized, block": (locked_block, 2),
    "synchronized, items": (lambda x: next(service.locked_items(x)), 2),
    "accepts": (lambda x: checked(1), 2),
    "accepts, refused": (lambda x: checked(x), 10),
    "returns, refused": (lambda x: told(x), 10),
    "requires": (lambda x: allowed(x), 2),
    "requires, refused": (lambda x: allowed(None), 10),
    "trace": (lambda x: traced(x), 4),
    "trace, failing": (lambda x: traced(x, fail=True), 10),
    "mark_as_async": (lambda x: finish(marked(x)), 2),
    "dispatch_on": (lambda x: (general(x), general(1)), 2),
    "contextmanager": (lambda x: managed(x).__enter__(), 4),
    "contextmanager, as a decorator": (lambda x: managed(x)(function), 50),
    "tail_recursive": (lambda x: count_down(3, x), 4),
    "partial": (lambda x: cladding.partial(service.plain, x)(fail=False), 2),
    "wraps": (lambda x: cladding.wraps(function)(lambda: x), 4),
    "with_signature": (lambda x: cladding.with_signature(prototype=function)(lambda *a, **k: x), 50),
    "generator below all": (lambda x: list(cladding.timer(cladding.trace(to=lambda line: None)(generator))(x)), 100),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_calls_leave_nothing(name: str) -> None:
    operation, fewer = OPERATIONS[name]
    argument = Payload()

    def once() -> None:
        with contextlib.suppress(*EXPECTED):
            operation(argument)

    assert_steady(once, argument, service, Service, Failure, calls=max(CALLS // fewer, 1_000))


def test_locks_of_tasks_leave_nothing() -> None:
    import asyncio

    argument = Payload()

    async def main() -> None:
        for _ in range(20):
            waiting = [asyncio.ensure_future(service.locked_task(argument)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    with asyncio.Runner() as runner:

        def once() -> None:
            runner.run(main())

        assert_steady_few(once, argument, service)


def test_handles_leave_nothing() -> None:
    argument = Payload()
    start = cladding.background(lambda x: x)

    def once() -> None:
        assert start(argument).result() is argument

    assert_steady_few(once, service)


def assert_steady_few(call: Callable[[], Any], *watched: Any) -> None:
    """For what takes so long that even the first calls, which make nothing count, have to be few."""
    from . import test_leaks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_leaks, "WARM_UP", 100)
        assert_steady(call, *watched, calls=CALLS // 100)
