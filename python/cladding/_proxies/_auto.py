"""Proxies that have the protocols of what they wrap, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from cladding._native import BaseObjectProxy
from cladding._proxies._protocols import become, variant
from cladding._proxies._signature import OwnSignature
from cladding._proxies._state import own_attributes, reduce_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

T = TypeVar("T")


class Adapting:
    """The part of an :class:`AutoObjectProxy` that adapts it, apart from the family of proxies it belongs to."""

    if TYPE_CHECKING:  # annotations of the class would hide those of what is wrapped
        __wrapped__: Any

    def __new__(cls, wrapped: Any, *args: Any, **kwargs: Any) -> Self:
        make: Any = super().__new__  # that of the family
        made: Self = make(variant(cls, type(wrapped)), wrapped, *args, **kwargs)
        return made

    def __wrapped_setattr_fixups__(self) -> None:
        """Called when ``__wrapped__`` has been set."""
        become(self, variant(type(self), type(self.__wrapped__)))


class AutoObjectProxy(Adapting, BaseObjectProxy[T]):
    """An object proxy that is callable, iterable, awaitable, a path or a descriptor if what it wraps is.

    It follows when ``__wrapped__`` is set to something else. In a subclass, special methods that it defines itself stay.

    Args:
        wrapped: the object to stand for.
    """

    __signature__ = OwnSignature()

    def __init__(self, wrapped: T) -> None:
        BaseObjectProxy.__init__(self, wrapped)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return reduce_proxy(self, own_attributes(self))

    if TYPE_CHECKING:
        __wrapped__: T

        # Which of these there are depends on the object.
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
        def __iter__(self) -> Iterator[Any]: ...
        def __next__(self) -> Any: ...
        def __aiter__(self) -> AsyncIterator[Any]: ...
        def __anext__(self) -> Any: ...
        def __length_hint__(self) -> int: ...
        def __fspath__(self) -> Any: ...
        def __await__(self) -> Generator[Any, Any, Any]: ...
