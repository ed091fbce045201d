"""Retried calls leave nothing behind that only the garbage collector could free: it is off here all the time.

The function that fails has a megabyte in a local variable, which lives as long as its frame. `CLADDING_SOAK=1` makes many
more calls; `million_retries.py` makes a million, beside other libraries.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from .kinds import finish
from .test_leaks import SOAK, resident

CALLS = 20_000 if SOAK else 400
WARM_UP = 50

pytestmark = [pytest.mark.leak, pytest.mark.slow, *([pytest.mark.timeout(0)] if SOAK else [])]


class Failure(Exception):
    """What is retried."""


class Megabyte:
    """Memory that is really there, and counted."""

    alive = 0

    def __init__(self) -> None:
        type(self).alive += 1
        self.content = b"x" * 2**20

    def __del__(self) -> None:
        type(self).alive -= 1


class Body:
    """Fails with a megabyte in its frame: at every other call, or always."""

    def __init__(self, *, recovers: bool) -> None:
        self.recovers, self.count = recovers, 0
        self.most = 0  # megabytes of earlier attempts, when another begins

    def __call__(self) -> str:
        self.count += 1
        self.most = max(self.most, Megabyte.alive)
        megabyte = Megabyte()
        if self.recovers and self.count % 2 == 0:
            return "done"
        assert megabyte.content
        raise Failure


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def function(policy: Any, body: Body) -> Callable[[], Any]:
    @policy
    def f() -> str:
        return body()

    return f


def generator(policy: Any, body: Body) -> Callable[[], Any]:
    @policy
    def f() -> Iterator[str]:
        yield body()

    return lambda: list(f())


def block(policy: Any, body: Body) -> Callable[[], Any]:
    def f() -> Any:
        result = None
        for attempt in policy:
            with attempt:
                result = body()
        return result

    return f


def coroutine(policy: Any, body: Body) -> Callable[[], Any]:
    @policy
    async def f() -> str:
        return body()

    return f


def suspended(policy: Any, body: Body) -> Callable[[], Any]:
    @policy
    async def f() -> str:
        await asyncio.sleep(0)
        return body()

    return f


def async_generator(policy: Any, body: Body) -> Callable[[], Any]:
    @policy
    async def f() -> AsyncIterator[str]:
        yield body()

    async def call() -> list[str]:
        return [item async for item in f()]

    return call


def async_block(policy: Any, body: Body) -> Callable[[], Any]:
    async def f() -> Any:
        result = None
        async for attempt in policy:
            with attempt:
                result = body()
        return result

    return f


def many(call: Callable[[], Any]) -> Callable[[int], None]:
    """Makes so many calls, whatever they come to."""

    def run(number: int) -> None:
        for _ in range(number):
            try:
                call()
            except Exception:
                pass

    return run


def many_awaited(call: Callable[[], Any], runner: asyncio.Runner) -> Callable[[int], None]:
    """The same in an event loop."""

    async def run(number: int) -> None:
        for _ in range(number):
            try:
                await call()
            except Exception:
                pass

    return lambda number: runner.run(run(number))


SYNC = (function, generator, block)
ASYNC = (coroutine, suspended, async_generator, async_block)
BLOCKS, GENERATORS = (block, async_block), (generator, async_generator)

# What is given to retry; each is made for one test, since budgets and breakers are shared.
OPTIONS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "nothing else": lambda c: {},
    "a wait": lambda c: {"initial_delay": 1e-6, "jitter": "none"},
    "a deadline": lambda c: {"deadline": 600},
    "a predicate": lambda c: {"exceptions": lambda error: isinstance(error, Failure)},
    "hooks": lambda c: {"on_retry": str, "on_giveup": repr, "on_success": repr},
    "a budget": lambda c: {"budget": c.RetryBudget(ratio=1000)},
    "a budget without a retry left": lambda c: {"budget": c.RetryBudget(ratio=0, min_per_second=0)},
    "a breaker": lambda c: {"breaker": c.CircuitBreaker(None, failures=10**9)},
    "a breaker that is open": lambda c: {"breaker": c.CircuitBreaker(failures=1, open_for=600)},
    "a fallback": lambda c: {"fallback": "instead"},
    "a fallback function": lambda c: {"fallback": lambda: "instead"},
    "a timeout": lambda c: {"timeout": 600},
}


def fits(kind: Any, name: str) -> bool:
    if kind in BLOCKS:
        return "fallback" not in name and "timeout" not in name
    if kind in GENERATORS:
        return "fallback" not in name and not (kind is generator and "timeout" in name)
    return True


CASES = [(kind, name) for kind in (*SYNC, *ASYNC) for name in OPTIONS if fits(kind, name)]


@pytest.mark.parametrize("recovers", [True, False], ids=["recovers", "gives up"])
@pytest.mark.parametrize("kind, name", CASES, ids=[f"{kind.__name__}, {name}" for kind, name in CASES])
def test_no_frame_and_no_object_stays(
    cladding: Any, runner: asyncio.Runner, kind: Any, name: str, recovers: bool
) -> None:
    options = {"exceptions": Failure, "initial_delay": 0.0, "max_retries": 2, **OPTIONS[name](cladding)}
    policy = cladding.retry.attempts(**options) if kind in BLOCKS else cladding.retry(**options)
    body = Body(recovers=recovers)
    call = kind(policy, body)
    run = many_awaited(call, runner) if kind in ASYNC else many(call)
    in_a_thread = kind is function and name == "a timeout"
    calls = CALLS // 4 if in_a_thread else CALLS
    run(WARM_UP)
    settle(in_a_thread)
    body.most = 0
    attempts, objects, memory = body.count, tracked(), resident()
    run(calls)
    settle(in_a_thread)
    assert tracked() - objects < 50
    assert resident() - memory < 16 * 2**20
    assert Megabyte.alive == 0
    # A worker thread may hold its last frame a moment longer than the caller waits for it.
    assert body.most <= in_a_thread
    if "open" not in name:
        assert body.count - attempts >= calls


def tracked() -> int:
    """How many objects the garbage collector knows."""
    return len(gc.get_objects())


def settle(in_a_thread: bool) -> None:
    """Waits for a worker thread to let its last frame go."""
    end = time.monotonic() + 20
    while in_a_thread and Megabyte.alive and time.monotonic() < end:
        time.sleep(0.001)


@pytest.mark.parametrize("kind", [function, coroutine])
def test_an_exception_that_is_kept_keeps_only_its_own_frame(cladding: Any, kind: Any) -> None:
    body = Body(recovers=False)
    call = kind(cladding.retry(max_retries=5, exceptions=Failure, initial_delay=0), body)
    kept: list[Exception] = []

    try:
        finish(call()) if kind is coroutine else call()  # asyncio's own tasks make circles with their exceptions
    except Failure as error:
        kept.append(error)
    assert len(cladding.retry.failures(kept[0])) == 6
    assert Megabyte.alive == 1
    kept.clear()
    assert Megabyte.alive == 0


def test_the_same_exception_raised_for_ever_does_not_grow(cladding: Any) -> None:
    error = Failure()

    @cladding.retry(max_retries=3, exceptions=Failure, initial_delay=0)
    def f() -> None:
        raise error

    def depth() -> int:
        count, traceback = 0, error.__traceback__
        while traceback is not None:
            count, traceback = count + 1, traceback.tb_next
        return count

    depths = set()
    for _ in range(100):
        try:
            f()
        except Failure:
            pass
        depths.add(depth())
        error.__traceback__ = None
    assert depths == {2}
    assert len(error.__notes__) == 1
