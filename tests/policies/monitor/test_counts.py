"""`monitor`: what is counted for each way in which a call can end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Failure, ended, parse, stats

KEYS = ["calls", "errors", "cancelled", "in_flight", "p50", "p95", "p99", "total_seconds"]


# ---------------------------------------------------------------------------------------------------- how calls can end


@all_kinds
def test_calls_are_counted(cladding: Any, kind: Kind) -> None:
    f = cladding.monitor(kind.make(lambda x: x))
    assert ended(f) == (0, {}, 0, 0)
    for x in range(3):
        assert kind.run(f, x) == x
    assert ended(f) == (3, {}, 0, 0)
    assert list(stats(f)) == KEYS


@all_kinds
def test_errors_are_counted_by_type(cladding: Any, kind: Kind) -> None:
    def fail(error: Exception) -> None:
        raise error

    f = cladding.monitor(kind.make(fail))
    for error in (ValueError(), KeyError(), ValueError(), Failure()):
        with pytest.raises(type(error)) as caught:
            kind.run(f, error)
        assert caught.value is error
    assert ended(f) == (4, {"ValueError": 2, "KeyError": 1, f"{Failure.__module__}.Failure": 1}, 0, 0)


@all_kinds
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_is_no_failure_is_cancelled(cladding: Any, kind: Kind, error: type[BaseException]) -> None:
    def interrupted() -> None:
        raise error

    f = cladding.monitor(kind.make(interrupted))
    with pytest.raises(error):
        kind.run_bare(f)
    assert ended(f) == (1, {}, 1, 0)


@all_kinds
def test_in_flight_while_it_runs(cladding: Any, kind: Kind) -> None:
    seen: list[int] = []

    def body(depth: int) -> None:
        seen.append(stats(f)["in_flight"])
        if depth:
            kind.run_bare(f, depth - 1)

    f = cladding.monitor(kind.make(body))
    kind.run_bare(f, 3)
    assert seen == [1, 2, 3, 4]
    assert ended(f) == (4, {}, 0, 0)


def test_a_generator_counts_from_its_first_item_to_its_end(cladding: Any) -> None:
    @cladding.monitor
    def items() -> Iterator[int]:
        yield 1
        yield 2

    never_started = items()
    assert ended(items) == (0, {}, 0, 0)
    steps = items()
    next(steps)
    assert ended(items) == (0, {}, 0, 1)
    assert list(steps) == [2]
    assert ended(items) == (1, {}, 0, 0)
    del never_started
    assert ended(items) == (1, {}, 0, 0)


def test_a_closed_generator_has_ended_well(cladding: Any) -> None:
    @cladding.monitor
    def items() -> Iterator[int]:
        yield 1
        yield 2

    closed, dropped, thrown = items(), items(), items()
    for steps in (closed, dropped, thrown):
        next(steps)
    closed.close()
    assert ended(items) == (1, {}, 0, 2)
    del dropped, steps
    assert ended(items) == (2, {}, 0, 1)
    with pytest.raises(KeyboardInterrupt):
        thrown.throw(KeyboardInterrupt())
    assert ended(items) == (3, {}, 1, 0)


def test_a_closed_async_generator_has_ended_well(cladding: Any) -> None:
    @cladding.monitor
    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def main() -> None:
        closed, broken = items(), items()
        await anext(closed)
        await anext(broken)
        assert ended(items) == (0, {}, 0, 2)
        await closed.aclose()
        assert ended(items) == (1, {}, 0, 1)
        with pytest.raises(Failure):
            await broken.athrow(Failure())

    asyncio.run(main())
    assert ended(items) == (2, {f"{Failure.__module__}.Failure": 1}, 0, 0)


def test_a_closed_generator_that_a_plain_function_returned(cladding: Any) -> None:
    @cladding.monitor
    def make() -> Iterator[int]:
        return iter(x for x in range(3))

    steps = make()
    next(steps)
    assert ended(make)[3] == 1
    steps.close()  # type: ignore[attr-defined]
    assert ended(make) == (1, {}, 0, 0)


def test_a_cancelled_task(cladding: Any) -> None:
    @cladding.monitor
    async def work() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        assert ended(work) == (0, {}, 0, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended(work) == (1, {}, 1, 0)


def test_an_abandoned_coroutine(cladding: Any) -> None:
    @cladding.monitor
    async def work() -> None:
        await asyncio.sleep(0)

    begun, closed = work(), work()
    begun.send(None)
    closed.send(None)
    assert ended(work) == (0, {}, 0, 2)
    closed.close()
    assert ended(work) == (1, {}, 1, 1)
    del begun
    gc.collect()
    assert ended(work) == (2, {}, 2, 0)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_coroutine_that_was_never_awaited(cladding: Any) -> None:
    @cladding.monitor
    async def work() -> None:
        pass

    work()
    gc.collect()
    assert ended(work) == (0, {}, 0, 0)


def test_a_wrong_call_never_began_or_is_an_error(cladding: Any) -> None:
    @cladding.monitor
    def f(x: int) -> int:
        return x

    with pytest.raises(TypeError, match=r"f\(\) missing 1 required positional argument: 'x'"):
        f()
    assert stats(f)["in_flight"] == 0


# ----------------------------------------------------------------------------------------------- it never breaks a call


def test_types_of_errors_are_bounded(cladding: Any) -> None:
    @cladding.monitor
    def f(index: int) -> None:
        raise type(f"Error{index}", (Exception,), {"__module__": "many"})

    for index in range(100):
        with pytest.raises(Exception, match=r"^$"):
            f(index)
    errors = stats(f)["errors"]
    assert errors["many.Error0"] == 1
    assert len(errors) == 65
    assert errors["other"] == 36
    assert sum(errors.values()) == stats(f)["calls"] == 100


def test_odd_names_of_error_types(cladding: Any) -> None:
    class Hostile(type):
        def __getattribute__(cls, name: str) -> Any:
            if name in {"__module__", "__qualname__", "__name__"}:
                raise RuntimeError
            return super().__getattribute__(name)

    class Odd(Exception, metaclass=Hostile):
        pass

    nowhere = type("Nowhere", (Exception,), {"__module__": 5})
    quoted = type("Quoted", (Exception,), {"__module__": 'quote"\n\\'})

    @cladding.monitor
    def f(error: Exception) -> None:
        raise error

    for error in (Odd(), nowhere(), quoted()):
        with pytest.raises(type(error)) as caught:
            f(error)
        assert caught.value is error
        assert caught.value.__context__ is None
    assert ended(f)[0] == 3
    assert sum(stats(f)["errors"].values()) == 3
    parse(cladding.metrics_text())
