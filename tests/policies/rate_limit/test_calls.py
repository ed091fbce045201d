"""`rate_limit`: when calls begin, of every kind, and what they raise."""

from __future__ import annotations

import asyncio
import itertools
import pickle
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from policies.kinds import Kind, all_kinds

# So long that the time that a test takes is nothing beside it.
LONG = 10_000.0


@all_kinds
def test_calls_that_come_too_early_are_spaced(cladding: Any, waits: list[float], kind: Kind) -> None:
    f = cladding.rate_limit(1, per=LONG, burst=2)(kind.make(lambda x: x))
    assert [kind.run(f, x) for x in range(5)] == [0, 1, 2, 3, 4]
    assert waits == pytest.approx([LONG, 2 * LONG, 3 * LONG], abs=100)
    assert f.cladding.rate_limit.stats == {"calls": 5, "waits": 3, "rejected": 0}


@all_kinds
def test_calls_that_would_wait_too_long_are_refused(cladding: Any, waits: list[float], kind: Kind) -> None:
    f = cladding.rate_limit(1, per=LONG, max_wait=0)(kind.make(lambda x: x))
    assert kind.run(f, 3) == 3
    for _ in range(3):  # a refused call takes nothing
        with pytest.raises(cladding.RateLimitError) as caught:
            kind.run(f, 4)
        error = caught.value
        assert error.retry_in == pytest.approx(LONG, abs=100)
        assert error.function.endswith("." + f.__qualname__)
        assert str(error).startswith(f"{error.function}: the rate limit is reached, try again in ")
    assert f.cladding.rate_limit.stats == {"calls": 4, "waits": 0, "rejected": 3}
    assert waits == []


def test_a_wait_that_is_short_enough(cladding: Any, waits: list[float]) -> None:
    f = cladding.rate_limit(1, per=LONG, max_wait=timedelta(seconds=2 * LONG))(lambda: None)
    for _ in range(3):
        f()
    with pytest.raises(cladding.RateLimitError):
        f()
    assert waits == pytest.approx([LONG, 2 * LONG], abs=100)


@given(rate=st.floats(0.01, 1e6), per=st.floats(1e3, 1e6), burst=st.integers(1, 5), calls=st.integers(1, 12))
def test_spacing(cladding: Any, rate: float, per: float, burst: int, calls: int) -> None:
    waits: list[float] = []
    f = cladding.rate_limit(rate, per, burst=burst)(lambda: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cladding._waits.sleep", waits.append)
        begun = time.monotonic()
        for _ in range(calls):
            f()
        took = time.monotonic() - begun
    wanted = [(number + 1 - burst) * per / rate for number in range(burst, calls)]
    late = wanted[len(wanted) - len(waits) :]  # the first ones may have come late enough
    assert all(wait <= took + 1e-6 for wait in wanted[: len(wanted) - len(waits)])
    for wait, limit in zip(waits, late, strict=True):
        assert limit - took - 1e-6 <= wait <= limit * (1 + 1e-6) + 1e-6


def test_items_of_a_generator_are_not_counted(cladding: Any, waits: list[float]) -> None:
    @cladding.rate_limit(1, per=LONG)
    def count(stop: int) -> Iterator[int]:
        yield from range(stop)

    first, never_begun = count(3), count(3)
    assert [*first] == [0, 1, 2]
    assert waits == []
    assert [*never_begun] == [0, 1, 2]
    assert waits == pytest.approx([LONG], abs=100)


def test_each_function_has_its_own(cladding: Any, waits: list[float]) -> None:
    policy = cladding.rate_limit(1, per=LONG)
    f, g = policy(lambda: 1), policy(lambda: 2)
    assert (f(), g(), waits) == (1, 2, [])


def test_each_attempt_of_a_retry_counts(cladding: Any, waits: list[float]) -> None:
    @cladding.retry(initial_delay=0, exceptions=OSError)
    @cladding.rate_limit(1, per=LONG)
    def f(fails: list[int]) -> int:
        if fails:
            fails.pop()
            raise OSError
        return 1

    assert f([1, 2]) == 1
    assert waits == pytest.approx([LONG, 2 * LONG], abs=100)


def test_real_time(cladding: Any) -> None:
    @cladding.rate_limit(200, burst=1)
    def f() -> float:
        return time.monotonic()

    @cladding.rate_limit(200, burst=1)
    async def g() -> float:
        return time.monotonic()

    async def main() -> list[float]:
        return await asyncio.gather(*(g() for _ in range(10)))

    async def trio_main() -> list[float]:
        return [await g() for _ in range(10)]

    for run in (lambda: [f() for _ in range(10)], lambda: asyncio.run(main()), lambda: trio.run(trio_main)):
        began = time.monotonic()  # before the first is let in, however late that then gets its turn
        times = run()
        # asyncio may wake a task up to its clock's resolution too early.
        assert all(later - earlier > 0 for earlier, later in itertools.pairwise(times))
        assert times[-1] - began > 9 * 0.005 - 0.002


def test_threads_take_each_place_once(cladding: Any, waits: list[float]) -> None:
    limiter = cladding.RateLimiter(1, LONG, burst=10)
    barrier = threading.Barrier(8)

    @cladding.rate_limit(limiter=limiter)
    def f() -> None: ...

    def work() -> None:
        barrier.wait()
        for _ in range(50):
            f()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == pytest.approx([LONG * (1 + i) for i in range(390)], abs=100)


# --------------------------------------------------------------------------------------------- who gives its place back


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_cancelled_waits_take_nothing(cladding: Any) -> None:
    limiter = cladding.RateLimiter(1, LONG)

    @cladding.rate_limit(limiter=limiter)
    async def f() -> None: ...

    @cladding.rate_limit(limiter=limiter, max_wait=0)
    async def ask() -> None: ...

    async def main() -> None:
        await f()
        tasks = [asyncio.create_task(f()) for _ in range(10)]
        await _settle()
        with pytest.raises(cladding.RateLimitError) as caught:
            await ask()
        assert caught.value.retry_in == pytest.approx(11 * LONG, abs=100)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError] * 10
        with pytest.raises(cladding.RateLimitError) as caught:
            await ask()
        assert caught.value.retry_in == pytest.approx(LONG, abs=100)

    asyncio.run(main())


