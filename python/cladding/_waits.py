"""The waits that policies ask for: blocking, or awaited under asyncio or trio."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Joinable(Protocol):
    """What can be waited for: another call's computation, or a call in the background."""

    def subscribe(self, callback: Callable[[], object], /) -> bool:
        """Asks for a call of ``callback`` at the end. False, and no call, if that is past."""
        ...

    def unsubscribe(self, callback: Callable[[], object], /) -> None:
        """Takes a subscription back."""
        ...


SLICE = 0.25
"""Seconds after which a wait looks for signals at the latest."""


def sleep(seconds: float) -> None:
    """Blocks for a time. Signals are handled meanwhile; nothing is called for a wait of zero."""
    # In slices, because a signal that comes just before the system call would be seen only after it. No clock is read, so
    # that a test which replaces `time.sleep` ends every wait by that.
    while seconds > 0:
        time.sleep(min(seconds, SLICE))
        seconds -= SLICE


def join(flight: Joinable, seconds: float | None = None) -> None:
    """Blocks until another call's computation is over, or for so many seconds."""
    landed = threading.Lock()
    landed.acquire()
    wake = landed.release
    try:
        if flight.subscribe(wake):
            end = math.inf if seconds is None else time.monotonic() + seconds
            while not landed.acquire(timeout=max(0.0, min(end - time.monotonic(), SLICE))):
                if time.monotonic() >= end:
                    break
    finally:
        flight.unsubscribe(wake)


def under_trio() -> bool:
    """Whether trio runs the code that asks."""
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


def runs_in_asyncio() -> bool:
    """Whether a task of asyncio's runs the code that asks."""
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio is not None and asyncio.current_task() is not None
    except RuntimeError:
        return False


def current_task() -> tuple[object, object] | None:
    """The task that runs now in asyncio or trio, and what stands for its event loop; ``None`` where no event loop runs."""
    if "trio" in sys.modules and under_trio():
        import trio

        return trio.lowlevel.current_task(), trio.lowlevel.current_trio_token()
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    task = asyncio.current_task(loop)
    return None if task is None else (task, loop)


def progress(task: Any) -> bool | None:
    """Whether the event loop of a task runs, as far as it can be asked; ``None`` if the task will never run again."""
    if not hasattr(task, "get_loop"):
        return True
    loop = task.get_loop()
    return None if task.done() or loop.is_closed() else bool(loop.is_running())


async def sleep_async(seconds: float) -> None:
    """Waits in the event loop that runs. A wait of zero gives other tasks their turn."""
    if under_trio():
        import trio

        await trio.sleep(seconds)
    else:
        import asyncio

        await asyncio.sleep(seconds)


async def join_async(flight: Joinable, seconds: float | None = None) -> None:
    """Waits in the event loop that runs until another thread's or task's computation is over, or for so many seconds."""
    if under_trio():
        import trio

        token = trio.lowlevel.current_trio_token()
        event = trio.Event()

        def wake() -> None:
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(event.set)

        try:
            if flight.subscribe(wake):
                with trio.move_on_after(math.inf if seconds is None else seconds):
                    await event.wait()
        finally:
            flight.unsubscribe(wake)
        return

    import asyncio

    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def finish() -> None:
        if not future.done():
            future.set_result(None)

    def wake_loop() -> None:
        with contextlib.suppress(RuntimeError):  # The loop was closed, so nobody waits any more.
            loop.call_soon_threadsafe(finish)

    timer = None if seconds is None else loop.call_later(seconds, finish)
    try:
        if flight.subscribe(wake_loop):
            await future
    finally:
        flight.unsubscribe(wake_loop)
        if timer is not None:
            timer.cancel()
