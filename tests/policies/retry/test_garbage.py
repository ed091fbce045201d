"""No path through `retry` makes anything that only the cyclic collector could free."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from policies.kinds import KINDS, Kind, all_kinds

from .helpers import burn


class Payload:
    """Something large in a frame."""


@pytest.fixture(scope="module", autouse=True)
def only_what_is_new() -> Iterator[None]:
    """Collections look at nothing that was there before, which would take them far longer."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def assert_nothing_for_the_collector(call: Callable[[Payload], None]) -> None:
    """Asserts that all that a call makes is freed when it is over, without the collector."""
    call(Payload())  # What is made once for ever is made now.
    gc.collect()
    gc.disable()
    try:
        references = []
        for _ in range(3):
            payload = Payload()
            references.append(weakref.ref(payload))
            call(payload)
            del payload
        assert [reference() for reference in references] == [None] * 3
        assert gc.collect() == 0
    finally:
        gc.enable()


async def _collect(items: Any) -> None:
    async for _ in items:
        pass


def quietly(kind: Kind, f: Callable[[], Any]) -> None:
    """Calls to the very end without an event loop, and forgets what is raised."""
    try:
        if "async generator" in kind.name:
            KINDS[1].complete_bare(_collect(f()))
        else:
            kind.run_bare(f)
    except (Exception, KeyboardInterrupt):
        pass


def _broken(event: object) -> None:
    raise LookupError


def _interrupts(event: object) -> None:
    raise KeyboardInterrupt


WAYS: dict[str, tuple[float, dict[str, Any]]] = {
    "success": (0, {}),
    "success after retries": (2, {}),
    "success without waits": (2, {"initial_delay": 0}),
    "giving up": (99, {}),
    "giving up at once": (99, {"max_retries": 0}),
    "many attempts": (99, {"max_retries": 40}),
    "an exception that passes": (99, {"exceptions": ValueError}),
    "a predicate that fails": (99, {"exceptions": lambda error: error.missing}),
    "a predicate that answers nonsense": (99, {"exceptions": lambda error: "perhaps"}),
    "a predicate that says how long": (2, {"exceptions": lambda error: 0.5}),
    "a predicate that is interrupted": (99, {"exceptions": _interrupts}),
    "a result that is refused": (0, {"retry_on_result": lambda result: True}),
    "a judge of results that fails": (0, {"retry_on_result": lambda result: result.missing}),
    "hooks": (2, {"on_retry": lambda event: None, "on_success": lambda event: None}),
    "hooks that fail": (99, {"on_retry": _broken, "on_giveup": _broken}),
    "a hook that is interrupted": (99, {"on_retry": _interrupts}),
    "a last hook that is interrupted": (99, {"on_giveup": _interrupts}),
    "own waits": (99, {"schedule": [0.1, 0.2]}),
    "own waits of a generator": (99, {"schedule": lambda: (wait for wait in (0.1, 0.2, 0.3, 0.4))}),
    "waits that run into nonsense": (99, {"max_retries": 20, "schedule": [0.1] * 17 + ["soon"]}),
    "a deadline": (99, {"deadline": 0.01, "schedule": [60]}),
    "another that finds no Retry-After": (99, {"retry_after": lambda error: None}),
    "nested=outer": (99, {"nested": "outer"}),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@all_kinds
def test_calls(cladding: Any, waits: list[float], kind: Kind, way: tuple[float, dict[str, Any]]) -> None:
    times, parameters = way
    policy = cladding.retry(**parameters)

    def call(payload: Payload) -> None:
        left = times

        def body() -> str:
            nonlocal left
            held = payload
            left -= 1
            if left >= 0:
                raise ConnectionError
            del held
            return "done"

        quietly(kind, policy(kind.make(body)))

    assert_nothing_for_the_collector(call)


def fails(payload: Payload) -> None:
    raise ConnectionError


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "returns" not in kind.name], ids=str)
def test_other_ways_to_call(cladding: Any, waits: list[float], kind: Kind) -> None:
    decorated = cladding.retry(2)(kind.make(fails))

    class Client:
        method = decorated

    ways: list[Callable[[Payload], Any]] = [
        lambda payload: cladding.retry(2).call(decorated.__wrapped__, payload),
        lambda payload: cladding.retry.replace(decorated, max_retries=1)(payload),
        lambda payload: decorated.cladding.retry.replace(max_retries=1)(payload),
        lambda payload: cladding.retry.replace(Client().method, max_retries=1)(),
    ]
    for way in ways:
        assert_nothing_for_the_collector(lambda payload, way=way: quietly(kind, lambda: way(payload)))


