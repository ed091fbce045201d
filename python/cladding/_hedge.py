"""The typed face of ``hedge``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cladding._policy import MISSING, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from cladding._native import Policy


def hedge(delay: float | timedelta, *, max_hedges: int = 1, enabled: bool | Callable[[], bool] = True) -> Policy:
    """Makes a call a second time beside the first where that has not answered, and takes the first answer.

    Only for functions that may run twice at once for one call, such as reads. Each further attempt is begun ``delay`` seconds
    after the one before. The first that returns wins. One that fails does not decide while others run; where all have failed,
    the first failure is raised. What fails before the delay is over is raised at once: trying again is for ``retry``. With the
    delay at the 95th percentile of the latency one call in twenty is made twice: Jeffrey Dean and Luiz Andre Barroso, "The
    Tail at Scale" (Communications of the ACM 56:2, 2013).

    The attempts of a coroutine function are tasks, or run in a nursery of trio's. The losers are cancelled, and are over when
    the call is. What an attempt sets in context variables stays in it. A plain function, or a class, runs in worker threads,
    in copies of the caller's context variables, while the caller waits. **No thread can be stopped: a loser runs on to its end,
    and its result or exception is dropped.**

    ``f.cladding.hedge.stats`` has ``calls``, ``hedges`` (attempts beside the first), ``won`` (calls that one of those answered),
    ``abandoned`` (attempts that were left to run on in a thread) and ``left_running`` (those of them that are not over).

    Args:
        delay: how long to wait for an answer before each further attempt, in seconds or as a ``timedelta``, above 0 and at most 1e9.
        max_hedges: how many attempts there may be beside the first, 1 to 100; 1 unless told.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range.
        TypeError: at decoration, of a generator function of either sort; from a call, of a plain function that has returned
            something that is still to run.
        RuntimeError: from a call of a coroutine function, where no task of asyncio or trio runs it.
    """
    policy: Policy = make("hedge", MISSING, {"delay": delay, "max_hedges": max_hedges, "enabled": enabled})
    return policy
