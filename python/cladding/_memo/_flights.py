"""One computation at a time for each attribute of each instance, with nothing stored on the instance."""

from __future__ import annotations

import os
from _thread import LockType, allocate_lock, get_ident
from typing import TYPE_CHECKING, Any, TypeAlias

from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A computation under way: whose thread runs it, and a lock that is free when it is over.
_Flight: TypeAlias = tuple[int, LockType]

# Each access below is a single operation of a dictionary, so neither threads nor finalisers come between; a lock around
# them could be wanted by a finaliser that runs while it is held.
_flying: dict[tuple[int, int], _Flight] = {}
_waiting: dict[int, _Flight] = {}


def once(attribute: object, instance: object, values: Mapping[str, Any], name: str, compute: Callable[..., Any]) -> Any:
    """What ``values`` has under a name, or else what ``compute(instance, values, name)`` gives and puts there.

    Other threads that want it wait meanwhile. A thread that comes here from within its own computation goes on without
    waiting, and so does one that others wait for in a circle: what would never end waiting computes instead.
    """
    me, key = get_ident(), (id(instance), id(attribute))
    while True:
        lock = allocate_lock()
        lock.acquire()
        mine = (me, lock)
        flight = _flying.setdefault(key, mine)
        if flight is mine:
            try:
                # Another thread may have finished after the caller's look.
                value = values.get(name, MISSING)
                return compute(instance, values, name) if value is MISSING else value
            finally:
                if _flying.get(key) is mine:
                    del _flying[key]
                lock.release()
        if flight[0] == me or not _wait(me, flight):
            return compute(instance, values, name)
        value = values.get(name, MISSING)
        if value is not MISSING:
            return value


def _wait(me: int, flight: _Flight) -> bool:
    """Waits for another thread's computation. False if that waits, by way of others, for this thread."""
    _waiting[me] = flight
    try:
        after: _Flight | None = flight
        for _ in range(len(_waiting) + 1):
            if after is None:
                break
            if after[0] == me:
                return False
            after = _waiting.get(after[0])
        with flight[1]:
            return True
    finally:
        _waiting.pop(me, None)


def _forget_others() -> None:
    """A forked child has one thread, and waits for none of those that it left behind."""
    _flying.clear()
    _waiting.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_others)
