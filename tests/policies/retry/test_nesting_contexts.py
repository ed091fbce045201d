"""`retry` inside `retry` across tasks and threads, and after calls that were broken off: who is told of whom."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from policies.kinds import KINDS

from .helpers import Fails


def test_gathered_tasks_know_what_they_were_started_in(cladding: Any, waits: list[float]) -> None:
    fails = [Fails(99) for _ in range(4)]

    @cladding.retry(2, nested="outer")
    async def part(body: Fails) -> None:
        await asyncio.sleep(0)
        body()

    @cladding.retry(2)
    async def whole() -> None:
        results = await asyncio.gather(*(part(body) for body in fails), return_exceptions=True)
        for result in results:
            assert isinstance(result, ConnectionError)
            raise result

    with pytest.raises(ConnectionError):
        asyncio.run(whole())
    assert [body.calls for body in fails] == [3] * 4
    with pytest.raises(ConnectionError):
        asyncio.run(part(fails[0]))
    assert fails[0].calls == 6


def test_a_nursery_knows_too(cladding: Any, waits: list[float]) -> None:
    trio = pytest.importorskip("trio")
    fails = Fails(99)

    @cladding.retry(2, nested="outer")
    async def part() -> None:
        await trio.sleep(0)
        fails()

    @cladding.retry(2, exceptions=ExceptionGroup)
    async def whole() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(part)

    with pytest.raises(ExceptionGroup):
        trio.run(whole)
    assert fails.calls == 3


def test_a_task_that_outlives_the_call_retries_by_itself(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)

    @cladding.retry(4, nested="outer")
    async def heartbeat(over: asyncio.Event) -> int:
        await over.wait()
        return fails()

    @cladding.retry(4)
    async def connect(over: asyncio.Event) -> asyncio.Task[int]:
        return asyncio.create_task(heartbeat(over))

    async def main() -> int:
        over = asyncio.Event()
        task = await connect(over)
        over.set()
        return await task

    assert asyncio.run(main()) == 3
    assert heartbeat.cladding.retry.stats["retries"] == 2


def test_a_task_that_is_started_in_the_last_of_many_layers(cladding: Any, waits: list[float]) -> None:
    fails = Fails(99)

    @cladding.retry(2, nested="outer")
    async def background(over: asyncio.Event) -> None:
        await over.wait()
        fails()

    @cladding.retry(2)
    async def inner(over: asyncio.Event) -> Any:
        return asyncio.create_task(background(over))

    @cladding.retry(2)
    async def outer() -> None:
        over = asyncio.Event()
        task = await inner(over)  # is over, but the call around it is not
        over.set()
        await task

    with pytest.raises(ConnectionError):
        asyncio.run(outer())
    assert fails.calls == 3


def test_threads_do_not_know(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)
    inner = cladding.retry(4, nested="outer")(fails)

    @cladding.retry(4)
    def outer() -> None:
        thread = threading.Thread(target=contextvars.Context().run, args=(inner,))
        thread.start()
        thread.join()

    outer()
    assert fails.calls == 3


class Interrupts:
    """A wait that somebody breaks off."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
        def sleep(seconds: float) -> None:
            raise error

        async def sleep_async(seconds: float) -> None:
            raise error

        monkeypatch.setattr("cladding._waits.sleep", sleep)
        monkeypatch.setattr("cladding._waits.sleep_async", sleep_async)


async def _async_block(attempts: Any) -> None:
    async for attempt in attempts:
        with attempt:
            raise ConnectionError


def _block(attempts: Any) -> None:
    for attempt in attempts:
        with attempt:
            raise ConnectionError


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
@pytest.mark.parametrize("form", ["block", "async block", *[kind.name for kind in KINDS if "gen" not in kind.name]])
def test_nothing_stays_announced_after_a_wait_that_was_broken_off(
    cladding: Any, monkeypatch: pytest.MonkeyPatch, form: str, error: type[BaseException]
) -> None:
    Interrupts(monkeypatch, error)
    inner = cladding.retry(4, nested="outer", initial_delay=0)
    kinds = {kind.name: kind for kind in KINDS}

    def call() -> None:
        if form == "block":
            _block(cladding.retry.attempts())
        elif form == "async block":
            kinds["coroutine"].complete_bare(_async_block(cladding.retry.attempts()))
        else:
            kind = kinds[form]
            kind.run_bare(cladding.retry(kind.make(Fails(99))))

    try:
        call()
    except BaseException as caught:  # held, with the frames of all that it came through
        assert isinstance(caught, error)
        assert inner(Fails(3))() == 4
    assert inner(Fails(3))() == 4


def test_a_coroutine_that_is_dropped_in_its_wait(cladding: Any) -> None:
    @cladding.retry(initial_delay=600, max_delay=600)
    async def f() -> None:
        raise ConnectionError

    async def main() -> int:
        call = f()
        call.send(None)  # waits, and says so in the context of this task
        call.close()
        inner = cladding.retry(4, nested="outer", initial_delay=0)
        return inner(Fails(3))()

    assert asyncio.run(main()) == 4


@pytest.mark.parametrize("block", [False, True])
def test_generators_take_no_part(cladding: Any, waits: list[float], block: bool) -> None:
    # They run in the context of their consumer, whose own calls are not inside them.
    fails = Fails(1)

    @cladding.retry
    def items() -> Iterator[int]:
        fails()
        yield 1

    def items_of_a_block() -> Iterator[int]:
        for attempt in cladding.retry.attempts():
            with attempt:
                fails()
                yield 1

    inner = cladding.retry(4, nested="outer")(Fails(3))
    seen = 0
    for _ in (items_of_a_block if block else items)():
        seen += inner()
    assert seen == 4
