"""Weak proxies of functions, in the family that behaves as wrapt's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._proxies._weak import WeaklyBinding
from cladding.compat.wrapt.__wrapt__ import BaseObjectProxy

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WeakFunctionProxy"]


class WeakFunctionProxy(WeaklyBinding, BaseObjectProxy):
    """Stands for a function or method without keeping it alive, nor the object that a method is bound to.

    Args:
        wrapped: a function, a bound method, or a function wrapper, bound or not.
        callback: called once with the proxy when the function or the object has gone.
    """

    def __init__(self, wrapped: Any, callback: Callable[[Any], object] | None = None) -> None:
        BaseObjectProxy.__init__(self, self._take_apart(wrapped, callback))
