"""`retry`: which failures are tried again, how long it waits, what is left of each attempt, and what it refuses."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import pickle
import re
import signal
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .kinds import KINDS, Kind

all_kinds = pytest.mark.parametrize("kind", KINDS, ids=str)


class Fails:
    """Raises for the first so many calls, and then returns how often it was called."""

    def __init__(self, times: float, error: Callable[[], BaseException] = ConnectionError) -> None:
        self.times, self.error, self.calls = times, error, 0
        self.raised: list[BaseException] = []

    def __call__(self, *args: Any, **kwargs: Any) -> int:
        self.calls += 1
        if self.calls <= self.times:
            error = self.error()
            self.raised.append(error)
            raise error
        return self.calls


@pytest.fixture
def waits(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of all calls, none of which takes any time."""
    seen: list[float] = []

    async def sleep_async(seconds: float) -> None:
        seen.append(seconds)

    monkeypatch.setattr("cladding._waits.sleep", seen.append)
    monkeypatch.setattr("cladding._waits.sleep_async", sleep_async)
    return seen


# ---------------------------------------------------------------------------------------------- what is tried again


@all_kinds
def test_first_attempt_succeeds(cladding: Any, waits: list[float], kind: Kind) -> None:
    works = Fails(0)
    f = cladding.retry(kind.make(works))
    assert kind.run(f) == 1
    assert f.cladding.retry.stats == {"calls": 1, "retries": 0, "gave_up": 0}
    assert waits == []


@all_kinds
def test_retried_until_it_succeeds(cladding: Any, waits: list[float], kind: Kind) -> None:
    f = cladding.retry(jitter="none")(kind.make(Fails(2)))
    assert kind.run(f) == 3
    assert f.cladding.retry.stats == {"calls": 1, "retries": 2, "gave_up": 0}
    assert waits == [0.1, 0.2]


@all_kinds
def test_the_last_exception_is_raised_as_itself(cladding: Any, waits: list[float], kind: Kind) -> None:
    fails = Fails(10)
    f = cladding.retry(kind.make(fails))
    with pytest.raises(ConnectionError) as caught:
        kind.run(f)
    assert caught.value is fails.raised[3]
    assert fails.calls == 4
    assert caught.value.__context__ is None
    [note] = caught.value.__notes__
    pattern = r"retry of \S+ gave up after 4 attempts, \d+\.\d{3} s after the first failure: max_retries=3"
    assert re.fullmatch(pattern, note)
    assert f.cladding.retry.stats == {"calls": 1, "retries": 3, "gave_up": 1}


@all_kinds
def test_other_exceptions_pass(cladding: Any, waits: list[float], kind: Kind) -> None:
    fails = Fails(10, ValueError)
    f = cladding.retry(kind.make(fails))
    with pytest.raises(ValueError) as caught:
        kind.run(f)
    assert fails.calls == 1
    assert not hasattr(caught.value, "__notes__")
    assert f.cladding.retry.stats == {"calls": 1, "retries": 0, "gave_up": 0}


@all_kinds
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_what_is_no_failure_is_never_retried(
    cladding: Any, waits: list[float], kind: Kind, error: type[BaseException]
) -> None:
    asked: list[BaseException] = []
    for exceptions in (Exception, lambda exception: asked.append(exception) or True):
        fails = Fails(10, error)
        f = cladding.retry(exceptions=exceptions)(kind.make(fails))
        with pytest.raises(error):
            kind.run_bare(f)
        assert fails.calls == 1
        assert f.cladding.retry.stats["gave_up"] == 0
    assert asked == []


def test_subclasses_are_retried_and_a_tuple_means_any_of_them(cladding: Any, waits: list[float]) -> None:
    errors = iter([ConnectionResetError, KeyError, ConnectionResetError])
    f = cladding.retry(exceptions=(ConnectionError, LookupError))(Fails(3, lambda: next(errors)()))
    assert f() == 4
    only = Fails(3, KeyError)
    with pytest.raises(KeyError):
        cladding.retry(exceptions=IndexError)(only)()
    assert only.calls == 1


