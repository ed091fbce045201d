"""Threads: generators, interrupts, threads that end, forks and collections while locks are held."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from cladding import synchronized

from .helpers import LONG, Holding, excludes, interrupted, live, thread

NO_SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent to a thread")


class Thing:
    @synchronized
    def hold(self, holding: Holding) -> None:
        holding.stay()

    @synchronized
    def method(self) -> int:
        return live()

    @synchronized
    def items(self) -> Iterator[int]:
        yield 1
        yield 2


def test_a_generator_holds_from_its_first_item_to_its_end() -> None:
    thing = Thing()
    items = thing.items()
    assert live() == 0
    assert next(items) == 1
    assert live() == 1
    assert thing.method() == 1  # the same thread
    assert list(items) == [2]
    assert live() == 0
    next(half := thing.items())
    half.close()
    assert live() == 0


def test_a_generator_excludes_other_threads() -> None:
    thing = Thing()

    def go_through(holding: Holding) -> None:
        for _ in thing.items():
            holding.stay()

    assert excludes(go_through, thing.method)
    assert excludes(thing.hold, lambda: list(thing.items()))
    assert excludes(go_through, lambda: list(thing.items()))
    assert not excludes(go_through, lambda: list(Thing().items()))


def test_a_generator_may_end_in_another_thread() -> None:
    thing = Thing()
    items = thing.items()
    next(items)
    with thread(items.close):
        pass
    assert live() == 0


def test_a_generator_returned_by_a_plain_function_holds_too() -> None:
    def inner() -> Iterator[int]:
        yield live()

    @synchronized
    def outer() -> Iterator[int]:
        return inner()

    assert list(outer()) == [1]
    assert live() == 0


def test_a_thread_that_ended_with_a_generator_open_does_not_pass_its_lock_to_another() -> None:
    thing = Thing()
    kept: list[Iterator[int]] = []

    def begin() -> None:
        kept.append(thing.items())
        next(kept[0])

    with thread(begin):
        pass
    done = threading.Event()

    def call() -> None:
        thing.method()
        done.set()

    with thread(call):
        assert not done.wait(0.05)
        kept.clear()
    assert done.is_set()
    assert live() == 0


@NO_SIGNALS
def test_an_interrupt_ends_a_wait_and_the_lock_goes_to_the_next() -> None:
    thing, holding = Thing(), Holding()
    with thread(lambda: thing.hold(holding)):
        assert holding.entered.wait(LONG)
        with pytest.raises(KeyboardInterrupt), interrupted():
            thing.method()
        with pytest.raises(KeyboardInterrupt), interrupted(), synchronized(thing):
            pass
        holding.go.set()
    assert thing.method() == 1
    assert live() == 0


@NO_SIGNALS
def test_an_interrupt_inside_lets_go() -> None:
    thing = Thing()

    @synchronized(on=thing)
    def wait() -> None:
        threading.Event().wait(LONG)

    with pytest.raises(KeyboardInterrupt), interrupted():
        wait()
    assert live() == 0


def test_every_waiter_is_served() -> None:
    thing, holding, served = Thing(), Holding(), []

    @synchronized(on=thing)
    def serve(number: int) -> None:
        served.append(number)

    workers = [threading.Thread(target=serve, args=(number,)) for number in range(10)]
    with thread(lambda: thing.hold(holding)):
        assert holding.entered.wait(LONG)
        for worker in workers:
            worker.start()
        holding.go.set()
    for worker in workers:
        worker.join(LONG)
    assert sorted(served) == list(range(10))
    assert live() == 0


def test_a_waiter_is_not_starved_by_a_thread_that_calls_again_and_again() -> None:
    thing, stop, served = Thing(), threading.Event(), threading.Event()

    @synchronized(on=thing)
    def lets_others_run() -> None:
        # While the lock is held and at no other time, so that a waiter that is woken always finds it taken.
        time.sleep(0.0005)

    def hammer() -> None:
        for _ in range(10_000):
            lets_others_run()
            if stop.is_set():
                return

    with thread(hammer) as worker:
        with thread(lambda: (thing.method(), served.set())):
            assert served.wait(LONG)
            assert worker.is_alive()
        stop.set()


def test_a_finaliser_may_take_locks() -> None:
    thing = Thing()

    class Final:
        def __del__(self) -> None:
            thing.method()
            with synchronized(self):
                pass

    @synchronized(on=thing)
    def drop() -> None:
        final = [Final()]
        final.append(final)  # type: ignore[arg-type]
        del final
        gc.collect()

    drop()
    assert live() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_is_not_stuck_on_what_a_thread_of_the_parent_held() -> None:
    thing, holding = Thing(), Holding()
    with thread(lambda: thing.hold(holding)), thread(thing.method), contextlib.ExitStack() as stack:
        stack.callback(holding.go.set)
        assert holding.entered.wait(LONG)
        own = object()
        with synchronized(own):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    import signal

                    signal.alarm(10)
                    assert thing.method() == 2
                    assert live() == 1
                    status = 0
                finally:
                    os._exit(status)
        _, status = os.waitpid(child, 0)
        assert status == 0
