"""`hedge` on coroutine functions, under asyncio and trio: the losers are over when the call is."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from policies.timeout.helpers import LONG, SHORT, Payload
from policies.timeout.test_coroutines import Run, both, sleep


@pytest.fixture(autouse=True)
def _nothing_is_reported(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No coroutine is never awaited, and no exception is never retrieved."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
        gc.collect()
    assert caplog.text == ""


class Attempts:
    """A coroutine function whose attempts do what they are told, one after the other."""

    def __init__(self, *bodies: Callable[[], Any]) -> None:
        self.bodies = bodies
        self.begun: list[Any] = []
        self.ended: list[str] = []

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        index = len(self.begun)
        self.begun.append((args, kwargs))
        try:
            result = await self.bodies[index]()
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        self.ended.append("returned")
        return result


def answers(value: Any, after: float = 0) -> Callable[[], Any]:
    async def body() -> Any:
        await sleep(after)
        return value

    return body


def fails(error: BaseException, after: float = 0) -> Callable[[], Any]:
    async def body() -> Any:
        await sleep(after)
        raise error

    return body


def stuck() -> Callable[[], Any]:
    return answers("late", LONG)


def call(run: Run, function: Any, *args: Any, **kwargs: Any) -> Any:
    async def main() -> Any:
        if run is not both.args[1][0]:
            return await function(*args, **kwargs)
        result = await function(*args, **kwargs)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return run(main)


@both
def test_the_first_answers_in_time(cladding: Any, run: Run) -> None:
    f = cladding.hedge(LONG)(Attempts(answers(1)))
    assert call(run, f) == 1
    assert f.cladding.hedge.stats == {"calls": 1, "hedges": 0, "won": 0, "abandoned": 0, "left_running": 0}


@both
def test_the_second_wins(cladding: Any, run: Run) -> None:
    attempts = Attempts(stuck(), answers(2))
    f = cladding.hedge(SHORT)(attempts)
    assert call(run, f, 3, key="word") == 2
    assert attempts.begun == [((3,), {"key": "word"})] * 2
    assert attempts.ended == ["returned", "Cancelled" if attempts.ended[1] == "Cancelled" else "CancelledError"]
    assert f.cladding.hedge.stats == {"calls": 1, "hedges": 1, "won": 1, "abandoned": 0, "left_running": 0}
    name = f"{f.__module__}.{f.cladding.target.qualname}"
    text = cladding.metrics_text()
    assert f'cladding_hedges_total{{function="{name}"}}' in text
    assert f'cladding_hedges_won_total{{function="{name}"}}' in text


@both
def test_the_first_wins_all_the_same(cladding: Any, run: Run) -> None:
    attempts = Attempts(answers(1, 4 * SHORT), stuck())
    f = cladding.hedge(SHORT)(attempts)
    assert call(run, f) == 1
    assert len(attempts.ended) == 2
    assert f.cladding.hedge.stats["hedges"] == 1
    assert f.cladding.hedge.stats["won"] == 0


@both
def test_several_hedges(cladding: Any, run: Run) -> None:
    attempts = Attempts(stuck(), stuck(), stuck(), answers(4))
    f = cladding.hedge(SHORT, max_hedges=3)(attempts)
    assert call(run, f) == 4
    assert len(attempts.ended) == 4
    assert f.cladding.hedge.stats["hedges"] == 3


@both
def test_a_failure_before_the_delay_is_the_outcome(cladding: Any, run: Run) -> None:
    error = ConnectionError()
    attempts = Attempts(fails(error))
    f = cladding.hedge(LONG)(attempts)
    with pytest.raises(ConnectionError) as caught:
        call(run, f)
    assert caught.value is error
    assert caught.value.__context__ is None
    assert len(attempts.begun) == 1


@both
@pytest.mark.parametrize("first", [True, False])
def test_a_failure_while_another_runs_decides_nothing(cladding: Any, run: Run, first: bool) -> None:
    slow, fast = answers("slow", 6 * SHORT), fails(ConnectionError(), 2 * SHORT)
    attempts = Attempts(fast, slow) if first else Attempts(slow, fast)
    assert call(run, cladding.hedge(SHORT)(attempts)) == "slow"
    assert attempts.ended == ["ConnectionError", "returned"]


@both
def test_the_first_failure_is_raised_when_all_fail(cladding: Any, run: Run) -> None:
    first, second = ConnectionError("first"), ValueError("second")
    attempts = Attempts(fails(second, 6 * SHORT), fails(first))
    with pytest.raises(ConnectionError) as caught:
        call(run, cladding.hedge(SHORT)(attempts))
    assert caught.value is first
    assert attempts.ended == ["ConnectionError", "ValueError"]


@both
def test_the_traceback_shows_the_function(cladding: Any, run: Run) -> None:
    async def f() -> None:
        await sleep(0)
        raise ValueError

    decorated = cladding.hedge(LONG)(f)

    async def main() -> list[str]:
        with pytest.raises(ValueError) as caught:
            await decorated()
        return [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]

    assert run(main) == ["main", "f"]


@both
def test_wrong_arguments(cladding: Any, run: Run) -> None:
    @cladding.hedge(LONG)
    async def f(x: int) -> None: ...

    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'x'"):
        call(run, f)


def test_a_cancellation_from_outside_passes(cladding: Any) -> None:
    attempts = Attempts(stuck(), stuck())
    f = cladding.hedge(SHORT)(attempts)

    async def main() -> None:
        task = asyncio.create_task(f())
        await asyncio.sleep(4 * SHORT)
        assert len(attempts.begun) == 2
        task.cancel("reason")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert attempts.ended == ["CancelledError"] * 2
        assert asyncio.all_tasks() == {asyncio.current_task()}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await cladding.hedge(LONG)(Attempts(stuck()))()

    asyncio.run(main())


def test_a_loser_that_takes_its_time_is_waited_for(cladding: Any) -> None:
    ended: list[str] = []

    async def slow_to_end() -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            try:
                await asyncio.sleep(5 * SHORT)
                ended.append("cleaned up")
            finally:
                ended.append("over")

    async def main() -> None:
        assert await cladding.hedge(SHORT)(Attempts(slow_to_end, answers(2)))() == 2
        assert ended == ["cleaned up", "over"]
        task = asyncio.create_task(cladding.hedge(SHORT)(Attempts(slow_to_end, answers(2)))())
        await asyncio.sleep(3 * SHORT)
        task.cancel()  # Passes, and reaches the loser too.
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["cleaned up", "over", "over"]

    asyncio.run(main())


def test_a_cancellation_of_its_own_ends_the_call(cladding: Any) -> None:
    attempts = Attempts(fails(asyncio.CancelledError(), 2 * SHORT), stuck())

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await cladding.hedge(SHORT)(attempts)()

    asyncio.run(main())
    assert attempts.ended == ["CancelledError"] * 2


def test_cancellation_under_trio(cladding: Any) -> None:
    trio = pytest.importorskip("trio")
    attempts = Attempts(stuck(), stuck())

    async def main() -> None:
        with trio.move_on_after(4 * SHORT) as scope:
            await cladding.hedge(SHORT)(attempts)()
        assert scope.cancelled_caught

    trio.run(main)
    assert attempts.ended == ["Cancelled"] * 2


@both
def test_an_exit_is_no_failure(cladding: Any, run: Run) -> None:
    attempts = Attempts(stuck(), fails(SystemExit(3)))
    with pytest.raises(SystemExit):
        call(run, cladding.hedge(SHORT)(attempts))
    assert len(attempts.ended) == 2


def test_context_variables_are_those_of_a_task(cladding: Any) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")

    @cladding.hedge(LONG)
    async def f() -> int:
        seen = variable.get()
        variable.set(9)
        return seen

    async def main() -> None:
        variable.set(3)
        assert await f() == 3
        assert variable.get() == 3

    asyncio.run(main())


@both
def test_stacked(cladding: Any, run: Run) -> None:
    attempts = Attempts(stuck(), stuck(), answers(3), stuck(), answers(5))

    @cladding.cache_result(ttl=60)
    @cladding.retry(initial_delay=0)
    @cladding.hedge(4 * SHORT)
    @cladding.timeout(6 * SHORT)
    @cladding.monitor
    async def f(x: int) -> Any:
        return await attempts(x)

    async def main() -> None:
        assert await f(1) == await f(1) == 3  # The first hedges, both time out, and are tried again.

    run(main)
    assert f.cladding.timeout.stats["timed_out"] == 2
    assert f.cladding.retry.stats["retries"] == 1
    assert f.cladding.hedge.stats["calls"] == 2
    assert f.cladding.monitor.stats["calls"] == 3


@both
def test_above_retries_and_on_a_method(cladding: Any, run: Run) -> None:
    class Client:
        def __init__(self, *bodies: Callable[[], Any]) -> None:
            self.attempts = Attempts(*bodies)

        @cladding.timer
        @cladding.hedge(LONG)
        @cladding.retry(initial_delay=0)
        async def fetch(self) -> Any:
            return await self.attempts()

    assert call(run, Client(fails(ConnectionError()), fails(TimeoutError()), answers(3)).fetch) == 3


def test_a_function_that_is_marked_as_async(cladding: Any) -> None:
    """What it has returned before the call begins is the first attempt's, and closed where there is none."""
    made: list[int] = []

    async def work() -> int:
        await asyncio.sleep(LONG if len(made) == 1 else 0)
        return len(made)

    @cladding.hedge(SHORT)
    @cladding.timer
    @cladding.mark_as_async
    def f() -> Any:
        made.append(1)
        return work()

    async def main() -> None:
        assert await f() == 2
        f().close()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(main())
        with pytest.raises(RuntimeError, match="runs in no task"):
            f().send(None)


