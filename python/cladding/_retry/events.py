"""The record of a retry, and telling it: to the user's callables, and to the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LOGGER = "cladding.retry"


@dataclass(frozen=True, slots=True)
class RetryEvent:
    """What ``on_retry``, ``on_giveup`` and ``on_success`` are told. It holds no arguments of the call.

    Whoever keeps one keeps its exceptions; those of attempts that are retried lose their tracebacks when the callable
    returns.

    Args:
        function: the function's full name.
        attempt: the number of the attempt that has just ended, from 1.
        exception: what it raised; ``None`` if it returned.
        result: what it returned; ``None`` if it raised.
        delay: the seconds until the next attempt; ``None`` if there is none.
        elapsed: the seconds since the call began.
        deadline: the seconds within which attempts begin; ``None`` without one.
        max_retries: the attempts after the first that are allowed; ``None`` without end.
        reason: why there is no further attempt, when the call gives up; else ``None``.
        failures: the exceptions of the attempts before this one, oldest first.
    """

    function: str
    attempt: int
    exception: Exception | None
    result: object
    delay: float | None
    elapsed: float
    deadline: float | None
    max_retries: int | None
    reason: str | None
    failures: tuple[Exception, ...]


_logged: set[tuple[str, str]] = set()
_MOST_LOGGED = 1000


def tell(what: str, callback: Callable[[RetryEvent], object] | None, log: bool, parts: tuple[Any, ...]) -> bool:
    """Tells one thing. False if the callable failed: that is logged, once for each function, and goes no further."""
    event = RetryEvent(*parts)
    if log:
        _log(what, event)
    if callback is None:
        return True
    try:
        callback(event)
    except Exception:
        key = (what, event.function)
        if key not in _logged and len(_logged) < _MOST_LOGGED:
            _logged.add(key)
            logging.getLogger(LOGGER).exception("on_%s of %s has failed", what, event.function)
        return False
    return True


def _log(what: str, event: RetryEvent) -> None:
    logger = logging.getLogger(LOGGER)
    cause = "an unwanted result" if event.exception is None else type(event.exception).__qualname__
    if what == "retry":
        text = "%s: attempt %d ended with %s, the next follows in %.3f s"
        logger.info(text, event.function, event.attempt, cause, event.delay)
    elif what == "giveup":
        text = "%s: gave up after attempt %d ended with %s, %.3f s: %s"
        logger.warning(text, event.function, event.attempt, cause, event.elapsed, event.reason)
    else:
        logger.info("%s: attempt %d succeeded, %.3f s", event.function, event.attempt, event.elapsed)
