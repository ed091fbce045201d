"""The proxies that are made in Python, in the family that behaves as wrapt's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cladding._proxies._auto import Adapting
from cladding._proxies._lazy import Deferring, Import
from cladding.compat.wrapt.__wrapt__ import BaseObjectProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AutoObjectProxy", "LazyObjectProxy", "ObjectProxy", "lazy_import"]


class ObjectProxy(BaseObjectProxy):
    """An object proxy with iteration, whether what it wraps can be iterated or not.

    Args:
        wrapped: the object to stand for.
    """

    @property
    def __object_proxy__(self) -> type[Any]:
        """What an operator such as ``+=`` wraps its result in."""
        return ObjectProxy

    def __iter__(self) -> Iterator[Any]:
        return iter(self.__wrapped__)


class AutoObjectProxy(Adapting, BaseObjectProxy):
    """An object proxy that is callable, iterable, awaitable, a path or a descriptor if what it wraps is.

    Args:
        wrapped: the object to stand for.
    """


class LazyObjectProxy(Deferring, AutoObjectProxy):
    """An object proxy that makes its object when it is first needed.

    Args:
        callback: makes the object; without it, what ``__wrapped_factory__`` returns, which a subclass may define.
        interface: a class whose protocols the proxy has until then.
    """

    def __init__(self, callback: Callable[[], Any] | None = None, *, interface: Any = ...) -> None:  # noqa: ARG002
        self._defer(callback)
        BaseObjectProxy.__init__(self, None)


def lazy_import(name: str, attribute: str | None = None, *, interface: Any = ...) -> LazyObjectProxy:
    """A module, or an attribute of one, that is imported when it is first needed.

    Args:
        name: the full name of the module.
        attribute: what to take from the module; the module itself by default.
        interface: a class whose protocols the attribute will have. By default it is taken for a callable.
    """
    if attribute is not None and interface is ...:
        interface = Callable
    return LazyObjectProxy(Import(name, attribute), interface=interface)
