"""`circuit_breaker`: which exceptions count, and what is left of them."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from cladding import CircuitBreaker, CircuitOpenError, ConfigurationError, circuit_breaker
from policies.kinds import Kind, all_kinds
from policies.references import assert_lets_go

from .helpers import assert_stats, half_open, stays_open


def raises(error: BaseException | type[BaseException]) -> Any:
    def body(*args: Any) -> None:
        raise error

    return body


@all_kinds
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_what_is_no_failure_never_counts(kind: Kind, error: type[BaseException]) -> None:
    asked: list[BaseException] = []
    for exceptions in (Exception, lambda exception: asked.append(exception) or True):
        breaker = CircuitBreaker(failures=1, exceptions=exceptions)
        f = circuit_breaker(breaker)(kind.make(raises(error)))
        with pytest.raises(error):
            kind.run_bare(f)
        assert_stats(breaker, state="closed", calls=0, failures=0)
        assert f.cladding.circuit_breaker.stats["cancelled"] == 1
    assert asked == []


@all_kinds
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_a_probe_that_ends_so_gives_its_place_back(kind: Kind, error: type[BaseException]) -> None:
    breaker = half_open()
    f = circuit_breaker(breaker)(kind.make(raises(error)))
    for _ in range(3):
        with pytest.raises(error):
            kind.run_bare(f)
        assert_stats(breaker, state="half-open", probing=0, opened=1)
    assert kind.run(circuit_breaker(breaker)(kind.make(lambda: 1))) == 1
    assert breaker.state == "closed"


def test_other_exceptions_are_answers() -> None:
    breaker = CircuitBreaker(failures=1, exceptions=(ConnectionError, LookupError))
    f = circuit_breaker(breaker)(raises(ValueError))
    with pytest.raises(ValueError):
        f()
    assert_stats(breaker, state="closed", calls=1, failures=0)
    with pytest.raises(KeyError):
        circuit_breaker(breaker)(raises(KeyError))()
    assert breaker.state == "open"


def test_one_type_means_its_subclasses_too() -> None:
    breaker = CircuitBreaker(failures=1, exceptions=OSError)
    with pytest.raises(ConnectionResetError):
        circuit_breaker(breaker)(raises(ConnectionResetError))()
    assert breaker.state == "open"


def test_a_predicate_decides() -> None:
    breaker = CircuitBreaker(failures=1, exceptions=lambda error: error.args[0] >= 500)
    for status, state in ((404, "closed"), (503, "open")):
        with pytest.raises(OSError):
            circuit_breaker(breaker)(raises(OSError(status, "")))()
        assert breaker.state == state


@pytest.mark.parametrize("answer", [None, 0, 1, 0.5, "yes"])
def test_a_predicate_that_answers_no_bool(answer: object) -> None:
    def decide(error: Exception) -> Any:
        return answer

    breaker, error = half_open(exceptions=decide), ConnectionError()
    with pytest.raises(ConfigurationError, match="must answer True or False, got") as caught:
        circuit_breaker(breaker)(raises(error))()
    assert repr(answer) in str(caught.value)
    assert "decide" in str(caught.value)
    assert caught.value.__context__ is error
    assert_stats(breaker, state="half-open", probing=0)


def test_a_predicate_that_raises() -> None:
    breaker, error = half_open(exceptions=lambda error: error.missing), ConnectionError()
    with pytest.raises(AttributeError) as caught:
        circuit_breaker(breaker)(raises(error))()
    assert caught.value.__context__ is error
    assert breaker.stats["probing"] == 0


class Payload:
    """Something large in a frame."""


@all_kinds
def test_refusals_keep_no_frames_and_no_arguments(kind: Kind) -> None:
    breaker = stays_open()
    breaker.trip()
    f = circuit_breaker(breaker)(kind.make(lambda argument: argument))
    alive: list[weakref.ref[Payload]] = []

    def call() -> BaseException:
        payload = Payload()
        alive.append(weakref.ref(payload))
        try:
            kind.run(f, payload)
        except CircuitOpenError as error:
            return error.with_traceback(None)
        raise AssertionError

    kind.run(circuit_breaker(kind.make(lambda: 1)))  # what an event loop makes once
    gc.collect()
    gc.disable()
    try:
        kept = [call() for _ in range(3)]
        assert len({id(error) for error in kept}) == 3
        assert [ref() for ref in alive] == [None, None, None]
    finally:
        gc.enable()


def test_nothing_is_kept_of_calls() -> None:
    payload = Payload()
    bodies = [lambda _: None, raises(ValueError)]
    functions = [circuit_breaker(half_open())(body) for body in bodies]
    functions += [circuit_breaker(failures=10**9, failure_ratio=None)(body) for body in bodies]

    def call() -> None:
        for f in functions:
            for _ in range(2):
                try:
                    f(payload)
                except (ValueError, CircuitOpenError):
                    pass

    assert_lets_go(call, payload)


class Owner:
    """Has a breaker, and functions under it, that lead back to it."""

    def __init__(self) -> None:
        self.breaker = CircuitBreaker(exceptions=self.decide)
        self.shared = circuit_breaker(self.breaker)(lambda: None)
        self.own = circuit_breaker(exceptions=self.decide)(lambda: None)
        self.policies = [circuit_breaker(self.breaker), circuit_breaker(exceptions=self.decide)]

    def decide(self, error: Exception) -> bool:
        return True


@pytest.mark.parametrize("kept", ["breaker", "shared", "own", "policies"])
def test_what_leads_back_to_itself_is_collected(kept: str) -> None:
    owner = Owner()
    for name in vars(owner).keys() - {kept}:
        delattr(owner, name)
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None
