"""`retry`: what is left of exceptions and frames after attempts that failed."""

from __future__ import annotations

import gc
import traceback
import weakref
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds
from policies.references import assert_lets_go

from .helpers import Fails


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

    assert_lets_go(call, payload)


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
    @cladding.retry(max_retries=1, nested="allow")
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
    @cladding.retry(max_retries=1, nested="allow")
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