def test_an_instance_check_of_the_users_own_is_not_run(cladding: Any, waits: list[float]) -> None:
    class Says(type):
        def __instancecheck__(cls, instance: object) -> bool:
            raise AssertionError

    class Odd(Exception, metaclass=Says):
        pass

    assert cladding.retry(exceptions=Odd)(Fails(1, Odd))() == 2


def test_a_predicate_decides(cladding: Any, waits: list[float]) -> None:
    class StatusError(Exception):
        def __init__(self, status: int) -> None:
            self.status = status

    statuses = iter([503, 503, 404])
    fails = Fails(9, lambda: StatusError(next(statuses)))
    f = cladding.retry(exceptions=lambda error: error.status >= 500)(fails)
    with pytest.raises(StatusError) as caught:
        f()
    assert (fails.calls, caught.value.status) == (3, 404)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("answer", [None, 0, 1, 0.5, "yes"])
def test_a_predicate_that_answers_no_bool(cladding: Any, waits: list[float], answer: object) -> None:
    fails = Fails(9)

    def decide(error: Exception) -> Any:
        return answer

    with pytest.raises(cladding.ConfigurationError, match="must answer True or False, got") as caught:
        cladding.retry(exceptions=decide)(fails)()
    assert repr(answer) in str(caught.value)
    assert "decide" in str(caught.value)
    assert caught.value.__context__ is fails.raised[0]
    assert fails.calls == 1


def test_a_predicate_that_raises(cladding: Any, waits: list[float]) -> None:
    fails = Fails(9)
    with pytest.raises(AttributeError) as caught:
        cladding.retry(exceptions=lambda error: error.missing)(fails)()
    assert caught.value.__context__ is fails.raised[0]


def test_no_retries_at_all(cladding: Any, waits: list[float]) -> None:
    fails = Fails(1)
    with pytest.raises(ConnectionError) as caught:
        cladding.retry(max_retries=0)(fails)()
    [note] = caught.value.__notes__
    assert note.endswith("gave up after 1 attempt: max_retries=0")
    assert (fails.calls, waits) == (1, [])


def test_without_end(cladding: Any, waits: list[float]) -> None:
    assert cladding.retry(max_retries=None)(Fails(3000))() == 3001
    assert len(waits) == 3000
    assert max(waits) <= 30


@all_kinds
def test_arguments_are_those_of_the_call(cladding: Any, waits: list[float], kind: Kind) -> None:
    seen: list[Any] = []
    fails = Fails(2)

    def body(*args: Any, **kwargs: Any) -> Any:
        seen.append((args, kwargs))
        return fails()

    kind.run(cladding.retry(kind.make(body)), 1, [2], key="word")
    assert seen == [((1, [2]), {"key": "word"})] * 3


# ------------------------------------------------------------------------------------------------------------ waits


