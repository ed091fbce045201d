"""`with synchronized(obj)`, locks that are given, and what is refused."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cladding import ConfigurationError, timer
from cladding._locks import LockSection, Section, synchronized

from .helpers import LONG, Holding, excludes, live


class Thing:
    @synchronized
    def method(self) -> None: ...

    @classmethod
    @synchronized
    def of_class(cls) -> None: ...


def held(section: Any) -> Any:
    def hold(holding: Holding) -> None:
        with section:
            holding.stay()

    return hold


def test_a_block_takes_the_lock_of_the_object() -> None:
    thing = Thing()
    with synchronized(thing) as got:
        assert got is thing
        assert live() == 1
        with synchronized(thing):
            thing.method()
    assert live() == 0
    assert excludes(held(synchronized(thing)), thing.method)
    assert not excludes(held(synchronized(thing)), Thing().method)


@pytest.mark.parametrize("thing", [1, "text", (), None, object(), [], {}])
def test_over_any_object(thing: Any) -> None:
    with synchronized(on=thing):
        assert live() == 1
    with synchronized(thing):
        assert live() == 1
    assert live() == 0


def test_on_takes_the_lock_of_what_can_be_called() -> None:
    @synchronized
    def function() -> None: ...

    assert excludes(held(synchronized(on=function)), function)
    assert excludes(held(synchronized(on=Thing)), Thing.of_class)

    @synchronized(on=Thing)
    def other() -> None: ...

    assert excludes(held(synchronized(on=Thing)), other)


def test_a_section_decorates_and_joins_stacks() -> None:
    import cladding

    shared = object()

    @synchronized(on=shared)
    def one(holding: Holding) -> None:
        holding.stay()

    @cladding.stack(timer, synchronized(shared))
    def two() -> None: ...

    assert excludes(one, two)


def test_a_block_is_left_by_exceptions() -> None:
    thing = Thing()
    with pytest.raises(ZeroDivisionError), synchronized(thing):
        1 / 0
    assert live() == 0


def test_left_by_another_thread_it_says_so() -> None:
    thing, entered, go = Thing(), threading.Event(), threading.Event()
    section = synchronized(thing)

    def hold() -> None:
        with section:
            entered.set()
            go.wait(LONG)

    worker = threading.Thread(target=hold)
    worker.start()
    assert entered.wait(LONG)
    with pytest.raises(RuntimeError, match="another thread"):
        section.__exit__(None, None, None)
    go.set()
    worker.join()
    assert live() == 0


@pytest.mark.parametrize(
    "make",
    [threading.Lock, threading.RLock, threading.Semaphore, threading.Condition, multiprocessing.Lock],
    ids=lambda make: getattr(make, "__name__", "lock"),
)
def test_a_lock_that_is_given(make: Any) -> None:
    lock = make()

    @synchronized(lock)
    def function() -> bool:
        return free()

    def free() -> bool:
        answers: list[bool] = []
        worker = threading.Thread(target=lambda: answers.append(lock.acquire(False)))
        worker.start()
        worker.join()
        if answers[0]:
            lock.release() if make is not threading.RLock else None
        return answers[0]

    section = synchronized(lock)
    assert isinstance(section, LockSection)
    assert function() is False
    with section as got:
        assert got is lock
        if make not in (threading.RLock, threading.Condition):
            assert free() is False
    assert lock.acquire(False)
    lock.release()
    assert function.cladding.synchronized.stats == {"calls": 1}  # type: ignore[attr-defined]


def test_a_given_lock_is_let_go_after_an_error() -> None:
    lock = threading.Lock()

    @synchronized(lock=lock)
    def fail() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
    assert lock.acquire(blocking=False)


def test_a_lock_that_fails_is_reported() -> None:
    class Broken:
        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            raise RuntimeError("broken")

    @synchronized(Broken())
    def function() -> int:
        return 1

    with pytest.raises(RuntimeError, match="broken"):
        function()


def test_a_given_lock_is_held_for_the_life_of_a_generator() -> None:
    lock = threading.Lock()

    @synchronized(lock)
    def items() -> Iterator[int]:
        yield 1
        yield 2

    iterator = items()
    assert not lock.locked()
    assert next(iterator) == 1
    assert lock.locked()
    del iterator
    assert not lock.locked()
    assert list(items()) == [1, 2]
    assert not lock.locked()


def test_what_is_refused() -> None:
    async def coroutine() -> None: ...

    def plain() -> None: ...

    with pytest.raises(ConfigurationError, match=r"asyncio\.Lock"):
        synchronized(threading.Lock())(coroutine)
    with pytest.raises(ConfigurationError, match="one of threads"):
        synchronized(asyncio.Lock())(plain)
    with pytest.raises(ConfigurationError, match=r"acquire\(\) and release\(\)"):
        synchronized(lock=object())  # type: ignore[call-overload]
    with pytest.raises(ConfigurationError, match="exclude each other"):
        synchronized(on=object(), lock=threading.Lock())  # type: ignore[call-overload]
    for given in ({"on": object()}, {"lock": threading.Lock()}):
        for target in (object(), threading.Lock()):
            with pytest.raises(ConfigurationError, match="cannot be given with it"):
                synchronized(target, **given)
    for given in ({}, {"on": object()}, {"lock": threading.Lock()}):
        with pytest.raises(ConfigurationError, match="`enabled` must be"):
            synchronized(enabled=3, **given)
    with pytest.raises(TypeError, match="`async with`"), synchronized(asyncio.Lock()):
        pass
    assert live() == 0


def test_a_class_with_acquire_and_release_is_decorated() -> None:
    @synchronized
    class Pool:
        def acquire(self) -> None: ...
        def release(self) -> None: ...

    assert isinstance(Pool, type)
    assert isinstance(Pool(), Pool)
    assert isinstance(synchronized(Pool()), LockSection)
    assert isinstance(synchronized(object()), Section)


def test_enabled() -> None:
    def plain() -> int:
        return live()

    assert synchronized(enabled=False)(plain) is plain
    on = False
    asked = synchronized(enabled=lambda: on)(plain)
    assert asked() == 0
    on = True
    assert asked() == 1
