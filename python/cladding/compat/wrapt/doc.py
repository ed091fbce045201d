"""with_doc: a wrapper with a docstring of its own, in place of that of the function it wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._policy import MISSING
from cladding.compat.wrapt.__wrapt__ import BoundFunctionWrapper, FunctionWrapper

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["with_doc"]


def pass_on(wrapped: Callable[..., Any], _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Calls what is wrapped: such a wrapper changes nothing but what is said of it."""
    return wrapped(*args, **kwargs)


def _get(self: Any) -> Any:
    return self.__wrapped__.__doc__ if self._self_doc is MISSING else self._self_doc


def _set(self: Any, value: Any) -> None:
    if self._self_doc is MISSING:
        self.__wrapped__.__doc__ = value
    else:
        self._self_doc = value


def _delete(self: Any) -> None:
    if self._self_doc is MISSING:
        del self.__wrapped__.__doc__
    else:
        self._self_doc = MISSING


def _get_of_bound(self: Any) -> Any:
    own = self._self_parent._self_doc
    return self.__wrapped__.__doc__ if own is MISSING else own


# The docstring of a wrapper that may have one of its own, under ``_self_doc``; without one it is that of the function, to
# read, to set and to delete. A class takes it in its own body: an inherited one is not what ``pydoc`` looks at.
OWN_DOC: Any = property(_get, _set, _delete)
OWN_DOC_OF_BOUND: Any = property(_get_of_bound)


class BoundDocFunctionWrapper(BoundFunctionWrapper):
    __doc__ = OWN_DOC_OF_BOUND


class DocFunctionWrapper(FunctionWrapper):
    __doc__ = OWN_DOC
    __bound_function_wrapper__ = BoundDocFunctionWrapper

    def __init__(self, wrapped: Any, wrapper: Any, doc: Any) -> None:
        super().__init__(wrapped, wrapper)
        self._self_doc = doc


def with_doc(
    wrapped: Any = None, /, *, doc: str | None = None, factory: Callable[[Any], str | None] | None = None
) -> Any:
    """Overrides the docstring of what is wrapped, which keeps its own.

    Args:
        wrapped: what to wrap at once.
        doc: the docstring.
        factory: is called with what is wrapped, and returns the docstring.

    Raises:
        TypeError: neither ``doc`` nor ``factory`` is given, or both.
    """
    if (doc is None) == (factory is None):
        message = "with_doc: exactly one of doc and factory must be given"
        raise TypeError(message)

    def decorate(wrapped: Any) -> Any:
        return DocFunctionWrapper(wrapped, pass_on, doc if factory is None else factory(wrapped))

    return decorate if wrapped is None else decorate(wrapped)
