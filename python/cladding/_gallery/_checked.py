"""What ``accepts`` and ``returns`` share: types that were given or are read from annotations, and the error."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from typing import TYPE_CHECKING, Any

from cladding._errors import ConfigurationError, TypeMismatchError
from cladding._gallery._types import check_of, name_of
from cladding._validate import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cladding._gallery._types import Check
    from cladding._gallery._wrapping import Subject


class Expected:
    """A type that a value has to be of."""

    __slots__ = ("_name", "fits")

    def __init__(self, annotation: Any, *, elements: bool) -> None:
        self.fits: Check = check_of(annotation, elements=elements) or _anything
        """Says whether a value is."""
        self._name = name_of(annotation)

    def mismatch(self, function: str, argument: str, value: Any) -> TypeMismatchError:
        """The error for a value that is not."""
        got = describe(value)
        what = "the result" if argument == "return" else f"`{argument}`"
        error = TypeMismatchError(f"{function}: {what} must be {self._name}, got {got}")
        error.function, error.argument, error.expected, error.got = function, argument, self._name, got
        return error


def _anything(value: object) -> bool:
    del value
    return True


def given(owner: str, where: str, annotation: Any, *, elements: bool) -> Expected | str:
    """A type that was given to a decorator. A string stays one until the first call.

    Raises:
        ConfigurationError: it is none, or none that can be checked.
    """
    if isinstance(annotation, str):
        return annotation
    try:
        return Expected(annotation, elements=elements)
    except TypeError as error:
        if isinstance(annotation, types.FunctionType | classmethod | staticmethod | property):
            message = (
                f"{owner}: `{where}` must be a type, got {annotation!r}; used without types it is written @{owner}()"
            )
        else:
            message = f"{owner}: `{where}` must be a type, got {annotation!r} ({error})"
        raise ConfigurationError(message) from None


def resolved(owner: str, subject: Subject, types_: Mapping[str, Any], *, elements: bool) -> dict[str, Expected]:
    """Types by name, the names in strings looked up now.

    Raises:
        ConfigurationError: a name cannot be found, or what it stands for is no type that can be checked.
    """
    source = function_of(subject)
    found: dict[str, Expected] = {}
    for name, annotation in types_.items():
        if isinstance(annotation, Expected):
            found[name] = annotation
            continue
        try:
            found[name] = Expected(_evaluated(annotation, source), elements=elements)
        except (NameError, AttributeError, SyntaxError, TypeError) as error:
            message = (
                f"{owner}: the type of `{name}` in {subject.name}, {annotation!r}, cannot be checked ({error}): give "
                f"@{owner} a type for it that is there when the function is called"
            )
            raise ConfigurationError(message) from error
    return found


def function_of(subject: Subject) -> Any:
    """The function that has the annotations; for a class, what makes its instances."""
    target = subject.target
    if isinstance(target, type):
        made: Any = target
        target = made.__init__ if isinstance(made.__init__, types.FunctionType) else made.__new__
    while isinstance(target, functools.partial):
        target = target.func
    return inspect.unwrap(target)


def annotations_of(subject: Subject) -> Mapping[str, Any]:
    """The annotations of a function as they are written; where they are lazy, this is what makes them."""
    function = function_of(subject)
    if not hasattr(function, "__annotations__"):
        return {}
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
    return inspect.get_annotations(function)


def _evaluated(annotation: Any, function: Any) -> Any:
    """An annotation with the strings in it replaced by what they name, where the function is written."""
    names = dict(getattr(function, "__globals__", {}))
    code = getattr(function, "__code__", None)
    for name, cell in zip(getattr(code, "co_freevars", ()), getattr(function, "__closure__", None) or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:
            continue  # Not there yet.
    parameters = {parameter.__name__: parameter for parameter in getattr(function, "__type_params__", ())}
    holder = types.SimpleNamespace(__annotations__={"value": annotation})
    return typing.get_type_hints(holder, names | parameters, include_extras=True)["value"]
