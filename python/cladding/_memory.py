"""The typed face of ``memory_guard``, and its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, overload

from cladding._errors import MemoryPressureError
from cladding._policy import MISSING, is_target, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from cladding._native import Policy
    from cladding._policy import Target

    F = TypeVar("F", bound=Target)

Step: TypeAlias = Literal["collect", "warn", "wait", "raise"]


@overload
def memory_guard(
    threshold: float = 0.85,
    *,
    on_pressure: tuple[Step, ...] = ("collect", "warn", "wait", "raise"),
    wait: float | timedelta = 5.0,
    interval: float | timedelta = 0.1,
    limit: int | str | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> Policy: ...
@overload
def memory_guard(target: F, /) -> F: ...
def memory_guard(
    threshold: float | Target = 0.85,
    *,
    on_pressure: tuple[Step, ...] = ("collect", "warn", "wait", "raise"),
    wait: float | timedelta = 5.0,
    interval: float | timedelta = 0.1,
    limit: int | str | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> Policy | Target:
    """Looks at the memory in use before each call, and lets it run only while there is enough left.

    The memory is that of the process's container where it has a limit (control groups of both versions, less the page
    cache that the kernel can take back), else that of the machine. It is read at most once in ``interval``, for all
    guards of the process together. A call that finds too much in use goes through the steps of ``on_pressure``, in their
    order, until one look afterwards finds enough left:

    * ``"collect"``: ``gc.collect()``, at most once a second in the whole process;
    * ``"warn"``: a warning to the logger ``cladding``, at most once in 10 seconds for each decorated function;
    * ``"wait"``: up to ``wait`` seconds, looking again meanwhile (awaited in coroutines);
    * ``"raise"``: :class:`MemoryPressureError`. Where the steps end without it, the call runs all the same.

    Where memory cannot be read (outside Linux, or for a time), calls run; it is counted and logged, at decoration once in
    the whole process.

    ``f.cladding.memory_guard.stats`` has ``checks``, ``waits``, ``collections``, ``warnings``, ``rejected`` and
    ``failed_readings``.

    Args:
        threshold: the fraction of the limit, above 0 and at most 1, from which on memory is under pressure; 0.85 unless
            told. When the decorator is used without parentheses, this place takes what is to be decorated.
        on_pressure: what to do then: different steps, one at least; all four in the order above unless told.
        wait: the longest wait of one call, in seconds or as a ``timedelta``; 5 s unless told.
        interval: how long a reading is good enough, in seconds or as a ``timedelta``; 0.1 s unless told, 0 reads at every
            call.
        limit: bytes, or text such as ``"2GiB"``, that this process may use by itself (resident memory), in place of the
            limit that it lives under.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: a parameter outside what is allowed.
        MemoryPressureError: at a call, as above.
    """
    target, threshold = (threshold, 0.85) if is_target(threshold) else (MISSING, threshold)
    parameters = {
        "threshold": threshold,
        "on_pressure": on_pressure,
        "wait": wait,
        "interval": interval,
        "limit": limit,
        "enabled": enabled,
    }
    made: Policy | Target = make("memory_guard", target, parameters)
    return made


WHOSE = {
    "cgroup-v2": "limit of the container",
    "cgroup-v1": "limit of the container",
    "host": "limit of the machine",
    "process": "the guard's own limit for this process",
}


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%" if share < 1 else f"{share:,.0%}"


def _words(function: str, used: int, limit: int, fraction: float, threshold: float, source: str) -> str:
    return (
        f"{function}: memory in use is {used:,} of {limit:,} bytes ({_percent(fraction)}, {WHOSE[source]}), "
        f"the guard's threshold is {_percent(threshold)}"
    )


def warn(function: str, used: int, limit: int, fraction: float, threshold: float, source: str) -> None:
    """Says in the log that memory is under pressure."""
    import logging

    logging.getLogger("cladding").warning("%s", _words(function, used, limit, fraction, threshold, source))


def sees_nothing(error: str) -> None:
    """Says in the log that memory cannot be read where the program was started."""
    import logging

    logging.getLogger("cladding").warning(
        "memory_guard: memory in use cannot be read on this system, so guards let every call pass: %s", error
    )


def lost_sight(function: str, error: str) -> None:
    """Says in the log that memory cannot be read any more."""
    import logging

    logging.getLogger("cladding").warning(
        "%s: memory in use cannot be read, calls are let through: %s", function, error
    )


def pressure(
    function: str, used: int, limit: int, fraction: float, threshold: float, source: str
) -> MemoryPressureError:
    """The error for a call that is turned away."""
    error = MemoryPressureError(_words(function, used, limit, fraction, threshold, source))
    error.used, error.limit, error.fraction = used, limit, fraction
    error.threshold, error.source = threshold, source
    return error
