"""Old results of a store: handed out while one process computes anew, or where computing fails."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from cladding import cache_result
from policies.cache_result.helpers import LONG, in_a_loop, in_threads, joined, stats, until


def pair(url: str, body: Any, **options: Any) -> tuple[Any, Any]:
    def make() -> Any:
        return cache_result(**{"store": url, "namespace": "old", **options})(body)

    return make(), make()


def test_one_of_all_refreshes_what_is_stale(url: str) -> None:
    runs: list[int] = []
    go = threading.Event()

    def body(x: int) -> int:
        runs.append(x)
        if len(runs) > 1:
            assert go.wait(20)
        return len(runs)

    one, other = pair(url, body, ttl=0.1, stale=LONG)
    assert one(1) == 1
    until(lambda: other(1) == 1 and len(runs) == 2)
    results: list[int] = []
    joined(in_threads(8, lambda: results.append(one(1))) + in_threads(8, lambda: results.append(other(1))))
    assert results == [1] * 16
    assert len(runs) == 2
    go.set()
    until(lambda: one(1) >= 2)
    assert stats(one)["refreshes"] + stats(other)["refreshes"] >= 1


@in_a_loop
async def test_one_task_of_all_refreshes_what_is_stale(url: str) -> None:
    runs: list[int] = []
    go = asyncio.Event()

    async def body(x: int) -> int:
        runs.append(x)
        if len(runs) > 1:
            await go.wait()
        return len(runs)

    one, other = pair(url, body, ttl=0.1, stale=LONG)
    assert await one(1) == 1
    while len(runs) < 2:
        assert await other(1) == 1
        await asyncio.sleep(0.01)
    assert await asyncio.gather(*(f(1) for _ in range(20) for f in (one, other))) == [1] * 40
    assert len(runs) == 2
    go.set()
    for _ in range(2_000):
        if await one(1) > 1:
            break
        await asyncio.sleep(0.01)
    assert await one(1) > 1


def test_early(url: str) -> None:
    runs: list[int] = []

    def body(x: int) -> int:
        runs.append(x)
        time.sleep(0.05)
        return len(runs)

    # So early that it is all but certain at once.
    one, other = pair(url, body, ttl=10, early=1e6)
    assert one(1) == 1
    until(lambda: other(1) > 1)
    assert stats(other)["misses"] == 0
    assert stats(other)["refreshes"] >= 1


def test_where_computing_fails_an_old_result_is_better(url: str) -> None:
    fails: list[bool] = []

    def body(x: int) -> int:
        if fails:
            raise OSError("no answer")
        return x

    one, other = pair(url, body, ttl=0.05, on_error="stale")
    assert one(4) == 4
    fails.append(True)

    def rescued() -> bool:
        assert other(4) == 4
        return stats(other)["rescues"] > 0

    until(rescued)
    with pytest.raises(OSError, match="no answer"):
        other(5)


def test_a_refresh_that_fails_leaves_the_old_result(url: str, caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    def body(x: int) -> int:
        runs.append(x)
        if len(runs) > 1:
            raise OSError("no answer")
        return x

    one, other = pair(url, body, ttl=0.05, stale=LONG)
    assert one(4) == 4
    until(lambda: other(4) == 4 and len(runs) >= 3)
    assert one(4) == 4
    assert "refreshing a result of" in caplog.text


@pytest.mark.parametrize("others", [{"stale": LONG}, {"on_error": "stale"}])
def test_who_hands_out_nothing_old_takes_nothing_old_of_others(url: str, others: dict[str, Any]) -> None:
    runs: list[int] = []

    def body(x: int) -> int:
        runs.append(x)
        return len(runs)

    keeps = cache_result(ttl=0.05, store=url, namespace="others", **others)(body)
    strict = cache_result(ttl=0.05, store=url, namespace="others")(body)
    assert keeps(1) == 1
    until(lambda: strict(1) > 1)
    assert stats(strict)["misses"] >= 1
