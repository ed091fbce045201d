"""The general object proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cladding._native import BaseObjectProxy
from cladding._proxies._signature import OwnSignature

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class ObjectProxy(BaseObjectProxy[T]):
    """Stands for an object: attributes, operators and special methods are those of the object, iteration included.

    Attributes that are set go to the object; those whose names begin with ``_self_`` stay on the proxy. Made to be derived
    from: what a subclass defines comes before what the object has.

    Args:
        wrapped: the object to stand for; it is ``__wrapped__`` of the proxy, and can be replaced there.
    """

    __signature__ = OwnSignature()

    def __init__(self, wrapped: T) -> None:
        BaseObjectProxy.__init__(self, wrapped)

    @property
    def __object_proxy__(self) -> type[Any]:
        """What an operator such as ``+=`` wraps its result in."""
        return ObjectProxy

    def __iter__(self) -> Iterator[Any]:
        wrapped: Any = self.__wrapped__
        return iter(wrapped)