def block(attempts: Any, payload: Payload, times: float, error: type[BaseException] = ConnectionError) -> None:
    for attempt in attempts:
        with attempt:
            held = payload
            attempt.set_result(held)
            if attempt.number <= times:
                raise error


async def async_block(attempts: Any, payload: Payload, times: float, error: type[BaseException]) -> None:
    async for attempt in attempts:
        with attempt:
            held = payload
            attempt.set_result(held)
            if attempt.number <= times:
                raise error


BLOCKS = {
    name: way for name, way in WAYS.items() if way[1].get("nested") != "outer" and "retry_on_result" not in way[1]
} | {"a result that is refused": (0, {"retry_on_result": lambda result: True})}


@pytest.mark.parametrize("error", [ConnectionError, ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("way", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_blocks(
    cladding: Any, waits: list[float], way: tuple[float, dict[str, Any]], error: type[BaseException], is_async: bool
) -> None:
    times, parameters = way
    attempts = cladding.retry.attempts(**parameters)
    kind = KINDS[1] if is_async else KINDS[0]

    def call(payload: Payload) -> None:
        quietly(kind, lambda: (async_block if is_async else block)(attempts, payload, times, error))

    assert_nothing_for_the_collector(call)


def test_a_block_whose_wait_is_interrupted(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cladding._waits.sleep", interrupted)
    attempts = cladding.retry.attempts()
    assert_nothing_for_the_collector(lambda payload: quietly(KINDS[0], lambda: block(attempts, payload, 99)))


def test_a_block_whose_wait_was_too_long(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cladding._waits.sleep", lambda seconds: burn(0.004))
    attempts = cladding.retry.attempts(deadline=0.003, schedule=[0.001])
    assert_nothing_for_the_collector(lambda payload: quietly(KINDS[0], lambda: block(attempts, payload, 99)))


@pytest.mark.parametrize("end", ["throw", "close", "drop"])
@pytest.mark.parametrize("form", ["function", "block"])
def test_a_wait_that_is_cancelled(cladding: Any, end: str, form: str) -> None:
    attempts = cladding.retry.attempts(initial_delay=600, max_delay=600)

    @cladding.retry(initial_delay=600, max_delay=600)
    async def function(payload: Payload) -> None:
        raise ConnectionError

    async def main(payload: Payload) -> None:
        call = function(payload) if form == "function" else async_block(attempts, payload, 99, ConnectionError)
        call.send(None)  # up to the wait
        if end == "throw":
            with pytest.raises(asyncio.CancelledError):
                call.throw(asyncio.CancelledError())
        elif end == "close":
            call.close()

    def call(payload: Payload) -> None:
        with asyncio.Runner() as runner:
            runner.run(main(payload))

    for _ in range(2):
        gc.collect()
        gc.disable()
        payload = Payload()
        reference = weakref.ref(payload)
        call(payload)
        del payload
        assert reference() is None
        gc.enable()


@pytest.mark.parametrize("broken", [False, True])
def test_an_abandoned_block(cladding: Any, waits: list[float], broken: bool) -> None:
    def call(payload: Payload) -> None:
        for attempt in cladding.retry.attempts():
            with attempt:
                held = payload
                if attempt.number == 1:
                    raise ConnectionError
                if broken:
                    break
            del held
            return

    assert_nothing_for_the_collector(call)