@given(
    initial=st.floats(0.0, 100.0),
    factor=st.floats(1.0, 10.0),
    room=st.floats(0.0, 1000.0),
    jitter=st.sampled_from(["full", "equal", "none"]),
    retries=st.integers(0, 40),
)
def test_every_wait_is_within_its_bounds(
    cladding: Any, initial: float, factor: float, room: float, jitter: str, retries: int
) -> None:
    waits: list[float] = []
    policy = cladding.retry(retries, factor, initial_delay=initial, max_delay=initial + room, jitter=jitter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cladding._waits.sleep", waits.append)
        assert policy(Fails(retries))() == retries + 1
    limits = [min(initial + room, initial * factor**i) for i in range(retries)]
    if initial == 0:
        assert waits == []
        return
    if jitter != "full":
        assert len(waits) == retries  # full jitter may draw a 0, for which nothing is called
    least = {"full": 0.0, "equal": 0.5, "none": 1.0}[jitter]
    for wait, limit in zip(waits, limits, strict=False):
        assert limit * least * (1 - 1e-9) <= wait <= limit * (1 + 1e-9)


def test_late_waits_still_differ_under_the_cap(cladding: Any, waits: list[float]) -> None:
    cladding.retry(max_retries=100, initial_delay=1, max_delay=2)(Fails(100))()
    late = waits[10:]
    assert len(set(late)) == len(late)
    assert min(late) < 0.5
    assert max(late) > 1.5


def test_delays_as_timedelta(cladding: Any, waits: list[float]) -> None:
    policy = cladding.retry(initial_delay=timedelta(milliseconds=250), max_delay=timedelta(seconds=1), jitter="none")
    policy(Fails(3))()
    assert waits == [0.25, 0.5, 1.0]


@all_kinds
def test_a_wait_of_nothing_is_not_waited_for(cladding: Any, waits: list[float], kind: Kind) -> None:
    assert kind.run(cladding.retry(initial_delay=0)(kind.make(Fails(3)))) == 4
    assert waits == []


def test_an_interrupt_ends_the_wait(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cladding._waits.sleep", interrupted)
    fails = Fails(9)
    f = cladding.retry(exceptions=Exception)(fails)
    with pytest.raises(KeyboardInterrupt):
        f()
    assert fails.calls == 1
    assert f.cladding.retry.stats == {"calls": 1, "retries": 0, "gave_up": 0}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no interval timers")
def test_an_interrupt_ends_attempts_without_end_and_without_waits(cladding: Any) -> None:
    # No Python code runs in any attempt, and nothing in `pop` looks at signals, so only retry itself can.
    endless = cladding.retry(max_retries=None, initial_delay=0, exceptions=IndexError)([].pop)

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(KeyboardInterrupt):
            endless()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert endless.cladding.retry.stats["retries"] > 10


def test_cancellation_ends_the_wait_and_is_not_retried(cladding: Any) -> None:
    fails = Fails(9)

    async def main() -> None:
        failed = asyncio.Event()

        @cladding.retry(initial_delay=600, max_delay=600, jitter="none", exceptions=Exception)
        async def work() -> int:
            failed.set()
            return fails()

        task = asyncio.create_task(work())
        await failed.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert work.cladding.retry.stats == {"calls": 1, "retries": 0, "gave_up": 0}

    asyncio.run(asyncio.wait_for(main(), 30))
    assert fails.calls == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_waits_otherwise_than_its_parent(cladding: Any, waits: list[float]) -> None:
    policy = cladding.retry(max_retries=5, initial_delay=1)
    policy(Fails(5))()  # the parent's sequence has begun
    waits.clear()
    ends, children = [], []
    for _ in range(2):
        end, other = os.pipe()
        if (child := os.fork()) == 0:
            policy(Fails(5))()
            os.write(other, pickle.dumps(waits))
            os._exit(0)
        os.close(other)
        ends.append(end)
        children.append(child)
    policy(Fails(5))()
    drawn = [waits]
    for end, child in zip(ends, children, strict=True):
        with os.fdopen(end, "rb") as file:
            drawn.append(pickle.load(file))
        assert os.waitpid(child, 0)[1] == 0
    together = [wait for waits in drawn for wait in waits]
    assert len(together) == len(set(together)) == 15


# ------------------------------------------------------------------------------------------------------- generators


def test_a_generator_is_not_retried_once_it_has_yielded(cladding: Any, waits: list[float]) -> None:
    calls = 0

    @cladding.retry
    def items() -> Iterator[int]:
        nonlocal calls
        calls += 1
        yield calls
        raise ConnectionError

    received = []
    with pytest.raises(ConnectionError) as caught:
        for item in items():
            received.append(item)
    assert (received, calls) == ([1], 1)
    assert not hasattr(caught.value, "__notes__")
    assert items.cladding.retry.stats == {"calls": 1, "retries": 0, "gave_up": 0}


def test_an_async_generator_is_not_retried_once_it_has_yielded(cladding: Any, waits: list[float]) -> None:
    calls = 0

    @cladding.retry
    async def items() -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise TimeoutError
        yield calls
        raise ConnectionError

    received = []

    async def main() -> None:
        async for item in items():
            received.append(item)

    with pytest.raises(ConnectionError):
        asyncio.run(main())
    assert (received, calls) == ([2], 2)
    assert items.cladding.retry.stats == {"calls": 1, "retries": 1, "gave_up": 0}


def test_sent_values_reach_the_attempt_that_yields(cladding: Any, waits: list[float]) -> None:
    fails = Fails(1)

    @cladding.retry
    def echo() -> Any:
        fails()
        got = yield "ready"
        return got

    steps = echo()
    assert next(steps) == "ready"
    with pytest.raises(StopIteration) as stop:
        steps.send(5)
    assert (stop.value.value, fails.calls) == (5, 2)


@pytest.mark.parametrize("delay", [0, 0.1])
def test_a_coroutine_that_fails_while_it_is_closed_is_not_retried(
    cladding: Any, waits: list[float], delay: float
) -> None:
    fails = Fails(9)

    @cladding.retry(initial_delay=delay)
    async def work() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            fails()

    call = work()
    call.send(None)
    with pytest.raises(ConnectionError) as caught:
        call.close()
    assert caught.value.__traceback__ is not None
    assert "work" in [entry.name for entry in traceback.extract_tb(caught.value.__traceback__)]
    assert not hasattr(caught.value, "__notes__")
    assert (fails.calls, waits) == (1, [])
    assert work.cladding.retry.stats == {"calls": 1, "retries": 0, "gave_up": 0}


# ------------------------------------------------------------------------------- what is left of exceptions and frames


class Payload:
    """Something large in a failing frame."""


@all_kinds
def test_earlier_exceptions_keep_no_frames_alive(cladding: Any, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    alive: list[weakref.ref[Payload]] = []
    kept: list[Exception] = []
    while_waiting: list[int] = []

    def look(seconds: float) -> None:
        while_waiting.append(sum(ref() is not None for ref in alive))

    async def look_async(seconds: float) -> None:
        look(seconds)

    def body() -> None:
        payload = Payload()
        alive.append(weakref.ref(payload))
        error = ConnectionError()  # a cycle: the frame holds the exception, its traceback the frame
        kept.append(error)
        raise error

    monkeypatch.setattr("cladding._waits.sleep", look)
    monkeypatch.setattr("cladding._waits.sleep_async", look_async)
    f = cladding.retry(kind.make(body))
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(ConnectionError):
            kind.run(f)
        assert while_waiting == [0, 0, 0]
        assert [error.__traceback__ is None for error in kept] == [True, True, True, False]
        assert [ref() is not None for ref in alive] == [False, False, False, True]
    finally:
        gc.enable()


@pytest.mark.parametrize("answer", [True, False, None])
def test_nothing_is_kept_of_calls_that_failed(cladding: Any, waits: list[float], answer: bool | None) -> None:
    payload = Payload()

    @cladding.retry(exceptions=lambda error: answer)
    def f(argument: object) -> None:
        raise ConnectionError

    def call() -> None:
        try:
            f(payload)
        except (ConnectionError, ValueError):
            pass

    call()
    gc.collect()
    before = sys.getrefcount(payload)
    gc.disable()
    try:
        for _ in range(20):
            call()
        assert sys.getrefcount(payload) == before
    finally:
        gc.enable()


def _entries(error: BaseException) -> list[str]:
    return [entry.name for entry in traceback.extract_tb(error.__traceback__)]


def test_one_exception_raised_again_and_again_does_not_grow(cladding: Any, waits: list[float]) -> None:
    cached = ConnectionError("the same one each time")

    @cladding.retry
    def f() -> None:
        raise cached

    for _ in range(5):
        with pytest.raises(ConnectionError) as caught:
            f()
        assert caught.value is cached
        assert len(cached.__notes__) == 1
        assert _entries(cached).count("f") == 1


def test_a_note_of_the_users_own_stays(cladding: Any, waits: list[float]) -> None:
    cached = ConnectionError()
    cached.add_note("mine")

    def f() -> None:
        raise cached

    for _ in range(2):
        with pytest.raises(ConnectionError):
            cladding.retry(f)()
    assert cached.__notes__[0] == "mine"
    assert len(cached.__notes__) == 2


def test_two_retries_on_one_function_leave_one_note(cladding: Any, waits: list[float]) -> None:
    fails = Fails(99)

    @cladding.retry(max_retries=2)
    @cladding.retry(max_retries=1)
    def f() -> None:
        fails()

    with pytest.raises(ConnectionError) as caught:
        f()
    assert fails.calls == 6
    [note] = caught.value.__notes__
    assert "after 3 attempts" in note
    assert note.endswith("max_retries=2")
    assert [policy.stats["gave_up"] for policy in f.cladding.policies] == [1, 3]


def test_each_function_that_gave_up_says_so(cladding: Any, waits: list[float]) -> None:
    @cladding.retry(max_retries=1)
    def inner() -> None:
        raise ConnectionError

    @cladding.retry(max_retries=2)
    def outer() -> None:
        inner()

    with pytest.raises(ConnectionError) as caught:
        outer()
    first, second = caught.value.__notes__
    assert "inner gave up after 2 attempts" in first
    assert "outer gave up after 3 attempts" in second


@pytest.mark.parametrize("notes", [(), "text", None, [1, 2]])
def test_an_exception_that_takes_no_note_is_raised_all_the_same(
    cladding: Any, waits: list[float], notes: object
) -> None:
    def odd() -> ConnectionError:
        error = ConnectionError()
        error.__notes__ = notes  # type: ignore[assignment]
        return error

    fails = Fails(9, odd)
    with pytest.raises(ConnectionError) as caught:
        cladding.retry(fails)()
    assert caught.value is fails.raised[3]


# ---------------------------------------------------------------------------------------- many calls at the same time


def test_threads_count_exactly(cladding: Any) -> None:
    threads, calls = 8, 300
    attempts = [[0] * calls for _ in range(threads)]

    @cladding.retry(initial_delay=0)
    def f(thread: int, call: int) -> int:
        attempts[thread][call] += 1
        if attempts[thread][call] < 3:
            raise TimeoutError
        return call

    def work(thread: int) -> None:
        for call in range(calls):
            assert f(thread, call) == call

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert attempts == [[3] * calls] * threads
    total = threads * calls
    assert f.cladding.retry.stats == {"calls": total, "retries": 2 * total, "gave_up": 0}


def test_tasks_have_delays_of_their_own(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: dict[str, list[float]] = {}

    async def sleep_async(seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        waits.setdefault(task.get_name(), []).append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr("cladding._waits.sleep_async", sleep_async)

    @cladding.retry(jitter="none", initial_delay=1)
    async def f(fails: Fails) -> int:
        await asyncio.sleep(0)
        return fails()

    async def main() -> None:
        tasks = [asyncio.create_task(f(Fails(3)), name=str(i)) for i in range(20)]
        assert await asyncio.gather(*tasks) == [4] * 20

    asyncio.run(main())
    assert waits == {str(i): [1.0, 2.0, 4.0] for i in range(20)}


def test_a_call_inside_a_call_starts_anew(cladding: Any, waits: list[float]) -> None:
    attempts: dict[int, int] = {}

    @cladding.retry(max_retries=1)
    def f(depth: int) -> int:
        attempts[depth] = attempts.get(depth, 0) + 1
        if attempts[depth] % 2:
            raise ConnectionError
        return f(depth - 1) + 1 if depth else 0

    assert f(5) == 5
    assert attempts == dict.fromkeys(range(6), 2)


# ------------------------------------------------------------------------------------------------- where it can stand


def test_on_methods_of_all_kinds(cladding: Any, waits: list[float]) -> None:
    class Client:
        def __init__(self) -> None:
            self.fails = Fails(2)

        @cladding.retry
        def fetch(self, key: str) -> tuple[Any, ...]:
            return self, key, self.fails()

        @cladding.retry
        @classmethod
        def above_class(cls, fails: Fails) -> tuple[Any, ...]:
            return cls, fails()

        @classmethod
        @cladding.retry
        def below_class(cls, fails: Fails) -> tuple[Any, ...]:
            return cls, fails()

        @cladding.retry
        @staticmethod
        def above_static(fails: Fails) -> int:
            return fails()

        @cladding.retry
        @property
        def value(self) -> int:
            return self.fails()

        @cladding.retry
        @functools.cached_property
        def cached(self) -> int:
            return self.fails()

    client = Client()
    assert client.fetch(key="k") == (client, "k", 3)
    assert client.above_class(Fails(1)) == (Client, 2)
    assert Client.below_class(Fails(1)) == (Client, 2)
    assert client.above_static(Fails(1)) == 2
    client.fails = Fails(1)
    assert client.value == 2
    client.fails = Fails(1)
    assert client.cached == client.cached == 2


def test_on_a_class(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)

    @cladding.retry
    class Session:
        def __init__(self) -> None:
            self.made = fails()

    assert Session().made == 3
    assert isinstance(Session(), Session)


def test_stacked_order_decides_what_is_counted(cladding: Any, waits: list[float]) -> None:
    @cladding.timer
    @cladding.retry
    @cladding.timer
    def f(fails: Fails) -> int:
        return fails()

    f(Fails(2))
    outer, _, inner = f.cladding.policies
    assert (outer.stats["calls"], outer.stats["errors"]) == (1, 0)
    assert (inner.stats["calls"], inner.stats["errors"]) == (3, 2)


def test_switched_off(cladding: Any, waits: list[float]) -> None:
    fails = Fails(99)
    f = cladding.retry(fails)
    with cladding.disabled("retry"), pytest.raises(ConnectionError) as caught:
        f()
    assert fails.calls == 1
    assert not hasattr(caught.value, "__notes__")
    assert cladding.retry(enabled=False)(fails) is fails
    asked = cladding.retry(enabled=lambda: False)(fails)
    with pytest.raises(ConnectionError):
        asked()
    assert fails.calls == 2


def test_the_policy_apart_from_any_function(cladding: Any) -> None:
    policy = cladding.retry(5, exceptions=OSError)
    assert policy == cladding.retry(max_retries=5, exceptions=OSError) != cladding.retry(exceptions=OSError)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert policy.max_retries == 5
    assert repr(cladding.retry()) == (
        "retry(max_retries=3, backoff_factor=2.0, exceptions=(<class 'ConnectionError'>, <class 'TimeoutError'>), "
        "initial_delay=0.1, max_delay=30.0, jitter='full')"
    )


def test_metrics(cladding: Any, waits: list[float]) -> None:
    def make() -> Any:
        @cladding.retry(max_retries=2)
        def counted_by_prometheus(fails: Fails) -> int:
            return fails()

        return counted_by_prometheus

    first, second = make(), make()  # of one name, so they share a sample
    first(Fails(2))
    with pytest.raises(ConnectionError):
        second(Fails(9))
    name = f"{first.__module__}.{first.__qualname__}"
    lines = [line for line in cladding.metrics_text().splitlines() if name in line]
    assert sorted(lines) == [
        f'cladding_retries_total{{function="{name}"}} 4',
        f'cladding_retry_gave_up_total{{function="{name}"}} 1',
    ]


# ------------------------------------------------------------------------------------------------------- wrong input


async def _decides(error: Exception) -> bool:
    return True


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("max_retries", value) for value in (-1, 2.0, "3", True, 2**70)),
        *(("backoff_factor", value) for value in (0.5, -1, float("nan"), float("inf"), "2", None, True)),
        *(("initial_delay", value) for value in (-0.1, float("nan"), float("inf"), "1", None, timedelta(seconds=-1))),
        *(("max_delay", value) for value in (-1, float("nan"), float("inf"), 2e9, "1", None, True)),
        ("max_delay", 0.05),  # less than the first delay
        *(("jitter", value) for value in ("some", "", None, True, 1)),
        *(("exceptions", value) for value in ((), "ValueError", None, ValueError(), [ValueError], (ValueError, "x"))),
        *(("exceptions", value) for value in (BaseException, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit)),
        *(("exceptions", value) for value in ((ValueError, SystemExit), (ValueError, (KeyError,)), int, _decides)),
        ("enabled", "yes"),
    ],
)
def test_wrong_parameters_are_refused_by_name(cladding: Any, parameter: str, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.retry(**{parameter: value})
    text = str(caught.value)
    assert text.startswith(f"retry: `{parameter}` must be ")
    shown = value if isinstance(value, float) else repr(value)
    assert str(shown).lower() in text.lower() or f"got {value}" in text


def test_unknown_parameters_are_refused(cladding: Any) -> None:
    with pytest.raises(TypeError):
        cladding.retry(tries=3)
    with pytest.raises(TypeError):
        cladding.retry(3, 2.0, ValueError, 0.1)
