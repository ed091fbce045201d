"""The attempts of ``hedge``: begun one after the other until one answers, in threads or in tasks."""

from __future__ import annotations

import math
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from cladding import _workers
from cladding._waits import runs_in_asyncio, under_trio

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine

    from cladding._native import Tally

# Native code takes one entry, that of the function that runs the race, off the traceback of whatever it raises, and with it
# that function's frame.


class _Race:
    """How many attempts of one call were begun, when the next is due, and what has come of them."""

    def __init__(self, tally: Tally, delay: float, most: int) -> None:
        self._tally, self._delay, self._most = tally, delay, most
        self._begun = self._failed = 0
        self.due = -math.inf
        """When the next attempt is to be begun."""
        self.failure: BaseException | None = None
        """What the call comes to, unless some attempt succeeds."""

    def begin(self, now: float) -> int:
        """The index of an attempt that begins now."""
        index, self._begun = self._begun, self._begun + 1
        self.due = now + self._delay if index < self._most else math.inf
        if index > 0:
            self._tally.hedge()
        return index

    def is_decided_by(self, ended: _workers.Ended) -> bool:
        """Whether the call is over with the end of an attempt: the first success, or the last failure."""
        index, failure, _ = ended
        if failure is None:
            if index > 0:
                self._tally.win()
            return True
        self._failed += 1
        if not isinstance(failure, Exception):
            # Neither a cancellation nor an exit is a failure that another attempt makes good.
            self.failure = failure
            return True
        self.failure = self.failure or failure
        return self._failed == self._begun


def race_in_threads(
    tally: Tally, delay: float, most: int, call: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Any:
    """Has a call made in a thread, and in up to ``most`` others, each so many seconds after the one before."""
    race = _Race(tally, delay, most)
    told: SimpleQueue[_workers.Ended] = SimpleQueue()
    running: dict[int, _workers.Attempt] = {}
    ended = None
    try:
        while ended is None or not race.is_decided_by(ended):
            if race.due <= (now := time.monotonic()):
                index = race.begin(now)
                running[index] = _workers.Attempt(told, tally, index, call, args, kwargs)
            ended = _workers.next_ended(told, race.due)
            if ended is not None:
                del running[ended[0]]
    except BaseException as interrupt:  # noqa: BLE001 - it is raised again
        raise interrupt.with_traceback(_workers.below_own_frames(interrupt))  # noqa: B904 - the very same
    finally:
        for attempt in running.values():
            if not attempt.abandon():
                _workers.close_unbegun(told.get()[2])
    _, failure, result = ended
    if failure is not None:
        raise race.failure or failure
    return result


def race_in_tasks(
    tally: Tally,
    function: str,
    delay: float,
    most: int,
    call: Callable[..., Awaitable[Any]],
    /,
    *args: Any,
    **kwargs: Any,
) -> Coroutine[Any, Any, Any]:
    """The same in tasks of the event loop that runs, which are over when this is."""
    race = _Race(tally, delay, most)
    if under_trio():
        return _race_in_trio(race, call, args, kwargs)
    if runs_in_asyncio():
        return _race_in_asyncio(race, call, args, kwargs)
    message = f"hedge: {function} runs in no task of asyncio or trio, so no other could run beside it"
    raise RuntimeError(message)


async def _race_in_asyncio(
    race: _Race, call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    import asyncio

    clock = asyncio.get_running_loop().time
    running: dict[asyncio.Future[Any], int] = {}
    ended = None
    try:
        while ended is None or not race.is_decided_by(ended):
            if race.due <= clock():
                index = race.begin(clock())
                running[_begin(call, args, kwargs)] = index
            if (task := next(filter(_is_done, running), None)) is None:
                patience = None if race.due == math.inf else max(race.due - clock(), 0)
                await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                ended = None
            else:
                ended = _end_of(task, running.pop(task))
            del task
        await _cancel(running)
    except GeneratorExit:
        # The call was forgotten, and cannot wait any more.
        for each in running:
            each.cancel()
        raise
    except BaseException:
        await _cancel(running)
        raise
    _, failure, result = ended
    if failure is not None:
        raise race.failure or failure
    return result


def _is_done(task: asyncio.Future[Any]) -> bool:
    return task.done()


def _begin(call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> asyncio.Future[Any]:
    import asyncio

    try:
        return asyncio.ensure_future(call(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - it is this attempt's
        future = asyncio.get_running_loop().create_future()
        future.set_exception(error.with_traceback(_workers.below_own_frames(error)))
        return future


def _end_of(task: asyncio.Future[Any], index: int) -> _workers.Ended:
    try:
        return index, None, task.result()
    except BaseException as error:  # noqa: BLE001 - it may be the call's
        return index, error.with_traceback(_workers.below_own_frames(error)), None


async def _cancel(running: dict[asyncio.Future[Any], int]) -> None:
    """Cancels attempts and waits until they are over. A cancellation from outside that comes meanwhile passes then."""
    import asyncio

    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in running if not task.done()]:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    for task in running:
        if not task.cancelled():
            task.exception()  # Nobody else asks for it.
    if cancelled is not None:
        try:
            raise cancelled
        finally:
            del cancelled


async def _race_in_trio(
    race: _Race, call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    import trio

    tell, told = trio.open_memory_channel[_workers.Ended](math.inf)
    ended = None
    async with trio.open_nursery() as nursery:
        while ended is None or not race.is_decided_by(ended):
            if race.due <= trio.current_time():
                nursery.start_soon(_attempt_in_trio, tell, race.begin(trio.current_time()), call, args, kwargs)
            ended = None
            with trio.move_on_at(race.due):
                ended = await told.receive()
        nursery.cancel_scope.cancel()
    _, failure, result = ended
    if failure is not None:
        raise race.failure or failure
    return result


async def _attempt_in_trio(
    tell: Any, index: int, call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    try:
        result = await call(*args, **kwargs)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - it may be the call's
        # A cancellation, or a group with one in it, is for the nursery.
        tell.send_nowait((index, error.with_traceback(_workers.below_own_frames(error)), None))
    else:
        tell.send_nowait((index, None, result))
