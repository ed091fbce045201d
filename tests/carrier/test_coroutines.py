"""SPEC A6 for coroutine functions: a genuine coroutine, from its making to its end, whoever drives it."""

from __future__ import annotations

import asyncio
import collections.abc
import contextvars
import gc
import inspect
import sys
import types
import typing
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from .kinds import COROUTINE, RETURNS_COROUTINE, Kind, finish, suspend
from .programs import Op, Step, bodies, coroutine_body, drivers, trace

Decorate = Callable[[Any], Any]
Counted = Callable[..., None]


async def echo(log: list[Any]) -> str:
    """Suspends twice, logs what comes in, and returns."""
    try:
        log.append(await suspend("first"))
        log.append(await suspend("second"))
    except BaseException as error:
        log.append(repr(error))
        raise
    finally:
        log.append("finally")
    return "done"


@pytest.mark.parametrize("kind", [COROUTINE, RETURNS_COROUTINE], ids=str)
def test_is_a_genuine_coroutine(decorate: Decorate, kind: Kind) -> None:
    running = decorate(kind.build("x", "x", name="named"))(1)
    assert type(running) is types.CoroutineType
    assert inspect.iscoroutine(running)
    assert inspect.isawaitable(running)
    assert asyncio.iscoroutine(running)
    assert isinstance(running, collections.abc.Coroutine)
    assert isinstance(running, typing.Awaitable)
    assert finish(running) == 1


def test_names_and_readers(decorate: Decorate) -> None:
    decorated = decorate(echo)
    running = decorated([])
    assert (running.__name__, running.__qualname__) == ("echo", "echo")
    assert repr(running).startswith("<coroutine object echo at 0x")
    assert running.cr_code is decorated.__code__
    assert running.cr_code.co_name == "echo"
    assert running.cr_frame is not None
    assert running.cr_await is None
    assert running.cr_origin is None
    assert running.cr_running is False
    assert inspect.getcoroutinestate(running) == "CORO_CREATED"
    running.send(None)
    assert inspect.getcoroutinestate(running) == "CORO_SUSPENDED"
    assert running.cr_await is not None
    assert running.cr_suspended is True
    running.close()
    assert inspect.getcoroutinestate(running) == "CORO_CLOSED"
    assert running.cr_frame is None


def test_running_state_from_inside(decorate: Decorate) -> None:
    seen: list[Any] = []

    @decorate
    async def look() -> None:
        seen.append((inspect.getcoroutinestate(running), running.cr_running))
        with pytest.raises(ValueError, match="coroutine already executing"):
            running.send(None)

    running = look()
    finish(running)
    assert seen == [("CORO_RUNNING", True)]


def test_send(decorate: Decorate, counted: Counted) -> None:
    log: list[Any] = []
    decorated = decorate(echo)
    running = decorated(log)
    assert running.send(None) == "first"
    assert running.send("a") == "second"
    with pytest.raises(StopIteration) as stop:
        running.send("b")
    assert stop.value.value == "done"
    assert log == ["a", "b", "finally"]
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        running.send(None)
    counted(decorated, 1, errors=0)


def test_throw(decorate: Decorate) -> None:
    log: list[Any] = []
    running = decorate(echo)(log)
    running.send(None)
    error = KeyError("thrown")
    with pytest.raises(KeyError) as caught:
        running.throw(error)
    assert caught.value is error
    assert log == ["KeyError('thrown')", "finally"]


def test_close(decorate: Decorate) -> None:
    log: list[Any] = []
    running = decorate(echo)(log)
    running.send(None)
    running.close()
    running.close()
    assert log == ["GeneratorExit()", "finally"]
    unstarted = decorate(echo)(log)
    unstarted.close()
    assert len(log) == 2


def test_closing_one_that_will_not_end(decorate: Decorate) -> None:
    @decorate
    async def stubborn() -> None:
        try:
            await suspend(1)
        except GeneratorExit:
            await suspend(2)

    running = stubborn()
    running.send(None)
    with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
        running.close()
    with pytest.raises(StopIteration):
        running.send(None)


