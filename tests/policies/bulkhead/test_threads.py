"""`bulkhead` on plain functions and generators: threads."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .helpers import Gate, start, until


def test_no_more_than_so_many_at_once(cladding: Any) -> None:
    gate = Gate()
    f = cladding.bulkhead(3)(gate)
    threads = [start(f, number) for number in range(8)]
    until(lambda: f.cladding.bulkhead.stats["waiting"] == 5)
    until(lambda: gate.inside == 3)
    assert f.cladding.bulkhead.stats == {"calls": 3, "waits": 5, "rejected": 0, "running": 3, "waiting": 5}
    gate.opened.set()
    for thread in threads:
        thread.join(30)
    assert gate.most == 3
    assert f.cladding.bulkhead.stats == {"calls": 8, "waits": 5, "rejected": 0, "running": 0, "waiting": 0}


def test_those_who_wait_are_served_in_their_order(cladding: Any) -> None:
    gate, order = Gate(), []

    @cladding.bulkhead(1)
    def f(number: int) -> None:
        order.append(number)
        gate()

    threads = []
    for number in range(6):
        threads.append(start(f, number))
        until(lambda number=number: f.cladding.bulkhead.stats["waiting"] == number)
    gate.opened.set()
    for thread in threads:
        thread.join(30)
    assert order == [0, 1, 2, 3, 4, 5]


def test_a_call_that_may_not_wait_is_turned_away(cladding: Any) -> None:
    gate = Gate()
    places = cladding.Bulkhead(1, max_waiting=1)
    f = cladding.bulkhead(places)(gate)
    at_once = cladding.bulkhead(places, max_wait=0)(lambda: None)
    thread = start(f)
    until(lambda: places.running == 1)
    with pytest.raises(cladding.BulkheadFullError) as caught:
        at_once()
    assert (caught.value.running, caught.value.waiting) == (1, 0)
    other = start(f)
    until(lambda: places.waiting == 1)
    with pytest.raises(cladding.BulkheadFullError) as caught:
        f()
    error = caught.value
    assert (error.running, error.waiting) == (1, 1)
    assert error.function.endswith(".Gate")
    assert str(error) == f"{error.function}: no place in the bulkhead (1 call running, 1 waiting)"
    gate.opened.set()
    thread.join(30)
    other.join(30)
    assert (at_once(), f()) == (None, ())
    assert at_once.cladding.bulkhead.stats["rejected"] == 1


def test_a_wait_that_lasts_too_long(cladding: Any) -> None:
    gate = Gate()
    places = cladding.Bulkhead(1, max_wait=0.01)
    f = cladding.bulkhead(places)(gate)
    thread = start(f)
    until(lambda: places.running == 1)
    with pytest.raises(cladding.BulkheadFullError, match="and none was free in time") as caught:
        f()
    assert (caught.value.running, caught.value.waiting) == (1, 1)
    assert (places.running, places.waiting) == (1, 0)
    gate.opened.set()
    thread.join(30)
    assert (f(1), places.running) == ((1,), 0)


def test_a_place_in_time(cladding: Any) -> None:
    gate = Gate()
    f = cladding.bulkhead(1, max_wait=30)(gate)
    threads = [start(f), start(f)]
    until(lambda: f.cladding.bulkhead.stats["waiting"] == 1)
    gate.opened.set()
    for thread in threads:
        thread.join(30)
    assert f.cladding.bulkhead.stats["calls"] == 2


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failing_call_leaves_its_place(cladding: Any, error: type[BaseException]) -> None:
    @cladding.bulkhead(1, max_wait=0)
    def f(fails: bool) -> int:
        if fails:
            raise error
        return 1

    for _ in range(3):
        with pytest.raises(error):
            f(True)
    assert f(False) == 1


@pytest.mark.parametrize("places", [1, 3])
def test_recursion_needs_one_place(cladding: Any, places: int) -> None:
    @cladding.bulkhead(places)
    def factorial(n: int) -> int:
        assert factorial.cladding.bulkhead.stats["running"] == 1
        return n * factorial(n - 1) if n else 1

    assert factorial(5) == 120
    assert factorial.cladding.bulkhead.stats == {"calls": 6, "waits": 0, "rejected": 0, "running": 0, "waiting": 0}


def test_functions_that_share_places_call_each_other(cladding: Any) -> None:
    places = cladding.Bulkhead(1)

    @cladding.bulkhead(places)
    def inner() -> int:
        return places.running

    @cladding.bulkhead(places)
    def outer() -> int:
        return inner()

    assert (outer(), places.running) == (1, 0)


def test_an_interrupt_ends_the_wait(cladding: Any) -> None:
    gate = Gate()
    f = cladding.bulkhead(1)(gate)
    thread = start(f)
    until(lambda: f.cladding.bulkhead.stats["running"] == 1)

    def interrupt() -> None:
        until(lambda: f.cladding.bulkhead.stats["waiting"] == 1)
        signal.raise_signal(signal.SIGINT)

    helper = start(interrupt)
    with pytest.raises(KeyboardInterrupt):
        f()
    helper.join(30)
    assert f.cladding.bulkhead.stats["waiting"] == 0
    gate.opened.set()
    thread.join(30)
    assert f(1) == (1,)


def test_instances_of_a_class(cladding: Any) -> None:
    gate = Gate()

    @cladding.bulkhead(1, max_wait=0)
    class Model:
        def __init__(self) -> None:
            gate()

    thread = start(Model)
    until(lambda: gate.inside == 1)
    with pytest.raises(cladding.BulkheadFullError):
        Model()
    gate.opened.set()
    thread.join(30)
    assert isinstance(Model(), Model)


# --------------------------------------------------------------------------------------------------------- generators


def test_a_generator_holds_its_place(cladding: Any) -> None:
    @cladding.bulkhead(2, max_wait=0)
    def items() -> Iterator[int]:
        yield 1
        yield 2

    def running() -> int:
        return items.cladding.bulkhead.stats["running"]

    never_begun = items()
    first, second = items(), items()
    assert (next(first), next(second), running()) == (1, 1, 2)
    with pytest.raises(cladding.BulkheadFullError):
        next(never_begun)
    assert [*first] == [2]
    assert running() == 1
    second.close()
    assert running() == 0
    third = items()
    next(third)
    assert running() == 1
    del third
    gc.collect()
    assert running() == 0


def test_a_generator_does_not_wait_for_its_own_thread(cladding: Any) -> None:
    places = cladding.Bulkhead(1)

    @cladding.bulkhead(places)
    def items(depth: int) -> Iterator[int]:
        yield depth
        yield from items(depth + 1)

    @cladding.bulkhead(places)
    def f() -> None: ...

    open_one = items(0)
    assert next(open_one) == 0
    for use in (f, lambda: next(items(5)), lambda: next(open_one)):
        with pytest.raises(cladding.BulkheadFullError, match="which holds one itself"):
            use()
    assert (places.running, places.waiting) == (0, 0)  # the last of them was the open one's own end

    @cladding.bulkhead(places)
    def around() -> int:
        return next(items(7))

    with pytest.raises(cladding.BulkheadFullError, match="which holds one itself"):
        around()


def test_a_generator_waits_for_other_threads(cladding: Any) -> None:
    gate = Gate()
    places = cladding.Bulkhead(1)
    f = cladding.bulkhead(places)(gate)

    @cladding.bulkhead(places)
    def items() -> Iterator[int]:
        yield 1

    thread = start(f)
    until(lambda: gate.inside == 1)
    found: list[int] = []
    other = start(lambda: found.extend(items()))
    until(lambda: places.waiting == 1)
    gate.opened.set()
    thread.join(30)
    other.join(30)
    assert (found, places.running) == ([1], 0)


def test_a_returned_generator_holds_the_place(cladding: Any) -> None:
    @cladding.bulkhead(1, max_wait=0)
    def f() -> Iterator[int]:
        return (number for number in range(3))

    items = f()
    assert next(items) == 0
    with pytest.raises(cladding.BulkheadFullError):
        f()
    assert [*items] == [1, 2]
    assert [*f()] == [0, 1, 2]


# ------------------------------------------------------------------------------------------------------------- stress


def test_many_threads_lose_no_place(cladding: Any, hurried: None) -> None:
    places = cladding.Bulkhead(3)
    patient = cladding.Bulkhead(2, max_waiting=3, max_wait=0.0002)
    lock, inside, most, done = threading.Lock(), 0, 0, 0

    def enter() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)

    def leave() -> None:
        nonlocal inside
        with lock:
            inside -= 1

    @cladding.bulkhead(places)
    def f(depth: int = 0) -> None:
        enter()
        if depth:
            leave()
            f(depth - 1)
        else:
            time.sleep(0)  # lets another thread run
            leave()

    @cladding.bulkhead(places)
    def items() -> Iterator[int]:
        enter()
        yield 1
        leave()

    @cladding.bulkhead(patient)
    def impatient() -> None:
        threading.Event().wait(0.0001)

    def work() -> None:
        nonlocal done
        for number in range(100):
            f(number % 3)
            assert [*items()] == [1]
            try:
                impatient()
            except cladding.BulkheadFullError:
                pass
        with lock:
            done += 1

    threads = [start(work) for _ in range(12)]
    for thread in threads:
        thread.join(120)
    assert done == 12
    assert most <= 3
    assert f.cladding.bulkhead.stats["waits"] > 0
    for each in (places, patient):
        assert (each.running, each.waiting) == (0, 0)
    stats = impatient.cladding.bulkhead.stats
    assert stats["calls"] + stats["rejected"] == 1200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_has_the_places_of_other_threads(cladding: Any) -> None:
    gate = Gate()
    f = cladding.bulkhead(1, max_wait=0)(gate)
    g = cladding.bulkhead(1, max_wait=0)(os.fork)
    thread = start(f)
    until(lambda: gate.inside == 1)
    child = g()
    if child == 0:
        gate.opened.set()
        free = f(1) == (1,) and f.cladding.bulkhead.stats["running"] == 0 == g.cladding.bulkhead.stats["running"]
        os._exit(0 if free else 1)
    assert os.waitpid(child, 0)[1] == 0
    with pytest.raises(cladding.BulkheadFullError):
        f()
    gate.opened.set()
    thread.join(30)
