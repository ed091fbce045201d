"""`timeout` on coroutine functions: real cancellation, in the task itself, that never takes another's."""

from __future__ import annotations

import asyncio
import gc
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from .helpers import LONG, SHORT, Payload


async def sleep(seconds: float) -> None:
    """Sleeps in the event loop that runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        import trio

        await trio.sleep(seconds)
    else:
        await asyncio.sleep(seconds)


def _trio_run(main: Callable[[], Any]) -> Any:
    return pytest.importorskip("trio").run(main)


both = pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), _trio_run], ids=["asyncio", "trio"])
Run = Callable[[Callable[[], Any]], Any]


@both
def test_in_time(cladding: Any, run: Run) -> None:
    @cladding.timeout(LONG)
    async def f(x: int) -> int:
        await sleep(0)
        return x

    async def main() -> int:
        return await f(3)

    assert run(main) == 3
    assert f.cladding.timeout.stats == {"calls": 1, "timed_out": 0, "abandoned": 0, "left_running": 0}


@both
def test_too_long(cladding: Any, run: Run) -> None:
    ended: list[str] = []

    @cladding.timeout(SHORT)
    async def f() -> None:
        try:
            await sleep(LONG)
        finally:
            ended.append("cancelled")

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(cladding.CallTimeoutError) as caught:
                await f()
            name = f"{f.__module__}.{f.__qualname__}"
            assert str(caught.value) == f"{name} took longer than 0.02 s"
            assert (caught.value.function, caught.value.seconds) == (name, SHORT)
            assert caught.value.__context__ is caught.value.__cause__ is None
        await sleep(0)

    run(main)
    assert ended == ["cancelled"] * 2
    assert f.cladding.timeout.stats["timed_out"] == 2


@both
def test_the_traceback_shows_where_it_was(cladding: Any, run: Run) -> None:
    @cladding.timeout(SHORT)
    async def outermost() -> None:
        await inner()

    async def inner() -> None:
        await sleep(LONG)

    async def main() -> list[str]:
        with pytest.raises(TimeoutError) as caught:
            await outermost()
        return [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]

    assert run(main)[:4] == ["main", "outermost", "inner", "sleep"]


@both
def test_its_own_timeout_error_passes(cladding: Any, run: Run) -> None:
    raised = TimeoutError("its own")

    @cladding.timeout(LONG)
    async def f() -> None:
        await sleep(0)
        raise raised

    async def main() -> None:
        with pytest.raises(TimeoutError) as caught:
            await f()
        assert caught.value is raised

    run(main)
    assert f.cladding.timeout.stats["timed_out"] == 0


@both
def test_a_body_that_goes_on_gives_its_result(cladding: Any, run: Run) -> None:
    """As under `asyncio.timeout` and `trio.move_on_after`: what the function makes of its cancellation counts."""

    @cladding.timeout(SHORT)
    async def f() -> str:
        try:
            await sleep(LONG)
        except BaseException:
            return "cleaned up"
        return "slept"

    async def main() -> str:
        result = await f()
        await sleep(0)  # Nothing is left of the cancellation.
        return result

    assert run(main) == "cleaned up"
    assert f.cladding.timeout.stats["timed_out"] == 0


def test_a_body_that_swallows_one_cancellation_ends_by_itself(cladding: Any) -> None:
    """Nothing waits for the task to admit a cancellation, so nothing waits for ever."""
    swallowed: list[int] = []

    @cladding.timeout(SHORT)
    async def f() -> str:
        for attempt in range(3):
            try:
                await asyncio.sleep(LONG if attempt == 0 else 0)
            except asyncio.CancelledError:
                swallowed.append(attempt)
        raise ConnectionError

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        with pytest.raises(ConnectionError):
            await f()
        assert task.cancelling() == 0

    asyncio.run(main())
    assert swallowed == [0]


def test_a_cancellation_from_outside_passes(cladding: Any) -> None:
    @cladding.timeout(LONG)
    async def f() -> None:
        await asyncio.sleep(LONG)

    async def main() -> None:
        task = asyncio.create_task(f())
        await asyncio.sleep(0)
        task.cancel("reason")
        with pytest.raises(asyncio.CancelledError, match="reason"):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert f.cladding.timeout.stats["timed_out"] == 0


def test_a_cancellation_at_the_same_moment_wins(cladding: Any) -> None:
    async def main() -> None:
        task: asyncio.Task[None] | None = None

        @cladding.timeout(SHORT)
        async def f() -> None:
            try:
                await asyncio.sleep(LONG)
            finally:
                assert task is not None
                task.cancel()

        task = asyncio.create_task(f())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert f.cladding.timeout.stats["timed_out"] == 0

    asyncio.run(main())


def test_scopes_nest(cladding: Any) -> None:
    @cladding.timeout(LONG)
    async def inner() -> None:
        await asyncio.sleep(LONG)

    @cladding.timeout(SHORT)
    async def outer() -> None:
        await inner()

    async def main() -> None:
        with pytest.raises(cladding.CallTimeoutError) as caught:
            await outer()
        assert caught.value.function.endswith("outer")
        with pytest.raises(TimeoutError) as around:
            async with asyncio.timeout(SHORT):
                await inner()
        assert not isinstance(around.value, cladding.CallTimeoutError)

    asyncio.run(main())
    assert inner.cladding.timeout.stats["timed_out"] == 0


def test_groups_under_trio(cladding: Any) -> None:
    trio = pytest.importorskip("trio")

    @cladding.timeout(SHORT)
    async def f(fails: bool) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, LONG)
            try:
                await trio.sleep(LONG)
            finally:
                if fails:
                    raise ValueError("while it was cancelled")

    async def main() -> None:
        with pytest.raises(cladding.CallTimeoutError):
            await f(False)
        with pytest.raises(ExceptionGroup) as caught:
            await f(True)
        assert caught.group_contains(ValueError)
        assert not caught.group_contains(trio.Cancelled)
        with trio.move_on_after(SHORT / 2) as scope:
            await f(False)
        assert scope.cancelled_caught

    trio.run(main)
    assert f.cladding.timeout.stats == {"calls": 3, "timed_out": 1, "abandoned": 0, "left_running": 0}


@both
def test_a_loop_of_calls_cancels_nothing_later(cladding: Any, run: Run) -> None:
    @cladding.timeout(SHORT)
    async def f() -> None:
        await sleep(0)

    async def main() -> None:
        for _ in range(100):
            await f()
        await sleep(2 * SHORT)

    run(main)


def test_a_call_that_is_forgotten_cancels_nothing(cladding: Any) -> None:
    @cladding.timeout(SHORT)
    async def f() -> None:
        await asyncio.sleep(LONG)

    async def main() -> None:
        call = f()
        call.send(None)
        call.close()
        call = f()
        call.send(None)
        del call
        await asyncio.sleep(2 * SHORT)

    asyncio.run(main())


def test_without_a_task_it_says_so(cladding: Any) -> None:
    @cladding.timeout(LONG)
    async def f() -> None:
        pytest.fail("it was called")

    with pytest.raises(RuntimeError, match="runs in no task of asyncio or trio"):
        f().send(None)


def test_many_tasks_at_once(cladding: Any) -> None:
    @cladding.timeout(0.2)
    async def f(x: int) -> int:
        await asyncio.sleep(LONG if x % 2 else 0)
        return x

    async def main() -> list[Any]:
        return await asyncio.gather(*(f(x) for x in range(100)), return_exceptions=True)

    results = asyncio.run(main())
    assert results[::2] == list(range(0, 100, 2))
    assert all(isinstance(result, cladding.CallTimeoutError) for result in results[1::2])


@both
def test_retried_from_above(cladding: Any, run: Run) -> None:
    calls: list[int] = []

    @cladding.retry(initial_delay=0)
    @cladding.timeout(SHORT)
    async def f() -> int:
        calls.append(len(calls))
        await sleep(LONG if len(calls) < 3 else 0)
        return len(calls)

    async def main() -> int:
        return await f()

    assert run(main) == 3
    assert f.cladding.timeout.stats["timed_out"] == 2
    assert f.cladding.retry.stats["retries"] == 2


@both
def test_around_retries(cladding: Any, run: Run) -> None:
    @cladding.monitor
    @cladding.timeout(SHORT)
    @cladding.retry(initial_delay=LONG, jitter="none")
    async def f() -> None:
        raise ConnectionError

    async def main() -> None:
        with pytest.raises(cladding.CallTimeoutError) as caught:
            await f()
        assert [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)] == ["main"]

    run(main)
    assert f.cladding.monitor.stats["errors"] == {"cladding.CallTimeoutError": 1}


@both
def test_an_async_generator_has_so_long_for_its_first_item(cladding: Any, run: Run) -> None:
    @cladding.timeout(SHORT)
    async def items(first: float) -> Any:
        await sleep(first)
        yield 1
        await sleep(3 * SHORT)
        yield 2

    @cladding.timeout(LONG)
    async def empty() -> Any:
        return
        yield

    async def main() -> None:
        assert [item async for item in items(0)] == [1, 2]
        with pytest.raises(cladding.CallTimeoutError):
            await anext(items(LONG))
        assert [item async for item in empty()] == []
        held = items(0)
        assert await anext(held) == 1
        await held.aclose()
        await sleep(2 * SHORT)

    run(main)
    assert items.cladding.timeout.stats["timed_out"] == 1


def test_a_function_that_is_marked_as_async(cladding: Any) -> None:
    async def work(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @cladding.timeout(SHORT)
    @cladding.mark_as_async
    def f(seconds: float) -> Any:
        return work(seconds)

    async def main() -> None:
        assert await f(0) == "done"
        with pytest.raises(cladding.CallTimeoutError):
            await f(LONG)

    asyncio.run(main())


@both
def test_nothing_is_left_for_the_collector(cladding: Any, run: Run) -> None:
    references: list[Any] = []

    @cladding.timeout(SHORT)
    async def f(seconds: float, error: type[Exception] | None = None) -> None:
        payload = Payload()
        references.append(weakref.ref(payload))
        await sleep(seconds)
        if error:
            raise error

    async def main() -> None:
        await f(0)
        for arguments in ((LONG,), (0, ValueError)):
            try:
                await f(*arguments)
            except (TimeoutError, ValueError):
                pass
        await sleep(0)  # The loop itself holds what it threw in until the step is over.
        await sleep(0)
        assert [reference() for reference in references] == [None] * 3

    gc.collect()
    gc.disable()
    try:
        run(main)
    finally:
        gc.enable()
