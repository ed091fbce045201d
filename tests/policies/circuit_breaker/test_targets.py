"""`circuit_breaker` on everything that can be called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cladding import CircuitOpenError, circuit_breaker, retry

from .helpers import stays_open


class Service:
    calls = 0

    @circuit_breaker(failures=1)
    def method(self) -> None:
        type(self).calls += 1
        raise ConnectionError

    @circuit_breaker(failures=1)
    @classmethod
    def of_class(cls) -> None:
        raise ConnectionError

    @circuit_breaker(failures=1)
    @staticmethod
    def static() -> None:
        raise ConnectionError


@pytest.mark.parametrize("name", ["method", "of_class", "static"])
def test_methods(name: str) -> None:
    with pytest.raises(ConnectionError):
        getattr(Service(), name)()
    with pytest.raises(CircuitOpenError, match=f"Service.{name} was not called"):
        getattr(Service(), name)()


def test_a_class() -> None:
    breaker = stays_open(failures=1)

    @circuit_breaker(breaker)
    class Connection:
        def __init__(self, good: bool) -> None:
            if not good:
                raise ConnectionError

    assert isinstance(Connection(True), Connection)
    with pytest.raises(ConnectionError):
        Connection(False)
    with pytest.raises(CircuitOpenError):
        Connection(True)


def test_builtins_partials_and_callable_objects() -> None:
    import functools

    class Callable_:
        def __call__(self, x: int) -> int:
            return x

    bodies: list[Callable[..., Any]] = [len, functools.partial(len, [1]), Callable_()]
    for body in bodies:
        breaker = stays_open()
        breaker.trip()
        with pytest.raises(CircuitOpenError):
            circuit_breaker(breaker)(body)([])


def test_each_function_has_its_own_unless_told() -> None:
    policy = circuit_breaker(failures=1)
    first, second = policy(lambda: None), policy(lambda: None)
    assert first.cladding.circuit_breaker.breaker is not second.cladding.circuit_breaker.breaker
    first.cladding.circuit_breaker.breaker.trip()
    second()
    with pytest.raises(CircuitOpenError):
        first()


def test_inside_and_around_retry() -> None:
    calls = 0

    def body() -> None:
        nonlocal calls
        calls += 1
        raise ConnectionError

    inside = retry(max_retries=9, initial_delay=0)(circuit_breaker(failures=3)(body))
    with pytest.raises(CircuitOpenError):
        inside()
    assert calls == 3
    around = circuit_breaker(failures=1)(retry(max_retries=4, initial_delay=0)(body))
    with pytest.raises(ConnectionError):
        around()
    assert calls == 8
    with pytest.raises(CircuitOpenError):
        around()
    assert calls == 8


def test_metrics(cladding: Any) -> None:
    @circuit_breaker(failures=1)
    def counted_by_prometheus(good: bool) -> None:
        if not good:
            raise ConnectionError

    f = counted_by_prometheus
    f(True)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            f(False)
    name = f"{f.__module__}.{f.__qualname__}"
    lines = [line for line in cladding.metrics_text().splitlines() if name in line]
    assert sorted(lines) == sorted(
        [
            f'cladding_circuit_breaker_calls_total{{function="{name}",outcome="succeeded"}} 1',
            f'cladding_circuit_breaker_calls_total{{function="{name}",outcome="failed"}} 1',
            f'cladding_circuit_breaker_calls_total{{function="{name}",outcome="rejected"}} 2',
            f'cladding_circuit_breaker_calls_total{{function="{name}",outcome="cancelled"}} 0',
            f'cladding_circuit_breaker_state{{function="{name}",state="closed"}} 0',
            f'cladding_circuit_breaker_state{{function="{name}",state="open"}} 1',
            f'cladding_circuit_breaker_state{{function="{name}",state="half-open"}} 0',
            f'cladding_circuit_breaker_opened_total{{function="{name}"}} 1',
        ]
    )
