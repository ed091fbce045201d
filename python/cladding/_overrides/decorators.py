"""with_signature and with_doc: a function that behaves as before and says something else of itself."""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from cladding import _overlay
from cladding._errors import ConfigurationError
from cladding._overrides.described import as_signature, described
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F")
P = ParamSpec("P")
R = TypeVar("R")


@overload
def with_signature(
    *, prototype: Callable[P, R], doc: str | None = ...
) -> Callable[[Callable[..., Any]], Callable[P, R]]: ...
@overload
def with_signature(*, signature: inspect.Signature | str, doc: str | None = ...) -> Callable[[F], F]: ...
@overload
def with_signature(*, factory: Callable[[Any], Any], doc: str | None = ...) -> Callable[[F], F]: ...
def with_signature(
    *,
    prototype: Any = None,
    signature: Any = None,
    factory: Callable[[Any], Any] | None = None,
    doc: str | None = None,
) -> Callable[[Any], Any]:
    """Makes a function say that it has another signature; calls go on as before, whatever that says.

    It is for a decorator that really changes the arguments, or for a function that takes ``*args, **kwargs`` on behalf of
    another. ``inspect.signature``, ``help`` and type hints follow. Exactly one of the first three parameters is given. A
    signature for a method has ``self`` or ``cls`` in it. Given a ``classmethod``, ``staticmethod``, ``property`` or another
    descriptor, it decorates the function inside.

    Args:
        prototype: a callable that has the signature.
        signature: the signature itself, or its text, such as ``"(a, /, b: int = 1) -> str"``; names in it are those of the
            module of the function.
        factory: is called with the function at decoration; returns either of these, or a pair of it and a docstring.
        doc: the docstring, instead of the function's own or that of the factory.

    Raises:
        ConfigurationError: none of the three is given, more than one, or one that is no such thing. A text is read at
            decoration.
        TypeError: what is decorated is a class or cannot be called, or ``factory`` returned no signature.

    Example:
        >>> import inspect
        >>> from cladding import with_signature
        >>> @with_signature(signature="(x: float, *, digits: int = 2) -> str")
        ... def shorten(*args, **kwargs):
        ...     return args, kwargs
        >>> print(inspect.signature(shorten))
        (x: float, *, digits: int = 2) -> str
        >>> shorten(1.5)
        ((1.5,), {})
    """
    given = {"prototype": prototype, "signature": signature, "factory": factory}
    _exactly_one("with_signature", {name: value for name, value in given.items() if value is not None}, given)

    for name, value in (("prototype", prototype), ("factory", factory)):
        if value is not None and not callable(value):
            message = f"with_signature: {name}={value!r} is not callable"
            raise ConfigurationError(message)
    if signature is not None and not isinstance(signature, str | inspect.Signature):
        message = f"with_signature: signature={signature!r} is neither an inspect.Signature nor the text of one"
        raise ConfigurationError(message)

    def override(wrapped: Any, function: types.FunctionType) -> None:
        tell(function, wrapped, factory(wrapped) if factory is not None else (prototype or signature), doc)

    return lambda target: _override(target, override, "with_signature")


def tell(function: Any, wrapped: Any, meant: Any, doc: str | None = None) -> None:
    """Makes a function that was made of ``wrapped`` say the signature that is meant.

    Args:
        function: what is changed.
        wrapped: the callable, in whose module the names in a text are looked up.
        meant: a prototype, a signature or its text, or a pair of one of these and a docstring.
        doc: the docstring, before that of a pair.
    """
    told: Any = MISSING
    if isinstance(meant, tuple):
        meant, told = meant
    if doc is not None:
        told = doc
    description = described(as_signature(meant, wrapped))
    lazy = getattr(meant, "__annotate__", None) if isinstance(meant, types.FunctionType) else None
    if lazy is None:
        function.__annotations__ = description.annotations
    else:  # From Python 3.14 on annotations are made when somebody asks, and may name what is not there yet.
        function.__annotate__ = lazy
    function.__signature__ = description.signature
    if told is not MISSING:
        function.__doc__ = told


def with_doc(*, doc: str | None = None, factory: Callable[[Any], str | None] | None = None) -> Callable[[F], F]:
    """Makes a function that behaves as before and has another docstring; the function itself keeps its own.

    Exactly one of the parameters is given. Given a ``classmethod``, ``staticmethod``, ``property`` or another descriptor, it
    decorates the function inside.

    Args:
        doc: the docstring.
        factory: is called with the function at decoration, and returns the docstring or None.

    Raises:
        ConfigurationError: neither is given, or both.
        TypeError: what is decorated is a class or cannot be called.

    Example:
        >>> from cladding import with_doc
        >>> @with_doc(factory=lambda function: f"{function.__doc__} Metres.")
        ... def height():
        ...     "How high it is."
        >>> height.__doc__
        'How high it is. Metres.'
    """
    given = {"doc": doc, "factory": factory}
    _exactly_one("with_doc", {name: value for name, value in given.items() if value is not None}, given)

    def override(wrapped: Any, function: types.FunctionType) -> None:
        function.__doc__ = factory(wrapped) if factory is not None else doc

    return lambda target: _override(target, override, "with_doc")


def _exactly_one(name: str, given: dict[str, Any], allowed: dict[str, Any]) -> None:
    if len(given) == 1:
        return
    got = " and ".join(f"{key}={value!r}" for key, value in given.items()) or "none"
    message = f"{name}: exactly one of {', '.join(allowed)} must be given, got {got}"
    raise ConfigurationError(message)


def _override(target: F, override: Callable[[Any, types.FunctionType], None], name: str) -> F:
    result: F = _overlay.overlay(target, lambda wrapped: (wrapped, None), name, dress=override)
    return result
