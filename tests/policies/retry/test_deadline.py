"""`retry`: the deadline of a call, by the monotonic clock."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from datetime import timedelta
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails, burn, numbers


def note(error: BaseException) -> str:
    [text] = error.__notes__
    return re.sub(r" in \d+\.\d{3} s", "", text)


@all_kinds
def test_a_wait_that_could_not_end_before_is_not_begun(cladding: Any, waits: list[float], kind: Kind) -> None:
    fails = Fails(9)
    f = cladding.retry(None, deadline=30, schedule=[1, 2, 30, 60])(kind.make(fails))
    with pytest.raises(ConnectionError) as caught:
        kind.run(f)
    assert (fails.calls, waits) == (3, [1, 2])
    assert caught.value is fails.raised[-1]
    reason = "the next wait of 30.000 s would not end before the deadline of 30 s"
    assert note(caught.value).endswith(f"gave up after 3 attempts: {reason}")
    assert numbers(f) == {"calls": 1, "retries": 2, "gave_up": 1}


def test_a_wait_as_long_as_the_deadline_is_not_begun(cladding: Any, waits: list[float]) -> None:
    fails = Fails(9)
    with pytest.raises(ConnectionError):
        cladding.retry(None, deadline=5, schedule=[5])(fails)()
    assert (fails.calls, waits) == (1, [])


@all_kinds
def test_no_attempt_begins_after_the_deadline(cladding: Any, waits: list[float], kind: Kind) -> None:
    fails = Fails(9)

    def slow() -> int:
        burn(0.003)
        return fails()

    f = cladding.retry(None, initial_delay=0, deadline=0.002)(kind.make(slow))
    with pytest.raises(ConnectionError) as caught:
        kind.run(f)
    assert fails.calls == 1
    assert note(caught.value).endswith("gave up after 1 attempt: the deadline of 0.002 s has passed")


@all_kinds
def test_a_wait_that_takes_longer_than_it_was_to(cladding: Any, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    begun: list[float] = []

    def oversleep(seconds: float) -> None:
        begun.append(seconds)
        burn(0.035)

    async def oversleep_async(seconds: float) -> None:
        oversleep(seconds)

    monkeypatch.setattr("cladding._waits.sleep", oversleep)
    monkeypatch.setattr("cladding._waits.sleep_async", oversleep_async)
    fails = Fails(9)
    f = cladding.retry(None, schedule=[0.001], deadline=0.03)(kind.make(fails))
    with pytest.raises(ConnectionError) as caught:
        kind.run(f)
    assert (fails.calls, begun) == (1, [0.001])
    assert caught.value is fails.raised[0]
    assert note(caught.value).endswith("gave up after 1 attempt: the deadline of 0.03 s has passed")
    assert numbers(f) == {"calls": 1, "retries": 0, "gave_up": 1}


@all_kinds
def test_an_attempt_that_ends_late_is_used(cladding: Any, waits: list[float], kind: Kind) -> None:
    def slow() -> str:
        burn(0.003)
        return "late"

    assert kind.run(cladding.retry(deadline=0.001)(kind.make(slow))) == "late"


@all_kinds
def test_steps_of_the_calendars_clock_mean_nothing(
    cladding: Any, waits: list[float], monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    for step in (3600.0, -3600.0):
        clock = itertools.count(time.time(), step)
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda clock=clock: next(clock))
            patch.setattr(time, "time_ns", lambda clock=clock: int(next(clock) * 1e9))
            fails = Fails(5)

            def stepping(fails: Fails = fails) -> int:
                time.time()
                return fails()

            f = cladding.retry(None, schedule=[0.5], deadline=60, on_retry=lambda event: None)(kind.make(stepping))
            assert kind.run(f) == 6
    assert waits == [0.5] * 10


def test_the_real_sleep_does_not_ask_the_calendar(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(time.time(), 3600.0)
    monkeypatch.setattr(time, "time", lambda: next(clock))
    began = time.perf_counter()
    assert cladding.retry(schedule=[0.002], deadline=60)(Fails(2))() == 3
    assert time.perf_counter() - began >= 0.004


def test_each_call_has_the_whole_time(cladding: Any, waits: list[float]) -> None:
    fails = Fails(1)
    f = cladding.retry(schedule=[29.9], deadline=30)(fails)
    for _ in range(3):
        assert f() == fails.calls
        burn(0.035)
        fails.times = fails.calls + 1
    assert waits == [29.9] * 3


def test_the_deadline_as_a_timedelta(cladding: Any, waits: list[float]) -> None:
    with pytest.raises(ConnectionError) as caught:
        cladding.retry(None, schedule=[400], deadline=timedelta(minutes=5))(Fails(9))()
    assert note(caught.value).endswith("the next wait of 400.000 s would not end before the deadline of 300 s")


def test_retries_can_be_used_up_before(cladding: Any, waits: list[float]) -> None:
    with pytest.raises(ConnectionError) as caught:
        cladding.retry(2, deadline=1e9)(Fails(9))()
    assert note(caught.value).endswith("max_retries=2")


def test_wait_for_does_time_out(cladding: Any) -> None:
    fails = Fails(99)

    @cladding.retry(None, schedule=[600], exceptions=Exception)
    async def f() -> int:
        return fails()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(f(), 0.005)

    asyncio.run(asyncio.wait_for(main(), 30))
    assert fails.calls == 1


def test_a_timeout_of_the_callers_ends_attempts_that_never_end(cladding: Any) -> None:
    attempts = 0

    @cladding.retry(None, initial_delay=0, exceptions=lambda error: True)
    async def f() -> None:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0)
        if attempts % 10:
            raise TimeoutError
        await asyncio.sleep(600)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await f()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert attempts == 10


def test_attempts_without_waits_let_the_event_loop_run(cladding: Any) -> None:
    @cladding.retry(None, initial_delay=0)
    async def f() -> None:
        raise ConnectionError  # before anything is awaited

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(f(), 0.005)
        others = 0
        task = asyncio.create_task(f())
        while others < 100:
            await asyncio.sleep(0)
            others += 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_attempts_without_waits_let_trio_run(cladding: Any) -> None:
    trio = pytest.importorskip("trio")

    @cladding.retry(None, initial_delay=0)
    async def f() -> None:
        raise ConnectionError

    async def main() -> None:
        with trio.move_on_after(0.005) as scope:
            await f()
        assert scope.cancelled_caught

    trio.run(main)
