"""The exceptions of cladding, each also the builtin that a caller would catch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cladding._validate import Expectation


class CladdingError(Exception):
    """The base of every exception that cladding itself raises."""


class ConfigurationError(CladdingError, ValueError):
    """A decorator was given a wrong parameter. Raised at decoration; names parameter, value and what is allowed."""


class ValidationError(CladdingError, ValueError):
    """An argument did not meet its expectation. Names the argument, the path inside it, the expectation and what came."""

    function: str = ""
    """The function's full name."""
    argument: str = ""
    """The parameter's name."""
    path: str = ""
    """The place that failed: the parameter, or a place in it such as ``x[3, 5]``, or ``x['id']`` for a missing key."""
    expectation: Expectation | None = None
    """What was expected of the argument."""
    got: str = ""
    """What came instead, in few words."""


class MemoryPressureError(CladdingError, MemoryError):
    """Memory in use stayed above the threshold, so the call was not run."""

    used: int = 0
    """Bytes in use."""
    limit: int = 0
    """Bytes there may be in use."""
    fraction: float = 0.0
    """The share of the limit in use."""
    threshold: float = 0.0
    """The share that the guard allows."""
    source: str = ""
    """Whose limit it is: ``"cgroup-v2"``, ``"cgroup-v1"``, ``"host"``, or ``"process"`` for a limit of the guard's own."""


class CircuitOpenError(CladdingError, ConnectionError):
    """A call was not made, because the function's circuit breaker is open. Names what failed and when it tries again."""

    function: str = ""
    """The function's full name."""
    retry_in: float = 0.0
    """Seconds until the breaker tries again; 0 where that hangs on probes that are under way."""
    state: str = ""
    """``"open"``, or ``"half-open"`` while as many probes as there may be are under way."""


class RateLimitError(CladdingError, RuntimeError):
    """A call would have begun too early for the rate limit, and too long a wait away. It was not run."""

    function: str = ""
    """The function's full name."""
    retry_in: float = 0.0
    """Seconds after which a call can begin, if nobody else's comes before."""


class BulkheadFullError(CladdingError, RuntimeError):
    """There was no place for a call in a bulkhead. It was not run."""

    function: str = ""
    """The function's full name."""
    running: int = 0
    """How many calls were inside."""
    waiting: int = 0
    """How many calls waited."""


class StoreError(CladdingError, ConnectionError):
    """A store of cached results did not do what a program asked it for by ``f.cache`` or ``cache_clear()``.

    Calls of a cached function never raise it: they go on without the store.
    """


class UnwantedResultError(CladdingError, RuntimeError):
    """A retried call came to a result that ``retry_on_result`` does not want. Only a fallback that fails shows it."""


class TypeMismatchError(CladdingError, TypeError):
    """An argument or a result was not of the type that ``accepts`` or ``returns`` was told."""

    function: str = ""
    """The function's qualified name."""
    argument: str = ""
    """The parameter's name, or ``"return"`` for the result."""
    expected: str = ""
    """The type that was wanted, as it would be written."""
    got: str = ""
    """What came instead, in few words."""


class InterfaceError(CladdingError, TypeError):
    """A class does not have what an interface asks of it. Lists everything that is missing."""

    problems: tuple[str, ...] = ()
    """What is missing or does not fit: a line for each member."""


class AccessDeniedError(CladdingError, PermissionError):
    """A caller may not call a function. Says nothing of the arguments."""

    function: str = ""
    """The function's qualified name."""
    check: str = ""
    """The name of the check that refused."""


class CallTimeoutError(CladdingError, TimeoutError):
    """A call took longer than ``timeout`` allows."""

    function: str = ""
    """The function's full name."""
    seconds: float = 0.0
    """How long it was allowed to take."""
