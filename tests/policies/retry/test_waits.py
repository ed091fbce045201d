"""`retry`: how long it waits between attempts, and what ends a wait."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.kinds import Kind, all_kinds

from .helpers import Fails, numbers


@given(
    initial=st.floats(0.0, 100.0),
    factor=st.floats(1.0, 10.0),
    room=st.floats(0.0, 1000.0),
    jitter=st.sampled_from(["full", "equal", "none"]),
    retries=st.integers(0, 40),
)
def test_every_wait_is_within_its_bounds(
    cladding: Any, initial: float, factor: float, room: float, jitter: str, retries: int
) -> None:
    waits: list[float] = []
    policy = cladding.retry(retries, factor, initial_delay=initial, max_delay=initial + room, jitter=jitter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cladding._waits.sleep", waits.append)
        assert policy(Fails(retries))() == retries + 1
    limits = [min(initial + room, initial * factor**i) for i in range(retries)]
    if initial == 0:
        assert not any(waits)
        return
    if jitter != "full":
        assert len(waits) == retries  # full jitter may draw a 0, for which nothing is called
    least = {"full": 0.0, "equal": 0.5, "none": 1.0}[jitter]
    for wait, limit in zip(waits, limits, strict=False):
        assert limit * least * (1 - 1e-9) <= wait <= limit * (1 + 1e-9)


def test_late_waits_still_differ_under_the_cap(cladding: Any, waits: list[float]) -> None:
    cladding.retry(max_retries=100, initial_delay=1, max_delay=2)(Fails(100))()
    late = waits[10:]
    assert len(set(late)) == len(late)
    assert min(late) < 0.5
    assert max(late) > 1.5


def test_delays_as_timedelta(cladding: Any, waits: list[float]) -> None:
    policy = cladding.retry(initial_delay=timedelta(milliseconds=250), max_delay=timedelta(seconds=1), jitter="none")
    policy(Fails(3))()
    assert waits == [0.25, 0.5, 1.0]


@all_kinds
def test_a_wait_of_nothing_is_not_waited_for(cladding: Any, waits: list[float], kind: Kind) -> None:
    assert kind.run(cladding.retry(initial_delay=0)(kind.make(Fails(3)))) == 4
    assert waits == []


def test_an_interrupt_ends_the_wait(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cladding._waits.sleep", interrupted)
    fails = Fails(9)
    f = cladding.retry(exceptions=Exception)(fails)
    with pytest.raises(KeyboardInterrupt):
        f()
    assert fails.calls == 1
    assert numbers(f) == {"calls": 1, "retries": 0, "gave_up": 0}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no interval timers")
def test_an_interrupt_ends_attempts_without_end_and_without_waits(cladding: Any) -> None:
    # No Python code runs in any attempt, and nothing in `pop` looks at signals, so only retry itself can.
    endless = cladding.retry(max_retries=None, initial_delay=0, exceptions=IndexError)([].pop)

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(KeyboardInterrupt):
            endless()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert endless.cladding.retry.stats["retries"] > 10


def test_cancellation_ends_the_wait_and_is_not_retried(cladding: Any) -> None:
    fails = Fails(9)

    async def main() -> None:
        failed = asyncio.Event()

        @cladding.retry(initial_delay=600, max_delay=600, jitter="none", exceptions=Exception)
        async def work() -> int:
            failed.set()
            return fails()

        task = asyncio.create_task(work())
        await failed.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert numbers(work) == {"calls": 1, "retries": 0, "gave_up": 0}

    asyncio.run(asyncio.wait_for(main(), 30))
    assert fails.calls == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_waits_otherwise_than_its_parent(cladding: Any, waits: list[float]) -> None:
    policy = cladding.retry(max_retries=5, initial_delay=1)
    policy(Fails(5))()  # the parent's sequence has begun
    waits.clear()
    ends, children = [], []
    for _ in range(2):
        end, other = os.pipe()
        if (child := os.fork()) == 0:
            policy(Fails(5))()
            os.write(other, pickle.dumps(waits))
            os._exit(0)
        os.close(other)
        ends.append(end)
        children.append(child)
    policy(Fails(5))()
    drawn = [waits]
    for end, child in zip(ends, children, strict=True):
        with os.fdopen(end, "rb") as file:
            drawn.append(pickle.load(file))
        assert os.waitpid(child, 0)[1] == 0
    together = [wait for waits in drawn for wait in waits]
    assert len(together) == len(set(together)) == 15