def test_a_function_that_returns_a_future(cladding: Any) -> None:
    @cladding.hedge(LONG)
    @cladding.mark_as_async
    def f(x: int) -> Any:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, x)
        return future

    async def main() -> int:
        return await f(3)

    assert asyncio.run(main()) == 3


def test_a_call_that_is_forgotten_leaves_no_task(cladding: Any) -> None:
    attempts = Attempts(stuck())
    f = cladding.hedge(LONG)(attempts)

    async def main() -> None:
        forgotten = f()
        forgotten.send(None)
        await asyncio.sleep(0)
        del forgotten
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert attempts.ended == ["CancelledError"]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_without_a_task_it_says_so(cladding: Any) -> None:
    f = cladding.hedge(LONG)(Attempts(answers(1)))
    with pytest.raises(RuntimeError, match="runs in no task of asyncio or trio"):
        f().send(None)


def test_many_calls_at_once(cladding: Any) -> None:
    @cladding.hedge(0.1)
    async def f(x: int) -> int:
        seen.append(x)
        await asyncio.sleep(LONG if x % 2 and seen.count(x) == 1 else 0)
        return x

    seen: list[int] = []

    async def main() -> None:
        assert await asyncio.gather(*(f(x) for x in range(200))) == list(range(200))

    asyncio.run(main())
    assert f.cladding.hedge.stats["won"] == 100


@both
def test_nothing_is_left_for_the_collector(cladding: Any, run: Run) -> None:
    references: list[Any] = []

    async def body(outcomes: Iterator[Any]) -> Any:
        payload = Payload()
        references.append(weakref.ref(payload))
        seconds, error = next(outcomes)
        await sleep(seconds)
        if error:
            raise error
        return payload

    f = cladding.hedge(SHORT)(body)

    async def main() -> None:
        for outcomes in (
            [(0, None)],
            [(0, ValueError)],
            [(LONG, None), (0, None)],
            [(4 * SHORT, ValueError), (0, ValueError)],
            [(4 * SHORT, None), (0, ValueError)],
        ):
            try:
                await f(iter(outcomes))
            except ValueError:
                pass
            del outcomes
        for _ in range(3):
            await sleep(0)
        assert [reference() for reference in references] == [None] * 8

    gc.collect()
    gc.disable()
    try:
        run(main)
    finally:
        gc.enable()
