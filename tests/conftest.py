"""Fixtures shared by all tests: the decorators under test, and hypothesis made repeatable.

Most tests compare a decorated function with the bare one. `CLADDING_TEST_DECORATOR=bare` runs them with a decorator
that does nothing: whatever then fails is a wrong statement about Python. `=closure` runs them with the usual
`functools.wraps` closure: whatever then passes is no achievement.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

STAND_IN = os.environ.get("CLADDING_TEST_DECORATOR", "")

settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


def _closure(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def _hand_on(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    """A caller, which has a frame of its own in tracebacks."""
    return func(*args, **kw)


def _decorator(name: str) -> Callable[[Any], Any]:
    if name == "bare":
        return lambda function: function
    if name == "closure":
        return _closure
    import cladding

    if name == "caller":
        return cladding.decorator(_hand_on)
    if name == "three timers":
        return cladding.stack(cladding.timer(), cladding.timer(), cladding.timer())
    return getattr(cladding, name)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """An interrupt raises `KeyboardInterrupt`, even where the tests were started with SIGINT ignored.

    A shell starts what runs in the background so, and `nohup` and CI runners may; Python then installs no handler.
    """
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.SIG_DFL if previous is None else previous)


@pytest.fixture(scope="session", params=[STAND_IN] if STAND_IN else ["timer", "three timers", "monitor"])
def decorate(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """A decorator that only watches, so that nothing but the wrapper itself can make a difference."""
    return _decorator(request.param)


@pytest.fixture(scope="session")
def cladding() -> Any:
    """The library, for what a stand-in has no counterpart of."""
    if STAND_IN:
        pytest.skip(f"has no meaning for the stand-in {STAND_IN!r}")
    import cladding

    return cladding


@pytest.fixture(scope="session")
def counted() -> Callable[..., None]:
    """Asserts how many calls the outermost timer of a stack has seen; says nothing of other policies."""

    def check(decorated: Any, calls: int, *, errors: int | None = None) -> None:
        if STAND_IN:
            return
        policy = decorated.cladding.policies[0]
        if policy.name == "timer":
            assert policy.stats["calls"] == calls
            if errors is not None:
                assert policy.stats["errors"] == errors

    return check
