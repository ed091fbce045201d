"""What the decorators here make of a function, to a type checker. At run time these names do not exist."""

from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypedDict, TypeVar, overload

from cladding._cache import CacheInfo
from cladding._cached import Cached

_P = ParamSpec("_P")
_Q = ParamSpec("_Q")
_R = TypeVar("_R")
_R_co = TypeVar("_R_co", covariant=True)
_Descriptor = TypeVar("_Descriptor", bound=staticmethod[Any, Any] | classmethod[Any, Any, Any])
_Whole = TypeVar("_Whole", bound=type[Any] | staticmethod[Any, Any] | classmethod[Any, Any, Any])

class LruParameters(TypedDict):
    """What ``cache_parameters()`` gives."""

    maxsize: int | None
    typed: bool

class LruCached(Generic[_P, _R_co]):
    """A function or method with a cache."""

    __name__: str
    __qualname__: str
    __module__: str
    __wrapped__: Callable[..., Any]

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None, /) -> LruCached[_P, _R_co]: ...
    @overload
    def __get__(
        self: LruCached[Concatenate[Any, _Q], _R], instance: object, owner: type[Any] | None = None, /
    ) -> LruCached[_Q, _R]: ...
    def cache_info(self) -> CacheInfo: ...
    def cache_clear(self) -> None: ...
    def cache_parameters(self) -> LruParameters: ...

class LruDecorator(Protocol):
    """A configured ``lru_cache(...)`` or ``cache(...)``."""

    @overload
    def __call__(self, function: _Descriptor, /) -> _Descriptor: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[_P, _R], /) -> LruCached[_P, _R]: ...

class MemoizeDecorator(Protocol):
    """A configured ``memoize(...)``."""

    @overload
    def __call__(self, target: _Whole, /) -> _Whole: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, target: Callable[_P, _R], /) -> Cached[_P, _R]: ...
