"""The exceptions of a call that was retried, from the last one."""

from __future__ import annotations

EARLIER = "__cladding_failures__"


def failures(error: BaseException) -> tuple[BaseException, ...]:
    """The exceptions of all attempts of the call that raised ``error``, oldest first and ``error`` last.

    The earlier ones have no tracebacks, so that they keep no frames alive. Of more than 100 the latest are there; one that
    was raised again and again is there once.
    """
    return (*vars(error).get(EARLIER, ()), error)


def group(error: Exception) -> ExceptionGroup[Exception]:
    """The same exceptions as one ``ExceptionGroup``, to raise or to log."""
    earlier: tuple[Exception, ...] = vars(error).get(EARLIER, ())
    count = len(earlier) + 1
    return ExceptionGroup(f"{count} attempt{'s' if count > 1 else ''} failed", (*earlier, error))
