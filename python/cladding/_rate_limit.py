"""The typed face of ``rate_limit``, and limits that functions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from cladding import _native
from cladding._errors import ConfigurationError, RateLimitError
from cladding._identity import Shared
from cladding._policy import MISSING, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Self

    from cladding._native import Policy


class RateLimiter(_native.RateLimiter, Shared):
    """A rate limit that several functions keep together: ``rate_limit(limiter=...)`` puts it on each.

    Its copies are the object itself, also those that were pickled and come back to the process. In another process all of
    them are one object with a count of its own.

    Args:
        rate: how many calls may begin in ``per`` seconds, a number above 0.
        per: the time, in seconds or as a ``timedelta``; 1 s unless told.
        burst: how many calls may begin together after a quiet time; the whole part of ``rate``, and 1 at least, unless told.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range, or the rate is of more than one call in
            a nanosecond or less than one in 1e9 seconds.
    """

    __slots__ = ("__weakref__", "_key", "_per", "_rate")

    _rate: float
    _per: float | timedelta

    def __new__(cls, rate: float, per: float | timedelta = 1.0, *, burst: int | None = None) -> Self:
        limiter = super().__new__(cls, {"rate": rate, "per": per, "burst": burst})
        limiter._rate, limiter._per = rate, per
        return limiter

    @property
    def rate(self) -> float:
        """How many calls may begin in :attr:`per` seconds."""
        return self._rate

    @property
    def per(self) -> float | timedelta:
        """The time that :attr:`rate` is for."""
        return self._per

    def _made_of(self) -> tuple[Callable[..., Self], dict[str, Any]]:
        return type(self), {"rate": self.rate, "per": self.per, "burst": self.burst}

    def __repr__(self) -> str:
        return f"RateLimiter(rate={self.rate!r}, per={self.per!r}, burst={self.burst!r})"


@overload
def rate_limit(
    rate: float,
    per: float | timedelta = 1.0,
    *,
    burst: int | None = None,
    max_wait: float | timedelta | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> Policy: ...
@overload
def rate_limit(
    *,
    limiter: RateLimiter,
    max_wait: float | timedelta | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> Policy: ...
def rate_limit(
    rate: float | None = None,
    per: float | timedelta = 1.0,
    *,
    burst: int | None = None,
    max_wait: float | timedelta | None = None,
    limiter: RateLimiter | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> Policy:
    """Lets calls begin no more often than ``rate`` times in ``per`` seconds. Calls that come too early wait.

    It is the generic cell rate algorithm (ATM Forum, "Traffic Management Specification 4.1", 1999), which decides as a
    token bucket of ``burst`` tokens does: in any time ``x`` at most ``burst + x * rate / per`` calls begin. So a quiet
    function may make up to ``burst`` calls at once; with ``burst=1`` they are always ``per / rate`` apart, and never more
    than ``rate`` begin in ``per`` seconds. Calls that wait are spaced, in the order in which they came. The time is that of
    the monotonic clock.

    Each function has a limit of its own, which all instances share where it is a method; ``limiter`` is for several
    functions together. What counts is that a call begins, for generators that the first item is asked for. Plain functions
    and generators wait in ``time.sleep``, coroutines and async generators in their event loop. A call that is cancelled or
    interrupted while it waits gives its place back; those behind it keep their times, and the place is free again once
    there is nobody behind it.

    ``f.cladding.rate_limit.stats`` has ``calls``, ``waits`` (calls that had to wait) and ``rejected`` (calls that raised
    :class:`RateLimitError`).

    >>> from cladding import rate_limit
    >>> @rate_limit(100, per=60, max_wait=0)
    ... def ask(question):
    ...     return len(question)
    >>> ask("why?")
    4

    Args:
        rate: how many calls may begin in ``per`` seconds, a number above 0.
        per: the time, in seconds or as a ``timedelta``; 1 s unless told.
        burst: how many calls may begin together after a quiet time; the whole part of ``rate``, and 1 at least, unless told.
        max_wait: what no call waits longer than, in seconds or as a ``timedelta``: 0 to fail at once, ``None`` (unless told)
            for as long as it takes. A wait that would be longer is not begun, and takes nothing.
        limiter: a limit that is shared, in place of ``rate``, ``per`` and ``burst``.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range; neither ``rate`` nor ``limiter`` is given,
            or both are.
        RateLimitError: from a call that would have had to wait longer than ``max_wait``.
    """
    if limiter is None:
        parameters: dict[str, Any] = {} if rate is None else {"rate": rate}
        parameters |= {"per": per, "burst": burst}
    elif rate is not None or per != 1.0 or burst is not None:
        message = f"rate_limit: `limiter` has its own `rate`, `per` and `burst`, so none can be given with {limiter!r}"
        raise ConfigurationError(message)
    else:
        parameters = {"limiter": limiter}
    made: Policy = make("rate_limit", MISSING, {**parameters, "max_wait": max_wait, "enabled": enabled})
    return made


def refusal(function: str, retry_in: float) -> RateLimitError:
    """The error for a call that came too early."""
    error = RateLimitError(f"{function}: the rate limit is reached, try again in {retry_in:.3g} s")
    error.function, error.retry_in = function, retry_in
    return error
