"""Mistakes with breakers and budgets. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from cladding import CircuitBreaker, RetryBudget, circuit_breaker

breaker = CircuitBreaker()


@circuit_breaker(breaker)
def guarded(x: int) -> str:
    return str(x)


@circuit_breaker
def bare(x: int) -> str:
    return str(x)


guarded("3")  # expect: arg-type reportArgumentType
bare("3")  # expect: arg-type reportArgumentType
breaker.state = "open"  # expect: misc reportAttributeAccessIssue
circuit_breaker(breaker, probes=2)  # expect: call-overload reportCallIssue
circuit_breaker(window="60")  # expect: call-overload reportArgumentType
circuit_breaker(exceptions="OSError")  # expect: call-overload reportArgumentType
CircuitBreaker(min_calls="20")  # expect: arg-type reportArgumentType
CircuitBreaker(0.5, 20, 60, 30, 1, 5)  # expect: call-arg reportCallIssue
CircuitBreaker(fail_max=3)  # expect: call-arg reportCallIssue
RetryBudget(window="10")  # expect: arg-type reportArgumentType
RetryBudget.aws(cost=0.5)  # expect: arg-type reportArgumentType
RetryBudget.grpc(tokens=10)  # expect: call-arg reportCallIssue


class Own(CircuitBreaker):  # expect: misc reportGeneralTypeIssues
    pass
