"""The typed face of ``cache_result``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar, overload

from cladding._policy import MISSING, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import ParamSpec

    from cladding._cached import Cached, CachePolicy, _Whole
    from cladding._policy import Target

    P = ParamSpec("P")
    R = TypeVar("R")


class CacheInfo(NamedTuple):
    """What ``cache_info()`` tells, under the names that ``functools.lru_cache`` uses."""

    hits: int
    """Calls that were answered without running the function, since the last ``cache_clear()``."""
    misses: int
    """All other calls since then."""
    maxsize: int | None
    """``max_entries``."""
    currsize: int
    """Results in the cache now."""


async def finished(result: object) -> object:
    """A coroutine that is over as soon as it is begun."""
    return result


@overload
def cache_result(target: _Whole, /) -> _Whole: ...  # type: ignore[overload-overlap]
@overload
def cache_result(target: Callable[P, R], /) -> Cached[P, R]: ...
@overload
def cache_result(
    ttl: float | timedelta | None = 60,
    *,
    max_entries: int | None = 10_000,
    enabled: bool | Callable[[], bool] = True,
) -> CachePolicy: ...
def cache_result(
    ttl: float | timedelta | Target | None = 60,
    *,
    max_entries: int | None = 10_000,
    enabled: bool | Callable[[], bool] = True,
) -> CachePolicy | Target:
    """Keeps a function's results for a time, under keys made from the arguments.

    A call whose arguments equal those of an earlier one is answered with that one's result, as long as it is not older
    than ``ttl`` and has not had to make room. Arguments are compared as a ``dict`` compares keys (``1``, ``1.0`` and
    ``True`` are equal), and it does not matter whether they came by position, by keyword or as defaults. Calls that come
    while an equal one is running wait for it and share its result, or its exception, once; exceptions are not kept.

    Results are handed out as they are, not copied. On methods, ``self`` is part of the key, and an instance is kept alive
    by its results. Of a coroutine function the result is cached, not the coroutine.

    The function gets ``cache_info()``, ``cache_clear()`` and ``cache_parameters()``, as ``functools.lru_cache`` has them;
    ``f.cladding.cache_result.stats`` has ``hits``, ``misses``, ``waits``, ``entries``, ``evictions``, ``expirations``.

    Args:
        ttl: how long a result is good, in seconds or as a ``timedelta``, counted from when it was computed; ``None`` for
            ever. In this place, when used without parentheses, comes what to decorate.
        max_entries: how many results are kept at most; ``None`` for any number.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: at decoration, if ``ttl`` is not a finite positive duration, ``max_entries`` not an int of at
            least 1, or ``enabled`` neither a bool nor callable.
        TypeError: at decoration, of generator functions; at a call, if an argument cannot be hashed, or if the function
            returned something that is used up by going through it once, such as an iterator.
    """
    target = MISSING
    if _is_target(ttl):
        target, ttl = ttl, 60
    made: CachePolicy | Target = make(
        "cache_result", target, {"ttl": ttl, "max_entries": max_entries, "enabled": enabled}
    )
    return made


def _is_target(value: object) -> bool:
    """Whether something is to be decorated, and is no duration."""
    return callable(value) or hasattr(type(value), "__get__")
