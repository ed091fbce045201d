"""decorator_apply: what a third-party decorator does, under the face of the function it is put on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from cladding import _overlay
from cladding._carrier import kind_of_call
from cladding._errors import ConfigurationError
from cladding._trampoline import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F")

Kind: TypeAlias = Literal["function", "coroutine", "generator", "async_generator"]


def decorator_apply(dec: Callable[[Any], Any], func: F, *, kind: Kind | None = None) -> F:
    """Applies a decorator that loses what a function is, and keeps that: name, signature, documentation and kind.

    The result is a function with the parameters of ``func``, which hands its arguments to what ``dec(func)`` returned.
    Given a ``classmethod``, ``staticmethod``, ``property`` or another descriptor, it decorates the function inside.

    Args:
        dec: the decorator.
        func: what it is put on.
        kind: what a call gives: ``"function"``, ``"coroutine"``, ``"generator"`` or ``"async_generator"``. By default
            that of the function that ``dec`` returned; where this is a plain one, or another callable, that of ``func``,
            whose coroutine or generator such a decorator mostly hands on.

    Raises:
        ConfigurationError: ``kind`` is none of these.
        TypeError: ``func`` is a class or cannot be called, or what ``dec`` returned cannot.

    Example:
        >>> from cladding import decorator_apply
        >>> def twice(func):  # knows nothing of signatures
        ...     return lambda *args: 2 * func(*args)
        >>> def area(width, height=1):
        ...     return width * height
        >>> import inspect
        >>> area = decorator_apply(twice, area)
        >>> area(3, 2), str(inspect.signature(area))
        (12, '(width, height=1)')
    """
    if kind is not None and kind not in KINDS:
        message = f"decorator_apply: kind={kind!r} is none of {', '.join(map(repr, KINDS))}"
        raise ConfigurationError(message)

    def replace(wrapped: Any) -> tuple[Callable[..., Any], str | None]:
        decorated = dec(wrapped)
        if not callable(decorated):
            message = f"decorator_apply: {dec!r} made {decorated!r} of {wrapped!r}, which cannot be called"
            raise TypeError(message)
        own = kind_of_call(decorated)
        return decorated, kind or (own if own != "function" else None)

    result: F = _overlay.overlay(func, replace, "decorator_apply")
    return result
