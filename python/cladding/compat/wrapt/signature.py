"""with_signature: a wrapper that says it has another signature than the function it wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._overrides.described import Description, as_signature, code_like, described
from cladding._policy import MISSING
from cladding.compat.wrapt.__wrapt__ import BaseObjectProxy, BoundFunctionWrapper, CallableObjectProxy, FunctionWrapper
from cladding.compat.wrapt.doc import OWN_DOC, OWN_DOC_OF_BOUND, pass_on

if TYPE_CHECKING:
    import inspect
    import types
    from collections.abc import Callable

__all__ = ["with_signature"]


class _Code(BaseObjectProxy):
    """A code object that answers with the same tuple of names each time, which those of Python 3.11 do not."""

    def __init__(self, code: types.CodeType) -> None:
        super().__init__(code)
        self._self_names = code.co_varnames

    @property
    def co_varnames(self) -> tuple[str, ...]:
        return self._self_names


class _Described:
    """What is told of the signature under ``_self_description``. The code object is made when first asked for."""

    _self_description: Description

    @property
    def __signature__(self) -> inspect.Signature:
        return self._self_description.signature

    @property
    def __annotations__(self) -> dict[str, Any]:  # type: ignore[override]
        return self._self_description.annotations

    @property
    def __defaults__(self) -> tuple[Any, ...] | None:
        return self._self_description.defaults

    @property
    def __kwdefaults__(self) -> dict[str, Any] | None:
        return self._self_description.keyword_defaults

    @property
    def __code__(self) -> Any:
        code = getattr(self, "_self_code", None)
        if code is None:
            wrapped: Any = getattr(self, "__wrapped__")  # noqa: B009 - of the class that this is mixed into
            code = _Code(code_like(wrapped.__code__, self._self_description.signature))
            self._self_code = code
        return code


class SignatureFunctionProxy(_Described, CallableObjectProxy):
    """The ``__func__`` of a bound wrapper, which ``inspect`` reads before it takes the first parameter away."""

    def __init__(self, wrapped: Any, description: Description) -> None:
        super().__init__(wrapped)
        self._self_description = description


class BoundSignatureFunctionWrapper(BoundFunctionWrapper):
    __doc__ = OWN_DOC_OF_BOUND

    @property
    def __func__(self) -> Any:
        return SignatureFunctionProxy(self.__wrapped__.__func__, self._self_parent._self_description)

    @property
    def __signature__(self) -> inspect.Signature:
        signature: inspect.Signature = self._self_parent._self_description.signature
        return signature


class SignatureFunctionWrapper(_Described, FunctionWrapper):
    __doc__ = OWN_DOC
    __bound_function_wrapper__ = BoundSignatureFunctionWrapper

    def __init__(self, wrapped: Any, wrapper: Any, description: Description, doc: Any) -> None:
        super().__init__(wrapped, wrapper)
        self._self_description = description
        self._self_doc = doc

    @property
    def __func__(self) -> Any:
        return SignatureFunctionProxy(self.__wrapped__, self._self_description)


def with_signature(
    wrapped: Any = None,
    /,
    *,
    prototype: Callable[..., Any] | None = None,
    signature: inspect.Signature | None = None,
    factory: Callable[[Any], Any] | None = None,
    doc: str | None = None,
) -> Any:
    """Overrides the signature of what is wrapped; calls go on as before.

    Args:
        wrapped: what to wrap at once.
        prototype: a callable that has the signature.
        signature: the signature.
        factory: is called with what is wrapped; returns either of these, or a pair of it and a docstring.
        doc: the docstring, instead of that of what is wrapped or of the factory's.

    Raises:
        TypeError: none of ``prototype``, ``signature`` and ``factory`` is given, or more than one.
    """
    if sum(each is not None for each in (prototype, signature, factory)) != 1:
        message = "with_signature: exactly one of prototype, signature and factory must be given"
        raise TypeError(message)

    def decorate(wrapped: Any) -> Any:
        own_doc: Any = MISSING if doc is None else doc
        meant = factory(wrapped) if factory is not None else prototype or signature
        if isinstance(meant, tuple):
            meant, told = meant
            own_doc = told if doc is None else doc
        description = described(as_signature(meant, wrapped))
        return SignatureFunctionWrapper(wrapped, pass_on, description, own_doc)

    return decorate if wrapped is None else decorate(wrapped)
