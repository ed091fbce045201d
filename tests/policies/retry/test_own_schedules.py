"""`retry` with seconds of the user's own: taken as they are, anew for each call, and checked."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.kinds import Kind, all_kinds

from .helpers import Fails, waits_of


def doubling() -> Iterator[float]:
    wait = 1.0
    while True:
        yield wait
        wait *= 2


@pytest.mark.parametrize(
    "schedule",
    [
        [1, 2, 4],
        (1.0, 2.0, 4.0),
        deque([1, 2, 4]),
        dict.fromkeys([1, 2, 4]),
        [timedelta(seconds=1), 2, timedelta(seconds=4)],
        lambda: [1, 2, 4],
        lambda: iter([1, 2, 4]),
        doubling,
    ],
)
@all_kinds
def test_waits_are_those_of_the_schedule(cladding: Any, waits: list[float], kind: Kind, schedule: Any) -> None:
    f = cladding.retry(schedule=schedule)(kind.make(Fails(3)))
    assert kind.run(f) == 4
    assert waits == [1, 2, 4]


def test_a_range_is_a_schedule(cladding: Any) -> None:
    assert waits_of(cladding.retry(schedule=range(1, 6, 2)), 3) == [1, 3, 5]


@given(schedule=st.lists(st.floats(0, 1e9), min_size=1, max_size=30), retries=st.integers(0, 40))
def test_the_last_wait_is_repeated(cladding: Any, schedule: list[float], retries: int) -> None:
    expected = [schedule[min(index, len(schedule) - 1)] for index in range(retries)]
    waits = waits_of(cladding.retry(retries, schedule=schedule), retries)
    assert waits == [wait for wait in expected if wait > 0]


def test_neither_capped_nor_multiplied_nor_jittered(cladding: Any) -> None:
    policy = cladding.retry(3, 10, initial_delay=1, max_delay=2, schedule=[5, 500])
    assert waits_of(policy, 3) == [5, 500, 500]
    assert policy.jitter == "none"


@pytest.mark.parametrize("schedule", [[1, 2, 4], doubling], ids=["list", "generator function"])
def test_each_call_begins_anew(cladding: Any, schedule: Any) -> None:
    policy = cladding.retry(schedule=schedule)
    assert [waits_of(policy, 3) for _ in range(3)] == [[1, 2, 4]] * 3


@pytest.mark.parametrize("schedule", [[1, 2, 4], doubling, "exponential"], ids=["list", "generator function", "own"])
def test_threads_have_delays_of_their_own(cladding: Any, monkeypatch: pytest.MonkeyPatch, schedule: Any) -> None:
    threads, calls = 8, 40
    waits: dict[int, list[float]] = {index: [] for index in range(threads)}
    here = threading.local()
    monkeypatch.setattr("cladding._waits.sleep", lambda seconds: waits[here.index].append(seconds))
    together = threading.Barrier(threads)

    @cladding.retry(schedule=schedule, initial_delay=1, jitter="none")
    def f(fails: Fails) -> int:
        return fails()

    def work(index: int) -> None:
        here.index = index
        together.wait(30)
        for _ in range(calls):
            assert f(Fails(3)) == 4

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert waits == {index: [1, 2, 4] * calls for index in range(threads)}


@pytest.mark.parametrize("schedule", [[1, 2, 4], doubling], ids=["list", "generator function"])
def test_tasks_have_delays_of_their_own(cladding: Any, monkeypatch: pytest.MonkeyPatch, schedule: Any) -> None:
    waits: dict[str, list[float]] = {}

    async def sleep_async(seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        waits.setdefault(task.get_name(), []).append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr("cladding._waits.sleep_async", sleep_async)

    @cladding.retry(schedule=schedule)
    async def f(fails: Fails) -> int:
        await asyncio.sleep(0)
        return fails()

    async def main() -> None:
        tasks = [asyncio.create_task(f(Fails(3)), name=str(index)) for index in range(20)]
        assert await asyncio.gather(*tasks) == [4] * 20

    asyncio.run(main())
    assert waits == {str(index): [1, 2, 4] for index in range(20)}


@pytest.mark.parametrize(
    "schedule",
    [
        iter([1, 2]),
        itertools.repeat(1),
        (wait for wait in (1, 2)),
        map(float, [1]),
        {1, 2},
        [],
        (),
        lambda: [],
        lambda: 3,
        lambda: None,
        lambda wait: [wait],
        "geometric",
        "",
        "1, 2",
        b"12",
        3,
        None,
        float("nan"),
    ],
)
def test_what_is_no_schedule(cladding: Any, schedule: Any) -> None:
    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.retry(schedule=schedule)
    text = str(caught.value)
    assert text.startswith('retry: `schedule` must be "exponential", "constant", "linear", "fibonacci", an iterable')
    assert text.endswith(f"got {schedule!r}")


async def _waits() -> list[float]:
    return [1.0]


def test_a_coroutine_function_is_no_schedule(cladding: Any) -> None:
    with pytest.raises(cladding.ConfigurationError, match="`schedule` must be"):
        cladding.retry(schedule=_waits)


@pytest.mark.parametrize("wait", [-1, -0.001, float("nan"), float("inf"), 2e9, "1", None, True, 10**400, [1]])
@pytest.mark.parametrize("before", [0, 3])
def test_a_wrong_wait_is_found_where_it_is_written(cladding: Any, wait: Any, before: int) -> None:
    for schedule in ([1] * before + [wait], lambda: iter([1] * before + [wait])):
        with pytest.raises(cladding.ConfigurationError) as caught:
            cladding.retry(before + 1, schedule=schedule)
        expected = "retry: `schedule` must be seconds from 0 to 1e9, as a number or a timedelta, got "
        assert str(caught.value) == f"{expected}{wait!r}"


@all_kinds
def test_a_wrong_wait_that_comes_late(cladding: Any, waits: list[float], kind: Kind) -> None:
    fails = Fails(99)
    f = cladding.retry(None, schedule=[0.5] * 20 + [float("nan")])(kind.make(fails))
    with pytest.raises(
        cladding.ConfigurationError, match=r"a wait of `schedule` must be seconds .*, got nan"
    ) as caught:
        kind.run(f)
    assert caught.value.__context__ is fails.raised[-1]
    assert (fails.calls, waits) == (21, [0.5] * 20)


def test_a_schedule_that_raises_when_it_is_asked(cladding: Any, waits: list[float]) -> None:
    calls = 0

    def breaks() -> Iterator[float]:
        nonlocal calls
        calls += 1
        yield 0.5
        if calls > 1:  # not when it is looked at, but in a call
            raise LookupError("no wait")
        yield 0.5

    fails = Fails(9)
    with pytest.raises(LookupError, match="no wait") as caught:
        cladding.retry(schedule=breaks)(fails)()
    assert caught.value.__context__ is fails.raised[1]
    assert waits == [0.5]


def test_a_callable_that_raises_where_it_is_written_is_told_of(cladding: Any) -> None:
    def breaks() -> list[float]:
        raise LookupError("no waits")

    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.retry(schedule=breaks)
    assert isinstance(caught.value.__cause__, LookupError)

    def interrupted() -> list[float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cladding.retry(schedule=interrupted)


@pytest.mark.parametrize("jitter", ["full", "equal", "decorrelated"])
def test_no_jitter_beside_a_schedule_of_ones_own(cladding: Any, jitter: str) -> None:
    with pytest.raises(cladding.ConfigurationError, match='`jitter` must be "none" beside a schedule of your own'):
        cladding.retry(schedule=[1, 2], jitter=jitter)


@pytest.mark.parametrize("growth", ["constant", "linear", "fibonacci"])
def test_decorrelated_jitter_makes_its_own_growth(cladding: Any, growth: str) -> None:
    with pytest.raises(cladding.ConfigurationError, match=r'`jitter` must be .*, got "decorrelated"'):
        cladding.retry(schedule=growth, jitter="decorrelated")
