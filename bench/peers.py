"""The other libraries, as far as they are installed: each gives a decorator, or is left out."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable

PACKAGES = (
    "wrapt",
    "decorator",
    "methodtools",
    "tenacity",
    "stamina",
    "backoff",
    "opnieuw",
    "pybreaker",
    "aiobreaker",
    "cachetools",
    "cachebox",
    "async-lru",
    "joblib",
    "redis",
    "diskcache",
    "prometheus_client",
    "beartype",
    "pydantic",
    "psutil",
    "numpy",
)


def versions() -> dict[str, str]:
    """The version of each peer that is here."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def here(**makers: Callable[[], Callable]) -> dict[str, Callable]:
    """The decorators of those peers that can be imported; each maker imports its peer."""
    found = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except ImportError:
            continue
    return found


def wrapt_nothing() -> Callable:
    import wrapt

    @wrapt.decorator
    def nothing(wrapped, instance, args, kwargs):
        return wrapped(*args, **kwargs)

    return nothing


def wrapt_proxy() -> type:
    import wrapt

    return wrapt.ObjectProxy


def wrapt_cache() -> Callable:
    import wrapt

    return wrapt.lru_cache(maxsize=128)


def wrapt_synchronized() -> Callable:
    import wrapt

    return wrapt.synchronized


def methodtools_cache() -> Callable:
    import methodtools

    return methodtools.lru_cache(maxsize=128)


def decoratorx_nothing() -> Callable:
    import decorator

    @decorator.decoratorx
    def nothing(func, *args, **kwargs):
        return func(*args, **kwargs)

    return nothing


def decorator_nothing() -> Callable:
    import decorator

    @decorator.decorator
    def nothing(func, *args, **kwargs):
        return func(*args, **kwargs)

    return nothing


def pybreaker_breaker() -> Callable:
    import pybreaker

    return pybreaker.CircuitBreaker()


def aiobreaker_breaker() -> Callable:
    import aiobreaker

    return aiobreaker.CircuitBreaker()


def prometheus_monitor() -> Callable:
    import prometheus_client

    registry = prometheus_client.CollectorRegistry()
    return prometheus_client.Histogram("bench_seconds", "of a call", registry=registry).time()


def psutil_guard() -> Callable:
    import functools

    import psutil

    def guard(func):
        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            if psutil.virtual_memory().percent > 99.9:
                raise MemoryError
            return func(*args, **kwargs)

        return wrapper

    return guard


def beartype_check() -> Callable:
    from typing import Annotated

    from beartype import beartype
    from beartype.vale import Is

    small = Annotated[int, Is[lambda number: 0 <= number <= 10]]
    return annotated(small, beartype)


def pydantic_check() -> Callable:
    from typing import Annotated

    from pydantic import Field, validate_call

    return annotated(Annotated[int, Field(ge=0, le=10)], validate_call)


def annotated(kind: object, decorate: Callable) -> Callable:
    """A decorator that annotates every parameter with one type, and then decorates."""

    def apply(func):
        func.__annotations__ = dict.fromkeys(func.__code__.co_varnames[: func.__code__.co_argcount], kind)
        return decorate(func)

    return apply
