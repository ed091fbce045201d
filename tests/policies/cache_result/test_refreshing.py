"""`cache_result`: results that are computed anew in the background, and old ones that are better than an error."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from typing import Any

import pytest

from cladding import ConfigurationError, cache_result, retry, stack

from .helpers import Counted, Gate, in_a_loop, in_threads, joined, stats, until

SOON = 0.02


def test_one_thread_refreshes_and_nobody_waits() -> None:
    gate = Gate()
    gate.open.set()
    f: Any = cache_result(SOON, stale=60)(lambda x: gate())
    assert f(1) == 1
    gate.open.clear()
    until(lambda: f(1) == 1 and stats(f)["refreshes"] == 1)
    results: list[int] = []
    joined(in_threads(16, lambda: results.append(f(1))))
    assert results == [1] * 16
    assert gate.runs == 2 or stats(f)["refreshes"] == 1
    gate.open.set()
    until(lambda: f(1) >= 2)
    assert stats(f)["waits"] == 0
    assert stats(f)["misses"] == 1
    assert f.cache_info().currsize == 1


@in_a_loop
async def test_a_task_refreshes(body: Counted) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")
    seen: list[str] = []

    @cache_result(SOON, stale=60)
    async def f(x: int) -> int:
        seen.append(name.get())
        await asyncio.sleep(0)
        return body(x)

    name.set("mine")
    assert await f(1) == 1
    while await f(1) == 1:  # noqa: ASYNC110 - the refresh is nobody's to wait for
        await asyncio.sleep(0.001)
    assert stats(f)["misses"] == 1
    assert set(seen) == {"mine"}


def test_a_task_of_trio_refreshes(body: Counted) -> None:
    trio = pytest.importorskip("trio")

    @cache_result(SOON, stale=60)
    async def f(x: int) -> int:
        await trio.sleep(0)
        return body(x)

    async def main() -> None:
        assert await f(1) == 1
        while await f(1) == 1:
            await trio.sleep(0.001)

    trio.run(main)
    assert stats(f)["misses"] == 1


def test_a_refresh_that_fails_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    fails = [False]
    runs: list[int] = []

    @cache_result(SOON, stale=60)
    def f() -> int:
        runs.append(1)
        if fails[0]:
            raise ConnectionError("down")
        return len(runs)

    assert f() == 1
    fails[0] = True
    with caplog.at_level(logging.WARNING, logger="cladding"):
        until(lambda: f() == 1 and stats(f)["refreshes"] >= 2)
    assert "refreshing a result of" in caplog.text
    assert "ConnectionError('down')" in caplog.text
    fails[0] = False
    until(lambda: f() > 1)


def test_past_the_stale_time_it_is_computed(body: Counted) -> None:
    f: Any = cache_result(SOON, stale=SOON)(lambda: body())
    assert f() == 1
    until(lambda: f.cache_info().currsize == 0)
    assert f() == 2
    assert stats(f)["refreshes"] == 0


def test_a_refresh_goes_through_what_is_inside(body: Counted) -> None:
    attempts: list[int] = []

    def flaky() -> int:
        attempts.append(1)
        if len(attempts) == 2:
            raise ConnectionError
        return body()

    f: Any = stack(cache_result(SOON, stale=60), retry(max_retries=1, initial_delay=0))(flaky)
    assert f() == 1
    until(lambda: f() == 2)
    assert len(attempts) >= 3


def test_a_refresh_that_calls_itself(body: Counted) -> None:
    @cache_result(SOON, stale=SOON)
    def f(x: int) -> int:
        run = body(x)
        if run == 2:
            until(lambda: threading.current_thread() is not threading.main_thread())
            assert f(1) >= 1
        return run

    assert f(1) == 1
    until(lambda: f(1) > 1)


def test_invalidated_during_a_refresh() -> None:
    gate = Gate()
    gate.open.set()
    f: Any = cache_result(SOON, stale=60)(lambda: gate())
    f()
    gate.open.clear()
    until(lambda: f() == 1 and gate.runs == 2)
    f.cache.invalidate()
    f.cache.put("put")
    gate.open.set()
    until(lambda: not any(thread.name.startswith("refresh") for thread in threading.enumerate()))
    assert f.cache_info().currsize == 1
    assert f() == "put" or gate.runs > 2


def test_early_refreshes_before_anybody_meets_the_end() -> None:
    runs: list[int] = []

    @cache_result(0.2, early=50)
    def f() -> int:
        runs.append(1)
        threading.Event().wait(0.005)
        return len(runs)

    assert f() == 1
    until(lambda: f() > 3)
    assert stats(f)["refreshes"] >= 3
    assert stats(f)["misses"] == 1


def test_early_does_nothing_for_results_without_an_end(body: Counted) -> None:
    f: Any = cache_result(ttl=None, early=True)(lambda: body())
    for _ in range(100):
        assert f() == 1


def test_an_old_result_is_better_than_an_error() -> None:
    fails = [False]

    @cache_result(SOON, on_error="stale")
    def f(x: int) -> int:
        if fails[0]:
            raise ConnectionError
        return x

    assert f(1) == 1
    fails[0] = True
    until(lambda: f(1) == 1 and stats(f)["rescues"] == 2)
    with pytest.raises(ConnectionError):
        f(2)
    f.cache.invalidate(1)
    with pytest.raises(ConnectionError):
        f(1)


@in_a_loop
async def test_an_old_result_is_not_for_cancellations() -> None:
    began = asyncio.Event()
    runs = []

    @cache_result(SOON, on_error="stale")
    async def f() -> int:
        runs.append(1)
        if len(runs) > 1:
            began.set()
            await asyncio.sleep(60)
        return 1

    assert await f() == 1
    await asyncio.sleep(2 * SOON)
    task = asyncio.create_task(f())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "wrong", [{"stale": 0}, {"stale": -1}, {"early": -1}, {"early": float("nan")}, {"on_error": "ignore"}]
)
def test_wrong_parameters(wrong: Any) -> None:
    (name,) = wrong
    with pytest.raises(ConfigurationError, match=f"cache_result: `{name}` must be"):
        cache_result(**wrong)
