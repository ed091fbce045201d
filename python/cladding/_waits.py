"""The waits that policies ask for: blocking, or awaited under asyncio or trio."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cladding._native import Flight


def sleep(seconds: float) -> None:
    """Blocks for a time. Signals are handled meanwhile; nothing is called for a wait of zero."""
    if seconds > 0:
        time.sleep(seconds)


def join(flight: Flight) -> None:
    """Blocks until another call's computation is over."""
    landed = threading.Lock()
    landed.acquire()
    if flight.subscribe(landed.release):
        try:
            landed.acquire()
        except BaseException:
            flight.unsubscribe(landed.release)
            raise


def _under_trio() -> bool:
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


async def sleep_async(seconds: float) -> None:
    """Waits in the event loop that runs."""
    if seconds <= 0:
        return
    if _under_trio():
        import trio

        await trio.sleep(seconds)
    else:
        import asyncio

        await asyncio.sleep(seconds)


async def join_async(flight: Flight) -> None:
    """Waits in the event loop that runs until another call's computation is over, which may be in another thread."""
    if _under_trio():
        import trio

        token = trio.lowlevel.current_trio_token()
        event = trio.Event()

        def wake() -> None:
            token.run_sync_soon(event.set)

        if flight.subscribe(wake):
            try:
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
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish)

    if flight.subscribe(wake_loop):
        try:
            await future
        finally:
            flight.unsubscribe(wake_loop)
