"""`retry` as it is written down: what is refused, and policies as values."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from datetime import timedelta
from typing import Any

import pytest


def test_the_policy_apart_from_any_function(cladding: Any) -> None:
    policy = cladding.retry(5, exceptions=OSError)
    assert policy == cladding.retry(max_retries=5, exceptions=OSError) != cladding.retry(exceptions=OSError)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert policy.max_retries == 5
    assert repr(cladding.retry()) == (
        "retry(max_retries=3, backoff_factor=2.0, exceptions=(<class 'ConnectionError'>, <class 'TimeoutError'>), "
        "initial_delay=0.1, max_delay=30.0, jitter='full')"
    )


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
        *(("jitter", value) for value in ("some", "", True, 1, b"full")),
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


@pytest.mark.parametrize(
    ("parameter", "values", "allowed"),
    [
        ("max_retries", (-1, True, "3", 10**30), "an int from 0 to 2**64 - 1, or None"),
        ("backoff_factor", (0.5, True, "2", None, float("inf")), "a finite number of at least 1"),
        ("max_delay", (-1, "1", None, 2e9), "seconds from 0 to 1e9, as a number or a timedelta"),
    ],
)
def test_what_is_allowed_is_always_told(
    cladding: Any, parameter: str, values: tuple[object, ...], allowed: str
) -> None:
    for value in values:
        with pytest.raises(cladding.ConfigurationError) as caught:
            cladding.retry(**{parameter: value})
        assert str(caught.value).startswith(f"retry: `{parameter}` must be {allowed}, got ")


def test_signatures_tell_types(cladding: Any) -> None:
    for decorator in (cladding.retry, cladding.memory_guard, cladding.monitor, cladding.cache_result):
        assert "Any" not in str(inspect.signature(decorator))


def test_unknown_parameters_are_refused(cladding: Any) -> None:
    with pytest.raises(TypeError):
        cladding.retry(tries=3)
    with pytest.raises(TypeError):
        cladding.retry(3, 2.0, ValueError, 0.1)
