"""formatargspec, which ``inspect`` had up to Python 3.10: the text of what ``inspect.getfullargspec`` returned."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["formatargspec"]


def formatargspec(
    args: Sequence[str],
    varargs: str | None = None,
    varkw: str | None = None,
    defaults: tuple[Any, ...] | None = None,
    kwonlyargs: Sequence[str] | None = None,
    kwonlydefaults: Mapping[str, Any] | None = None,
    annotations: Mapping[str, Any] | None = None,
    formatarg: Callable[[str], str] | None = None,  # noqa: ARG001 - from here on they are there for old callers alone
    formatvarargs: Callable[[str], str] | None = None,  # noqa: ARG001
    formatvarkw: Callable[[str], str] | None = None,  # noqa: ARG001
    formatvalue: Callable[[Any], str] | None = None,  # noqa: ARG001
    formatreturns: Callable[[Any], str] | None = None,  # noqa: ARG001
    formatannotation: Callable[[Any], str] | None = None,  # noqa: ARG001
) -> str:
    """Writes a parameter list as in a ``def``, from the parts of a full argument specification.

    Args:
        args: the parameters that can be given by position.
        varargs: the name of ``*args``.
        varkw: the name of ``**kwargs``.
        defaults: values for the last of ``args``.
        kwonlyargs: the keyword-only parameters.
        kwonlydefaults: values for these, by name.
        annotations: by name; that of the result under ``"return"``.
        formatarg: is not used, as all that follow.
        formatvarargs: is not used.
        formatvarkw: is not used.
        formatvalue: is not used.
        formatreturns: is not used.
        formatannotation: is not used.
    """
    told = annotations or {}
    values = dict(zip(reversed(args), reversed(defaults or ()), strict=False)) | dict(kwonlydefaults or {})

    def parameter(name: str, kind: Any) -> Parameter:
        annotation = told.get(name, Parameter.empty)
        return Parameter(name, kind, default=values.get(name, Parameter.empty), annotation=annotation)

    parameters = [parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in args]
    if varargs:
        parameters.append(parameter(varargs, Parameter.VAR_POSITIONAL))
    parameters += [parameter(name, Parameter.KEYWORD_ONLY) for name in kwonlyargs or ()]
    if varkw:
        parameters.append(parameter(varkw, Parameter.VAR_KEYWORD))
    return str(Signature(parameters, return_annotation=told.get("return", Signature.empty)))
