"""What `retry` refuses where it is written: parameter, value and what is allowed are named."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

DURATION = "seconds from 0 to 1e9, as a number or a timedelta"
LIMIT = "seconds above 0 and "
TYPES = "a subclass of Exception, a tuple of such, or a callable that takes the exception and answers a bool or the seconds to wait"
NAN, INF = float("nan"), float("inf")
NOT_SECONDS = (
    "1",
    b"1",
    [1],
    True,
    False,
    NAN,
    INF,
    -INF,
    -1,
    -0.001,
    2e9,
    10**400,
    timedelta(-1),
    timedelta(99999),
    1j,
)

WRONG: dict[str, tuple[str, tuple[object, ...]]] = {
    "max_retries": ("an int from 0 to 2**64 - 1, or None", (-1, 1.0, "3", True, NAN, INF, 2**64, [3], timedelta(1))),
    "backoff_factor": (
        "a finite number of at least 1",
        (0.999, 0, -2, "2", None, True, NAN, INF, 10**400, timedelta(1)),
    ),
    "exceptions": (
        TYPES,
        (
            *((), "ValueError", b"x", None, 3, True, [ValueError], {ValueError}, ValueError(), ValueError("x")),
            *((ValueError, "KeyError"), (ValueError, KeyError()), (ValueError, (KeyError,)), (ValueError, None)),
            *(BaseException, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, BaseExceptionGroup),
            *((ValueError, KeyboardInterrupt), int, type, object),
        ),
    ),
    "initial_delay": (DURATION, (*NOT_SECONDS, None)),
    "max_delay": (DURATION, (*NOT_SECONDS, None)),
    "deadline": (LIMIT, (*NOT_SECONDS, 0, 0.0, timedelta(0))),
    "max_retry_after": (LIMIT, (*NOT_SECONDS, 0, 0.0, timedelta(0))),
    "jitter": (
        '"full", "equal", "decorrelated" or "none"',
        ("", "Full", "some", b"full", 1, True, 0.5, ["full"], "full ", "f\ud800"),
    ),
    "retry_after": (
        "a bool, or a callable that takes the exception and answers seconds or None",
        (1, 0, "yes", None, 3.5, ["Retry-After"], timedelta(1)),
    ),
    "enabled": ("a bool, or a callable without arguments", ("yes", 1, 0, None, [True])),
}


@pytest.mark.parametrize(
    ("parameter", "value"), [(parameter, value) for parameter, (_, values) in WRONG.items() for value in values]
)
def test_parameter_value_and_what_is_allowed_are_named(cladding: Any, parameter: str, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.retry(**{parameter: value})
    text = str(caught.value)
    assert text.startswith(f"retry: `{parameter}` must be {WRONG[parameter][0]}")
    assert text.endswith(f", got {value!r}")
    assert caught.value.__cause__ is None


def test_jitter_can_be_left_to_the_schedule(cladding: Any) -> None:
    assert cladding.retry(jitter=None).jitter == "full"
    assert cladding.retry(jitter=None, schedule=[1]).jitter == "none"


def test_less_than_the_first_delay(cladding: Any) -> None:
    text = "^retry: `max_delay` must be .* not less than `initial_delay`, got "
    with pytest.raises(cladding.ConfigurationError, match=f"{text}0.05$"):
        cladding.retry(max_delay=0.05)
    with pytest.raises(cladding.ConfigurationError, match=f"{text}30$"):
        cladding.retry(initial_delay=31)
    assert cladding.retry(initial_delay=30).max_delay == 30
    assert cladding.retry(initial_delay=0, max_delay=0)


@pytest.mark.parametrize("value", ["3", 2.5, b"x", (), {}])
def test_a_mistaken_first_argument(cladding: Any, value: object) -> None:
    with pytest.raises((cladding.ConfigurationError, TypeError)) as caught:
        cladding.retry(value)
    assert repr(value) in str(caught.value)


def test_a_value_that_cannot_be_shown(cladding: Any) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    for parameter in WRONG:
        with pytest.raises(cladding.ConfigurationError, match=f"`{parameter}` must be .*, got a value without repr"):
            cladding.retry(**{parameter: Odd()})


def test_right_values_at_their_ends(cladding: Any) -> None:
    for parameters in (
        {"max_retries": 0},
        {"max_retries": 2**64 - 1},
        {"max_retries": None},
        {"backoff_factor": 1},
        {"backoff_factor": 1e308},
        {"initial_delay": 0, "max_delay": 1e9},
        {"initial_delay": timedelta(0), "max_delay": timedelta(seconds=10**9)},
        {"deadline": 1e-9},
        {"deadline": None},
        {"max_retry_after": None},
        {"exceptions": Exception},
        {"exceptions": (ExceptionGroup, OSError)},
    ):
        policy = cladding.retry(**parameters)
        for name, value in parameters.items():
            assert policy.parameters.get(name) == value


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.floats(), max_size=3),
    st.tuples(st.sampled_from([ValueError, int, 3])),
    st.timedeltas(),
    st.dates(),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.sampled_from([int, ValueError, KeyboardInterrupt, len, object()]),
)


@given(parameter=st.sampled_from([*WRONG, "nested", "schedule", "on_retry", "retry_on_result"]), value=anything)
def test_anything_is_a_policy_or_refused_by_name(cladding: Any, parameter: str, value: object) -> None:
    if parameter == "max_retries" and callable(value):
        return  # That place takes what is to be decorated, too.
    try:
        policy = cladding.retry(**{parameter: value})
    except cladding.ConfigurationError as error:
        assert str(error).startswith("retry: `")
        assert f"`{parameter}`" in str(error)
    else:
        assert policy.name == "retry"


@pytest.mark.parametrize("target", [3, "f", None, [print], object()])
def test_what_cannot_be_decorated(cladding: Any, target: object) -> None:
    with pytest.raises(TypeError):
        cladding.retry()(target)


def test_a_policy_is_refused_alike_everywhere(cladding: Any) -> None:
    expected = "retry: `deadline` must be "
    for make in (
        lambda: cladding.retry(deadline=-1),
        lambda: cladding.retry.attempts(deadline=-1),
        lambda: cladding.retry.replace(cladding.retry(len), deadline=-1),
    ):
        with pytest.raises(cladding.ConfigurationError, match=f"^{expected}"):
            make()
