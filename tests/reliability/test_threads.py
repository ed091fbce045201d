"""Threads hammer one stack: no call is lost, no count is wrong, no result goes to another thread."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .kinds import SCENARIOS, Failure, stand_in

Decorate = Callable[[Any], Any]
THREADS = 8
CALLS = 1_000


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    previous = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(previous)


def together(work: Callable[[int], Any], threads: int = THREADS) -> None:
    """Runs `work(index)` in so many threads at once, and raises what any of them raised."""
    start = threading.Barrier(threads)
    errors: list[BaseException] = []

    def run(index: int) -> None:
        try:
            start.wait(30)
            work(index)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=run, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("name", [name for name in SCENARIOS if "never started" not in name and "wrong" not in name])
def test_counts_are_exact(decorate: Decorate, counted: Callable[..., None], name: str) -> None:
    bare, call = SCENARIOS[name]
    decorated = decorate(bare)

    def work(index: int) -> None:
        for _ in range(CALLS):
            call(decorated, index)

    together(work)
    if "before its start" not in name:
        counted(decorated, THREADS * CALLS)


def test_successes_and_failures_are_told_apart(decorate: Decorate, counted: Callable[..., None]) -> None:
    @decorate
    def sometimes(x: int) -> int:
        if x % 3 == 0:
            raise Failure
        return x

    def work(index: int) -> None:
        for x in range(CALLS):
            with contextlib.suppress(Failure):
                assert sometimes(x) == x

    together(work)
    counted(sometimes, THREADS * CALLS, errors=THREADS * len(range(0, CALLS, 3)))


def test_each_thread_gets_its_own_results(decorate: Decorate) -> None:
    @decorate
    def items(x: int) -> Iterator[int]:
        for step in range(5):
            yield x + step

    @decorate
    def identity(*args: int, **kwargs: int) -> Any:
        return args, kwargs

    def work(index: int) -> None:
        for x in range(CALLS // 2):
            assert list(items(index)) == list(range(index, index + 5))
            assert identity(index, x, y=x) == ((index, x), {"y": x})

    together(work)


def test_one_generator_shared_by_threads(decorate: Decorate) -> None:
    @decorate
    def endless() -> Iterator[int]:
        yield from range(THREADS * CALLS)

    shared = endless()
    seen: list[int] = []

    def work(index: int) -> None:
        while True:
            try:
                seen.append(next(shared))
            except StopIteration:
                return
            except ValueError as error:  # as ever: generators are for one thread at a time
                assert str(error) == "generator already executing"

    together(work)
    assert sorted(seen) == list(range(THREADS * CALLS))


def test_instances_of_one_class(decorate: Decorate, counted: Callable[..., None]) -> None:
    @decorate
    class C:
        def __init__(self, x: int) -> None:
            self.x = x

    def work(index: int) -> None:
        for _ in range(CALLS):
            assert C(index).x == index

    together(work)
    counted(C, THREADS * CALLS)


def test_decorating_in_threads(decorate: Decorate) -> None:
    def shared(x: int) -> int:
        return x

    def work(index: int) -> None:
        for x in range(CALLS // 10):
            assert decorate(decorate(shared))(x) == x
            assert decorate(lambda: index)() == index

    together(work)


def test_event_loops_in_threads(decorate: Decorate, counted: Callable[..., None]) -> None:
    @decorate
    async def work_async(x: int) -> int:
        await asyncio.sleep(0)
        return x

    def work(index: int) -> None:
        async def main() -> list[int]:
            return await asyncio.gather(*(work_async(x) for x in range(100)))

        assert asyncio.run(main()) == list(range(100))

    together(work)
    counted(work_async, THREADS * 100, errors=0)


def test_switched_off_and_on_meanwhile(cladding: Any) -> None:
    @cladding.timer
    @cladding.monitor
    def function(x: int) -> int:
        return x

    def work(index: int) -> None:
        for x in range(CALLS):
            if index == 0:
                with cladding.disabled(function):
                    assert function(x) == x
            elif index == 1:
                with cladding.disabled("monitor"):
                    assert function(x) == x
            else:
                assert function(x) == x

    together(work)
    before = function.cladding.policies[0].stats["calls"]
    assert before <= THREADS * CALLS
    function(1)
    assert function.cladding.policies[0].stats["calls"] == before + 1


def test_statistics_are_read_while_they_change(cladding: Any) -> None:
    function = cladding.timer(lambda x: x)
    seen: list[int] = []

    def work(index: int) -> None:
        for x in range(CALLS):
            if index == 0:
                seen.append(function.cladding.policies[0].stats["calls"])
            else:
                function(x)

    together(work)
    assert seen == sorted(seen)
    assert function.cladding.policies[0].stats["calls"] == (THREADS - 1) * CALLS


def test_one_computation_for_a_key(cladding: Any) -> None:
    computed: list[int] = []

    @cladding.cache_result(ttl=600)
    def compute(x: int) -> list[int]:
        computed.append(x)
        return [x]

    results: list[Any] = []

    def work(index: int) -> None:
        for x in range(200):
            results.append((x, compute(x)))

    together(work)
    assert sorted(computed) == list(range(200))
    assert all(result == [x] for x, result in results)


def test_retries_in_threads(cladding: Any) -> None:
    attempts: dict[tuple[int, int], int] = {}

    @cladding.retry(max_retries=3, initial_delay=0.0, exceptions=(Failure,))
    def fails_twice(index: int, x: int) -> int:
        attempts[index, x] = attempts.get((index, x), 0) + 1
        if attempts[index, x] < 3:
            raise Failure
        return x

    def work(index: int) -> None:
        for x in range(200):
            assert fails_twice(index, x) == x

    together(work)
    assert set(attempts.values()) == {3}


def test_the_stand_in_is_not_mistaken(decorate: Decorate, counted: Callable[..., None]) -> None:
    decorated = decorate(lambda: 1)
    decorated()
    assert hasattr(decorated, "cladding") is not stand_in()
