"""`cladding.testing`: no waits and few attempts, in a block or everywhere."""

from __future__ import annotations

import asyncio
import contextvars
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails

pytestmark = pytest.mark.usefixtures("cladding")


@pytest.fixture
def fast(cladding: Any) -> Any:
    import cladding.testing

    return cladding.testing.fast_retries


@pytest.fixture
def retry(cladding: Any) -> Any:
    """Retries after waits that would take for ever."""
    return cladding.retry(5, initial_delay=1e9, max_delay=1e9, jitter="none")


def attempts_of(policy: Any) -> int:
    fails = Fails(99)
    with pytest.raises(ConnectionError):
        policy(fails)()
    return fails.calls


@all_kinds
def test_waits_take_no_time_and_attempts_are_capped(retry: Any, fast: Any, kind: Kind) -> None:
    fails = Fails(99)
    with fast(attempts=2), pytest.raises(ConnectionError) as caught:
        kind.run(retry(kind.make(fails)))
    assert fails.calls == 2
    assert caught.value.__notes__[0].endswith("cladding.testing allows 2")
    with fast():
        assert kind.run(retry(kind.make(Fails(5)))) == 6
    with fast(attempts=100), pytest.raises(ConnectionError) as caught:
        kind.run(retry(kind.make(Fails(99))))
    assert caught.value.__notes__[0].endswith("after 6 attempts in 0.000 s: max_retries=5") or re.search(
        r"after 6 attempts in .*: max_retries=5$", caught.value.__notes__[0]
    )


def test_blocks_too(cladding: Any, fast: Any) -> None:
    fails = Fails(99)
    with fast(attempts=3), pytest.raises(ConnectionError):
        for attempt in cladding.retry.attempts(None, initial_delay=1e9, max_delay=1e9):
            with attempt:
                fails()
    assert fails.calls == 3


def test_own_waits_and_those_asked_for_take_no_time_either(cladding: Any, fast: Any) -> None:
    with fast():
        assert cladding.retry(schedule=[1e9])(Fails(3))() == 4
        assert cladding.retry(exceptions=lambda error: 1e9)(Fails(3))() == 4
        assert cladding.retry(retry_after=lambda error: 1e9, max_retry_after=1e9)(Fails(3))() == 4


def test_hooks_are_told_and_deadlines_kept(cladding: Any, fast: Any) -> None:
    told: list[Any] = []
    with fast():
        cladding.retry(5, deadline=60, schedule=[1e9], on_retry=told.append)(Fails(5))()
    assert [event.delay for event in told] == [0.0] * 5


def test_blocks_inside_blocks(retry: Any, fast: Any, waits: list[float]) -> None:
    with fast(attempts=2):
        assert attempts_of(retry) == 2
        with fast(attempts=4):
            assert attempts_of(retry) == 4
            with fast():
                assert attempts_of(retry) == 6
            assert attempts_of(retry) == 4
        assert attempts_of(retry) == 2
    assert waits == []
    assert attempts_of(retry) == 6
    assert len(waits) == 5


def test_a_block_that_is_left_by_an_exception(retry: Any, fast: Any, waits: list[float]) -> None:
    with pytest.raises(LookupError), fast(attempts=1):
        raise LookupError
    assert attempts_of(retry) == 6


def test_one_object_is_entered_again_and_inside_itself(retry: Any, fast: Any, waits: list[float]) -> None:
    once = fast(attempts=2)
    for _ in range(2):
        with once:
            with once:
                assert attempts_of(retry) == 2
            assert attempts_of(retry) == 2
        assert attempts_of(retry) == 6


@pytest.fixture
def started(fast: Any) -> Iterator[Any]:
    """Makes objects that are stopped in the end, whatever happens."""
    made = []

    def make(attempts: int | None = None) -> Any:
        made.append(fast(attempts))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def in_a_thread(work: Any) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    [result] = results
    return result


def test_started_for_everybody(retry: Any, started: Any, waits: list[float]) -> None:
    everywhere = started(2)
    everywhere.start()
    everywhere.start()
    assert attempts_of(retry) == in_a_thread(lambda: attempts_of(retry)) == 2
    assert contextvars.Context().run(attempts_of, retry) == 2
    everywhere.stop()
    everywhere.stop()
    assert waits == []
    assert attempts_of(retry) == in_a_thread(lambda: attempts_of(retry)) == 6
    everywhere.start()
    assert attempts_of(retry) == 2


