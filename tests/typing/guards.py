"""What type checkers see of breakers and budgets. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Literal, assert_type

from cladding import CircuitBreaker, CircuitOpenError, Policy, RetryBudget, circuit_breaker

# ---------------------------------------------------------------------------------------------------- circuit breakers

breaker = CircuitBreaker(0.5, 20, 60, timedelta(seconds=30), 1, failures=5, exceptions=(OSError, ValueError))
assert_type(breaker.state, Literal["closed", "open", "half-open"])
assert_type(breaker.trip(), None)
assert_type(breaker.reset(), None)
assert_type(circuit_breaker(breaker), Policy)
assert_type(circuit_breaker(breaker=breaker, enabled=lambda: True), Policy)
assert_type(circuit_breaker(failure_ratio=None, failures=3, window=timedelta(minutes=1)), Policy)


def is_failure(error: Exception) -> bool:
    return bool(error.args)


assert_type(circuit_breaker(exceptions=is_failure), Policy)


@circuit_breaker
def bare(x: int) -> str:
    return str(x)


@circuit_breaker(breaker)
async def shared(x: int) -> str:
    return str(x)


@circuit_breaker()
def items(x: int) -> Iterator[str]:
    yield str(x)


@circuit_breaker(probes=2)
async def async_items(x: int) -> AsyncIterator[str]:
    yield str(x)


class Service:
    @circuit_breaker
    def method(self, x: int) -> str:
        return str(x)

    @circuit_breaker(breaker)
    @classmethod
    def of_class(cls, x: int) -> str:
        return str(x)


assert_type(bare(3), str)
assert_type(items(3), Iterator[str])
assert_type(async_items(3), AsyncIterator[str])
assert_type(Service().method(3), str)
assert_type(Service.of_class(3), str)


async def use() -> None:
    assert_type(await shared(3), str)


def handle(error: CircuitOpenError) -> None:
    assert_type(error.retry_in, float)
    assert_type(error.function, str)
    caught: ConnectionError = error
    print(caught)


# -------------------------------------------------------------------------------------------------------------- budgets

assert_type(RetryBudget(0.2, 10, timedelta(seconds=10)), RetryBudget)
assert_type(RetryBudget.grpc(max_tokens=10, token_ratio=0.1), RetryBudget)
assert_type(RetryBudget.aws(capacity=500, cost=5, timeout_cost=10).stats, dict[str, int])
