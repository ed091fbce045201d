"""The typed face of ``timeout``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cladding._policy import MISSING, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from cladding._native import Policy


def timeout(seconds: float | timedelta, *, enabled: bool | Callable[[], bool] = True) -> Policy:
    """Ends a call that takes too long with ``CallTimeoutError``, which is a ``TimeoutError``.

    A coroutine function is cancelled in the task that runs it, by ``asyncio.timeout`` or a cancel scope of trio's; no task is
    made. What it does on cancellation is part of the call: if it goes on, the call goes on, and if it returns a value, that
    is the result. A cancellation from outside passes. An async generator function has so long for its first item.

    A plain function, or a class, runs in a worker thread, in a copy of the caller's context variables, while the caller waits.
    **No thread can be stopped: where the time is up the caller gets the error, and the function runs on to its end.** Its
    late result or exception is dropped. Such threads keep no program from ending.

    ``f.cladding.timeout.stats`` has ``calls``, ``timed_out``, ``abandoned`` (calls that were left to run on in a thread, which
    an interrupt of the caller does too) and ``left_running`` (those of them that are not over).

    Args:
        seconds: how long a call may take, in seconds or as a ``timedelta``, above 0 and at most 1e9.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range.
        TypeError: at decoration, of a generator function, whose items are made in the thread that asks for them; from a call,
            of a plain function that has returned a generator.
        RuntimeError: from a call of a coroutine function, where no task of asyncio or trio runs it.
    """
    policy: Policy = make("timeout", MISSING, {"seconds": seconds, "enabled": enabled})
    return policy
