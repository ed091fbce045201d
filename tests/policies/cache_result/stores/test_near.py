"""What a store said is kept near for a while: until it changes, or for some seconds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from cladding import ConfigurationError, cache_result
from policies.cache_result.helpers import LONG, stats, until

from .servers import Server


def pair(url: str, near: Any, **options: Any) -> tuple[Any, Any, list[int]]:
    runs: list[int] = []

    def make() -> Any:
        @cache_result(**{"ttl": LONG, "store": url, "namespace": "near", "near": near, **options})
        def f(x: int) -> list[int]:
            runs.append(x)
            return [x, len(runs)]

        return f

    return make(), make(), runs


def is_near(f: Any, x: int) -> bool:
    """Calls until the store was not asked."""
    asked = stats(f)["store_hits"]
    f(x)
    return stats(f)["store_hits"] == asked


def test_for_some_seconds_the_store_is_not_asked(url: str) -> None:
    one, other, runs = pair(url, LONG)
    assert one(1) == other(1) == [1, 1]
    other.cache.put(["new"], 1)
    assert one(1) == [1, 1]
    assert one(1) is one(1)
    assert stats(one)["store_hits"] == 0
    assert one.cache_info().currsize == 1
    assert runs == [1]


def test_then_it_is_asked_again(url: str) -> None:
    one, other, _ = pair(url, 0.05)
    assert one(1) == [1, 1]
    other.cache.put(["new"], 1)
    until(lambda: one(1) == ["new"])


def test_near_results_end_with_those_of_the_store(url: str) -> None:
    one, other, runs = pair(url, LONG, ttl=0.2)
    one(1)
    begun = time.monotonic()
    while other(1) == [1, 1]:
        assert time.monotonic() - begun < 20
        time.sleep(0.005)
    assert len(runs) == 2


def test_changes_are_told(redis_url: str) -> None:
    one, other, runs = pair(redis_url, True)
    one(1)
    until(lambda: is_near(one, 1))
    until(lambda: is_near(other, 1))
    for value in range(20):
        other.cache.put([value], 1)
        until(lambda value=value: one(1) == [value])  # type: ignore[misc]
        until(lambda: is_near(one, 1))
    assert other.cache.invalidate(1)
    until(lambda: one(1) == [1, 2])
    one.cache_clear()
    until(lambda: other(1)[1] > 2)
    assert set(runs) == {1}


def test_a_server_that_was_emptied(redis_url: str, common_server: Server) -> None:
    one, _, runs = pair(redis_url, True)
    one(1)
    until(lambda: is_near(one, 1))
    with common_server.client() as client:
        client.flushall()
    until(lambda: one(1)[1] > 1)
    assert len(runs) == 2


def test_nothing_is_near_while_nobody_tells(server: Server) -> None:
    one, _, _ = pair(server.url, True)
    one(1)
    until(lambda: is_near(one, 1))
    assert one.cache_info().currsize == 1
    server.stop()

    def computes() -> bool:
        loads = stats(one)["loads"]
        one(1)
        return stats(one)["loads"] > loads

    until(computes)
    assert one.cache_info().currsize == 0
    server.start()
    until(lambda: is_near(one, 1) and stats(one)["store_hits"] > 0)


def test_what_ends_in_the_server_ends_near(redis_url: str) -> None:
    one, other, runs = pair(redis_url, True, ttl=0.2)
    one(1)
    other(1)
    until(lambda: one(1)[1] > 1)
    assert len(runs) >= 2


def test_near_is_bounded(url: str) -> None:
    one, _, _ = pair(url, LONG, max_entries=3)
    for x in range(20):
        one(x)
    assert one.cache_info().currsize == 3
    assert stats(one)["evictions"] == 17


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_is_told_too(redis_url: str) -> None:
    one, other, _ = pair(redis_url, True)
    one(1)
    until(lambda: is_near(one, 1))
    child = os.fork()
    if child == 0:
        try:
            until(lambda: one(1) == ["new"])
            until(lambda: is_near(one, 1))
            other.cache.put(["newer"], 1)
            until(lambda: one(1) == ["newer"])
            os._exit(0)
        finally:
            os._exit(1)
    other.cache.put(["new"], 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    until(lambda: one(1) == ["newer"])


def test_a_file_tells_nobody(tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"`near` must be a number of seconds .*got True"):
        cache_result(store=f"file://{tmp_path}/cache.db", near=True)


def test_what_is_old_is_not_kept_near(url: str) -> None:
    # So early that whatever the store has is handed out as old, and computed anew.
    one, other, _ = pair(url, LONG, ttl=LONG, early=1e15)
    one(1)
    until(lambda: other(1)[1] > 1)


class Changing:
    """A serializer in whose hands a record can change while it is being read."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] | None = None

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return json.loads(data)


def test_what_changes_while_it_is_read_is_not_kept_near(redis_url: str) -> None:
    changing = Changing()
    one, other, _ = pair(redis_url, True, serializer=changing)
    for f in one, other:
        f(1)
        until(lambda f=f: is_near(f, 1))  # type: ignore[misc]
    one.cache.put(["old"], 2)

    def meanwhile() -> None:
        other.cache.put(["new"], 2)
        until(lambda: other(2) == ["new"])
        until(lambda: is_near(other, 2))

    changing.meanwhile = meanwhile
    assert one(2) == ["old"]
    until(lambda: one(2) == ["new"])
