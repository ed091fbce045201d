"""Stores in processes that fork: what is open, under way and held is the parent's."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from typing import Any

import pytest

from cladding import cache_result
from policies.cache_result.helpers import LONG, in_threads, joined, stats

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def cached(url: str, **options: Any) -> Any:
    @cache_result(**{"ttl": LONG, "store": url, "namespace": "forks", "store_timeout": 10, **options})
    def f(x: int) -> list[int]:
        return [x, os.getpid()]

    return f


def in_child(check: Any) -> None:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(40)
            check()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_child_uses_the_store_too(url: str) -> None:
    f = cached(url)
    mine = f(1)

    def check() -> None:
        assert f(1) == mine
        assert f(2) == [2, os.getpid()]
        assert stats(f)["store_failures"] == 0

    in_child(check)
    assert f(2) != [2, os.getpid()]
    assert f(3) == [3, os.getpid()]
    assert stats(f)["store_failures"] == 0


def test_forks_while_threads_use_the_store(url: str) -> None:
    f, done = cached(url, ttl=0.01), threading.Event()

    def load() -> None:
        x = 0
        while not done.is_set():
            x = (x + 1) % 20
            assert f(x)[0] == x

    def check() -> None:
        for x in range(20):
            assert f(x)[0] == x

    threads = in_threads(4, load)
    for _ in range(10):
        in_child(check)
    done.set()
    joined(threads)
    assert stats(f)["store_failures"] == 0


def test_a_fork_inside_a_computation(url: str) -> None:
    @cache_result(ttl=LONG, store=url, namespace="inside")
    def f() -> bool:
        return os.fork() == 0

    if f():
        os._exit(0)
    os.wait()
    # Whoever was first has left its result, and the other one nothing.
    assert f() in (True, False)
    assert f() == f()


inherited: dict[str, Any] = {}


def call_inherited(x: int) -> list[int]:
    found: list[int] = inherited["f"](x)
    return found


def test_a_pool_of_forked_workers(url: str) -> None:
    inherited["f"] = cached(url)
    call_inherited(0)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        results = pool.map(call_inherited, list(range(20)) * 5)
    assert [result[0] for result in results] == list(range(20)) * 5
    assert len({tuple(result) for result in results}) == 20
