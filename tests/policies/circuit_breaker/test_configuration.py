"""`circuit_breaker` as it is written down: what is refused, policies and breakers as values."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from cladding import CircuitBreaker, CircuitOpenError, ConfigurationError, circuit_breaker

COUNTS = (0, -1, 1.5, "3", True, None, 2**70)
TIMES = (0, -1, float("nan"), float("inf"), 2e9, "60", None, True, timedelta(0), timedelta(seconds=-1))


@pytest.mark.parametrize("make", [CircuitBreaker, circuit_breaker], ids=["CircuitBreaker", "circuit_breaker"])
@pytest.mark.parametrize(
    ("parameter", "values", "allowed"),
    [
        ("failure_ratio", (0, -0.5, 1.5, float("nan"), "0.5", True), "a number above 0 and at most 1, or None"),
        ("failure_ratio", (None,), "a number above 0 and at most 1 where `failures` is not given"),
        ("min_calls", COUNTS, "an int from 1 to 2**64 - 1"),
        ("probes", COUNTS, "an int from 1 to 2**64 - 1"),
        ("failures", (0, -1, 1.5, "3", True, 2**70), "an int from 1 to 2**64 - 1, or None"),
        ("window", TIMES, "seconds above 0 and at most 1e9, as a number or a timedelta"),
        ("open_for", TIMES, "seconds above 0 and at most 1e9, as a number or a timedelta"),
        (
            "exceptions",
            (
                *((), "ValueError", None, ValueError(), [ValueError], (ValueError, "x"), BaseException, int),
                *(KeyboardInterrupt, asyncio.CancelledError, (ValueError, SystemExit), (ValueError, (KeyError,))),
            ),
            "a subclass of Exception, a tuple of such, or a callable that takes the exception and answers a bool",
        ),
    ],
)
def test_wrong_parameters_are_refused_by_name(
    make: Any, parameter: str, values: tuple[object, ...], allowed: str
) -> None:
    for value in values:
        with pytest.raises(ConfigurationError) as caught:
            make(**{parameter: value})
        shown = f"{make.__name__}: `{parameter}` must be {allowed}, got "
        assert str(caught.value) == shown + repr(value)


@pytest.mark.parametrize("value", [3, "x", object()])
def test_what_is_no_breaker_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match="circuit_breaker: `breaker` must be a CircuitBreaker, or None, got"):
        circuit_breaker(value)


@pytest.mark.parametrize(
    "own", [{"failures": 3}, {"window": 60}, {"probes": 2}, {"exceptions": OSError}, {"failure_ratio": None}]
)
def test_a_shared_breaker_has_its_own_parameters(own: dict[str, object]) -> None:
    [name] = own
    with pytest.raises(ConfigurationError, match=f"circuit_breaker: `{name}` must not be given beside `breaker`"):
        circuit_breaker(CircuitBreaker(), **own)


def test_unknown_parameters_are_refused() -> None:
    for make in (CircuitBreaker, circuit_breaker):
        with pytest.raises(TypeError):
            make(fail_max=3)
    with pytest.raises(ConfigurationError, match="enabled"):
        circuit_breaker(enabled="yes")


def test_the_policy_apart_from_any_function() -> None:
    policy = circuit_breaker(failures=5, window=timedelta(minutes=1))
    assert policy == circuit_breaker(failures=5, window=timedelta(minutes=1)) != circuit_breaker(failures=5)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert policy.failures == 5
    breaker = CircuitBreaker()
    assert circuit_breaker(breaker) == circuit_breaker(breaker=breaker) != circuit_breaker(CircuitBreaker())
    assert repr(circuit_breaker(breaker)) == f"circuit_breaker(breaker={breaker!r})"


def test_it_is_written_as_it_was_made() -> None:
    breaker = CircuitBreaker(0.25, probes=2)
    assert repr(breaker) == (
        "CircuitBreaker(failure_ratio=0.25, min_calls=20, window=60.0, open_for=30.0, probes=2, failures=None, "
        "exceptions=<class 'Exception'>)"
    )
    assert breaker.parameters["probes"] == 2
    with pytest.raises(TypeError):
        breaker.parameters["probes"] = 3  # type: ignore[index]


def test_copies_are_the_breaker_itself() -> None:
    breaker = CircuitBreaker(exceptions=(OSError, ValueError))
    assert copy.copy(breaker) is copy.deepcopy(breaker) is breaker
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps([breaker, breaker], protocol)) == [breaker, breaker]
    assert pickle.loads(pickle.dumps(circuit_breaker(breaker))).breaker is breaker


ELSEWHERE = """
import pickle, sys
from cladding import CircuitBreaker, circuit_breaker
first, second = (pickle.loads(bytes.fromhex(text)) for text in sys.argv[1:])
assert first is second.breaker and first is pickle.loads(pickle.dumps(first))
first.trip()
print(second.breaker.state, first)
"""


def test_another_process_has_one_for_all_copies() -> None:
    breaker = CircuitBreaker(failures=7, exceptions=OSError)
    texts = [pickle.dumps(each).hex() for each in (breaker, circuit_breaker(breaker))]
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, *texts], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"open {breaker!r}"
    assert breaker.state == "closed"


def test_one_that_is_gone_is_made_anew() -> None:
    text = pickle.dumps(CircuitBreaker(probes=3))
    first, second = pickle.loads(text), pickle.loads(text)
    assert first is second
    assert first.parameters["probes"] == 3


def test_the_error_crosses_processes() -> None:
    @circuit_breaker
    def f() -> None: ...

    f.cladding.circuit_breaker.breaker.trip()
    with pytest.raises(CircuitOpenError) as caught:
        f()
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is CircuitOpenError
    assert (str(again), vars(again)) == (str(caught.value), vars(caught.value))
    assert again.retry_in == caught.value.retry_in > 0
