"""Calls through stores leave nothing behind, whatever comes of them; `CLADDING_SOAK=1` makes many more."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cladding import cache_result
from reliability.test_leaks import SOAK, resident

from .servers import free_port

CALLS = 50_000 if SOAK else 1_000
# What a process grows by for other reasons while it makes them: rings of the allocator, buffers of the client.
ROOM = 4 * 2**20

pytestmark = [pytest.mark.leak, pytest.mark.slow, *([pytest.mark.timeout(0)] if SOAK else [])]

numbers = itertools.count()


class Thing:
    """Cannot be written down."""


def hits(url: str) -> Callable[[], Any]:
    f = cache_result(ttl=600, store=url, namespace="hits")(lambda: [b"x" * 1000])
    return f


def near(url: str) -> Callable[[], Any]:
    f = cache_result(ttl=600, store=url, namespace="near", near=0.001)(lambda: [b"x" * 1000])
    return f


def misses(url: str) -> Callable[[], Any]:
    f = cache_result(ttl=0.001, store=url, namespace="misses")(lambda x: [b"x" * 1000])
    return lambda: f(next(numbers))


def failures(url: str) -> Callable[[], Any]:
    @cache_result(ttl=600, store=url, namespace="failures")
    def f() -> None:
        raise KeyError

    def call() -> None:
        with pytest.raises(KeyError):
            f()

    return call


def refused(url: str) -> Callable[[], Any]:
    f = cache_result(ttl=600, store=url, namespace="refused")(lambda: [[Thing()]])

    def call() -> None:
        with pytest.raises(TypeError):
            f()

    return call


def down(_url: str) -> Callable[[], Any]:
    return hits(f"redis://127.0.0.1:{free_port()}")


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def grown_by(call: Callable[[], Any]) -> tuple[int, int]:
    for _ in range(200):
        call()
    gc.collect()
    blocks, memory = sys.getallocatedblocks(), resident()
    for _ in range(CALLS):
        call()
    gc.collect()
    return sys.getallocatedblocks() - blocks, resident() - memory


@pytest.mark.parametrize("kind", [hits, near, misses, failures, refused, down])
def test_functions(url: str, kind: Callable[[str], Callable[[], Any]]) -> None:
    blocks, memory = grown_by(kind(url))
    assert blocks < CALLS // 4
    assert memory < ROOM


@pytest.mark.parametrize("how", ["hits", "misses", "cancelled"])
def test_coroutines(url: str, how: str, runner: asyncio.Runner) -> None:
    @cache_result(ttl=600 if how == "hits" else 0.001, store=url, namespace=how)
    async def f(x: int) -> list[bytes]:
        return [b"x" * 1000]

    async def ten() -> None:
        for _ in range(10):
            call = f(0 if how == "hits" else next(numbers))
            if how == "cancelled":
                task = asyncio.ensure_future(call)
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            else:
                await call

    blocks, memory = grown_by(lambda: runner.run(ten()))
    assert blocks < CALLS // 4
    assert memory < ROOM
