"""`cache_result`: results that are computed anew in the background, and old ones that are better than an error."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cladding import ConfigurationError, cache_result, retry, stack

from .helpers import LONG, SHORT, Counted, Gate, in_a_loop, in_threads, joined, outlived, stats, until


def first_is_short(result: object) -> float:
    """Lives by which the first result is old soon, and later ones never are."""
    return SHORT if result == 1 else LONG


@contextlib.contextmanager
def asked_by(count: int, f: Callable[[], Any], times: int) -> Iterator[list[Any]]:
    """What threads that begin together get, each asking that many times. They are over at the end of the block."""
    results: list[Any] = []
    together = threading.Barrier(count)

    def ask() -> None:
        together.wait(20)
        for _ in range(times):
            results.append(f())

    threads = in_threads(count, ask)
    yield results
    joined(threads)


def refreshers(f: Any) -> list[threading.Thread]:
    name = f"refresh of {f.__module__}.{f.__qualname__}"
    return [thread for thread in threading.enumerate() if thread.name == name]


@pytest.mark.parametrize(
    "settings",
    [
        {"ttl": first_is_short, "stale": LONG},
        {"ttl": first_is_short, "stale": LONG, "on_error": "stale"},
        {"ttl": first_is_short, "stale": LONG, "tags": "t", "copy": True, "max_bytes": 1_000},
    ],
)
def test_one_thread_refreshes_and_nobody_waits(settings: dict[str, Any]) -> None:
    gate = Gate()
    gate.open.set()

    @cache_result(**settings)
    def f(x: int) -> int:
        return gate()

    assert f(1) == 1
    gate.open.clear()
    outlived(SHORT)
    with asked_by(8, lambda: f(1), 50) as results:
        pass
    assert results == [1] * 400
    until(lambda: gate.runs == 2)
    assert len(refreshers(f)) == 1
    numbers = stats(f)
    assert [numbers[name] for name in ("refreshes", "loads", "waits", "misses", "hits")] == [1, 1, 0, 1, 400]
    gate.open.set()
    until(lambda: f.cache.get(1) == 2)
    with asked_by(8, lambda: f(1), 50) as results:
        pass
    assert results == [2] * 400
    joined(refreshers(f))
    assert gate.runs == 2
    numbers = stats(f)
    assert [numbers[name] for name in ("refreshes", "loads", "waits", "misses", "hits")] == [1, 2, 0, 1, 800]
    assert f.cache_info().currsize == 1


def test_each_key_has_a_refresh_of_its_own() -> None:
    gate = Gate()
    gate.open.set()
    held: list[int] = []

    @cache_result(ttl=lambda result: LONG if held else SHORT, stale=LONG)
    def f(x: int) -> int:
        gate()
        held.extend([x] * bool(held))
        return x

    assert [f(x) for x in range(4)] == [0, 1, 2, 3]
    gate.open.clear()
    outlived(SHORT)
    held.append(-1)
    for _ in range(3):
        assert [f(x) for x in range(4)] == [0, 1, 2, 3]
    assert stats(f)["refreshes"] == len(refreshers(f)) == 4
    gate.open.set()
    joined(refreshers(f))
    assert sorted(held) == [-1, 0, 1, 2, 3]
    assert stats(f)["loads"] == 8


@in_a_loop
async def test_a_task_refreshes() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")
    seen: list[str] = []
    go_on = asyncio.Event()
    go_on.set()

    @cache_result(ttl=first_is_short, stale=LONG)
    async def f(x: int) -> int:
        seen.append(name.get())
        run = len(seen)
        await go_on.wait()
        return run

    name.set("mine")
    assert await f(1) == 1
    go_on.clear()
    outlived(SHORT)
    async with asyncio.timeout(20):
        assert await asyncio.gather(*(f(1) for _ in range(8))) == [1] * 8
        while len(seen) == 1:  # noqa: ASYNC110 - the refresh is nobody's to wait for
            await asyncio.sleep(0)
        assert await asyncio.gather(*(f(1) for _ in range(8))) == [1] * 8
        go_on.set()
        while f.cache.get(1) == 1:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
        assert await asyncio.gather(*(f(1) for _ in range(8))) == [2] * 8
    assert seen == ["mine", "mine"]
    numbers = stats(f)
    assert [numbers[name] for name in ("refreshes", "loads", "waits", "misses", "hits")] == [1, 2, 0, 1, 24]


def test_a_task_of_trio_refreshes(body: Counted) -> None:
    trio = pytest.importorskip("trio")

    @cache_result(ttl=first_is_short, stale=LONG)
    async def f(x: int) -> int:
        await trio.sleep(0)
        return body(x)

    async def main() -> None:
        assert await f(1) == 1
        outlived(SHORT)
        with trio.fail_after(20):
            assert await f(1) == 1
            while f.cache.get(1) == 1:
                await trio.sleep(0)
            assert await f(1) == 2

    trio.run(main)
    assert [stats(f)[name] for name in ("refreshes", "loads", "misses")] == [1, 2, 1]
    assert len(body.runs) == 2


def test_a_refresh_that_fails_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    fails = [False]
    runs: list[int] = []

    @cache_result(ttl=first_is_short, stale=LONG)
    def f() -> int:
        runs.append(1)
        if fails[0]:
            raise ConnectionError("down")
        return len(runs)

    assert f() == 1
    fails[0] = True
    outlived(SHORT)
    with caplog.at_level(logging.WARNING, logger="cladding"):
        for times in (1, 2):
            assert f() == 1
            # It is logged when it is over.
            until(lambda times=times: len(caplog.records) == times)
            assert len(runs) == 1 + times
    for record in caplog.records:
        assert "refreshing a result of" in record.getMessage()
        assert "ConnectionError('down')" in record.getMessage()
    fails[0] = False
    assert f() == 1
    until(lambda: f.cache.get() == 4)
    assert f() == 4
    assert [stats(f)[name] for name in ("refreshes", "loads", "misses")] == [3, 4, 1]


def test_past_the_stale_time_it_is_computed(body: Counted) -> None:
    f: Any = cache_result(ttl=SHORT, stale=SHORT)(lambda: body())
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

    f: Any = stack(cache_result(ttl=first_is_short, stale=LONG), retry(max_retries=1, initial_delay=0))(flaky)
    assert f() == 1
    outlived(SHORT)
    assert f() == 1
    until(lambda: f.cache.get() == 2)
    assert f() == 2
    assert len(attempts) == 3


def test_a_refresh_that_calls_itself_gets_the_old_result(body: Counted) -> None:
    inner: list[int] = []

    @cache_result(ttl=first_is_short, stale=LONG)
    def f(x: int) -> int:
        run = body(x)
        if run == 2:
            inner.append(f(1))
        return run

    assert f(1) == 1
    outlived(SHORT)
    assert f(1) == 1
    until(lambda: f.cache.get(1) == 2)
    assert inner == [1]
    assert len(body.runs) == 2


def test_a_refresh_that_calls_itself_when_the_old_result_is_gone(body: Counted) -> None:
    main = threading.current_thread()
    refreshing = threading.local()
    inner: list[tuple[int, int]] = []

    def is_gone() -> bool:
        return f.cache_info().currsize == 0

    # The stale time is short enough to see its end, and calls are repeated until one of them is in it.
    @cache_result(ttl=lambda result: LONG if inner else SHORT, stale=0.1)
    def f(x: int) -> int:
        run = body(x)
        if threading.current_thread() is not main and not hasattr(refreshing, "run"):
            refreshing.run = run
            until(is_gone)
            inner.append((run, f(1)))
        return run

    until(lambda: f(1) > 0 and stats(f)["refreshes"] == 1)
    joined(refreshers(f))
    ((outer_run, inner_run),) = inner
    assert inner_run == outer_run + 1 == len(body.runs)
    assert f.cache.get(1) == outer_run
    assert f.cache_info().currsize == 1


FORGETTING: dict[str, Callable[[Any], object]] = {
    "invalidate": lambda f: f.cache.invalidate(),
    "invalidate_tag": lambda f: f.cache.invalidate_tag("t"),
    "cache_clear": lambda f: f.cache_clear(),
}


@pytest.mark.parametrize("forget", FORGETTING.values(), ids=FORGETTING)
@pytest.mark.parametrize("put", [False, True])
def test_invalidated_during_a_refresh(forget: Callable[[Any], object], put: bool) -> None:
    gate = Gate()
    gate.open.set()

    @cache_result(ttl=first_is_short, stale=LONG, tags="t")
    def f() -> Any:
        return gate()

    assert f() == 1
    gate.open.clear()
    outlived(SHORT)
    assert f() == 1
    until(lambda: gate.runs == 2)
    forget(f)
    with pytest.raises(KeyError):
        f.cache.get()
    if put:
        f.cache.put("put")
    (refresher,) = refreshers(f)
    gate.open.set()
    joined([refresher])
    assert f.cache_info().currsize == put
    assert f() == ("put" if put else 3)
    assert gate.runs == (2 if put else 3)
    assert f.cache_info().currsize == 1


def test_put_during_a_refresh() -> None:
    gate = Gate()
    gate.open.set()

    @cache_result(ttl=first_is_short, stale=LONG)
    def f() -> Any:
        return gate()

    assert f() == 1
    gate.open.clear()
    outlived(SHORT)
    assert f() == 1
    until(lambda: gate.runs == 2)
    f.cache.put("put")
    (refresher,) = refreshers(f)
    assert f() == "put"
    gate.open.set()
    joined([refresher])
    assert f() == "put"
    assert gate.runs == 2
    assert f.cache_info().currsize == 1


def test_early_refreshes_before_anybody_meets_the_end() -> None:
    runs: list[int] = []

    # With so large a factor, some four of five hits are early enough.
    @cache_result(LONG, early=1e6)
    def f() -> int:
        runs.append(1)
        threading.Event().wait(0.005)
        return len(runs)

    assert f() == 1
    until(lambda: f() > 3)
    numbers = stats(f)
    assert numbers["refreshes"] >= 3
    assert [numbers[name] for name in ("misses", "waits", "expirations")] == [1, 0, 0]
    joined(refreshers(f))


def test_one_thread_refreshes_early() -> None:
    gate = Gate()
    gate.open.set()

    @cache_result(LONG, early=1e15)
    def f() -> int:
        return gate()

    assert f() == 1
    gate.open.clear()
    until(lambda: f() == 1 and stats(f)["refreshes"] == 1)
    with asked_by(8, f, 50) as results:
        pass
    assert results == [1] * 400
    until(lambda: gate.runs == 2)
    assert stats(f)["refreshes"] == len(refreshers(f)) == 1
    gate.open.set()
    joined(refreshers(f))
    assert f.cache.get() == 2


@pytest.mark.parametrize(("ttl", "early"), [(None, True), (LONG, True), (LONG, 0), (LONG, False)])
def test_early_does_nothing_long_before_the_end(ttl: float | None, early: float, body: Counted) -> None:
    f: Any = cache_result(ttl=ttl, early=early)(lambda: body())
    for _ in range(100):
        assert f() == 1
    assert stats(f)["refreshes"] == 0


def test_an_old_result_is_better_than_an_error(body: Counted) -> None:
    fails = [False]

    @cache_result(SHORT, on_error="stale")
    def f(x: int) -> int:
        body(x)
        if fails[0]:
            raise ConnectionError
        return x

    assert f(1) == 1
    fails[0] = True
    outlived(SHORT)
    for times in (1, 2, 3):
        assert f(1) == 1
        assert stats(f)["rescues"] == times
        assert len(body.runs) == 1 + times
    with pytest.raises(KeyError):
        f.cache.get(1)
    with pytest.raises(ConnectionError):
        f(2)
    f.cache.invalidate(1)
    with pytest.raises(ConnectionError):
        f(1)
    assert stats(f)["rescues"] == 3


@in_a_loop
async def test_an_old_result_is_not_for_cancellations() -> None:
    began = asyncio.Event()
    runs = []

    @cache_result(SHORT, on_error="stale")
    async def f() -> int:
        runs.append(1)
        if len(runs) > 1:
            began.set()
            await asyncio.sleep(60)
        return 1

    assert await f() == 1
    outlived(SHORT)
    task = asyncio.create_task(f())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stats(f)["rescues"] == 0


@pytest.mark.parametrize(
    "wrong", [{"stale": 0}, {"stale": -1}, {"early": -1}, {"early": float("nan")}, {"on_error": "ignore"}]
)
def test_wrong_parameters(wrong: Any) -> None:
    (name,) = wrong
    with pytest.raises(ConfigurationError, match=f"cache_result: `{name}` must be"):
        cache_result(**wrong)
