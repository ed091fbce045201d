"""What ``cache_result`` makes of a function, to a type checker. At run time it is a function like any other."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from cladding._cache import CacheInfo
from cladding._native import BoundStack, Policy

_P = ParamSpec("_P")
_Q = ParamSpec("_Q")
_R = TypeVar("_R")
_R_co = TypeVar("_R_co", covariant=True)
_Whole = TypeVar(
    "_Whole",
    bound=type[Any]
    | staticmethod[Any, Any]
    | classmethod[Any, Any, Any]
    | property
    | functools.cached_property[Any]
    | functools.partialmethod[Any],
)

class Cached(Generic[_P, _R_co]):
    """A function or method whose results are cached."""

    __name__: str
    __qualname__: str
    __module__: str
    __wrapped__: Callable[..., Any]
    cladding: BoundStack

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None, /) -> Cached[_P, _R_co]: ...
    @overload
    def __get__(
        self: Cached[Concatenate[Any, _Q], _R], instance: object, owner: type[Any] | None = None, /
    ) -> Cached[_Q, _R]: ...
    def cache_info(self) -> CacheInfo: ...
    def cache_clear(self) -> None: ...
    def cache_parameters(self) -> dict[str, Any]: ...

class CachePolicy(Policy):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    """What a configured ``cache_result(...)`` is: a :class:`Policy` that makes functions into :class:`Cached` ones."""

    @overload  # type: ignore[override]
    def __call__(self, target: _Whole, /) -> _Whole: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, target: Callable[_P, _R], /
    ) -> Cached[_P, _R]: ...
