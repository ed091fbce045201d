"""`retry.attempts`: attempts of a block of code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .helpers import Fails, burn, entries

Run = Callable[[Any, Callable[[Any], Any]], Any]


def in_a_loop(attempts: Any, body: Callable[[Any], Any]) -> None:
    for attempt in attempts:
        with attempt:
            body(attempt)


def in_asyncio(attempts: Any, body: Callable[[Any], Any]) -> None:
    import asyncio

    asyncio.run(_in_a_task(attempts, body))


def in_trio(attempts: Any, body: Callable[[Any], Any]) -> None:
    trio = pytest.importorskip("trio")
    trio.run(_in_a_task, attempts, body)


async def _in_a_task(attempts: Any, body: Callable[[Any], Any]) -> None:
    async for attempt in attempts:
        with attempt:
            body(attempt)


everywhere = pytest.mark.parametrize("run", [in_a_loop, in_asyncio, in_trio], ids=lambda run: run.__name__)


def numbers_of(attempts: Any) -> dict[str, Any]:
    [policy] = attempts.bound.fused
    return {name: policy.stats[name] for name in ("calls", "retries", "recovered", "gave_up")}


@everywhere
def test_retried_until_it_succeeds(cladding: Any, waits: list[float], run: Run) -> None:
    seen: list[int] = []
    fails = Fails(2)

    def body(attempt: Any) -> None:
        seen.append(attempt.number)
        fails()

    attempts = cladding.retry.attempts(5, jitter="none")
    run(attempts, body)
    assert (seen, waits) == ([1, 2, 3], [0.1, 0.2])
    assert numbers_of(attempts) == {"calls": 1, "retries": 2, "recovered": 1, "gave_up": 0}


@everywhere
def test_left_with_the_last_exception(cladding: Any, waits: list[float], run: Run) -> None:
    fails = Fails(99)
    attempts = cladding.retry.attempts(2, jitter="none")
    with pytest.raises(ConnectionError) as caught:
        run(attempts, lambda attempt: fails())
    assert caught.value is fails.raised[2]
    assert caught.value.__context__ is None
    [note] = caught.value.__notes__
    where = "_in_a_task" if run is not in_a_loop else "in_a_loop"
    assert re.fullmatch(r"retry of a block in \S+ gave up after 3 attempts in \d\.\d{3} s: max_retries=2", note)
    assert "test_left_with_the_last_exception" in note  # where `attempts` was called
    names = [name for name, _ in entries(caught.value)]
    assert names[-3:] == [where, "<lambda>", "__call__"]
    assert not {"__exit__", "__next__", "leave"} & set(names)
    assert cladding.retry.failures(caught.value) == tuple(fails.raised)
    assert waits == [0.1, 0.2]
    assert numbers_of(attempts) == {"calls": 1, "retries": 2, "recovered": 0, "gave_up": 1}


@everywhere
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_other_exceptions_pass(cladding: Any, waits: list[float], run: Run, error: type[BaseException]) -> None:
    fails = Fails(99, error)
    with pytest.raises(error) as caught:
        run(cladding.retry.attempts(), lambda attempt: fails())
    assert fails.calls == 1
    assert not hasattr(caught.value, "__notes__")


def test_broad_filters_retry_no_interrupt(cladding: Any, waits: list[float]) -> None:
    for exceptions in (Exception, lambda error: True):
        fails = Fails(99, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            in_a_loop(cladding.retry.attempts(exceptions=exceptions), lambda attempt: fails())
        assert fails.calls == 1


@everywhere
def test_results_can_be_failures(cladding: Any, waits: list[float], run: Run) -> None:
    told: list[Any] = []
    options = {"retry_on_result": lambda result: result < 3, "on_success": told.append, "on_giveup": told.append}
    attempts = cladding.retry.attempts(5, **options)
    run(attempts, lambda attempt: attempt.set_result(attempt.number))
    assert [(event.result, event.attempt, event.reason) for event in told] == [(3, 3, None)]
    told.clear()
    few = cladding.retry.attempts(1, **options)
    run(few, lambda attempt: attempt.set_result(attempt.number))  # used up: the last result is that of the block
    assert [(event.result, event.attempt, event.reason) for event in told] == [(2, 2, "max_retries=1")]


def test_without_a_result_it_is_none(cladding: Any, waits: list[float]) -> None:
    asked: list[Any] = []
    in_a_loop(cladding.retry.attempts(retry_on_result=asked.append), lambda attempt: None)
    assert asked == [None]


def test_return_and_break_inside(cladding: Any, waits: list[float]) -> None:
    def returns(fails: Fails) -> Any:
        for attempt in attempts:
            with attempt:
                return fails(), attempt.number
        return None

    def breaks(fails: Fails) -> int:
        for attempt in attempts:
            with attempt:
                fails()
                break
        return int(attempt.number)

    def continues(fails: Fails) -> list[int]:
        seen = []
        for attempt in attempts:
            with attempt:
                seen.append(fails())
                continue
        return seen

    attempts = cladding.retry.attempts()
    assert returns(Fails(2)) == (3, 3)
    assert breaks(Fails(1)) == 2
    assert continues(Fails(2)) == [3]
    assert numbers_of(attempts) == {"calls": 3, "retries": 5, "recovered": 3, "gave_up": 0}


def test_each_loop_is_a_call_of_its_own(cladding: Any, waits: list[float]) -> None:
    attempts = cladding.retry.attempts(2, jitter="none", nested="allow")
    one, two = iter(attempts), iter(attempts)
    for walk in (one, two, one, two):
        with next(walk) as attempt:
            raise ConnectionError
    assert attempt.number == 2
    assert waits == [0.1, 0.1]
    for walk in (one, two):
        with next(walk):
            pass
        assert list(walk) == []


@everywhere
def test_a_block_that_is_not_entered(cladding: Any, waits: list[float], run: Run) -> None:
    async def asynchronous() -> None:
        async for _ in cladding.retry.attempts():
            pass

    def synchronous(attempts: Any, body: object) -> None:
        for _ in attempts:
            pass

    with pytest.raises(RuntimeError, match="write `with attempt:` around the block"):
        if run is in_a_loop:
            synchronous(cladding.retry.attempts(), None)
        elif run is in_asyncio:
            import asyncio

            asyncio.run(asynchronous())
        else:
            pytest.importorskip("trio").run(asynchronous)


def test_an_attempt_is_entered_once_and_in_its_turn(cladding: Any, waits: list[float]) -> None:
    walk = iter(cladding.retry.attempts())
    first = next(walk)
    with first:
        with pytest.raises(RuntimeError, match="entered once"), first:
            pass
        with pytest.raises(RuntimeError, match="write `with attempt:`"):
            next(walk)
        raise ConnectionError
    with pytest.raises(RuntimeError, match="entered once"), first:
        pass
    second = next(walk)
    with pytest.raises(AttributeError):
        second.number = 7
        second.other = 7
    with second:
        pass
    with pytest.raises(RuntimeError, match="entered once"), second:
        pass
    assert list(walk) == []
    assert list(walk) == []


def test_whoever_catches_the_last_exception_inside_goes_on_after_the_loop(cladding: Any, waits: list[float]) -> None:
    caught = []
    for attempt in cladding.retry.attempts(1):
        try:
            with attempt:
                raise ConnectionError
        except ConnectionError as error:
            caught.append(error)
    assert len(caught) == 1
    assert attempt.number == 2


@everywhere
def test_a_predicate_that_raises_stands_in_place(cladding: Any, waits: list[float], run: Run) -> None:
    fails = Fails(99)
    with pytest.raises(AttributeError) as caught:
        run(cladding.retry.attempts(exceptions=lambda error: error.missing), lambda attempt: fails())
    assert caught.value.__context__ is fails.raised[0]
    assert fails.calls == 1


@everywhere
def test_a_deadline_that_passes_in_a_wait(cladding: Any, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    async def oversleep(seconds: float) -> None:
        burn(0.035)

    monkeypatch.setattr("cladding._waits.sleep", lambda seconds: burn(0.035))
    monkeypatch.setattr("cladding._waits.sleep_async", oversleep)
    fails = Fails(99)
    with pytest.raises(ConnectionError) as caught:
        run(cladding.retry.attempts(schedule=[0.001], deadline=0.03), lambda attempt: fails())
    assert caught.value is fails.raised[0]
    assert fails.calls == 1
    assert caught.value.__notes__[0].endswith("the deadline of 0.03 s has passed")


def test_inside_generators_and_classes(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)

    def items() -> Iterator[int]:
        for attempt in cladding.retry.attempts():
            with attempt:
                yield attempt.number
                fails()

    assert list(items()) == [1, 2, 3]

    class Configured:
        for attempt in cladding.retry.attempts():
            with attempt:
                value = attempt.number

    assert Configured.value == 1


def test_hooks_are_told_where_the_block_is(cladding: Any, waits: list[float]) -> None:
    told: list[Any] = []
    fails = Fails(1)
    in_a_loop(cladding.retry.attempts(on_retry=told.append), lambda attempt: fails())
    where = "test_hooks_are_told_where_the_block_is"
    assert told[0].function == f"a block in {__name__}.{where}"


def test_no_retries_and_wrong_parameters(cladding: Any) -> None:
    fails = Fails(9)
    with pytest.raises(ConnectionError):
        in_a_loop(cladding.retry.attempts(0), lambda attempt: fails())
    assert fails.calls == 1
    for parameters in ({"max_retries": -1}, {"exceptions": ()}, {"schedule": iter([1])}, {"deadline": 0}):
        with pytest.raises(cladding.ConfigurationError, match=f"^retry: `{next(iter(parameters))}` must be"):
            cladding.retry.attempts(**parameters)
    with pytest.raises(TypeError):
        cladding.retry.attempts(tries=3)
