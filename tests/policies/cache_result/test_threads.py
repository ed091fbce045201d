"""`cache_result` with several threads at once: one computation for a key, and nobody who hangs."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cladding import cache_result

from .helpers import Gate, in_threads, joined, stats, until


def test_64_threads_compute_once() -> None:
    gate = Gate()
    f = cache_result(lambda x: gate())
    results: list[int] = []
    threads = in_threads(64, lambda: results.append(f(1)))
    until(lambda: stats(f)["waits"] == 63)
    gate.open.set()
    joined(threads)
    assert results == [1] * 64
    assert gate.runs == 1
    numbers = stats(f)
    assert [numbers[name] for name in ("hits", "misses", "waits", "loads", "entries")] == [63, 1, 63, 1, 1]


def test_different_keys_do_not_wait_for_each_other() -> None:
    gate = Gate()
    f = cache_result(lambda x: gate() if x == 1 else x)
    threads = in_threads(1, lambda: f(1))
    until(lambda: gate.runs == 1)
    assert f(2) == 2
    gate.open.set()
    joined(threads)


def test_a_failure_fails_all_waiters_once() -> None:
    gate = Gate()

    @cache_result
    def f() -> int:
        if gate() == 1:
            raise KeyError("once")
        return 5

    raised: list[BaseException] = []

    def call() -> None:
        try:
            f()
        except KeyError as error:
            raised.append(error)

    threads = in_threads(16, call)
    until(lambda: stats(f)["waits"] == 15)
    gate.open.set()
    joined(threads)
    assert len(raised) == 16
    assert all(error is raised[0] for error in raised)
    assert gate.runs == 1
    assert getattr(raised[0], "__notes__", []) == []
    # The traceback is one caller's, not that of all of them in a row.
    assert len(traceback.extract_tb(raised[0].__traceback__)) <= 5
    assert f() == 5
    assert stats(f)["misses"] == 17


def test_an_interrupted_leader_hands_over() -> None:
    gate = Gate()

    @cache_result
    def f() -> int:
        if gate() == 1:
            raise SystemExit
        return gate.runs

    results: list[Any] = []

    def call() -> None:
        try:
            results.append(f())
        except SystemExit:
            results.append("exit")

    threads = in_threads(8, call)
    until(lambda: stats(f)["waits"] == 7)
    gate.open.set()
    joined(threads)
    assert sorted(map(str, results)) == ["2"] * 7 + ["exit"]
    assert gate.runs == 2


def test_clear_during_a_computation() -> None:
    gate = Gate()
    f = cache_result(lambda: gate())
    results: list[int] = []
    early = in_threads(4, lambda: results.append(f()))
    until(lambda: stats(f)["waits"] == 3)
    f.cache_clear()
    late = in_threads(4, lambda: results.append(f()))
    until(lambda: gate.runs == 2 and stats(f)["waits"] == 6)
    gate.open.set()
    joined(early + late)
    # Those who asked before the clear share the old computation, those who asked after it the new one.
    assert gate.runs == 2
    assert len(results) == 8
    assert f() == 2
    assert f.cache_info().currsize == 1


def test_clear_at_the_end_of_a_computation_keeps_nothing() -> None:
    @cache_result
    def f() -> int:
        f.cache_clear()
        return 1

    assert [f(), f()] == [1, 1]
    assert f.cache_info().currsize == 0


def test_a_waiter_that_is_interrupted_affects_nobody() -> None:
    gate = Gate()
    f = cache_result(lambda: gate())
    threads = in_threads(2, f)
    until(lambda: stats(f)["waits"] == 1)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        f()
    timer.join()
    gate.open.set()
    joined(threads)
    assert gate.runs == 1
    assert f() == 1


def test_recursion_through_the_cache() -> None:
    @cache_result
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(200) == 280571172992510140037611932413038677189525
    assert fib.cache_info().misses == 201


def test_recursion_on_the_same_key() -> None:
    depth = 0

    @cache_result
    def f(x: int) -> int:
        nonlocal depth
        depth += 1
        return f(x) + 1 if depth < 3 else 0

    assert f(1) == 2
    assert f(1) == 2
    assert depth == 3
    assert f.cache_info().currsize == 1


def test_threads_that_compute_in_each_other() -> None:
    @cache_result
    def fib(n: int) -> int:
        time.sleep(0)
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    with ThreadPoolExecutor(16) as pool:
        results = [each.result(30) for each in [pool.submit(fib, n % 60) for n in range(600)]]
    assert results[59] == 956722026041
    assert fib.cache_info().misses == 60
