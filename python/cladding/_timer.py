"""The typed face of ``timer``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from cladding._policy import MISSING, make

if TYPE_CHECKING:
    from collections.abc import Callable

    from cladding._native import Policy
    from cladding._policy import Target

    F = TypeVar("F", bound=Target)


@overload
def timer(target: F, /) -> F: ...
@overload
def timer(*, enabled: bool | Callable[[], bool] = True) -> Policy: ...
def timer(target: Any = MISSING, /, *, enabled: bool | Callable[[], bool] = True) -> Any:
    """Counts calls and measures how long they take, waits of coroutines and generators included.

    ``f.cladding.timer.stats`` has ``calls``, ``errors`` (calls that raised an ``Exception``), ``total_seconds`` and
    ``last_seconds``. A coroutine counts when it is over, a generator when it is exhausted or closed.

    Args:
        target: what to decorate, when used without parentheses.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: ``enabled`` is neither a bool nor callable.
    """
    return make("timer", target, {"enabled": enabled})
