"""`cache_result(generators=N)` with several threads, interrupts and forks."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cladding import cache_result

from .helpers import in_threads, joined, stats, until

NO_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


class Steps:
    """A generator function that stops before each item until it is let go."""

    def __init__(self, count: int) -> None:
        self.begun = 0
        self.count = count
        self.at = 0
        self.may = threading.Semaphore(0)

    def __call__(self) -> Iterator[int]:
        self.begun += 1
        for index in range(self.count):
            self.at = index
            assert self.may.acquire(timeout=20)
            yield index


def test_many_threads_share_one_run() -> None:
    begun = []
    together = threading.Barrier(16)
    results: list[list[int]] = []

    @cache_result(generators=2_000)
    def f() -> Iterator[int]:
        begun.append(1)
        yield from range(2_000)

    def go() -> None:
        together.wait(20)
        results.append(list(f()))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        joined(in_threads(16, go))
    finally:
        sys.setswitchinterval(interval)
    assert results == [list(range(2_000))] * 16
    assert begun == [1]
    assert f.cache_info().currsize == 1
    assert stats(f)["hits"] + stats(f)["waits"] == 15


def test_threads_that_come_and_go() -> None:
    """Some close early, some are too slow, and everyone has the right items."""
    wrong: list[Any] = []

    @cache_result(ttl=60, max_entries=2, generators=30)
    def f(count: int) -> Iterator[int]:
        yield from range(count)

    def go(number: int) -> None:
        for round_ in range(60):
            count = (number + round_) % 5 * 15
            generator = f(count)
            limit = (number * 7 + round_ * 3) % (count + 5)
            got = [item for item, _ in zip(generator, range(limit), strict=False)]
            if got != list(range(min(count, limit))):
                wrong.append((count, limit, got))
            if round_ % 3:
                rest = list(generator)
                if got + rest not in ([*range(count)], [*range(min(limit, count)), *range(limit + 1, count)]):
                    wrong.append((count, limit, got, rest))
            if round_ % 7 == 0:
                f.cache_clear()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=go, args=(number,), daemon=True) for number in range(8)]
        for thread in threads:
            thread.start()
        joined(threads)
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_others_get_what_is_there_while_an_item_is_made() -> None:
    steps = Steps(3)
    f = cache_result(generators=5)(steps)
    slow = f()
    steps.may.release()
    assert next(slow) == 0
    got: list[Any] = []
    threads = in_threads(1, lambda: got.append(next(slow)))
    until(lambda: steps.at == 1)
    # Nobody waits for an item that has been made.
    other = f()
    assert next(other) == 0
    steps.may.release(2)
    joined(threads)
    assert got == [1]
    assert list(other) == [1, 2]
    assert list(slow) == [2]
    assert steps.begun == 1


def test_those_who_wait_get_the_item_and_the_exception() -> None:
    release = threading.Event()
    entered = threading.Event()
    begun = []

    @cache_result(generators=5)
    def f() -> Iterator[int]:
        begun.append(1)
        yield 1
        entered.set()
        assert release.wait(20)
        raise KeyError("all")

    caught: list[Any] = []

    def go() -> None:
        try:
            list(f())
        except KeyError as error:
            caught.append(error)

    first = in_threads(1, go)
    assert entered.wait(20)
    others = in_threads(7, go)
    until(lambda: stats(f)["waits"] == 7)
    release.set()
    joined(first + others)
    assert len(caught) == 8
    assert all(error is caught[0] for error in caught)
    assert begun == [1]
    assert f.cache_info().currsize == 0


def test_an_interrupt_is_of_one_caller_only() -> None:
    begun = []

    class Interrupt(BaseException):
        pass

    @cache_result(generators=5)
    def f() -> Iterator[int]:
        begun.append(1)
        yield 0
        yield 1
        if len(begun) == 1:
            raise Interrupt
        yield 2

    one, other, third = f(), f(), f()
    assert [next(one), next(one), next(other)] == [0, 1, 0]
    with pytest.raises(Interrupt):
        next(one)
    # The others go on where they are, in a run that passes over what they had.
    assert list(other) == [1, 2]
    assert list(third) == [0, 1, 2]
    assert begun in ([1, 1], [1, 1, 1])
    with pytest.raises(StopIteration):
        next(one)


def test_who_waits_can_be_interrupted() -> None:
    steps = Steps(2)
    f = cache_result(generators=5)(steps)
    threads = in_threads(1, lambda: list(f()))
    until(lambda: steps.begun == 1)
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            next(f())
    finally:
        signal.signal(signal.SIGALRM, previous)
    steps.may.release(2)
    joined(threads)
    assert list(f()) == [0, 1]
    assert steps.begun == 1


@NO_FORK
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_wait_for_threads_it_does_not_have() -> None:
    steps = Steps(2)
    f = cache_result(generators=5)(steps)
    mine = f()
    steps.may.release()
    assert next(mine) == 0
    threads = in_threads(1, lambda: list(f()))
    until(lambda: steps.at == 1)
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)
            steps.may = threading.Semaphore(100)
            os._exit(0 if list(f()) == list(f()) == [0, 1] and list(mine) == [1] else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    steps.may.release(2)
    joined(threads)
    assert list(mine) == [1]


@NO_FORK
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_goes_on_with_what_nobody_makes() -> None:
    begun = []

    @cache_result(generators=5)
    def f() -> Iterator[int]:
        begun.append(1)
        yield 0
        yield 1

    mine = f()
    next(mine)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if list(mine) == [1] and list(f()) == [0, 1] and begun == [1] else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
