"""`circuit_breaker` that is half-open: exactly so many probes, whoever calls, and no place is lost."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections import Counter
from typing import Any

import pytest

from cladding import CircuitOpenError, circuit_breaker

from .helpers import AGES, Gate, assert_stats, fails, half_open, in_threads, joined, stays_open, suspended


@pytest.mark.parametrize("probes", [1, 3])
def test_exactly_so_many_of_many_threads(probes: int) -> None:
    breaker, gate, said = half_open(probes=probes), Gate(), Counter[str]()
    f = circuit_breaker(breaker)(gate)
    start = threading.Barrier(64)

    def call() -> None:
        start.wait(30)
        try:
            f()
        except CircuitOpenError as error:
            with gate.lock:
                said[error.state] += 1
            if said.total() == 64 - probes:
                gate.opened.set()

    joined(in_threads(64, call))
    assert (gate.most, said) == (probes, {"half-open": 64 - probes})
    assert_stats(breaker, state="closed", probing=0)


def test_the_message_of_a_half_open_breaker() -> None:
    for probes, told in ((1, "its 1 probe is under way"), (2, "its 2 probes are under way")):
        breaker, gate = half_open(probes=probes), Gate()
        f = circuit_breaker(breaker)(gate)
        threads = in_threads(probes, f)
        for _ in range(probes):
            assert gate.entered.acquire(timeout=30)
        with pytest.raises(CircuitOpenError, match=f"is half-open .* and {told}$") as caught:
            f()
        assert (caught.value.state, caught.value.retry_in) == ("half-open", 0)
        assert breaker.stats["probing"] == probes
        gate.opened.set()
        joined(threads)


def test_no_lock_is_held_while_a_function_runs() -> None:
    breaker, gate = stays_open(), Gate()
    f = circuit_breaker(breaker)(gate)
    threads = in_threads(8, f)
    for _ in range(8):
        assert gate.entered.acquire(timeout=30)
    assert gate.most == 8
    assert circuit_breaker(breaker)(lambda: 5)() == 5
    assert breaker.stats["calls"] == 1
    gate.opened.set()
    joined(threads)
    assert breaker.stats["calls"] == 9


def test_threads_count_exactly() -> None:
    breaker = stays_open(failures=10**9, failure_ratio=None)
    good, bad = circuit_breaker(breaker)(lambda: None), circuit_breaker(breaker)(fails)

    def work() -> None:
        for _ in range(500):
            good()
            with pytest.raises(ConnectionError):
                bad()

    joined(in_threads(8, work))
    assert_stats(breaker, calls=8000, failures=4000)
    assert (good.cladding.circuit_breaker.stats["succeeded"], bad.cladding.circuit_breaker.stats["failed"]) == (
        4000,
        4000,
    )


def test_tasks_and_a_cancelled_probe() -> None:
    breaker, inside = half_open(probes=2), 0

    @circuit_breaker(breaker)
    async def f() -> None:
        nonlocal inside
        inside += 1
        try:
            await asyncio.Event().wait()
        finally:
            inside -= 1

    async def main() -> None:
        for _ in range(3):
            tasks = [asyncio.create_task(f()) for _ in range(20)]
            await asyncio.sleep(0)
            assert (inside, breaker.stats["probing"]) == (2, 2)
            for task in tasks:
                task.cancel()
            said = Counter(type(each) for each in await asyncio.gather(*tasks, return_exceptions=True))
            assert said == {asyncio.CancelledError: 2, CircuitOpenError: 18}
            assert_stats(breaker, state="half-open", probing=0, opened=1)

    asyncio.run(main())
    assert f.cladding.circuit_breaker.stats["cancelled"] == 6


def test_a_timeout_of_the_caller_is_a_cancellation() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    async def f() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await f()

    asyncio.run(main())
    assert_stats(breaker, state="half-open", probing=0)


def test_coroutines_that_nobody_goes_on_with() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    async def f() -> None:
        await suspended()

    started, never = f(), f()
    started.send(None)
    assert_stats(breaker, probing=1)
    started.close()
    assert_stats(breaker, probing=0)
    never.close()
    dropped = f()
    dropped.send(None)
    assert_stats(breaker, probing=1)
    del dropped
    gc.collect()
    assert_stats(breaker, state="half-open", probing=0)


def test_a_function_that_calls_itself() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    def f(depth: int) -> int:
        return f(depth - 1) + 1 if depth else 0

    assert f(9) == 9
    assert_stats(breaker, state="closed", calls=0)
    assert f(9) == 9
    assert breaker.stats["calls"] == 10


def test_functions_that_call_each_other_under_one_breaker() -> None:
    breaker = half_open()

    @circuit_breaker(breaker)
    async def inner(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @circuit_breaker(breaker)
    async def outer() -> list[int]:
        return [await inner(1), *await asyncio.gather(inner(2), inner(3))]

    async def main() -> None:
        probe = asyncio.create_task(outer())
        await asyncio.sleep(0)
        with pytest.raises(CircuitOpenError):  # no part of the probe
            await inner(0)
        assert await probe == [1, 2, 3]

    asyncio.run(main())
    assert breaker.state == "closed"
    assert inner.cladding.circuit_breaker.stats["succeeded"] == 3


def test_other_breakers_inside_a_probe() -> None:
    outer_breaker, inner_breaker = half_open(), half_open()
    inner = circuit_breaker(inner_breaker)(lambda: circuit_breaker(outer_breaker)(lambda: 3)())
    assert circuit_breaker(outer_breaker)(inner)() == 3
    assert (outer_breaker.state, inner_breaker.state) == ("closed", "closed")


def test_what_a_probe_leaves_running_is_no_part_of_it() -> None:
    breaker = half_open()

    async def main() -> None:
        go_on = asyncio.Event()
        refused: list[str] = []

        @circuit_breaker(breaker)
        async def inner() -> None: ...

        async def later() -> None:
            await go_on.wait()
            try:
                await inner()
            except CircuitOpenError as error:
                refused.append(error.state)

        @circuit_breaker(breaker)
        async def outer() -> asyncio.Task[None]:
            return asyncio.create_task(later())

        left = await outer()
        assert breaker.state == "closed"
        breaker.trip()
        gate = asyncio.Event()
        probe = asyncio.create_task(circuit_breaker(breaker)(gate.wait)())
        await asyncio.sleep(0)
        go_on.set()
        await left
        assert refused == ["half-open"]
        gate.set()
        await probe

    asyncio.run(main())


def test_contexts_do_not_collect_probes() -> None:
    import contextvars

    breaker = half_open()
    good = circuit_breaker(breaker)(lambda: None)
    before = len(contextvars.copy_context())
    for _ in range(5):
        good()
        breaker.trip()
    variable = next((each for each in contextvars.copy_context() if each.name == "cladding_probe"), None)
    assert len(contextvars.copy_context()) <= before + 1
    assert variable is None or variable.get(None) is None


def test_only_probes_that_came_to_an_end_close_it() -> None:
    breaker, done = half_open(probes=2), threading.Event()
    gate = Gate()
    f = circuit_breaker(breaker)(gate)
    threads = in_threads(1, f)
    assert gate.entered.acquire(timeout=30)
    circuit_breaker(breaker)(done.set)()
    assert_stats(breaker, state="half-open", probing=1)
    with pytest.raises(CircuitOpenError):
        circuit_breaker(breaker)(done.set)()
    gate.opened.set()
    joined(threads)
    assert breaker.state == "closed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_the_places_of_probes_it_does_not_have() -> None:
    breaker, gate = half_open(), Gate()
    f = circuit_breaker(breaker)(gate)
    threads = in_threads(1, f)
    assert gate.entered.acquire(timeout=30)
    child = os.fork()
    if child == 0:
        try:
            free = breaker.stats["probing"] == 0 and circuit_breaker(breaker)(lambda: 1)() == 1
            os._exit(0 if free and breaker.state == "closed" else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert breaker.stats["probing"] == 1
    gate.opened.set()
    joined(threads)
    assert breaker.state == "closed"


def test_an_open_breaker_lets_nobody_in() -> None:
    breaker = stays_open(open_for=AGES)
    breaker.trip()
    gate = Gate()
    said: list[Any] = []

    def call() -> None:
        try:
            circuit_breaker(breaker)(gate)()
        except CircuitOpenError as error:
            said.append(error)

    joined(in_threads(32, call))
    assert (gate.most, len(said)) == (0, 32)
    assert len({id(error) for error in said}) == 32
    assert breaker.stats["rejected"] == 32
