"""`on_retry`, `on_giveup` and `on_success`: what they are told, in which order, and what they cannot break."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails, numbers, run_whole


class Listener:
    """Keeps what was told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def options(self) -> dict[str, Any]:
        def keep(what: str) -> Any:
            return lambda event: self.told.append((what, event))

        return {name: keep(name) for name in ("on_retry", "on_giveup", "on_success")}

    @property
    def names(self) -> list[str]:
        return [what for what, _ in self.told]


@all_kinds
def test_a_call_that_recovers(cladding: Any, waits: list[float], kind: Kind) -> None:
    listener, fails = Listener(), Fails(2)
    f = cladding.retry(5, jitter="none", deadline=60, **listener.options())(kind.make(fails))
    kind.run(f)
    assert listener.names == ["on_retry", "on_retry", "on_success"]
    first, second, last = [event for _, event in listener.told]
    assert isinstance(first, cladding.RetryEvent)
    function = f"{f.__module__}.{f.__qualname__}"
    yields = "generator" in kind.name
    parts = ("attempt", "exception", "result", "delay", "reason", "failures")

    def told(event: Any) -> tuple[Any, ...]:
        return tuple(getattr(event, part) for part in parts)

    one, two = fails.raised
    assert told(first) == (1, one, None, 0.1, None, ())
    assert told(second) == (2, two, None, 0.2, None, (one,))
    assert told(last) == (3, None, None if yields else 3, None, None, (one, two))
    for event in (first, second, last):
        assert (event.function, event.deadline, event.max_retries) == (function, 60.0, 5)
    assert 0 <= first.elapsed <= second.elapsed <= last.elapsed < 60


@all_kinds
def test_a_call_that_gives_up(cladding: Any, waits: list[float], kind: Kind) -> None:
    listener, fails = Listener(), Fails(9)
    f = cladding.retry(1, **listener.options())(kind.make(fails))
    with pytest.raises(ConnectionError) as caught:
        kind.run(f)
    assert listener.names == ["on_retry", "on_giveup"]
    event = listener.told[1][1]
    assert event.exception is caught.value
    assert (event.attempt, event.result, event.delay, event.deadline) == (2, None, None, None)
    assert (event.reason, event.failures) == ("max_retries=1", (fails.raised[0],))


@all_kinds
def test_a_first_attempt_that_succeeds(cladding: Any, waits: list[float], kind: Kind) -> None:
    listener = Listener()
    kind.run(cladding.retry(**listener.options())(kind.make(Fails(0))))
    assert listener.names == ["on_success"]
    assert (listener.told[0][1].attempt, listener.told[0][1].failures) == (1, ())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, asyncio.CancelledError])
@all_kinds
def test_what_passes_is_not_told(cladding: Any, waits: list[float], kind: Kind, error: type[BaseException]) -> None:
    listener = Listener()
    with pytest.raises(error):
        kind.run_bare(cladding.retry(**listener.options())(kind.make(Fails(1, error))))
    assert listener.told == []


