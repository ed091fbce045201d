"""The typed face of ``circuit_breaker``, and ``CircuitBreaker``, which functions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, final, overload

from cladding import _native
from cladding._errors import ConfigurationError
from cladding._identity import Shared
from cladding._policy import MISSING, is_target, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Self

    from cladding._native import Policy
    from cladding._policy import Target

    F = TypeVar("F", bound=Target)
    Exceptions = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]


@final
class CircuitBreaker(_native.CircuitBreaker, Shared):
    """Leaves alone for a while what keeps failing, then tries it with a few calls. For functions to share.

    *Closed*, it lets calls through and counts them. When too many fail, by their share or by their number in the latest
    ``window`` seconds, it *opens*: calls raise ``CircuitOpenError`` at once. After ``open_for`` seconds it is *half-open*:
    ``probes`` calls are let through, never more, whatever the number of threads and tasks. If all of them succeed it
    closes, and the window is empty; if one fails it opens again. The pattern is Michael Nygard's ("Release It!", 2007).

    A call counts in the state in which it began: one that ends after the state has changed says nothing. Cancellation,
    ``KeyboardInterrupt``, ``SystemExit`` and abandoned calls never count, and a probe that ends so gives its place back.
    What a probe calls under the same breaker is part of it: it takes no place and does not count.

    The window is of ten buckets: a call leaves it nine to ten tenths of ``window`` after it came.

    ``stats`` has ``state``, ``calls`` and ``failures`` (those in the window), ``retry_in`` (seconds until an open breaker
    tries again), ``probing`` (probes under way), ``opened`` (how often it opened) and ``rejected`` (calls refused).

    A breaker may be used by any number of threads, tasks and functions; no lock is held while they run. It is kept in
    memory: each process has its own. A copy is the breaker itself, and so is an unpickled one in the process where the
    breaker lives; other processes have one of the same parameters, which all copies there share.

    >>> from cladding import CircuitBreaker
    >>> breaker = CircuitBreaker(failures=5, open_for=10)
    >>> breaker.state
    'closed'

    Args:
        failure_ratio: the share of failed calls in the window at which it opens, above 0 and at most 1; 0.5 unless told.
            ``None`` if only ``failures`` is to open it.
        min_calls: how many calls have to be in the window before their share opens it, 1 or greater; 20 unless told.
        window: over how long calls are counted, in seconds or as a ``timedelta``, above 0; 60 s unless told.
        open_for: how long it stays open, in seconds or as a ``timedelta``, above 0; 30 s unless told.
        probes: how many calls are tried then, 1 or greater; 1 unless told.
        failures: the number of failed calls in the window at which it opens, whatever their share; none unless told.
        exceptions: what counts as a failure: an exception type, a tuple of them, or a callable that takes the exception
            and answers ``True`` or ``False``. ``Exception`` unless told. Other exceptions count as successes: something
            did answer.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range. Also from a call, in place of the
            function's own exception, where the callable of ``exceptions`` answers anything but a bool.
    """

    __slots__ = ("__weakref__", "_key")

    def __new__(
        cls,
        failure_ratio: float | None = 0.5,
        min_calls: int = 20,
        window: float | timedelta = 60.0,
        open_for: float | timedelta = 30.0,
        probes: int = 1,
        *,
        failures: int | None = None,
        exceptions: Exceptions = Exception,
    ) -> Self:
        parameters = {
            "failure_ratio": failure_ratio,
            "min_calls": min_calls,
            "window": window,
            "open_for": open_for,
            "probes": probes,
            "failures": failures,
            "exceptions": exceptions,
        }
        return super().__new__(cls, parameters)

    def _made_of(self) -> tuple[Callable[..., Self], dict[str, Any]]:
        return type(self), dict(self.parameters)


@overload
def circuit_breaker(
    *,
    failure_ratio: float | None = 0.5,
    min_calls: int = 20,
    window: float | timedelta = 60.0,
    open_for: float | timedelta = 30.0,
    probes: int = 1,
    failures: int | None = None,
    exceptions: Exceptions = Exception,
    enabled: bool | Callable[[], bool] = True,
) -> Policy: ...
@overload
def circuit_breaker(breaker: CircuitBreaker | None, *, enabled: bool | Callable[[], bool] = True) -> Policy: ...
@overload
def circuit_breaker(target: F, /) -> F: ...
def circuit_breaker(
    breaker: CircuitBreaker | Target | None = None,
    *,
    failure_ratio: float | None = 0.5,
    min_calls: int = 20,
    window: float | timedelta = 60.0,
    open_for: float | timedelta = 30.0,
    probes: int = 1,
    failures: int | None = None,
    exceptions: Exceptions = Exception,
    enabled: bool | Callable[[], bool] = True,
) -> Policy | Target:
    """Refuses calls at once, with ``CircuitOpenError``, of what keeps failing, until a few that are tried succeed.

    With a ``CircuitBreaker``, all functions that are given it open and close together; otherwise each function gets one
    of its own, with the parameters that ``CircuitBreaker`` has. ``f.cladding.circuit_breaker.breaker`` is the breaker.

    A generator counts when it ends. One that is closed by its consumer counts as a success if it has yielded anything;
    if not it does not count. The making of an instance counts as the call of a class.

    ``f.cladding.circuit_breaker.stats`` has ``calls`` that have ended, and among them ``succeeded``, ``failed``,
    ``rejected`` (not made) and ``cancelled`` (came to no end); ``state`` is the breaker's.

    Args:
        breaker: the breaker, if it is shared. When the decorator is used without parentheses, this place takes what is
            to be decorated.
        failure_ratio: as for ``CircuitBreaker``, and so are the others.
        min_calls: see ``CircuitBreaker``.
        window: see ``CircuitBreaker``.
        open_for: see ``CircuitBreaker``.
        probes: see ``CircuitBreaker``.
        failures: see ``CircuitBreaker``.
        exceptions: see ``CircuitBreaker``.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range, or was given beside ``breaker``.
        CircuitOpenError: from a call, in place of making it.
    """
    own: dict[str, object] = {
        "failure_ratio": failure_ratio,
        "min_calls": min_calls,
        "window": window,
        "open_for": open_for,
        "probes": probes,
        "failures": failures,
        "exceptions": exceptions,
    }
    target = MISSING
    if is_target(breaker):
        target, breaker = breaker, None
    parameters = own
    if breaker is not None:
        for name, value in own.items():
            default = (circuit_breaker.__kwdefaults__ or {})[name]
            if value is not default and (type(value) is not type(default) or value != default):
                message = (
                    f"circuit_breaker: `{name}` must not be given beside `breaker`, which has its own, got {value!r}"
                )
                raise ConfigurationError(message)
        parameters = {"breaker": breaker}
    made: Policy | Target = make("circuit_breaker", target, {**parameters, "enabled": enabled})
    return made