def test_those_behind_a_cancelled_wait_keep_their_times(cladding: Any) -> None:
    limiter = cladding.RateLimiter(1, LONG)

    @cladding.rate_limit(limiter=limiter)
    async def f() -> None: ...

    @cladding.rate_limit(limiter=limiter, max_wait=0)
    async def ask() -> None: ...

    async def main() -> None:
        await f()
        first = asyncio.create_task(f())
        await _settle()
        second = asyncio.create_task(f())
        await _settle()
        first.cancel()
        await _settle()
        third = asyncio.create_task(f())
        await _settle()
        assert [task.done() for task in (first, second, third)] == [True, False, False]
        with pytest.raises(cladding.RateLimitError) as caught:
            await ask()
        assert caught.value.retry_in == pytest.approx(4 * LONG, abs=100)
        for task in (second, third):
            task.cancel()

    asyncio.run(main())


def test_trio_cancels_a_wait(cladding: Any) -> None:
    limiter = cladding.RateLimiter(1, LONG)

    @cladding.rate_limit(limiter=limiter)
    async def f() -> None: ...

    async def main() -> None:
        await f()
        for _ in range(3):
            with trio.move_on_after(0.001) as scope:
                await f()
            assert scope.cancelled_caught

    trio.run(main)
    with pytest.raises(cladding.RateLimitError) as caught:
        cladding.rate_limit(limiter=limiter, max_wait=0)(print)()
    assert caught.value.retry_in == pytest.approx(LONG, abs=100)


def test_an_interrupted_wait_takes_nothing(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cladding._waits.sleep", interrupted)
    limiter = cladding.RateLimiter(1, LONG)

    @cladding.rate_limit(limiter=limiter)
    def f() -> None: ...

    @cladding.rate_limit(limiter=limiter)
    def items() -> Iterator[int]:
        yield 1

    f()
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            f()
        with pytest.raises(KeyboardInterrupt):
            next(items())
    with pytest.raises(cladding.RateLimitError) as caught:
        cladding.rate_limit(limiter=limiter, max_wait=0)(print)()
    assert caught.value.retry_in == pytest.approx(LONG, abs=100)


def test_an_abandoned_wait_takes_nothing(cladding: Any) -> None:
    limiter = cladding.RateLimiter(1, LONG)

    @cladding.rate_limit(limiter=limiter)
    async def f() -> None: ...

    async def main() -> None:
        await f()
        steps = f().__await__()
        next(steps)
        assert limiter.available == 0
        steps.close()

    asyncio.run(main())
    with pytest.raises(cladding.RateLimitError) as caught:
        cladding.rate_limit(limiter=limiter, max_wait=0)(print)()
    assert caught.value.retry_in == pytest.approx(LONG, abs=100)


def test_the_error_can_be_pickled(cladding: Any) -> None:
    f = cladding.rate_limit(1, LONG, max_wait=0)(lambda: None)
    f()
    with pytest.raises(cladding.RateLimitError) as caught:
        f()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.args, copy.function, copy.retry_in) == (
        caught.value.args,
        caught.value.function,
        caught.value.retry_in,
    )
    assert isinstance(copy, RuntimeError)
    assert isinstance(copy, cladding.CladdingError)


def test_metrics(cladding: Any, waits: list[float]) -> None:
    @cladding.rate_limit(1, LONG, max_wait=LONG)
    def measured() -> None: ...

    measured()
    measured()
    with pytest.raises(cladding.RateLimitError):
        measured()
    name = f"{measured.__module__}.{measured.__qualname__}"
    text = cladding.metrics_text()
    assert f'cladding_rate_limit_waits_total{{function="{name}"}} 1' in text
    assert f'cladding_rate_limit_rejected_total{{function="{name}"}} 1' in text


def test_in_tests_nothing_waits_and_no_place_is_used_up(cladding: Any, waits: list[float]) -> None:
    import cladding.testing as testing

    f = cladding.rate_limit(1, LONG, burst=1, max_wait=2 * LONG)(lambda: 1)
    with testing.fast_retries():
        assert [f() for _ in range(100)] == [1] * 100
    assert waits == []