def test_the_last_that_was_started_counts(retry: Any, started: Any, waits: list[float]) -> None:
    first, second, third = started(2), started(3), started(2)
    for each in (first, second, third):
        each.start()
    assert attempts_of(retry) == 2
    third.stop()
    assert attempts_of(retry) == 3
    second.stop()
    assert attempts_of(retry) == 2
    third.start()
    first.stop()
    assert attempts_of(retry) == 2
    third.stop()
    assert attempts_of(retry) == 6


def test_a_block_goes_before_what_was_started(retry: Any, fast: Any, started: Any) -> None:
    started(2).start()
    with fast(attempts=4):
        assert attempts_of(retry) == 4
        assert in_a_thread(lambda: attempts_of(retry)) == 2
    assert attempts_of(retry) == 2


def test_other_threads_go_on_as_they_are(retry: Any, fast: Any, waits: list[float]) -> None:
    with fast(attempts=1):
        assert in_a_thread(lambda: attempts_of(retry)) == 6
        assert in_a_thread(lambda: contextvars.copy_context().run(attempts_of, retry)) == 6
        context = contextvars.copy_context()
        assert in_a_thread(lambda: context.run(attempts_of, retry)) == 1
    assert len(waits) == 10


def test_one_object_in_many_threads(retry: Any, fast: Any, waits: list[float]) -> None:
    shared = fast(attempts=2)
    entered = threading.Barrier(6)
    seen: list[int] = []

    def work(rank: int) -> None:
        with shared:
            entered.wait(30)
            seen.append(attempts_of(retry))
            entered.wait(30)
        seen.append(attempts_of(retry))

    workers = [threading.Thread(target=work, args=(rank,)) for rank in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(seen) == [2] * 6 + [6] * 6


def test_tasks(retry: Any, fast: Any, waits: list[float]) -> None:
    @retry
    async def f(fails: Fails) -> int:
        return fails()

    async def attempts() -> int:
        fails = Fails(99)
        with pytest.raises(ConnectionError):
            await f(fails)
        return fails.calls

    async def inside(entered: asyncio.Event, leave: asyncio.Event) -> list[int]:
        with fast(attempts=2):
            entered.set()
            await leave.wait()
            own = asyncio.create_task(attempts())
            return [await attempts(), await own]

    async def main() -> None:
        entered, leave = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(inside(entered, leave))
        await entered.wait()
        assert await attempts() == 6  # another task
        leave.set()
        assert await task == [2, 2]
        assert await attempts() == 6

    asyncio.run(main())


def test_trio_tasks(retry: Any, fast: Any, waits: list[float]) -> None:
    trio = pytest.importorskip("trio")
    seen: dict[str, int] = {}

    @retry
    async def f(fails: Fails) -> int:
        return fails()

    async def attempts(name: str) -> None:
        fails = Fails(99)
        with pytest.raises(ConnectionError):
            await f(fails)
        seen[name] = fails.calls

    async def main() -> None:
        async with trio.open_nursery() as outer:
            with fast(attempts=2):
                async with trio.open_nursery() as inner:
                    inner.start_soon(attempts, "made inside")
                await attempts("inside")
            outer.start_soon(attempts, "made outside")

    trio.run(main)
    assert seen == {"made inside": 2, "inside": 2, "made outside": 6}


def test_nobody_is_asked_while_it_is_off(cladding: Any, fast: Any) -> None:
    f = cladding.retry(3, initial_delay=0)(Fails(3))

    def functions_called(call: Any) -> list[str]:
        names: list[str] = []
        sys.setprofile(lambda frame, event, argument: event == "call" and names.append(frame.f_code.co_name))
        try:
            call()
        finally:
            sys.setprofile(None)
        return names

    with fast():
        assert "in_force" in functions_called(cladding.retry(3, initial_delay=0)(Fails(3)))
    called = functions_called(f)
    assert called.count("__call__") >= 4
    assert "in_force" not in called


@pytest.mark.parametrize("attempts", [0, -1, 1.0, "2", True, 2**64, float("nan"), (2,)])
def test_wrong_attempts_are_refused(cladding: Any, fast: Any, attempts: object) -> None:
    expected = f"fast_retries: `attempts` must be an int from 1 to 2**64 - 1, or None, got {attempts!r}"
    with pytest.raises(cladding.ConfigurationError, match=f"^{re.escape(expected)}$"):
        fast(attempts=attempts)


@pytest.mark.parametrize("attempts", [1, 2**64 - 1, None])
def test_all_right_attempts_are_taken(retry: Any, fast: Any, attempts: int | None) -> None:
    with fast(attempts):
        assert attempts_of(retry) == (attempts if attempts == 1 else 6)
