"""`cache_result` as it is written down: what is refused, and policies as values."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

from cladding import CladdingError, ConfigurationError, cache_result, monitor, stack


@pytest.mark.parametrize("ttl", [0, 0.0, -1, float("nan"), float("inf"), "60", True, timedelta(0), timedelta(-1), [1]])
def test_wrong_ttl(ttl: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"cache_result: `ttl` must be a finite number of seconds above 0.*, got"
    ):
        cache_result(ttl=ttl)


@pytest.mark.parametrize("max_entries", [0, -1, True, 1.5, "10", 2**64, 10**30])
def test_wrong_max_entries(max_entries: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"cache_result: `max_entries` must be an int from 1 to 2\*\*64 - 1, or None, got"
    ):
        cache_result(max_entries=max_entries)


def test_wrong_configuration_is_a_value_error_too() -> None:
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(ConfigurationError, CladdingError)


@pytest.mark.parametrize("name", ["maxsize", "lifetime", "storage"])
def test_parameters_that_are_not_there_are_named(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        cache_result(**{name: 1})


def test_ttl_given_twice() -> None:
    with pytest.raises(TypeError, match="`ttl` twice"):
        cache_result(5, ttl=6)  # type: ignore[call-overload]


def test_none_is_no_target() -> None:
    policy: Any = cache_result(None)
    assert policy.name == "cache_result"
    assert policy.ttl is None


def test_ttl_by_position_and_as_timedelta() -> None:
    def told(cached: Any) -> tuple[Any, Any]:
        parameters = cached.cache_parameters()
        return parameters["ttl"], parameters["max_entries"]

    assert told(cache_result(5)(lambda: 1)) == (5.0, 10_000)
    assert told(cache_result(timedelta(minutes=2), max_entries=None)(lambda: 1)) == (120.0, None)
    assert told(cache_result(lambda: 1)) == (60.0, 10_000)


def test_policies_are_values() -> None:
    assert cache_result() == cache_result(ttl=60, max_entries=10_000)
    assert cache_result() != cache_result(ttl=61)
    assert repr(cache_result(5)) == "cache_result(ttl=5, max_entries=10000)"
    assert pickle.loads(pickle.dumps(cache_result(5))) == cache_result(5)
    assert stack(monitor(), cache_result(5)).policies[1] == cache_result(5)


def test_enabled() -> None:
    def f() -> int:
        return 1

    assert cache_result(enabled=False)(f) is f
    on = [True]
    runs = []
    g = cache_result(enabled=lambda: on[0])(lambda: runs.append(1))
    g()
    g()
    on[0] = False
    g()
    assert len(runs) == 2
