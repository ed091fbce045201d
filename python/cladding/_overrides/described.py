"""What a function says of itself if it has a given signature, and where the signature comes from."""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Any, NamedTuple

from cladding._errors import ConfigurationError
from cladding._making.telling import signature_of, told_by
from cladding._trampoline import CO_VARARGS, CO_VARKEYWORDS

if TYPE_CHECKING:
    from collections.abc import Callable


class Description(NamedTuple):
    """A signature, and the attributes of a function that has it."""

    signature: inspect.Signature
    annotations: dict[str, Any]
    defaults: tuple[Any, ...] | None
    keyword_defaults: dict[str, Any] | None


def described(signature: inspect.Signature) -> Description:
    """The attributes that follow from a signature."""
    annotations = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if parameter.annotation is not parameter.empty
    }
    if signature.return_annotation is not signature.empty:
        annotations["return"] = signature.return_annotation
    _, defaults, keyword_defaults = told_by(signature)
    return Description(signature, annotations, defaults, keyword_defaults)


def code_like(code: Any, signature: inspect.Signature) -> types.CodeType:
    """A code object with the parameters of a signature, which for the rest says what ``code`` says.

    It is for reading, not for running.
    """
    source = f"def function({told_by(signature).parameters.declaration()}): pass"
    module = compile(source, "<cladding>", "exec", dont_inherit=True)
    own = next(const for const in module.co_consts if isinstance(const, types.CodeType))
    parameter_flags = CO_VARARGS | CO_VARKEYWORDS
    return own.replace(
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_filename=code.co_filename,
        co_firstlineno=code.co_firstlineno,
        co_flags=code.co_flags & ~parameter_flags | own.co_flags & parameter_flags,
    )


def as_signature(given: Any, wrapped: Callable[..., Any]) -> inspect.Signature:
    """The signature that is meant: one, a callable that has it, or its text, which may use the names of ``wrapped``.

    Raises:
        TypeError: it is none of these.
        ConfigurationError: the text is not what stands between ``def f`` and the colon.
    """
    if isinstance(given, inspect.Signature):
        return given
    if isinstance(given, str):
        return _of_text(given, wrapped)
    if callable(given):
        return signature_of(given)
    message = f"a signature is wanted, as inspect.Signature, a callable that has it, or text; got {given!r}"
    raise TypeError(message)


def _of_text(text: str, wrapped: Any) -> inspect.Signature:
    """Reads ``(a, /, b: int = 1) -> str``; the parentheses may be left out where nothing follows them."""
    parameters = text.strip() if text.strip().startswith("(") else f"({text})"
    namespace: dict[str, Any] = {}
    try:
        code = compile(f"def prototype{parameters}: ...", "<signature>", "exec", dont_inherit=True)
    except SyntaxError as error:
        message = f"with_signature: signature={text!r} is not the text of a signature: {error.msg}"
        raise ConfigurationError(message) from error
    exec(code, dict(getattr(inspect.unwrap(wrapped), "__globals__", {})), namespace)  # noqa: S102 - the author's own text
    return signature_of(namespace["prototype"])
