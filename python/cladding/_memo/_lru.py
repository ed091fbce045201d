"""``lru_cache`` and ``cache``: those of ``functools``, and for each instance a cache of its own."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, Final, overload

from cladding import _native
from cladding._cache import CacheInfo
from cladding._errors import ConfigurationError
from cladding._kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    from cladding._memo._types import LruCached, LruDecorator, _Descriptor

    P = ParamSpec("P")
    R = TypeVar("R")

_DESCRIPTORS = (staticmethod, classmethod)

_REMEDIES: Final = {
    "coroutine": "would hand out one coroutine again and again, which can be awaited once; use cladding.memoize or "
    "cladding.cache_result, which keep its result",
    "generator": "would hand out one generator again and again, which can be gone through once; return a list or a tuple",
    "async_generator": "would hand out one async generator again and again, which can be gone through once; return a list "
    "or a tuple from a coroutine function, and use cladding.memoize",
}


@overload
def lru_cache(  # type: ignore[overload-overlap]
    maxsize: _Descriptor, typed: bool = False, *, per_instance: bool = False
) -> _Descriptor: ...
@overload
def lru_cache(maxsize: Callable[P, R], typed: bool = False, *, per_instance: bool = False) -> LruCached[P, R]: ...
@overload
def lru_cache(maxsize: int | None = 128, typed: bool = False, *, per_instance: bool = False) -> LruDecorator: ...
def lru_cache(maxsize: Any = 128, typed: bool = False, *, per_instance: bool = False) -> Any:
    """Keeps the results of the most recent calls; that of ``functools``, and more.

    All that is said of ``functools.lru_cache`` holds: the result that was used least recently leaves first; arguments are
    compared as a ``dict`` compares keys, and have to be hashable; ``f(1)`` and ``f(x=1)`` are different calls; exceptions
    are not kept; threads may call at the same time, and then several of them may compute one result, of which one is
    kept. The function gets ``cache_info()``, ``cache_clear()``, ``cache_parameters()`` and ``__wrapped__``. Pickled and
    copied it is itself, as functions are.

    With ``per_instance`` a method has a cache of ``maxsize`` results for each instance, told apart by identity. It does not
    keep the instance alive (unless a result does that refers to it), is not stored on it, and does not go along when it is
    copied or pickled. ``obj.method.cache_info()`` and ``obj.method.cache_clear()`` are about one instance, those of
    ``Class.method`` about all. Of a class method each class has a cache; a static method, which has no instance, has one.

    >>> from cladding import lru_cache
    >>> @lru_cache(maxsize=32)
    ... def square(x):
    ...     return x * x
    >>> square(3), square(3)
    (9, 9)
    >>> square.cache_info()
    CacheInfo(hits=1, misses=1, maxsize=32, currsize=1)

    Args:
        maxsize: how many results are kept; ``None`` for any number, 0 (or less) for none. In this place, when used without
            parentheses, comes what to decorate.
        typed: arguments of different types are different calls, also where they are equal.
        per_instance: each instance has a cache of its own.

    Raises:
        ConfigurationError: at decoration, if ``per_instance`` is not a bool.
        TypeError: at decoration, of a coroutine or generator function, whose result could be used once only; if ``maxsize``
            is neither an int nor ``None``, or what is decorated cannot be called. At a call, if an argument cannot be
            hashed, or if an instance cannot be referred to weakly.
    """
    given: Any = per_instance
    if not isinstance(given, bool):
        message = f"per_instance must be a bool, not {given!r}"
        raise ConfigurationError(message)
    if isinstance(maxsize, int):
        size: int | None = max(maxsize, 0)
    elif callable(maxsize) or isinstance(maxsize, _DESCRIPTORS):
        return _decorate(maxsize, 128, typed, per_instance)
    elif maxsize is None:
        size = None
    else:
        # A TypeError, because the one of functools is.
        message = f"maxsize must be an int, None or the function to decorate, not {maxsize!r}"
        raise TypeError(message)
    return lambda function: _decorate(function, size, typed, per_instance)


@overload
def cache(function: _Descriptor, /, *, per_instance: bool = False) -> _Descriptor: ...  # type: ignore[overload-overlap]
@overload
def cache(function: Callable[P, R], /, *, per_instance: bool = False) -> LruCached[P, R]: ...
@overload
def cache(*, per_instance: bool = False) -> LruDecorator: ...
def cache(function: Any = None, /, *, per_instance: bool = False) -> Any:
    """Keeps all results for ever: ``lru_cache(maxsize=None)``.

    Args:
        function: what to decorate, when used without parentheses.
        per_instance: each instance has a cache of its own, see :func:`lru_cache`.

    Raises:
        ConfigurationError: at decoration, if ``per_instance`` is not a bool.
        TypeError: as :func:`lru_cache`.
    """
    decorator = lru_cache(maxsize=None, per_instance=per_instance)
    return decorator if function is None else decorator(function)


def _decorate(function: Any, maxsize: int | None, typed: bool, per_instance: bool) -> Any:
    if isinstance(function, _DESCRIPTORS):
        each = per_instance and not isinstance(function, staticmethod)
        inner = _decorate(function.__func__, maxsize, typed, each)
        return (_PerClass if each else type(function))(inner)
    if not callable(function):
        message = f"lru_cache cannot decorate {function!r}: it cannot be called"
        raise TypeError(message)
    if remedy := _REMEDIES.get(kind_of(function)):
        name = getattr(function, "__qualname__", repr(function))
        message = f"lru_cache cannot decorate {name}(): it {remedy}"
        raise TypeError(message)
    cached = _native.lru_cache(function, maxsize, bool(typed), per_instance, CacheInfo)
    return functools.update_wrapper(cached, function)


def reduce(cached: Any) -> str | tuple[Any, ...]:
    """How a cached function is pickled: by name, or made again where no name leads to it.

    The latter is for one below another decorator, and for picklers that know how to take a function along that was made
    within another one.
    """
    name: str = cached.__qualname__
    found: Any = sys.modules.get(cached.__module__)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is cached:
        return name
    parameters = cached.cache_parameters()
    each = isinstance(cached, _native.InstanceLruCache)
    made = (cached.__wrapped__, parameters["maxsize"], parameters["typed"], each)
    return (_decorate, made, vars(cached))


class _PerClass(classmethod):  # type: ignore[type-arg]
    """A class method with a cache for each class, which a look-up on the class gives the methods of."""

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        return self.__func__.__get__(type(instance) if owner is None else owner, type)
