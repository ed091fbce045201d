"""The typed face of ``retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar, overload

from cladding._policy import MISSING, is_target, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from cladding._native import Policy
    from cladding._policy import Target

    F = TypeVar("F", bound=Target)


@overload
def retry(
    max_retries: int | None = 3,
    backoff_factor: float = 2.0,
    exceptions: type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool] = ...,
    *,
    initial_delay: float | timedelta = 0.1,
    max_delay: float | timedelta = 30.0,
    jitter: Literal["full", "equal", "none"] = "full",
    enabled: bool | Callable[[], bool] = True,
) -> Policy: ...
@overload
def retry(target: F, /) -> F: ...
def retry(
    max_retries: int | Target | None = 3,
    backoff_factor: float = 2.0,
    exceptions: type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool] = (
        ConnectionError,
        TimeoutError,
    ),
    *,
    initial_delay: float | timedelta = 0.1,
    max_delay: float | timedelta = 30.0,
    jitter: Literal["full", "equal", "none"] = "full",
    enabled: bool | Callable[[], bool] = True,
) -> Policy | Target:
    """Calls again, after waits that grow, what has failed with one of the named exceptions.

    The wait before retry ``i``, counted from 0, is at most ``min(max_delay, initial_delay * backoff_factor ** i)``
    seconds. The jitter spreads it below that, so that callers who failed together do not come back together; see
    Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), where ``full`` does the least work.

    When the retries are used up, the last exception is raised as itself, with one note: the attempts, the time since the
    first failure, and the limit that was reached. The exceptions before it lose their tracebacks when they are retried,
    so that they keep no frames alive. What does not derive from ``Exception`` (cancellation, ``KeyboardInterrupt``,
    ``SystemExit``) is never retried and ends a wait at once. A generator is retried only while it has yielded nothing.
    Plain functions and generators wait in ``time.sleep``, coroutines and async generators in their event loop.

    ``f.cladding.retry.stats`` has ``calls``, ``retries`` (attempts after the first) and ``gave_up`` (calls whose last
    attempt failed too).

    Args:
        max_retries: the attempts after the first: 3 unless told, 0 for none, ``None`` without end. When the decorator is
            used without parentheses, this place takes what is to be decorated.
        backoff_factor: what each wait's limit is multiplied by to give the next, 1 or greater; 2 unless told.
        exceptions: an exception type, a tuple of them, or a callable that takes the exception and answers whether to try
            again. ``ConnectionError`` and ``TimeoutError`` unless told. Types have to derive from ``Exception``.
        initial_delay: the limit of the first wait, in seconds or as a ``timedelta``; 0.1 s unless told.
        max_delay: what no wait exceeds, in seconds or as a ``timedelta``; 30 s unless told.
        jitter: ``"full"`` (from nothing to the limit), ``"equal"`` (from half the limit to all of it) or ``"none"``
            (exactly the limit).
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range; at decoration. Also from a call, in place
            of the function's own exception, where the callable of ``exceptions`` answers anything but a bool.
    """
    target, max_retries = (max_retries, 3) if is_target(max_retries) else (MISSING, max_retries)
    parameters = {
        "max_retries": max_retries,
        "backoff_factor": backoff_factor,
        "exceptions": exceptions,
        "initial_delay": initial_delay,
        "max_delay": max_delay,
        "jitter": jitter,
        "enabled": enabled,
    }
    made: Policy | Target = make("retry", target, parameters)
    return made
