"""wrapt's ``lru_cache``, on cladding's: one cache for a function, one for each instance where it is a method."""

from __future__ import annotations

from typing import Any

from cladding._memo import lru_cache as make_cache
from cladding._memo._instances import PerInstance
from cladding.compat.wrapt.__wrapt__ import BoundFunctionWrapper, FunctionWrapper

__all__ = ["lru_cache"]


def _hand_on(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


class _BoundCachedFunction(BoundFunctionWrapper):
    """A cached function as it is found on a class or an instance."""

    def _is_method(self) -> bool:
        return bool(self._self_binding == "function")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        parent = self._self_parent
        if not self._is_method():
            return parent._self_shared(*self._leading(), *args, **kwargs)
        if self._self_instance is None:
            return parent._self_each(*args, **kwargs)
        return parent._self_each(self._self_instance, *args, **kwargs)

    def _leading(self) -> tuple[Any, ...]:
        """The class of a class method, which is part of its key."""
        return (self.__wrapped__.__self__,) if self._self_binding == "classmethod" else ()

    def cache_info(self) -> Any:
        """What is known of the cache behind this; None before there is one."""
        if not self._is_method() or self._self_instance is None:
            return self._self_parent.cache_info()
        info = self._self_parent._self_each.__get__(self._self_instance).cache_info()
        return info if any((info.hits, info.misses)) or self._was_cleared() else None

    def cache_clear(self) -> None:
        """Empties the cache behind this."""
        if not self._is_method() or self._self_instance is None:
            self._self_parent.cache_clear()
        elif self.cache_info() is not None:
            self._self_parent._self_cleared.of(self._self_instance, bool)
            self._self_parent._self_each.__get__(self._self_instance).cache_clear()

    def cache_parameters(self) -> Any:
        """``maxsize`` and ``typed``; None before there is a cache."""
        return None if self.cache_info() is None else self._self_parent._self_each.cache_parameters()

    def _was_cleared(self) -> bool:
        return self._self_instance in self._self_parent._self_cleared


class _CachedFunction(FunctionWrapper):
    """A cached function."""

    __bound_function_wrapper__ = _BoundCachedFunction

    def __init__(self, wrapped: Any, parameters: dict[str, Any]) -> None:
        super().__init__(wrapped, _hand_on)
        function = wrapped.__func__ if isinstance(wrapped, classmethod | staticmethod) else wrapped
        self._self_shared = make_cache(**parameters)(function)
        self._self_each = make_cache(per_instance=True, **parameters)(function)
        self._self_cleared: PerInstance[bool] = PerInstance("lru_cache")
        self._self_used = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._self_shared(*args, **kwargs)

    def cache_info(self) -> Any:
        """What is known of the cache; None before there is one."""
        info = self._self_shared.cache_info()
        return info if any((info.hits, info.misses)) or self._self_used else None

    def cache_clear(self) -> None:
        """Empties the cache."""
        self._self_used = self.cache_info() is not None
        self._self_shared.cache_clear()

    def cache_parameters(self) -> Any:
        """``maxsize`` and ``typed``; None before there is a cache."""
        return None if self.cache_info() is None else self._self_shared.cache_parameters()


def lru_cache(func: Any = None, /, **kwargs: Any) -> Any:
    """Caches results as ``functools.lru_cache`` does, and those of a method for each instance.

    Instances are told apart by identity, so they need no hash; each has a cache of ``maxsize`` results, which ends with it
    and is not stored on it. Functions, class methods and static methods have one cache. ``cache_info()``,
    ``cache_clear()`` and ``cache_parameters()`` are found on the function and on its bound methods; before the first call
    there is no cache, and what tells of it gives ``None``.

    Args:
        func: what to decorate, when used without parentheses.
        **kwargs: ``maxsize`` and ``typed``, as :func:`cladding.lru_cache` takes them.

    Raises:
        TypeError: as :func:`cladding.lru_cache`; of a method, also if an instance cannot be referred to weakly.
    """
    if func is None:
        return lambda func: lru_cache(func, **kwargs)
    return _CachedFunction(func, kwargs)
