"""A store that is down, slow, full or has nonsense in it never breaks a call."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cladding import StoreError, cache_result
from policies.cache_result.helpers import LONG, in_a_loop, in_threads, joined, stats, until

from .servers import Server, free_port

LIMIT = 0.2


def cached(url: str, **options: Any) -> Any:
    @cache_result(**{"ttl": LONG, "store": url, "namespace": "failures", "store_timeout": LIMIT, **options})
    def f(x: int) -> list[int]:
        return [x, x * x]

    return f


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "cladding"]


def test_a_server_that_is_not_there(caplog: pytest.LogCaptureFixture) -> None:
    f = cached(f"redis://:hidden@127.0.0.1:{free_port()}")
    with caplog.at_level(logging.WARNING, "cladding"):
        assert [f(x) for x in range(200)] == [[x, x * x] for x in range(200)]
    assert len(warnings(caplog)) == 1
    assert "is down" in caplog.text
    assert "hidden" not in caplog.text
    numbers = stats(f)
    assert numbers["store_failures"] >= 1
    assert numbers["store_failures"] + numbers["store_skips"] >= 200
    assert numbers["loads"] == 200


def test_a_folder_that_is_not_there(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    f = cached(f"file://{tmp_path}/missing/cache.db")
    with caplog.at_level(logging.WARNING, "cladding"):
        assert f(2) == f(2) == [2, 4]
    assert len(warnings(caplog)) == 1
    assert "missing" in caplog.text


def test_a_file_that_is_something_else(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is no database, and nobody may touch it" * 100)
    f = cached(f"file://{path}")
    with caplog.at_level(logging.WARNING, "cladding"):
        assert f(2) == f(2) == [2, 4]
    assert path.read_text().startswith("this is no database")
    assert len(warnings(caplog)) == 1


def test_what_a_program_asks_for_itself_fails_loudly() -> None:
    f = cached(f"redis://127.0.0.1:{free_port()}")
    for act in (
        lambda: f.cache.get(1),
        lambda: f.cache.put([1], 1),
        lambda: f.cache.invalidate(1),
        lambda: f.cache.invalidate_tag("tag"),
        f.cache_clear,
    ):
        with pytest.raises(StoreError, match=r"127\.0\.0\.1"):
            act()


def test_stopped_and_started(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    f = cached(server.url)
    assert f(1) == f(1) == [1, 1]
    assert stats(f)["store_hits"] == 1
    server.stop()
    with caplog.at_level(logging.WARNING, "cladding"):
        assert [f(1) for _ in range(50)] == [[1, 1]] * 50
        server.start()
        hits = stats(f)["store_hits"]

        def hit_again() -> bool:
            assert f(1) == [1, 1]
            return stats(f)["store_hits"] > hits

        until(hit_again)
    assert len(warnings(caplog)) == 2
    assert "works again" in caplog.text


def test_paused(server: Server) -> None:
    f = cached(server.url)
    assert f(1) == [1, 1]
    server.pause()
    longest = 0.0
    for x in range(100):
        begun = time.monotonic()
        assert f(x) == [x, x * x]
        longest = max(longest, time.monotonic() - begun)
    server.go_on()
    # Looking and asking for the lease, each within its time; the rest is for a busy machine.
    assert longest < 2 * LIMIT + 2

    def hit() -> bool:
        f(1)
        return stats(f)["store_hits"] > 0

    until(hit)


@in_a_loop
async def test_paused_under_an_event_loop(server: Server) -> None:
    @cache_result(ttl=LONG, store=server.url, namespace="paused", store_timeout=LIMIT)
    async def f(x: int) -> int:
        return x

    assert await f(1) == 1
    server.pause()
    assert await asyncio.gather(*(f(x) for x in range(200))) == list(range(200))
    server.go_on()

    for _ in range(2_000):
        assert await f(1) == 1
        if stats(f)["store_hits"] > 0:
            break
        await asyncio.sleep(0.01)
    assert stats(f)["store_hits"] > 0


def test_full(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    f = cached(server.url)
    assert f(1) == [1, 1]
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        with caplog.at_level(logging.WARNING, "cladding"):
            assert [f(x) for x in range(2, 20)] == [[x, x * x] for x in range(2, 20)]
            # What is there is still found.
            assert f(1) == [1, 1]
        assert stats(f)["store_hits"] == 1
        assert stats(f)["store_refusals"] > 0
        assert 1 <= len(warnings(caplog)) <= 2
        assert "refuses" in caplog.text
        client.config_set("maxmemory", 0)
    assert f(5) == f(5) == [5, 25]
    assert stats(f)["store_hits"] == 2


def test_a_wrong_password(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with server.client() as client:
        client.config_set("requirepass", "right")
    f = cached(f"redis://:wrong@127.0.0.1:{server.port}")
    with caplog.at_level(logging.WARNING, "cladding"):
        assert f(3) == f(3) == [3, 9]
    assert warnings(caplog)
    right = cached(f"redis://:right@127.0.0.1:{server.port}")
    assert right(3) == right(3) == [3, 9]
    assert stats(right)["store_hits"] == 1


def test_nonsense_is_a_miss(server: Server) -> None:
    f = cached(server.url)
    assert f(4) == [4, 16]
    with server.client() as client:
        (key,) = client.keys("cladding:*")
        whole = client.get(key)
        for nonsense in (b"", b"nonsense", whole[:-1], whole[:20], whole + b"x", whole[:-4] + bytes(4)):
            client.set(key, nonsense)
            damaged = stats(f)["store_damaged"]
            assert f(4) == [4, 16]
            assert stats(f)["store_damaged"] == damaged + 1
            assert f(4) == [4, 16]
            assert stats(f)["store_damaged"] == damaged + 1
        assert stats(f)["store_hits"] == 6


def test_restarted_and_paused_under_load(server: Server) -> None:
    f, done, wrong = cached(server.url, ttl=0.05), threading.Event(), []

    def load() -> None:
        x = 0
        while not done.is_set():
            x = (x + 1) % 50
            begun = time.monotonic()
            if f(x) != [x, x * x] or time.monotonic() - begun > 5:
                wrong.append((x, time.monotonic() - begun))

    threads = in_threads(8, load)
    for _ in range(3):
        time.sleep(0.2)
        server.pause()
        time.sleep(0.3)
        server.go_on()
        time.sleep(0.1)
        server.stop()
        time.sleep(0.2)
        server.start()
    time.sleep(0.2)
    done.set()
    joined(threads)
    assert wrong == []
    hits = stats(f)["store_hits"]

    def hit_again() -> bool:
        f(1)
        return stats(f)["store_hits"] > hits

    until(hit_again)
