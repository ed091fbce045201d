"""Proxies under stress: chains, cycles, finalisers, weak references, swaps while others read, and nothing that leaks."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from cladding._native import (
    BaseObjectProxy,
    BoundFunctionWrapper,
    CallableObjectProxy,
    CompatFunctionWrapper,
    FunctionWrapper,
    PartialCallableObjectProxy,
)

LENGTH = 100_000


def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


class Thing:
    """Something that can be referred to weakly."""

    def method(self, *args: Any, **kwargs: Any) -> Any:
        return args, kwargs


class Derived(BaseObjectProxy):
    pass


class Slotted(BaseObjectProxy):
    __slots__ = ("_self_more",)


MAKERS: list[Callable[[Any], Any]] = [
    BaseObjectProxy,
    CallableObjectProxy,
    Derived,
    Slotted,
    lambda wrapped: FunctionWrapper(wrapped, call),
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_long_chain_ends_in_a_recursion_error_and_is_freed(make: Callable[[Any], Any]) -> None:
    thing = Thing()
    chain: Any = thing
    for _ in range(LENGTH):
        chain = make(chain)
    operations: list[Callable[[Any], Any]] = [repr, str, hash, bool, dir, lambda p: p.x, lambda p: p == 1]
    operations += [lambda p: p + 1, lambda p: hasattr(p, "y"), lambda p: p.__class__, lambda p: setattr(p, "z", 1)]
    operations += [lambda p: p(), lambda p: p.__doc__, lambda p: p.__name__, lambda p: p[0], int]
    for operation in operations:
        try:
            operation(chain)
        except (RecursionError, TypeError, AttributeError):
            pass
    gone = weakref.ref(thing)
    del thing, chain
    gc.collect()
    assert gone() is None


def test_long_chains_of_other_kinds_are_freed() -> None:
    partial: Any = len
    bound: Any = Thing()
    wrapper: Any = FunctionWrapper(lambda self: self, call)
    gone = weakref.ref(bound)
    for _ in range(LENGTH):
        partial = PartialCallableObjectProxy(partial)
        bound = wrapper.__get__(bound)
    with pytest.raises(RecursionError):
        partial([])
    assert type(bound) is BoundFunctionWrapper
    del partial, bound
    assert gone() is None


def test_a_thread_with_a_small_stack_gets_the_error_too() -> None:
    chain: Any = len
    for _ in range(20_000):
        chain = CallableObjectProxy(chain)
    seen: list[BaseException] = []

    def run() -> None:
        for operation in (lambda: chain([]), lambda: chain.x):
            try:
                operation()
            except RecursionError as error:
                seen.append(error)

    size = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
    assert len(seen) == 2


@pytest.mark.parametrize("make", MAKERS)
def test_cycles_are_collected(make: Callable[[Any], Any]) -> None:
    thing = Thing()
    proxy = make(thing)
    thing.proxy = proxy
    proxy._self_own = proxy
    gone = [weakref.ref(thing), weakref.ref(proxy)]
    del thing, proxy
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_cycles_through_every_field_are_collected() -> None:
    things = [Thing() for _ in range(5)]
    gone = [weakref.ref(thing) for thing in things]
    bound: Any = BoundFunctionWrapper(*things[:3], None, "function", *things[3:])
    for thing in things:
        thing.back = bound
    partial = PartialCallableObjectProxy(things[0].method, things[1], key=things[2])
    things[0].partial = partial
    del thing, things, bound, partial
    gc.collect()
    assert [reference() for reference in gone] == [None] * 5


def test_weak_references_see_proxies_go() -> None:
    proxy = BaseObjectProxy(1)
    called: list[Any] = []
    reference = weakref.ref(proxy, called.append)
    assert reference() is not None
    del proxy
    assert called == [reference]


def test_a_finaliser_may_use_the_proxy_that_lets_go() -> None:
    seen: list[Any] = []

    class Reentering:
        def __init__(self, proxy: Any) -> None:
            self.proxy = weakref.ref(proxy)

        def __del__(self) -> None:
            proxy = self.proxy()
            if proxy is not None:
                seen.append(proxy.__wrapped__)
                proxy.__wrapped__ = "from the finaliser"

    proxy = BaseObjectProxy(None)
    proxy.__wrapped__ = Reentering(proxy)
    proxy.__wrapped__ = "new"
    assert seen == ["new"]
    assert proxy.__wrapped__ == "from the finaliser"


def test_an_object_may_replace_itself_while_it_is_used() -> None:
    class Vanishing:
        def __len__(self) -> int:
            proxy.__wrapped__ = None
            gc.collect()
            return 3

        def __getattr__(self, name: str) -> Any:
            proxy.__wrapped__ = None
            return name

        def __call__(self) -> str:
            proxy.__wrapped__ = None
            return "called"

    proxy: Any = CallableObjectProxy(None)
    for operation, expected in ((len, 3), (lambda p: p.some, "some"), (lambda p: p(), "called")):
        proxy.__wrapped__ = Vanishing()
        assert operation(proxy) == expected
        assert proxy.__wrapped__ is None


def test_deleting_a_class_attribute_while_it_binds() -> None:
    class Owner:
        pass

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        if "method" in vars(Owner):
            del Owner.method
        return wrapped(*args)

    Owner.method = FunctionWrapper(lambda self: "there", wrapper)
    assert Owner().method() == "there"
    assert not hasattr(Owner, "method")


def test_threads_may_swap_what_others_read() -> None:
    values = [[0, "a"], [1, "b"], (2, "c"), {"x": 1, 0: 3}]
    proxy: Any = BaseObjectProxy(values[0])
    wrapper: Any = FunctionWrapper(lambda: 1, call)
    stop = threading.Event()
    wrong: list[Any] = []

    def swap() -> None:
        while not stop.is_set():
            for value in values:
                proxy.__wrapped__ = type(value)(value)
            wrapper.__init__(lambda: 1, call)
            wrapper.__wrapped__ = lambda: 1

    def read() -> None:
        while not stop.is_set():
            try:
                if len(proxy) != 2 or proxy[0] not in (0, 1, 2, 3) or wrapper() != 1:
                    wrong.append("value")
                repr(proxy), str(proxy), proxy == 1, proxy.__class__, hasattr(proxy, "append")
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=target) for target in (swap, swap, read, read, read)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        stop.wait(1.0)
        stop.set()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def operations() -> list[Callable[[], Any]]:
    thing = Thing()

    class Owner:
        method = FunctionWrapper(Thing.method, call)
        compatible = CompatFunctionWrapper(Thing.method, call)
        broken = FunctionWrapper(lambda self: 1 // 0, call)

    owner: Any = Owner()
    proxy: Any = BaseObjectProxy(thing)
    derived: Any = Derived([1, 2])

    def failing(operation: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> None:
            with pytest.raises((AttributeError, ZeroDivisionError, TypeError)):
                operation()

        return run

    def swap() -> None:
        derived.__wrapped__ = [1, 2]

    return [
        lambda: BaseObjectProxy(thing),
        lambda: Derived(thing),
        lambda: FunctionWrapper(thing.method, call)(1, key=thing),
        lambda: owner.method(thing, key=thing),
        lambda: Owner.method(owner, thing),
        lambda: owner.compatible(thing, key=thing),
        lambda: PartialCallableObjectProxy(thing.method, thing, key=thing)(other=thing),
        lambda: proxy.method,
        lambda: proxy.__doc__,
        lambda: (hash(proxy), repr(proxy), str(proxy), proxy == thing, bool(proxy), dir(proxy)),
        lambda: derived + list(derived.__wrapped__),
        swap,
        failing(lambda: proxy.missing),
        failing(lambda: owner.broken()),
        failing(lambda: proxy + thing),
        failing(lambda: FunctionWrapper(thing)),
        lambda: setattr(proxy, "_self_x", thing),
    ]


@pytest.mark.parametrize("index", range(len(operations())))
def test_nothing_leaks(index: int) -> None:
    operation = operations()[index]

    def run(count: int) -> int:
        for _ in range(count):
            operation()
        gc.collect()
        return sys.getallocatedblocks()

    run(200)
    before = run(200)
    assert run(2_000) - before < 100


def test_references_are_given_back() -> None:
    thing = Thing()
    before = sys.getrefcount(thing)
    for make in MAKERS:
        proxy = make(thing)
        assert sys.getrefcount(thing) == before + 1
        with pytest.raises(AttributeError):
            _ = proxy.missing
        del proxy
        assert sys.getrefcount(thing) == before


def test_a_function_wrapper_is_small() -> None:
    assert sys.getsizeof(FunctionWrapper(len, call)) <= 136
