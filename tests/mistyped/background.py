"""Mistakes with calls that run in the background. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from cladding import background, blocking


@background
def square(x: int) -> float:
    return x * x


square("a")  # expect: arg-type reportArgumentType
square(1).result("b")  # expect: arg-type reportArgumentType
square(1) + 1  # expect: operator reportOperatorIssue
background(executor="fiber")  # expect: call-overload reportArgumentType
blocking()  # expect: call-arg reportCallIssue
blocking("a", max_pending="b")  # expect: arg-type reportArgumentType