def test_told_before_the_wait_and_after_the_attempt(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr("cladding._waits.sleep", lambda seconds: order.append("wait"))
    fails = Fails(2)

    def body() -> int:
        order.append("attempt")
        return fails()

    told = {name: lambda event, name=name: order.append(name) for name in ("on_retry", "on_giveup", "on_success")}
    cladding.retry(jitter="none", **told)(body)()
    once = ["attempt", "on_retry", "wait"]
    assert order == [*once, *once, "attempt", "on_success"]


def test_the_number_of_attempts_without_end(cladding: Any, waits: list[float]) -> None:
    listener = Listener()
    cladding.retry(None, initial_delay=0, **listener.options())(Fails(3))()
    assert [event.attempt for _, event in listener.told] == [1, 2, 3, 4]
    assert {event.max_retries for _, event in listener.told} == {None}
    assert [event.delay for _, event in listener.told] == [0, 0, 0, None]


@all_kinds
def test_a_hook_that_fails_changes_nothing(
    cladding: Any, waits: list[float], kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Any) -> None:
        raise LookupError("no such metric")

    options = {name: broken for name in ("on_retry", "on_giveup", "on_success")}
    body = kind.make(Fails(2))
    # The log tells of each function once, so each kind needs a name of its own.
    body.__qualname__ = f"broken hooks on a {kind}"
    f = cladding.retry(2, **options)(body)
    with caplog.at_level(logging.DEBUG):
        assert kind.run(f) == 3
        fails = kind.make(Fails(99))
        fails.__qualname__ = body.__qualname__
        with pytest.raises(ConnectionError) as caught:
            kind.run(cladding.retry(2, **options)(fails))
    assert caught.value.__context__ is None
    assert f.cladding.retry.stats["hook_errors"] == 3
    assert numbers(f) == {"calls": 1, "retries": 2, "gave_up": 0}
    records = [record for record in caplog.records if record.name == "cladding.retry"]
    messages = [record.getMessage() for record in records]
    assert messages == [
        f"{what} of {f.__module__}.{f.__qualname__} has failed" for what in ("on_retry", "on_success", "on_giveup")
    ]
    assert {record.levelno for record in records} == {logging.ERROR}
    assert all(record.exc_info and record.exc_info[0] is LookupError for record in records)


@pytest.mark.parametrize("name", ["on_retry", "on_giveup", "on_success"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
@all_kinds
def test_an_interrupt_in_a_hook_passes(
    cladding: Any, waits: list[float], kind: Kind, name: str, error: type[BaseException]
) -> None:
    def interrupted(event: Any) -> None:
        raise error

    fails = Fails({"on_retry": 9, "on_giveup": 9, "on_success": 0}[name])
    f = cladding.retry(1, **{name: interrupted})(kind.make(fails))
    with pytest.raises(error) as caught:
        run_whole(kind, f)
    assert fails.calls == {"on_retry": 1, "on_giveup": 2, "on_success": 1}[name]
    assert caught.value.__context__ is (fails.raised[-1] if fails.raised else None)
    assert f.cladding.retry.stats["hook_errors"] == 0


class Secret:
    """What no log should hold."""

    def __repr__(self) -> str:
        return "hunter2"

    __str__ = __repr__


@all_kinds
def test_the_arguments_of_the_call_are_nowhere(
    cladding: Any, waits: list[float], kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    secret = Secret()
    listener = Listener()

    def broken(event: Any) -> None:
        listener.told.append(("on_retry", event))
        raise LookupError

    fails = Fails(99)

    def login(*args: Any, **kwargs: Any) -> int:
        assert (args, kwargs) == ((secret,), {"password": secret})
        return fails()

    f = cladding.monitor(cladding.retry(2, **listener.options() | {"on_retry": broken})(kind.make(login)))
    with caplog.at_level(logging.DEBUG), pytest.raises(ConnectionError) as caught:
        kind.run(f, secret, password=secret)
    assert len(listener.told) == 3
    assert [record.name for record in caplog.records].count("cladding.retry") >= 3
    records = [repr(vars(record)) for record in caplog.records]
    events = [repr(event) for _, event in listener.told]
    fields = [repr(dataclasses.asdict(event)) for _, event in listener.told]
    for text in [*records, *events, *fields, caplog.text, *caught.value.__notes__, cladding.metrics_text()]:
        assert "hunter2" not in text


def test_an_event_cannot_be_changed_and_has_no_room_for_more(cladding: Any, waits: list[float]) -> None:
    listener = Listener()
    cladding.retry(**listener.options())(Fails(0))()
    event = listener.told[0][1]
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.attempt = 7
    assert not hasattr(event, "__dict__")
    names = "function attempt exception result delay elapsed deadline max_retries reason failures"
    assert [field.name for field in dataclasses.fields(event)] == names.split()


def test_a_hook_sees_the_traceback_and_whoever_keeps_the_event_does_not(cladding: Any, waits: list[float]) -> None:
    seen: list[bool] = []
    kept: list[Any] = []

    def look(event: Any) -> None:
        seen.append(event.exception.__traceback__ is not None)
        kept.append(event)

    with pytest.raises(ConnectionError):
        cladding.retry(2, on_retry=look, on_giveup=look)(Fails(9))()
    assert seen == [True] * 3
    assert [event.exception.__traceback__ is None for event in kept] == [True, True, False]


def test_a_generator_that_yielded_has_succeeded_or_passes(cladding: Any, waits: list[float]) -> None:
    listener = Listener()

    @cladding.retry(**listener.options())
    def items(fails: Fails) -> Iterator[int]:
        yield 1
        fails()

    assert list(items(Fails(0))) == [1]
    assert listener.names == ["on_success"]
    with pytest.raises(ConnectionError):
        list(items(Fails(9)))
    assert listener.names == ["on_success"]


async def _hears(event: object) -> None:
    """Nobody would await it."""


@pytest.mark.parametrize("name", ["on_retry", "on_giveup", "on_success"])
@pytest.mark.parametrize("value", ["print", 3, True, (print,), _hears])
def test_what_is_no_hook(cladding: Any, name: str, value: object) -> None:
    allowed = "a callable that takes a RetryEvent, not a coroutine function, or None"
    expected = f"retry: `{name}` must be {allowed}, got {value!r}"
    with pytest.raises(cladding.ConfigurationError, match=f"^{re.escape(expected)}$"):
        cladding.retry(**{name: value})
