"""The typed face of ``cache_result``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from cladding._policy import MISSING, make

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
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
    key: Callable[..., Hashable] | None = None,
    ignore: Iterable[str] = (),
    typed: bool = False,
    namespace: str | None = None,
    version: str | int | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> CachePolicy: ...
def cache_result(
    ttl: float | timedelta | Target | None = 60,
    *,
    max_entries: int | None = 10_000,
    key: Callable[..., Hashable] | None = None,
    ignore: Iterable[str] = (),
    typed: bool = False,
    namespace: str | None = None,
    version: str | int | None = None,
    enabled: bool | Callable[[], bool] = True,
) -> CachePolicy | Target:
    """Keeps a function's results for a time, under keys made from the arguments.

    A call whose arguments equal those of an earlier one is answered with that one's result, as long as it is not older
    than ``ttl`` and has not had to make room. Arguments are compared as a ``dict`` compares keys (``1``, ``1.0`` and
    ``True`` are equal), those without a hash, such as arrays, frames, lists and dictionaries, by a digest of their content;
    and it does not matter whether they came by position, by keyword or as defaults. Calls that come
    while an equal one is running wait for it and share its result, or its exception, once; exceptions are not kept.

    Results are handed out as they are, not copied. A method's results are kept apart for each instance, told by identity,
    without keeping it alive or writing to it. Of a coroutine function the result is cached, not the coroutine.

    The function gets ``cache_info()``, ``cache_clear()`` and ``cache_parameters()``, as ``functools.lru_cache`` has them;
    ``f.cladding.cache_result.stats`` has ``hits``, ``misses``, ``waits``, ``entries``, ``evictions``, ``expirations``.

    Args:
        ttl: how long a result is good, in seconds or as a ``timedelta``, counted from when it was computed; ``None`` for
            ever. In this place, when used without parentheses, comes what to decorate.
        max_entries: how many results are kept at most; ``None`` for any number.
        key: a function with the same parameters, whose answer, anything hashable, is the key in the arguments' place.
        ignore: names of parameters that do not matter; on a method ``"self"`` makes its results those of all instances.
        typed: arguments of different types are different calls, also where they are equal.
        namespace: the name under which results are known in a store that is shared; ``None`` for the function's own.
        version: what keeps the results of different code apart in one namespace: a str, an int, or ``"source"`` for a
            hash of the function's source (of its bytecode, where there is no source).
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: at decoration, if ``ttl`` is not a finite positive duration, ``max_entries`` not an int of at
            least 1, ``ignore`` names what is no parameter, ``version`` is ``"source"`` and there is none, or another
            parameter is not of its type.
        TypeError: at decoration, of generator functions; at a call, if an argument has neither a hash nor
            content that is known, if what ``key`` returned cannot be hashed, or if the function
            returned something that is used up by going through it once, such as an iterator.
    """
    target = MISSING
    if _is_target(ttl):
        target, ttl = ttl, 60
    parameters: dict[str, Any] = {"ttl": ttl, "max_entries": max_entries, "enabled": enabled}
    if isinstance(ignore, list | set | frozenset):
        ignore = tuple(ignore)  # So that equal policies are equal, and a list may change.
    keys = {"key": key, "ignore": ignore, "typed": typed, "namespace": namespace, "version": version}
    parameters.update((name, value) for name, value in keys.items() if value is not _KEYS[name])
    made: CachePolicy | Target = make("cache_result", target, parameters)
    return made


# Those that are as they are without being given are left out of the policy.
_KEYS: dict[str, Any] = {"key": None, "ignore": (), "typed": False, "namespace": None, "version": None}


def _is_target(value: object) -> bool:
    """Whether something is to be decorated, and is no duration."""
    return callable(value) or hasattr(type(value), "__get__")
