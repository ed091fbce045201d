"""Coroutine functions in the background, and handles that are awaited."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from cladding._gallery.background import background

from .work import Failure

LONG = 20


@background
async def where(x: int = 0) -> tuple[int, int]:
    await asyncio.sleep(0)
    return x, threading.get_ident()


@background
def plain(x: int) -> int:
    return x + 1


def test_without_a_loop_it_has_one_of_its_own() -> None:
    x, thread = where(5).result(LONG)
    assert x == 5
    assert thread != threading.get_ident()


def test_in_a_loop_it_is_a_task_of_it() -> None:
    variable = contextvars.ContextVar("variable", default=0)

    @background
    async def read() -> int:
        return variable.get()

    async def main() -> None:
        assert await where(5) == (5, threading.get_ident())
        variable.set(3)
        assert await read() == 3

    asyncio.run(main())


def test_an_executor_takes_it_out_of_the_loop() -> None:
    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            _, thread = await background(executor=pool)(where.__wrapped__)()  # type: ignore[attr-defined]
            assert thread != threading.get_ident()

    asyncio.run(main())


def test_plain_calls_are_awaited_without_blocking() -> None:
    go = threading.Event()

    @background
    def wait() -> str:
        assert go.wait(LONG)
        return "done"

    async def main() -> None:
        waiting = asyncio.ensure_future(asyncio.wait_for(wait(), LONG))
        await asyncio.sleep(0)
        assert await plain(1) == 2
        assert not waiting.done()
        go.set()
        assert await waiting == "done"

    asyncio.run(main())


def test_under_trio() -> None:
    trio = pytest.importorskip("trio", reason="trio is not installed")

    async def main() -> None:
        assert await plain(1) == 2
        assert (await where(1))[0] == 1

    trio.run(main)


def test_waiting_for_oneself_is_refused() -> None:
    async def main() -> None:
        handle = where()
        with pytest.raises(RuntimeError, match="`await handle`"):
            handle.result()
        with pytest.raises(RuntimeError, match="`await handle`"):
            handle.exception()
        await handle
        assert handle.result()[0] == 0

    asyncio.run(main())


def test_cancel_stops_the_task() -> None:
    stopped = []

    @background
    async def forever() -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            stopped.append(True)

    async def main() -> None:
        handle = forever()
        await asyncio.sleep(0)
        assert handle.cancel()
        with pytest.raises(CancelledError):
            await handle
        assert handle.cancelled()
        assert not handle.cancel()

    asyncio.run(main())
    assert stopped == [True]


def test_a_waiter_that_is_cancelled_leaves_the_call_running() -> None:
    go = threading.Event()

    @background
    def wait() -> str:
        assert go.wait(LONG)
        return "done"

    async def main() -> None:
        handle = wait()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.ensure_future(_await(handle)), 0.01)
        assert not handle.done()
        go.set()
        assert await handle == "done"

    asyncio.run(main())


async def _await(handle: object) -> object:
    return await handle  # type: ignore[misc]


def test_errors() -> None:
    @background
    async def fail() -> None:
        raise Failure("mine")

    @background
    def stop() -> None:
        raise StopIteration

    async def main() -> None:
        with pytest.raises(Failure, match="mine"):
            await fail()
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(_await(stop()), LONG)

    asyncio.run(main())
    with pytest.raises(Failure, match="mine"):
        fail().result(LONG)