def test_throw_before_the_first_step(decorate: Decorate) -> None:
    log: list[Any] = []
    running = decorate(echo)(log)
    with pytest.raises(ValueError, match="early"):
        running.throw(ValueError("early"))
    assert log == []
    assert inspect.getcoroutinestate(running) == "CORO_CLOSED"


def test_stop_iteration_raised_inside(decorate: Decorate) -> None:
    def trace(function: Any) -> list[Any]:
        with pytest.raises(RuntimeError) as caught:
            finish(function())
        return [str(caught.value), type(caught.value.__cause__), type(caught.value.__context__)]

    async def leaks() -> None:
        raise StopIteration(3)

    assert trace(decorate(leaks)) == trace(leaks) == ["coroutine raised StopIteration", StopIteration, StopIteration]


def test_never_awaited_warns_once_under_its_own_name(decorate: Decorate) -> None:
    decorated = decorate(echo)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decorated([])
        gc.collect()
    assert [str(warning.message) for warning in caught] == ["coroutine 'echo' was never awaited"]


def test_dropped_while_suspended(decorate: Decorate) -> None:
    log: list[Any] = []
    running = decorate(echo)(log)
    running.send(None)
    del running
    gc.collect()
    assert log == ["GeneratorExit()", "finally"]


def test_result_that_is_itself_awaitable_is_left_alone(decorate: Decorate) -> None:
    async def outer() -> Any:
        return COROUTINE.build("x", "x")(3)

    inner = finish(decorate(outer)())
    assert inspect.iscoroutine(inner)
    assert finish(inner) == 3


def test_asyncio_in_every_way(decorate: Decorate, counted: Counted) -> None:
    @decorate
    async def double(x: int) -> int:
        await asyncio.sleep(0)
        return 2 * x

    async def main() -> list[Any]:
        results = [
            await double(1),
            await asyncio.create_task(double(2)),
            *await asyncio.gather(double(3), double(x=4)),
            await asyncio.wait_for(double(5), 10),
            await asyncio.shield(double(6)),
            await asyncio.ensure_future(double(7)),
        ]
        async with asyncio.TaskGroup() as group:
            task = group.create_task(double(8))
        async with asyncio.timeout(10):
            results.append(task.result() + await double(0))
        done, _ = await asyncio.wait([asyncio.create_task(double(9))])
        results.append(done.pop().result())
        loop = asyncio.get_running_loop()
        results.append(await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(double(10), loop)))
        return results

    assert asyncio.run(main()) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    assert asyncio.run(double(11)) == 22
    counted(double, 12, errors=0)


def test_cancellation_from_another_task(decorate: Decorate) -> None:
    log: list[Any] = []

    @decorate
    async def wait_for_ever(started: asyncio.Event) -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            log.append(error.args)
            raise
        finally:
            await asyncio.sleep(0)
            log.append("cleaned up")

    async def main() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(wait_for_ever(started))
        await started.wait()
        task.cancel("reason")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait_for_ever(started), 0.001)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await wait_for_ever(started)

    asyncio.run(main())
    assert log[:2] == [("reason",), "cleaned up"]
    assert log.count("cleaned up") == 3


def test_swallowed_cancellation(decorate: Decorate) -> None:
    @decorate
    async def swallow(started: asyncio.Event) -> str:
        try:
            started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "swallowed"
        return "not cancelled"

    async def main() -> str:
        started = asyncio.Event()
        task = asyncio.create_task(swallow(started))
        await started.wait()
        task.cancel()
        return await task

    assert asyncio.run(main()) == "swallowed"


def test_task_group_cancels_siblings(decorate: Decorate) -> None:
    ended: list[str] = []

    @decorate
    async def sibling() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("sibling")

    @decorate
    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("one")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(sibling())
            group.create_task(fails())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert [str(error) for error in caught.value.exceptions] == ["one"]
    assert ended == ["sibling"]


def test_context_variables(decorate: Decorate) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    @decorate
    async def change(value: int) -> int:
        before = variable.get()
        variable.set(value)
        await asyncio.sleep(0)
        return before

    async def main() -> None:
        assert await change(1) == 0
        assert variable.get() == 1
        assert await asyncio.create_task(change(2)) == 1
        assert variable.get() == 1
        assert await asyncio.gather(change(3), change(4)) == [1, 1]

    asyncio.run(main())


