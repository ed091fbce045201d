"""The typed face of ``retry``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar, overload

from cladding._policy import MISSING, is_target, make, never
from cladding._retry.options import given

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, Unpack

    from cladding._native import CircuitBreaker, Policy, RetryBudget
    from cladding._policy import Target
    from cladding._retry.blocks import Attempts
    from cladding._retry.options import (
        BlockOptions,
        Exceptions,
        Hook,
        IsFailure,
        Jitter,
        Nested,
        Options,
        RetryAfter,
        Schedule,
        Seconds,
    )

    F = TypeVar("F", bound=Target)
    P = ParamSpec("P")
    R = TypeVar("R")

# What these are unless told; a policy's parameters show them only where they were told.
_DEFAULTS: dict[str, Any] = {
    "schedule": "exponential",
    "deadline": None,
    "timeout": None,
    "retry_on_result": None,
    "retry_after": True,
    "max_retry_after": None,
    "budget": None,
    "breaker": None,
    "fallback": MISSING,
    "hedge": None,
    "nested": "warn",
    "on_retry": None,
    "on_giveup": None,
    "on_success": None,
}


class _Retry:
    """The type of :data:`retry`: a decorator that can also be used without one."""

    __name__ = __qualname__ = "retry"

    @overload
    def __call__(
        self,
        max_retries: int | None = 3,
        backoff_factor: float = 2.0,
        exceptions: Exceptions = ...,
        *,
        initial_delay: Seconds = 0.1,
        max_delay: Seconds = 30.0,
        jitter: Jitter | None = None,
        schedule: Schedule = "exponential",
        deadline: Seconds | None = None,
        timeout: Seconds | None = None,
        retry_on_result: IsFailure | None = None,
        retry_after: RetryAfter = True,
        max_retry_after: Seconds | None = None,
        budget: RetryBudget | None = None,
        breaker: CircuitBreaker | None = None,
        fallback: object = ...,
        hedge: Seconds | None = None,
        nested: Nested = "warn",
        on_retry: Hook | None = None,
        on_giveup: Hook | None = None,
        on_success: Hook | None = None,
        enabled: bool | Callable[[], bool] = True,
    ) -> Policy: ...
    @overload
    def __call__(self, target: F, /) -> F: ...
    def __call__(
        self,
        max_retries: int | Target | None = 3,
        backoff_factor: float = 2.0,
        exceptions: Exceptions = (ConnectionError, TimeoutError),
        *,
        initial_delay: Seconds = 0.1,
        max_delay: Seconds = 30.0,
        jitter: Jitter | None = None,
        schedule: Schedule = "exponential",
        deadline: Seconds | None = None,
        timeout: Seconds | None = None,
        retry_on_result: IsFailure | None = None,
        retry_after: RetryAfter = True,
        max_retry_after: Seconds | None = None,
        budget: RetryBudget | None = None,
        breaker: CircuitBreaker | None = None,
        fallback: object = MISSING,
        hedge: Seconds | None = None,
        nested: Nested = "warn",
        on_retry: Hook | None = None,
        on_giveup: Hook | None = None,
        on_success: Hook | None = None,
        enabled: bool | Callable[[], bool] = True,
    ) -> Policy | Target:
        """Calls again, after waits that grow, what has failed with one of the named exceptions.

        The wait before retry ``i``, counted from 0, is at most ``min(max_delay, initial_delay * backoff_factor ** i)``
        seconds. The jitter spreads it below that, so that callers who failed together do not come back together; see
        Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), where ``full`` does the least work.
        All times are those of the monotonic clock.

        When the retries are used up, the last exception is raised as itself, with one note: the attempts, the time spent,
        and why there is no other attempt. The exceptions before it (``retry.failures(error)`` has them) lose their
        tracebacks when they are retried, so that they keep no frames alive. What does not derive from ``Exception``
        (cancellation, ``KeyboardInterrupt``, ``SystemExit``) is never retried and ends a wait at once. A generator is
        retried only while it has yielded nothing. Plain functions and generators wait in ``time.sleep``, coroutines and
        async generators in their event loop, asyncio's or trio's.

        ``f.cladding.retry.stats`` has ``calls``, ``retries`` (attempts after the first), ``recovered`` (calls that succeeded
        after one), ``gave_up`` (calls that had no attempt left), ``waited_seconds`` and ``hook_errors``.
        ``f.cladding.retry.replace(max_retries=5)`` is the function with another configuration, for one call.

        Args:
            max_retries: the attempts after the first: 3 unless told, 0 for none, ``None`` without end. When the decorator
                is used without parentheses, this place takes what is to be decorated.
            backoff_factor: what each wait's limit is multiplied by to give the next, 1 or greater; 2 unless told.
            exceptions: an exception type, a tuple of them, or a callable that takes the exception and answers whether to
                try again, or the seconds to wait before that. ``ConnectionError`` and ``TimeoutError`` unless told. Types
                have to derive from ``Exception``.
            initial_delay: the limit of the first wait, in seconds or as a ``timedelta``; 0.1 s unless told.
            max_delay: what no wait of the schedule exceeds, in seconds or as a ``timedelta``; 30 s unless told.
            jitter: ``"full"`` (from nothing to the limit; unless told), ``"equal"`` (from half the limit to all of it),
                ``"decorrelated"`` (from the first delay to three times the wait before, up to the cap) or ``"none"``
                (exactly the limit).
            schedule: how the limits grow: ``"exponential"``, ``"constant"``, ``"linear"`` or ``"fibonacci"`` multiples of
                ``initial_delay``. Or seconds of your own, taken as they are, the last of them again and again: an iterable
                such as a list, or a callable that gives an iterable for each call.
            deadline: seconds from the beginning of the call within which attempts begin; ``None`` for no limit. A wait
                that could not end before is not begun. An attempt under way goes on, unless it has a ``timeout``.
            timeout: seconds for each attempt, as in :func:`cladding.timeout`, and never more than the deadline leaves.
            retry_on_result: a callable that takes a result and answers whether to try again. When the retries are used up,
                the last result is returned, or what ``fallback`` gives in its place.
            retry_after: whether to wait as long as the exception's answer asks, by ``Retry-After`` (requests, httpx,
                aiohttp, urllib3, gRPC), in place of the schedule. Or a callable that takes the exception and answers
                seconds or ``None``.
            max_retry_after: what no wait that was asked for exceeds, in seconds; 60 unless told.
            budget: a :class:`cladding.RetryBudget`, which several functions can share; when it is used up, nothing is
                retried.
            breaker: a :class:`cladding.CircuitBreaker`, asked before each attempt.
            fallback: what the call gives when it fails after all, as in :func:`cladding.fallback`.
            hedge: seconds after which an attempt gets company by a second one, as in :func:`cladding.hedge`.
            nested: what to do in a call inside another that is retried, since attempts multiply: ``"warn"`` once (unless
                told), leave the retries to the ``"outer"`` one, or ``"allow"`` it.
            on_retry: called with a :class:`cladding.RetryEvent` before each wait.
            on_giveup: called with one when no attempt is left.
            on_success: called with one when an attempt has succeeded.
            enabled: ``False`` leaves the function alone; a callable is asked at each call.

        Raises:
            ConfigurationError: a parameter is of the wrong kind or out of its range; at decoration. Also from a call, in
                place of the function's own exception, where a callable or a schedule of yours answers something else than
                it may.
        """
        target, max_retries = (max_retries, 3) if is_target(max_retries) else (MISSING, max_retries)
        parameters = {
            "max_retries": max_retries,
            "backoff_factor": backoff_factor,
            "exceptions": exceptions,
            "initial_delay": initial_delay,
            "max_delay": max_delay,
            "jitter": jitter if jitter is not None else "full" if isinstance(schedule, str) else "none",
            "schedule": schedule,
            "deadline": deadline,
            "timeout": timeout,
            "retry_on_result": retry_on_result,
            "retry_after": retry_after,
            "max_retry_after": max_retry_after,
            "budget": budget,
            "breaker": breaker,
            "fallback": fallback,
            "hedge": hedge,
            "nested": nested,
            "on_retry": on_retry,
            "on_giveup": on_giveup,
            "on_success": on_success,
            "enabled": enabled,
        }
        made: Policy | Target = make("retry", target, given(parameters, _DEFAULTS))
        return made

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls any function with retries, as if it were decorated with ``@retry``.

        ``retry(max_retries=5).call(function, ...)`` does so with parameters. A coroutine function gives a coroutine.
        """
        return self().call(function, *args, **kwargs)

    def attempts(
        self,
        max_retries: int | None = 3,
        backoff_factor: float = 2.0,
        exceptions: Exceptions = (ConnectionError, TimeoutError),
        **options: Unpack[BlockOptions],
    ) -> Attempts:
        """The attempts of a block of code, for ``for`` and ``async for``.

        >>> import cladding
        >>> replies = iter([ConnectionError("reset"), 42])
        >>> for attempt in cladding.retry.attempts(max_retries=3, initial_delay=0.001):
        ...     with attempt:
        ...         reply = next(replies)
        ...         if isinstance(reply, Exception):
        ...             raise reply
        >>> (reply, attempt.number)
        (42, 2)

        The block is left with the last exception when the attempts are used up. The parameters are those of
        :data:`retry` but for ``timeout``, ``hedge`` and ``fallback``, which need a function that can be called.

        Raises:
            ConfigurationError: as :data:`retry` does.
            TypeError: a parameter that is not among these.
        """
        from cladding._retry.blocks import Attempts

        frame = sys._getframe(1)
        if options.get("enabled") is False:
            options["enabled"] = never
        policy = self(max_retries, backoff_factor, exceptions, **options)
        return Attempts(policy, frame.f_globals.get("__name__", ""), frame.f_code)

    def replace(
        self,
        function: Callable[P, R],
        max_retries: int | None = MISSING,
        backoff_factor: float = MISSING,
        exceptions: Exceptions = MISSING,
        **options: Unpack[Options],
    ) -> Callable[P, R]:
        """A function that carries ``retry``, or a method of an object, with other parameters, for one call.

        >>> import cladding
        >>> class Client:
        ...     @cladding.retry(initial_delay=0)
        ...     def fetch(self, path):
        ...         raise ConnectionError(path)
        >>> try:
        ...     cladding.retry.replace(Client().fetch, max_retries=1)("/rows")
        ... except ConnectionError as error:
        ...     print(len(cladding.retry.failures(error)))
        2

        The numbers, the switch, and shared budgets and breakers are those of the function.

        Raises:
            TypeError: ``function`` carries no ``retry``.
            ConfigurationError: as :data:`retry` does.
        """
        from cladding import _replacing

        first = {"max_retries": max_retries, "backoff_factor": backoff_factor, "exceptions": exceptions}
        changes = {name: value for name, value in first.items() if value is not MISSING} | options
        replaced: Callable[P, R] = _replacing.replaced(function, "retry", changes)
        return replaced

    def failures(self, error: BaseException) -> tuple[BaseException, ...]:
        """The exceptions of all attempts of the call that raised ``error``, oldest first and ``error`` last.

        The earlier ones have no tracebacks, so that they keep no frames alive. Of more than 100 the latest are there; one
        that was raised again and again is there once.
        """
        from cladding._retry import failures

        return failures.failures(error)

    def group(self, error: Exception) -> ExceptionGroup[Exception]:
        """The same exceptions as one ``ExceptionGroup``, to raise or to log."""
        from cladding._retry import failures

        return failures.group(error)

    def __repr__(self) -> str:
        return "<decorator cladding.retry>"

    def __reduce__(self) -> str:
        return "retry"


retry = _Retry()
retry.__doc__ = _Retry.__call__.__doc__
