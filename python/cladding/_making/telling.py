"""What a callable tells of its parameters, without asking for annotations that cannot be told yet."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any, NamedTuple

from cladding._trampoline import Parameters

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable


class Told(NamedTuple):
    """The parameters of a callable."""

    parameters: Parameters
    defaults: tuple[Any, ...] | None
    keyword_defaults: dict[str, Any] | None


def signature_of(target: Callable[..., Any]) -> inspect.Signature:
    """The signature of a callable. Annotations that name what is not there yet stay forward references."""
    import inspect

    if sys.version_info >= (3, 14):
        import annotationlib

        return inspect.signature(target, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(target)


def parameters_of(target: Callable[..., Any]) -> Told:
    """The parameters of a callable, as ``inspect.signature`` tells them.

    Raises:
        TypeError: it is no callable that has a signature.
        ValueError: it is a builtin that tells none.
    """
    plain = isinstance(target, types.FunctionType)
    if plain and not target.__dict__.keys() & {"__signature__", "__wrapped__"}:
        return Told(Parameters(target.__code__), target.__defaults__, target.__kwdefaults__)
    return told_by(signature_of(target))


def told_by(signature: inspect.Signature) -> Told:
    """The parameters of a signature."""
    parameters = Parameters.of(signature)
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.default is not parameter.empty
    }
    positional = tuple(defaults[name] for name in parameters.positional if name in defaults)
    keyword = {name: defaults[name] for name in parameters.keyword_only if name in defaults}
    return Told(parameters, positional or None, keyword or None)