def test_exception_chain(decorate: Decorate) -> None:
    async def chain() -> None:
        try:
            await suspend(1)
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error

    def shape(function: Any) -> list[Any]:
        try:
            try:
                raise OSError("outside")
            except OSError:
                finish(function())
        except ValueError as error:
            parts: list[Any] = [repr(error), error.__suppress_context__, getattr(error, "__notes__", None)]
            while error.__context__ is not None:
                error = error.__context__  # type: ignore[assignment]
                parts.append(repr(error))
            return parts
        return []

    assert shape(decorate(chain)) == shape(chain)
    assert len(shape(chain)) == 5


def test_handled_exception_is_visible_inside(decorate: Decorate) -> None:
    @decorate
    async def look() -> list[Any]:
        seen = [sys.exception()]
        await suspend(1)
        return [*seen, sys.exception()]

    error = ValueError()
    running = look()
    try:
        raise error
    except ValueError:
        running.send(None)
    with pytest.raises(StopIteration) as stop:
        running.send(None)
    assert stop.value.value == [error, None]


def test_awaitable_objects_pass_through(decorate: Decorate) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.set_result(5)
        assert await decorate(lambda: future)() == 5
        gathered = decorate(lambda: asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2)))()
        assert await gathered == [1, 2]

    asyncio.run(main())


def test_a_task_that_is_returned_stays_a_task(decorate: Decorate) -> None:
    # Only coroutines, generators and async generators are carried on; any other result passes through unchanged.
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(0, 5))
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        assert decorate(lambda: task)() is task
        assert decorate(lambda: future)() is future
        future.cancel()
        assert await task == 5

    asyncio.run(main())


def test_same_as_bare_when_awaited_twice(decorate: Decorate) -> None:
    running = decorate(echo)([])
    awaiting = running.__await__()
    assert next(awaiting) == "first"
    assert awaiting.send(1) == "second"
    with pytest.raises(RuntimeError, match=r"being awaited already|cannot reuse|coroutine is being awaited"):
        finish(_await(running))
    running.close()


async def _await(awaitable: Any) -> Any:
    return await awaitable


def test_trio(decorate: Decorate, counted: Counted) -> None:
    trio = pytest.importorskip("trio")

    @decorate
    async def work(x: int) -> int:
        await trio.sleep(0)
        return x + 1

    @decorate
    async def hang() -> None:
        await trio.sleep_forever()

    async def main() -> int:
        with trio.move_on_after(0.001) as scope:
            await hang()
        assert scope.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, 5)
        return await work(1)

    assert trio.run(main) == 2
    assert trio.run(work, 2) == 3
    counted(work, 3, errors=0)


def test_in_the_interpreters_own_hot_loop(decorate: Decorate, counted: Counted) -> None:
    @decorate
    async def one() -> int:
        return 1

    async def many() -> int:
        return sum([await one() for _ in range(2_000)])

    assert finish(many()) == 2_000
    counted(one, 2_000, errors=0)


def test_deep_chain_of_awaits(decorate: Decorate) -> None:
    @decorate
    async def descend(depth: int) -> int:
        return 0 if depth == 0 else 1 + await descend(depth - 1)

    assert finish(descend(50)) == 50


@settings(max_examples=200)
@given(steps=bodies("suspend"), ops=drivers())
def test_random_bodies_under_random_drivers(decorate: Decorate, steps: list[Step], ops: list[Op]) -> None:
    assert trace(decorate(coroutine_body), steps, ops, "coroutine") == trace(coroutine_body, steps, ops, "coroutine")


@settings(max_examples=200)
@given(steps=bodies("suspend"), ops=drivers())
def test_random_bodies_behind_a_plain_function(decorate: Decorate, steps: list[Step], ops: list[Op]) -> None:
    def plain(steps: list[Step], log: list[Any]) -> Any:
        return coroutine_body(steps, log)

    assert trace(decorate(plain), steps, ops, "coroutine") == trace(plain, steps, ops, "coroutine")
