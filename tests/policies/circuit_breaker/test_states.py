"""`circuit_breaker`: what opens it, what is told to callers meanwhile, and what closes it."""

from __future__ import annotations

import re
import traceback
from datetime import timedelta
from typing import Any

import pytest

from cladding import CircuitBreaker, CircuitOpenError, circuit_breaker
from policies.kinds import Kind, all_kinds

from .helpers import AGES, AN_INSTANT, Gate, assert_stats, fails, half_open, in_threads, joined, stays_open


@all_kinds
def test_calls_pass_while_it_is_closed(kind: Kind) -> None:
    f = circuit_breaker(kind.make(lambda x: x))
    assert [kind.run(f, x) for x in range(3)] == [0, 1, 2]
    stats = {"calls": 3, "succeeded": 3, "failed": 0, "rejected": 0, "cancelled": 0, "state": "closed"}
    assert f.cladding.circuit_breaker.stats == stats
    assert f.cladding.circuit_breaker.breaker.stats["calls"] == 3


@all_kinds
def test_failures_open_it_and_calls_are_refused(kind: Kind) -> None:
    breaker = stays_open()
    f = circuit_breaker(breaker)(kind.make(fails))
    for _ in range(2):
        assert breaker.state == "closed"
        with pytest.raises(ConnectionError, match=r"^refused$"):
            kind.run(f)
    assert breaker.state == "open"
    with pytest.raises(CircuitOpenError) as caught:
        kind.run(f)
    error = caught.value
    assert isinstance(error, ConnectionError)
    name = f"{f.__module__}.{f.__qualname__}"
    assert (error.function, error.state) == (name, "open")
    assert 0 < error.retry_in <= AGES
    pattern = (
        r" was not called: its circuit breaker is open \(2 of 2 calls in 60 s failed\) and tries again in [\d.]+ s"
    )
    assert re.fullmatch(re.escape(name) + pattern, str(error))
    assert f"{error.retry_in:.3f} s" in str(error)
    assert error.__context__ is None
    stats = {"calls": 3, "succeeded": 0, "failed": 2, "rejected": 1, "cancelled": 0, "state": "open"}
    assert f.cladding.circuit_breaker.stats == stats


@all_kinds
def test_a_probe_that_succeeds_closes_it(kind: Kind) -> None:
    breaker = half_open()
    f = circuit_breaker(breaker)(kind.make(lambda: 7))
    assert breaker.state == "half-open"
    assert kind.run(f) == 7
    assert_stats(breaker, state="closed", calls=0, failures=0, probing=0)
    assert kind.run(f) == 7
    assert breaker.stats["calls"] == 1


@all_kinds
def test_a_probe_that_fails_opens_it_again(kind: Kind) -> None:
    breaker = half_open(open_for=1e-9)
    f = circuit_breaker(breaker)(kind.make(fails))
    for opened in (2, 3):
        with pytest.raises(ConnectionError, match=r"^refused$"):
            kind.run(f)
        assert breaker.stats["opened"] == opened


def test_all_probes_have_to_succeed() -> None:
    breaker = half_open(probes=3)
    f = circuit_breaker(breaker)(lambda: None)
    for _ in range(2):
        f()
        assert breaker.state == "half-open"
    f()
    assert breaker.state == "closed"


def test_the_share_of_failures_opens_it_once_there_are_enough_calls() -> None:
    breaker = CircuitBreaker(failure_ratio=0.5, min_calls=6)
    f = circuit_breaker(breaker)(lambda good: None if good else fails())
    for good in (False, True, False, True):
        with pytest.raises(ConnectionError) if not good else _nothing():
            f(good)
    assert breaker.state == "closed"
    f(True)
    with pytest.raises(ConnectionError):
        f(False)
    assert_stats(breaker, state="open", calls=6, failures=3, opened=1)


def test_a_smaller_share_does_not() -> None:
    breaker = CircuitBreaker(failure_ratio=0.5, min_calls=1)
    f = circuit_breaker(breaker)(lambda good: None if good else fails())
    for _ in range(2):
        f(True)
    for _ in range(50):
        with pytest.raises(ConnectionError):
            f(False)
        f(True)
        f(True)
    assert breaker.state == "closed"


def test_the_number_of_failures_alone() -> None:
    breaker = CircuitBreaker(failure_ratio=None, failures=3)
    f = circuit_breaker(breaker)(lambda good: None if good else fails())
    for _ in range(200):
        f(True)
    for _ in range(3):
        assert breaker.state == "closed"
        with pytest.raises(ConnectionError):
            f(False)
    assert breaker.state == "open"


def test_calls_leave_the_window() -> None:
    breaker = CircuitBreaker(failures=2, window=1e-8)
    f = circuit_breaker(breaker)(fails)
    for _ in range(20):
        with pytest.raises(ConnectionError, match=r"^refused$"):
            f()
    assert_stats(breaker, state="closed", calls=0, failures=0)


def test_opened_and_closed_by_hand() -> None:
    breaker = stays_open()
    f = circuit_breaker(breaker)(lambda: 1)
    assert f() == 1
    breaker.trip()
    with pytest.raises(CircuitOpenError, match=r"is open \(it was tripped\) and tries again in"):
        f()
    breaker.reset()
    assert_stats(breaker, state="closed", calls=0, retry_in=0.0)
    assert f() == 1


def test_a_failed_probe_is_told() -> None:
    breaker, gate = CircuitBreaker(failures=1, open_for=AN_INSTANT), Gate()
    for _ in range(2):
        with pytest.raises(ConnectionError, match=r"^refused$"):
            circuit_breaker(breaker)(fails)()
    threads = in_threads(1, circuit_breaker(breaker)(gate))
    assert gate.entered.acquire(timeout=30)
    with pytest.raises(CircuitOpenError, match=r"\(a probe failed; before, 1 of 1 calls in 60 s failed\)"):
        circuit_breaker(breaker)(fails)()
    gate.opened.set()
    joined(threads)


def test_a_call_that_began_before_the_state_changed_says_nothing() -> None:
    breaker = stays_open()

    @circuit_breaker(breaker)
    def f(good: bool) -> None:
        breaker.reset()
        if not good:
            fails()

    for _ in range(5):
        with pytest.raises(ConnectionError, match=r"^refused$"):
            f(False)
    f(True)
    assert breaker.stats["calls"] == 0


def test_tracebacks_show_the_caller_alone() -> None:
    breaker = stays_open()
    breaker.trip()

    @circuit_breaker(breaker)
    def f() -> None: ...

    with pytest.raises(CircuitOpenError) as caught:
        f()
    files = [entry.filename for entry in traceback.extract_tb(caught.value.__traceback__)]
    assert set(files) <= {__file__}


def test_times_are_seconds() -> None:
    for open_for in (1000, timedelta(seconds=1000)):
        breaker = stays_open(open_for=open_for)
        breaker.trip()
        assert 900 < breaker.stats["retry_in"] <= 1000
        with pytest.raises(CircuitOpenError) as caught:
            circuit_breaker(breaker)(fails)()
        assert 900 < caught.value.retry_in <= 1000


def test_a_function_that_is_switched_off_is_called(cladding: Any) -> None:
    breaker = stays_open()
    breaker.trip()
    f = circuit_breaker(breaker)(lambda: 1)
    with cladding.disabled("circuit_breaker"):
        assert f() == 1
    with pytest.raises(CircuitOpenError):
        f()
    assert circuit_breaker(breaker, enabled=lambda: False)(lambda: 2)() == 2


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...
