"""The typed face of ``monitor``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, overload

from cladding._policy import MISSING, is_target, make

if TYPE_CHECKING:
    from collections.abc import Callable

    from cladding._native import Policy
    from cladding._policy import Target

    F = TypeVar("F", bound=Target)


@overload
def monitor(
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
    *,
    enabled: bool | Callable[[], bool] = True,
) -> Policy: ...
@overload
def monitor(target: F, /) -> F: ...
def monitor(
    name: str | Target | None = None,
    labels: Mapping[str, str] | None = None,
    *,
    enabled: bool | Callable[[], bool] = True,
) -> Policy | Target:
    """Counts calls and errors, measures how long calls take, and tells it all as Prometheus text.

    A call counts when it is over: a coroutine when it has returned or raised, a generator when it is exhausted or closed.
    It has ended ``ok``, with an ``error`` (an ``Exception``), or ``cancelled`` (anything else: a task's cancellation, an
    interrupt, an exit, a coroutine that was dropped). A generator that its consumer closes has ended ``ok``.

    ``f.cladding.monitor.stats`` has ``calls``, ``errors`` (a dictionary of counts by type, the 65th type and further ones
    together as ``other``), ``cancelled``, ``in_flight`` (calls under way), ``p50``, ``p95``, ``p99`` (seconds, within
    3.2 %; NaN before the first call) and ``total_seconds``.

    :func:`cladding.metrics_text` has ``cladding_calls_total`` by ``outcome``, ``cladding_errors_total`` by ``type``,
    ``cladding_calls_in_flight`` and ``cladding_call_duration_seconds``, each with the label ``function``. Functions of the
    same name and labels share their samples, which are the sums.

    Args:
        name: the label ``function``, instead of ``module.qualname``. When the decorator is used without parentheses, this
            place takes what is to be decorated.
        labels: more labels, with constant values.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: ``name`` is no string, empty, or not to be encoded; ``labels`` is no mapping of strings to strings, or has a name
            that Prometheus does not allow or that is taken (``function``, ``outcome``, ``type``); ``enabled`` is neither a
            bool nor callable.
    """
    target, name = (name, None) if is_target(name) else (MISSING, name)
    # A copy, since the policy is immutable.
    labels = dict(labels) if isinstance(labels, Mapping) else labels
    made: Policy | Target = make("monitor", target, {"name": name, "labels": labels, "enabled": enabled})
    return made
