"""``wraps`` and ``update_wrapper``: those of ``functools``, which also keep what kind of function it is."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from cladding._kinds import kind_of, mark_coroutine_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

F = TypeVar("F", bound="Callable[..., Any]")

# That of the standard library, also where ours is put in its place.
_standard = functools.update_wrapper


def update_wrapper(
    wrapper: F,
    wrapped: Callable[..., Any],
    assigned: Iterable[str] = functools.WRAPPER_ASSIGNMENTS,
    updated: Iterable[str] = functools.WRAPPER_UPDATES,
) -> F:
    """Makes ``wrapper`` look like ``wrapped``: name, documentation, annotations, type parameters, attributes.

    As that of ``functools`` (on 3.14 and newer annotations are not evaluated for it), and two things more:

    - where ``wrapped`` is a coroutine function and ``wrapper`` a plain one, ``wrapper`` is marked as a coroutine function,
      because a plain wrapper hands on the coroutine that it gets. ``inspect.iscoroutinefunction`` sees the mark from 3.12
      on, ``asyncio.iscoroutinefunction`` on 3.11 too. A wrapper that does *not* return an awaitable leaves it out with
      :func:`functools.update_wrapper`;
    - where ``wrapper`` is a method that overrides another one of the same name, it keeps its own ``__qualname__`` and
      ``__module__``: it is found, pickled and shown in tracebacks as what it is.

    Args:
        wrapper: what is changed.
        wrapped: what it is to look like. It becomes ``wrapper.__wrapped__``.
        assigned: the attributes that are copied, where ``wrapped`` has them.
        updated: the dictionaries that are updated.

    Returns:
        ``wrapper``.

    Raises:
        AttributeError: ``wrapper`` lacks one of the dictionaries in ``updated``.
    """
    if _overrides(wrapper, wrapped):
        assigned = tuple(name for name in assigned if name not in ("__qualname__", "__module__"))
    _standard(wrapper, wrapped, assigned, updated)
    if kind_of(wrapped) == "coroutine" and kind_of(wrapper) == "function" and not _is_class(wrapper):
        mark_coroutine_function(wrapper)
    return wrapper


def wraps(
    wrapped: Callable[..., Any],
    assigned: Iterable[str] = functools.WRAPPER_ASSIGNMENTS,
    updated: Iterable[str] = functools.WRAPPER_UPDATES,
) -> Callable[[F], F]:
    """Decorates a wrapper to look like what it wraps: :func:`update_wrapper` as a decorator.

    >>> from cladding import wraps
    >>> def loud(function):
    ...     @wraps(function)
    ...     def wrapper(*args, **kwargs):
    ...         return function(*args, **kwargs).upper()
    ...     return wrapper
    >>> @loud
    ... def greet(name):
    ...     "Says hello."
    ...     return f"hello {name}"
    >>> greet("you"), greet.__name__, greet.__doc__
    ('HELLO YOU', 'greet', 'Says hello.')

    Args:
        wrapped: what the decorated function is to look like.
        assigned: the attributes that are copied, where ``wrapped`` has them.
        updated: the dictionaries that are updated.

    Raises:
        AttributeError: at decoration, if the wrapper lacks one of the dictionaries in ``updated``.
    """
    return functools.partial(update_wrapper, wrapped=wrapped, assigned=assigned, updated=updated)


def _is_class(wrapper: object) -> bool:
    return isinstance(wrapper, type)


def _overrides(wrapper: Any, wrapped: Any) -> bool:
    """Whether a function was written in the body of a class, as another one of the same name was in that of another."""
    ours, theirs = (str(getattr(each, "__qualname__", "")).rpartition(".") for each in (wrapper, wrapped))
    in_classes = all(owner and not owner.endswith("<locals>") for owner, _, _ in (ours, theirs))
    return in_classes and ours[2] == theirs[2] and ours != theirs
