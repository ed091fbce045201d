"""Mistakes with the decorators that answer for, slow down or limit calls, and what mypy and what pyright call each."""

from __future__ import annotations

from cladding import Bulkhead, RateLimiter, bulkhead, fallback, rate_limit


@fallback(0)
def answered(x: int) -> int:
    return x


answered("3")  # expect: arg-type reportArgumentType
fallback(0, exceptions=BaseException)  # expect: arg-type reportArgumentType
fallback(0, exceptions="OSError")  # expect: arg-type reportArgumentType
fallback(0, otherwise=1)  # expect: call-arg reportCallIssue
rate_limit("10")  # expect: call-overload reportArgumentType
rate_limit()  # expect: call-overload reportCallIssue
rate_limit(10, limiter=RateLimiter(10))  # expect: call-overload reportCallIssue
RateLimiter(10).rate = 11  # expect: misc reportAttributeAccessIssue
bulkhead("3")  # expect: arg-type reportArgumentType
bulkhead(3, max_waiting=0.5)  # expect: arg-type reportArgumentType
Bulkhead(3).max_concurrent = 4  # expect: misc reportAttributeAccessIssue
