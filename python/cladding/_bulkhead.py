"""The typed face of ``bulkhead``, and bulkheads that functions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding import _native
from cladding._errors import BulkheadFullError
from cladding._identity import Shared
from cladding._policy import MISSING, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Self

    from cladding._native import Policy


class Bulkhead(_native.Bulkhead, Shared):
    """Places that several functions share: ``@bulkhead(places)`` on each of them.

    Its copies are the object itself, also those that were pickled and come back to the process. In another process all of
    them are one object with places of its own.

    Args:
        max_concurrent: how many calls may run at once, 1 or more.
        max_waiting: how many calls may wait: ``None`` (unless told) without end, 0 for none.
        max_wait: what no call waits longer than, in seconds or as a ``timedelta``; ``None``, unless told, for as long as it
            takes.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range.
    """

    __slots__ = ("__weakref__", "_given", "_key")

    _given: tuple[int, int | None, float | timedelta | None]

    def __new__(
        cls, max_concurrent: int, *, max_waiting: int | None = None, max_wait: float | timedelta | None = None
    ) -> Self:
        given = {"max_concurrent": max_concurrent, "max_waiting": max_waiting, "max_wait": max_wait}
        made = super().__new__(cls, given)
        made._given = (max_concurrent, max_waiting, max_wait)
        return made

    @property
    def max_concurrent(self) -> int:
        """How many calls may run at once."""
        return self._given[0]

    @property
    def max_waiting(self) -> int | None:
        """How many calls may wait."""
        return self._given[1]

    @property
    def max_wait(self) -> float | timedelta | None:
        """What no call waits longer than, unless its function says otherwise."""
        return self._given[2]

    def _made_of(self) -> tuple[Callable[..., Self], dict[str, Any]]:
        return type(self), dict(zip(("max_concurrent", "max_waiting", "max_wait"), self._given, strict=True))

    def __repr__(self) -> str:
        told = f"max_concurrent={self.max_concurrent!r}, max_waiting={self.max_waiting!r}, max_wait={self.max_wait!r}"
        return f"Bulkhead({told})"


def bulkhead(
    max_concurrent: int | Bulkhead = MISSING,
    *,
    max_waiting: int | None = None,
    max_wait: float | timedelta | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> Policy:
    """Lets so many calls run at once, over all threads and the tasks of all event loops. Others wait for a place.

    Places go to those who wait in the order in which they came. A call that is cancelled, interrupted or out of time while
    it waits gives its turn up, and passes a place on that was handed to it already. A generator holds its place from its
    first item until it is exhausted, closed or collected.

    A call that its own thread or task makes while it is inside needs no second place, so recursion does not wait for
    itself. Generators need one each, since several can be open side by side: where one would have to wait while its own
    thread or task holds a place, it raises at once. So does any call whose wait would stop the thread or task that has to
    give a place back. (A call that is inside and waits for *other* threads or tasks to come in is not seen: give
    ``max_wait``.)

    Each function has places of its own, which all instances share where it is a method.

    ``f.cladding.bulkhead.stats`` has ``calls`` (that came in), ``waits`` (calls that had to wait), ``rejected`` (calls that
    raised :class:`BulkheadFullError`), and of now ``running`` and ``waiting``.

    >>> from cladding import bulkhead
    >>> @bulkhead(2, max_waiting=10, max_wait=0.5)
    ... def predict(row):
    ...     return sum(row)
    >>> predict([1, 2])
    3

    Args:
        max_concurrent: needed: how many calls may run at once, 1 or more; or a :class:`Bulkhead` that functions share.
        max_waiting: how many calls may wait: ``None`` (unless told) without end, 0 to fail at once. With a
            :class:`Bulkhead` it is that one's.
        max_wait: what no call waits longer than, in seconds or as a ``timedelta``: ``None``, unless told, for as long as it
            takes, or as the :class:`Bulkhead` says.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range.
        BulkheadFullError: from a call for which there is no place, where it may not wait, has waited ``max_wait``, or would
            wait for its own thread or task.
    """
    parameters: dict[str, Any] = {} if max_concurrent is MISSING else {"max_concurrent": max_concurrent}
    parameters |= {"max_waiting": max_waiting, "max_wait": max_wait, "enabled": enabled}
    made: Policy = make("bulkhead", MISSING, parameters)
    return made


_WHY = {
    "full": "",
    "late": ", and none was free in time",
    "stuck": ", and waiting for one would stop this thread or task, which holds one itself",
}


def refusal(function: str, running: int, waiting: int, why: str) -> BulkheadFullError:
    """The error for a call for which there is no place."""
    inside = f"{running} call{'' if running == 1 else 's'} running, {waiting} waiting"
    error = BulkheadFullError(f"{function}: no place in the bulkhead ({inside}){_WHY[why]}")
    error.function, error.running, error.waiting = function, running, waiting
    return error
