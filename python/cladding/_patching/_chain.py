"""Chains of wrappers, linked by ``__wrapped__``: walking them and searching them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._patching._errors import WrapperChainTooDeepError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def wrapper_chain(obj: Any, *, limit: int = 64) -> Iterator[Any]:
    """Goes from the outermost wrapper to the innermost object, by ``__wrapped__``.

    It ends at an object without ``__wrapped__``, and at one that it has been at. A lazy proxy is evaluated.

    Args:
        obj: where to start; it is the first item.
        limit: how many objects there may be.

    Raises:
        WrapperChainTooDeepError: there are more than ``limit``.
    """
    # Proxies compare and hash as what they wrap, so identity it is. The objects are kept, lest an id is used again.
    seen: dict[int, Any] = {}
    current = obj
    while id(current) not in seen:
        if len(seen) >= limit:
            raise WrapperChainTooDeepError(f"the chain of wrappers of {obj!r} is longer than {limit}")
        seen[id(current)] = current
        yield current
        try:
            current = current.__wrapped__
        except AttributeError:
            return


def unwrapped(obj: Any, *, limit: int = 64) -> Any:
    """The innermost object of a chain of wrappers, or ``obj`` itself if it wraps nothing.

    Args:
        obj: where to start.
        limit: how many objects there may be on the way.

    Raises:
        WrapperChainTooDeepError: there are more than ``limit``.
    """
    innermost = obj
    for innermost in wrapper_chain(obj, limit=limit):  # noqa: B007 - the last one is what is wanted
        pass
    return innermost


def find_wrapper(
    obj: Any, handle: Any = None, *, predicate: Callable[[Any], object] | None = None, limit: int = 64
) -> Any:
    """The first object of a chain of wrappers that is ``handle`` (by identity) and fulfils ``predicate``, or ``None``.

    Args:
        obj: where to start.
        handle: the wrapper that is looked for, as the function that installed it returned it.
        predicate: what the wrapper has to fulfil. At least one of the two is needed.
        limit: how many objects there may be.

    Raises:
        TypeError: neither ``handle`` nor ``predicate`` was given.
        WrapperChainTooDeepError: there are more than ``limit``, and none of the first ``limit`` is it.
    """
    if handle is None and predicate is None:
        raise TypeError("find_wrapper() needs a handle, a predicate, or both")
    for entry in wrapper_chain(obj, limit=limit):
        if (handle is None or entry is handle) and (predicate is None or predicate(entry)):
            return entry
    return None


def is_wrapped_by(
    obj: Any, handle: Any = None, *, predicate: Callable[[Any], object] | None = None, limit: int = 64
) -> bool:
    """Whether :func:`find_wrapper` finds something.

    Args:
        obj: where to start.
        handle: the wrapper that is looked for, as the function that installed it returned it.
        predicate: what the wrapper has to fulfil. At least one of the two is needed.
        limit: how many objects there may be.

    Raises:
        TypeError: neither ``handle`` nor ``predicate`` was given.
        WrapperChainTooDeepError: there are more than ``limit``, and none of the first ``limit`` is it.
    """
    return find_wrapper(obj, handle, predicate=predicate, limit=limit) is not None
