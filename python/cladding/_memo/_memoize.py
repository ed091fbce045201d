"""``memoize``: results for good, for each instance where it is a method."""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any, overload

from cladding import _carrier, _native, _trampoline
from cladding._cache import CacheInfo, cache_result
from cladding._kinds import mark_coroutine_function
from cladding._memo._doc import DocOfFunction
from cladding._memo._instances import PerInstance
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    from cladding._cached import Cached
    from cladding._memo._types import MemoizeDecorator, _Whole
    from cladding._policy import Target

    P = ParamSpec("P")
    R = TypeVar("R")


@overload
def memoize(target: _Whole, /) -> _Whole: ...  # type: ignore[overload-overlap]
@overload
def memoize(target: Callable[P, R], /) -> Cached[P, R]: ...
@overload
def memoize(*, max_entries: int | None = 10_000, enabled: bool | Callable[[], bool] = True) -> MemoizeDecorator: ...
def memoize(
    target: Any = MISSING, /, *, max_entries: int | None = 10_000, enabled: bool | Callable[[], bool] = True
) -> Any:
    """Remembers what a function returned for each set of arguments.

    It is :func:`cache_result` with results that never expire: one computation for each key at a time, whose result threads
    and tasks share; of a coroutine function the result is kept, not the coroutine, and nothing is kept of a call that
    failed or was cancelled. Two things differ. A method has a memory for each instance, of ``max_entries`` results: it ends
    with the instance, is told apart by identity, is not stored on it, and does not go along when it is copied or pickled.
    And ``obj.method.cache_info()`` and ``obj.method.cache_clear()`` are about one instance, ``Class.method`` about all.

    >>> from cladding import memoize
    >>> @memoize
    ... def fibonacci(n):
    ...     return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
    >>> fibonacci(80)
    23416728348467685

    Args:
        target: what to decorate, when used without parentheses.
        max_entries: how many results are kept at most; ``None`` for any number.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: at decoration, if ``max_entries`` is not an int of at least 1, or ``enabled`` neither a bool
            nor callable.
        TypeError: at decoration, of generator functions and properties; at a call, if an argument has neither a
            hash nor content that is known (it is named), if an instance cannot be referred to weakly, or if the function returned something that is used up by
            going through it once.
    """
    policy: Any = cache_result(ttl=None, max_entries=max_entries, enabled=enabled)
    if target is MISSING:
        return lambda target: _decorate(target, policy)
    return _decorate(target, policy)


def _decorate(target: Target, policy: Any) -> Any:
    if isinstance(target, property | functools.cached_property):
        message = f"memoize cannot decorate {target!r}: use cladding.cached_property"
        raise TypeError(message)
    if not _is_in_class(target) or policy.parameters.get("enabled", True) is False:
        return policy(target)
    return MemoizedMethod(target, policy)


def _is_in_class(target: Any) -> bool:
    """Whether a function was written directly in the body of a class, where most are methods."""
    if not isinstance(target, types.FunctionType):
        return False
    owner = target.__qualname__.rpartition(".")[0]
    return bool(owner) and not owner.endswith("<locals>")


class MemoizedMethod:
    """A function in the body of a class. It becomes a method when the class takes it; under ``staticmethod`` it never does."""

    __name__: str
    __qualname__: str

    def __init__(self, function: Any, policy: Any) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._policy = policy
        self._shared = policy(function)
        self._target = _target_of(function)
        self._is_method = False
        self._stacks: PerInstance[_native.BoundStack] = PerInstance(f"memoize on {function.__qualname__}()")
        if self._target.kind == "coroutine":
            mark_coroutine_function(self)

    def __set_name__(self, owner: type, name: str) -> None:
        self._is_method = True

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else BoundMemoizedMethod(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._is_method or not args:
            return self._shared(*args, **kwargs)
        return self.stack_of(args[0])(*args[1:], **kwargs)

    def stack_of(self, instance: object) -> _native.BoundStack:
        """The stack that answers the calls for one instance."""
        return self._stacks.of(instance, self._make_stack)

    def _make_stack(self, reference: Callable[[], object]) -> _native.BoundStack:
        function = self._function

        def call(*args: Any, **kwargs: Any) -> Any:
            return function(reference(), *args, **kwargs)

        live = _native.BoundPolicy(self._policy, self._target)
        return _native.bind(call, self._target, (live,), plain=True)

    def _caches(self) -> list[Any]:
        return [self._shared.cladding.cache_result, *(stack.policies[0] for stack in self._stacks.all())]

    def cache_info(self) -> CacheInfo:
        """Hits, misses and results of all instances that are alive, together."""
        found = [cache.cache_info() for cache in self._caches()]
        sums = (sum(info[index] for info in found) for index in (0, 1, 3))
        hits, misses, currsize = sums
        return CacheInfo(hits, misses, found[0].maxsize, currsize)

    def cache_clear(self) -> None:
        """Forgets the results of all instances."""
        for cache in self._caches():
            cache.cache_clear()

    def cache_parameters(self) -> dict[str, Any]:
        """``ttl`` and ``max_entries``."""
        parameters: dict[str, Any] = self._shared.cache_parameters()
        return parameters

    def __reduce__(self) -> str:
        return self.__qualname__

    def __copy__(self) -> MemoizedMethod:
        return self

    def __deepcopy__(self, memo: object) -> MemoizedMethod:
        return self


class BoundMemoizedMethod:
    """A memoized method of one instance."""

    __slots__ = ("__func__", "__self__")

    __doc__: Any = DocOfFunction(__doc__, "__func__")  # pyright: ignore[reportUnboundVariable] - the text above
    __func__: MemoizedMethod
    __self__: Any

    def __init__(self, function: MemoizedMethod, instance: object) -> None:
        self.__func__ = function
        self.__self__ = instance

    @property
    def __wrapped__(self) -> Any:
        return types.MethodType(self.__func__._function, self.__self__)

    @property
    def cladding(self) -> _native.BoundStack:
        """The stack that answers the calls."""
        stack: _native.BoundStack = self.__func__.stack_of(self.__self__)
        return stack

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__func__
        return function._stacks.of(self.__self__, function._make_stack)(*args, **kwargs)

    def cache_info(self) -> CacheInfo:
        """Hits, misses and results of this instance."""
        found: CacheInfo = self.cladding.policies[0].cache_info()
        return found

    def cache_clear(self) -> None:
        """Forgets the results of this instance."""
        self.cladding.policies[0].cache_clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__func__, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundMemoizedMethod):
            return NotImplemented
        return self.__self__ is other.__self__ and self.__func__ is other.__func__

    def __hash__(self) -> int:
        return hash((id(self.__self__), id(self.__func__)))

    def __repr__(self) -> str:
        return f"<bound memoized method {self.__func__.__qualname__} of {self.__self__!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (getattr, (self.__self__, self.__func__.__name__))


def _target_of(method: types.FunctionType) -> _native.Target:
    """What the policies are told of a method: its parameters without the first one, which is the instance."""
    told = _trampoline.Parameters(method.__code__)
    positional = told.positional[1:]
    names = positional + told.keyword_only
    defaults = _carrier._defaults(method, told.positional)
    return _native.Target(
        method.__module__ or "",
        method.__qualname__,
        _trampoline.kind_of_code(method.__code__.co_flags),
        names,
        len(positional),
        max(len(told.positional_only) - 1, 0),
        {name: value for name, value in defaults.items() if name in names},
        told.var_positional is not None,
        told.var_keyword is not None,
    )
