"""`retry`: which frames exceptions keep, and which entries their tracebacks have."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails, entries


class Payload:
    """Something large in a failing frame."""


class Payloads:
    """Payloads, of which none but those of attempts that passed on their exception may be alive."""

    def __init__(self) -> None:
        self.made: list[weakref.ref[Payload]] = []

    def __call__(self) -> Payload:
        payload = Payload()
        self.made.append(weakref.ref(payload))
        return payload

    @property
    def alive(self) -> int:
        return sum(reference() is not None for reference in self.made)


@pytest.fixture
def payloads() -> Iterator[Payloads]:
    gc.collect()
    gc.disable()
    yield Payloads()
    gc.enable()


Raises = Callable[[Payloads], None]


def _with_cause(make: Payloads) -> None:
    try:
        fails(make())
    except KeyError as error:
        raise ConnectionError from error


def fails(payload: Payload) -> None:
    assert payload is not None
    raise KeyError


def _with_context(make: Payloads) -> None:
    try:
        fails(make())
    except KeyError:
        raise ConnectionError


def _with_suppressed_context(make: Payloads) -> None:
    try:
        fails(make())
    except KeyError:
        raise ConnectionError from None


def _deep(levels: int, make: Payloads) -> None:
    try:
        if levels == 0:
            fails(make())
        _deep(levels - 1, make)
    except LookupError as error:
        raise IndexError(levels) from error


def _with_a_long_chain(make: Payloads) -> None:
    try:
        _deep(20, make)
    except IndexError:
        raise ConnectionError


def _failures(make: Payloads, count: int) -> list[Exception]:
    errors: list[Exception] = []
    for _ in range(count):
        try:
            fails(make())
        except KeyError as error:
            errors.append(error)
    return errors


def _with_a_group(make: Payloads) -> None:
    one, *others = _failures(make, 3)
    raise ConnectionError from ExceptionGroup("all", [one, ExceptionGroup("inner", others)])


def _with_a_cause_that_was_not_raised(make: Payloads) -> None:
    error = LookupError()
    [error.__cause__] = _failures(make, 1)
    raise ConnectionError from error


def _with_a_large_group(make: Payloads) -> None:
    raise ConnectionError from ExceptionGroup("all", _failures(make, 300))


def _with_a_ring(make: Payloads) -> None:
    one, two = _failures(make, 2)
    one.__cause__, two.__cause__ = two, one
    raise ConnectionError from one


BEHIND = (
    _with_cause,
    _with_context,
    _with_suppressed_context,
    _with_a_cause_that_was_not_raised,
    _with_a_long_chain,
    _with_a_group,
    _with_a_large_group,
    _with_a_ring,
)


@pytest.mark.parametrize("raises", BEHIND)
@all_kinds
def test_nothing_behind_earlier_exceptions_keeps_frames(
    cladding: Any, waits: list[float], kind: Kind, raises: Raises, payloads: Payloads
) -> None:
    kept: list[Exception] = []
    alive: list[int] = []

    def body() -> str:
        alive.append(payloads.alive)
        if len(alive) < 4:
            raises(payloads)
        return "done"

    f = cladding.retry(on_retry=lambda event: kept.append(event.exception))(kind.make(body))
    assert kind.run(f) == "done"
    assert alive == [0, 0, 0, 0]
    assert len(kept) == 3
    assert len(payloads.made) >= 3


def test_a_group_that_is_retried_itself(cladding: Any, waits: list[float], payloads: Payloads) -> None:
    kept: list[Any] = []
    alive: list[int] = []

    @cladding.retry(2, exceptions=ExceptionGroup, on_retry=lambda event: kept.append(event.exception))
    def f() -> str:
        alive.append(payloads.alive)
        if len(alive) < 3:
            raise ExceptionGroup("all failed", _failures(payloads, 3))
        return "done"

    assert f() == "done"
    assert alive == [0, 0, 0]
    assert [[member.__traceback__ for member in group.exceptions] for group in kept] == [[None] * 3] * 2


@all_kinds
def test_what_the_caller_is_handling_keeps_its_traceback(cladding: Any, waits: list[float], kind: Kind) -> None:
    def outermost() -> None:
        raise LookupError("outermost")

    def outer() -> None:
        try:
            outermost()
        except LookupError:
            raise ValueError("outer")

    f = cladding.retry(2)(kind.make(Fails(9)))
    try:
        outer()
    except ValueError as error:
        before = entries(error)
        assert error.__context__ is not None
        behind = entries(error.__context__)
        with pytest.raises(ConnectionError) as caught:
            kind.run(f)
        assert entries(error) == before
        assert entries(error.__context__) == behind
        chain, link = [], caught.value.__context__
        while link is not None:
            chain.append(link)
            link = link.__context__
        assert error in chain
    assert [name for name, _ in before][-1] == "outer"
    assert [name for name, _ in behind][-1] == "outermost"


def test_an_exception_that_is_passed_on_as_a_cause_is_of_the_attempts(cladding: Any, waits: list[float]) -> None:
    # It was handled, and is over; whoever raises from it gives it to the attempts.
    try:
        raise LookupError
    except LookupError as error:
        earlier = error

    def body() -> None:
        raise ConnectionError from earlier

    with pytest.raises(ConnectionError):
        cladding.retry(1)(body)()
    assert earlier.__traceback__ is None


@all_kinds
def test_the_traceback_has_the_caller_and_the_function_and_nothing_between(
    cladding: Any, waits: list[float], kind: Kind
) -> None:
    body = kind.make(Fails(99))
    decorated = [
        body,
        cladding.retry(0)(body),
        cladding.retry(3)(body),
        cladding.retry(3, initial_delay=0)(body),
        cladding.retry(2)(cladding.retry(1, nested="allow")(body)),
        cladding.monitor(cladding.retry(2)(cladding.timer(body))),
        cladding.retry(3, on_retry=lambda event: None, on_giveup=lambda event: None)(body),
        cladding.retry(exceptions=ValueError)(body),
        cladding.retry(3, retry_on_result=bool)(body),
        cladding.retry.replace(cladding.retry(3)(body), max_retries=2),
        cladding.retry(3)(body).cladding.retry.replace(max_retries=2),
    ]
    seen = []
    for f in decorated:
        with pytest.raises(ConnectionError) as caught:
            kind.run(f)
        seen.append(entries(caught.value))
    assert seen == [seen[0]] * len(decorated)


@all_kinds
def test_direct_calls_add_nothing_but_their_own_call(cladding: Any, waits: list[float], kind: Kind) -> None:
    body = kind.make(Fails(99))
    seen = []
    for call in (lambda: body(), lambda: cladding.retry(2).call(body)):
        with pytest.raises(ConnectionError) as caught:
            kind.complete(call())
        seen.append([name for name, _ in entries(caught.value)])
    assert seen[1] == seen[0]


def test_an_instance_raised_for_ever_does_not_grow(cladding: Any, waits: list[float]) -> None:
    cached = ConnectionError()
    lengths = set()
    f = cladding.retry(9)(Fails(10**9, lambda: cached))
    for _ in range(5):
        with pytest.raises(ConnectionError):
            f()
        lengths.add(len(entries(cached)))
    assert len(lengths) == 1
