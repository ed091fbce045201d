"""What ``timeout`` does outside native code: scopes that end what runs in a task, and calls in threads."""

from __future__ import annotations

import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from cladding import _workers
from cladding._errors import CallTimeoutError
from cladding._waits import runs_in_asyncio, under_trio

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    import trio

    from cladding._native import Tally

    Scope = asyncio.Timeout | trio.CancelScope


class Expired(BaseException):
    """The sign, for native code only, that nobody waits any more for a call in a thread."""


def timed_out(function: str, seconds: float, shortened: bool, ended_by: BaseException | None) -> CallTimeoutError:
    """The exception that the caller gets, with the traceback of where the function was when its time was up."""
    time_allowed = f"the {seconds:.3f} s that were left until its deadline" if shortened else f"{seconds:g} s"
    error = CallTimeoutError(f"{function} took longer than {time_allowed}")
    error.function, error.seconds = function, seconds
    if ended_by is not None and _workers.below_own_frames(ended_by) is ended_by.__traceback__:
        # Else it was in a wait of another policy's, which is no place in the function.
        error.__traceback__ = ended_by.__traceback__
    return error


def _finish(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Runs a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    message = "a timeout of asyncio has suspended its task"
    raise RuntimeError(message)


def enter(seconds: float, function: str) -> Scope:
    """Begins a time after which the task that runs is cancelled: by asyncio's own timeout, or a scope of trio's."""
    if under_trio():
        import trio

        scope = trio.CancelScope(deadline=trio.current_time() + seconds)
        scope.__enter__()
        return scope
    if not runs_in_asyncio():
        message = f"timeout: {function} runs in no task of asyncio or trio, so nothing could end it"
        raise RuntimeError(message)
    import asyncio

    timeout = asyncio.timeout(seconds)
    _finish(timeout.__aenter__())
    return timeout


def leave(scope: Any, error: BaseException | None) -> bool | BaseException:
    """Ends it, with the exception that was raised meanwhile. True where that is the expiry, else what to raise instead.

    An outside cancellation that comes at the same moment stays one, as asyncio and trio decide.
    """
    kind, traceback = type(error) if error else None, error and error.__traceback__
    if hasattr(scope, "__exit__"):
        try:
            return bool(scope.__exit__(kind, error, traceback))
        except BaseException as rest:  # noqa: BLE001 - native code raises it
            # What is left of a group, say, when the scope has taken its cancellations out.
            return rest.with_traceback(None)
    try:
        _finish(scope.__aexit__(kind, error, traceback))
    except TimeoutError:
        return True
    return False


def run_in_thread(tally: Tally, seconds: float, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Has a call made in a thread, and waits for so long. The thread is then left to itself.

    Native code takes the one entry of this function off the traceback of what it raises, and with it this frame.
    """
    ended: SimpleQueue[_workers.Ended] = SimpleQueue()
    end = time.monotonic() + seconds
    attempt = outcome = None
    try:
        attempt = _workers.Attempt(ended, tally, 0, call, args, kwargs)
        outcome = _workers.next_ended(ended, end)
        if outcome is None and not attempt.abandon():
            outcome = ended.get()
    except BaseException as interrupt:  # noqa: BLE001 - it is raised again
        if attempt is not None:
            attempt.abandon()
        raise interrupt.with_traceback(_workers.below_own_frames(interrupt))  # noqa: B904 - the very same
    if outcome is None:
        raise Expired
    _, failure, result = outcome
    if failure is not None:
        raise failure
    return result
