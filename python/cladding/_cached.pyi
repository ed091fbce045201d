"""What ``cache_result`` makes of a function, to a type checker. At run time it is a function like any other."""

import functools
from collections.abc import Callable, Iterable
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

class Results(Generic[_R_co]):
    """``f.cache``: what can be done with single results, each named by the arguments of its call."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """The result of a call with these arguments. Computes nothing: raises KeyError if there is none."""

    def put(self, result: Any, /, *args: Any, **kwargs: Any) -> None:
        """Keeps ``result`` as what a call with these arguments gives, from now on."""

    def invalidate(self, *args: Any, **kwargs: Any) -> bool:
        """Forgets the result of a call with these arguments, also one that is just being computed. Says if there was one."""

    def invalidate_tag(self, tag: str, /) -> int:
        """Forgets all results with a tag, and keeps nothing of what is just being computed. Says how many there were."""

    def items(self) -> list[tuple[tuple[Any, ...], Any]]:
        """The results there are now, each behind its arguments in the order of the parameters."""

    def load(self, pairs: Iterable[tuple[tuple[Any, ...], Any]], /) -> None:
        """Keeps results, each behind a tuple of arguments by position, such as ``items()`` gives."""

class Cached(Generic[_P, _R_co]):
    """A function or method whose results are cached."""

    __name__: str
    __qualname__: str
    __module__: str
    __wrapped__: Callable[..., Any]
    cladding: BoundStack
    @property
    def cache(self) -> Results[_R_co]: ...
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
