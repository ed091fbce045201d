"""Types as they are written in annotations, asked of values at run time."""

from __future__ import annotations

import collections
import sys
import types
import typing
from collections import abc
from typing import Any, TypeAlias

Check: TypeAlias = abc.Callable[[Any], bool]
"""Says whether a value is of a type. ``None`` in its place: every value is."""

_ANYTHING = (Any, object, typing.Self, typing.Unpack)
_VARIABLES = (typing.TypeVar, typing.ParamSpec, typing.TypeVarTuple, typing.ParamSpecArgs, typing.ParamSpecKwargs)
# The type system takes an int where a float is wanted, and either where a complex number is (PEP 484).
_PROMOTED: dict[type, tuple[type, ...]] = {float: (float, int), complex: (complex, float, int)}
_ONE_ELEMENT = (
    list,
    set,
    frozenset,
    collections.deque,
    abc.Collection,
    abc.Sequence,
    abc.MutableSequence,
    abc.Set,
    abc.MutableSet,
    abc.KeysView,
    abc.ValuesView,
)
_MAPPINGS = (dict, collections.defaultdict, collections.OrderedDict, abc.Mapping, abc.MutableMapping)


def check_of(annotation: Any, *, elements: bool = False) -> Check | None:  # noqa: C901, PLR0912 - a table of kinds
    """The check for a type.

    Known are classes, ``None``, ``Any``, unions (also as tuples of types), ``Literal``, ``Annotated``, ``type[...]``,
    ``Callable``, generic classes, protocols that are ``runtime_checkable``, ``NewType``, ``TypedDict`` (as ``dict``) and type
    aliases. Type variables and what is derived from them stand for anything. With ``elements`` the elements of collections
    are looked at, never those of iterators.

    Raises:
        TypeError: it is no type, or none that can be checked.
    """
    if annotation is None or annotation is type(None):
        return _is_none
    if isinstance(annotation, tuple):
        return _any_of(annotation, elements)
    if any(annotation is anything for anything in _ANYTHING) or isinstance(annotation, _VARIABLES):
        return None
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return _class(annotation)
    if isinstance(annotation, typing.NewType):
        return check_of(annotation.__supertype__, elements=elements)
    if annotation is typing.Never or annotation is typing.NoReturn:
        return lambda _: False
    if annotation is typing.LiteralString:
        return _class(str)
    if annotation is typing.Callable:
        return callable
    if _is_alias(annotation):
        return _alias(annotation, elements)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Union or origin is types.UnionType:
        return _any_of(arguments, elements)
    if origin is typing.Literal:
        return _literal(arguments)
    if origin is typing.Annotated:
        return check_of(arguments[0], elements=elements)
    if origin in (typing.TypeGuard, getattr(typing, "TypeIs", typing.TypeGuard)):
        return _class(bool)
    if origin is typing.Unpack:
        return None
    if _is_alias(origin):
        return _alias(origin, elements)
    if origin is abc.Callable:
        return callable
    if origin is type:
        return _type_of(arguments[0])
    if isinstance(origin, type):
        return _generic(origin, arguments, elements)
    message = f"{annotation!r} is no type that can be checked"
    raise TypeError(message)


def name_of(annotation: Any) -> str:
    """A type as it would be written."""
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, tuple):
        return " | ".join(map(name_of, annotation))
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__qualname__
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return " | ".join(map(name_of, typing.get_args(annotation)))
    return repr(annotation).removeprefix("typing.").replace("collections.abc.", "")


def _is_none(value: Any) -> bool:
    return value is None


def _class(cls: type) -> Check | None:
    if typing.is_typeddict(cls):
        return lambda value: isinstance(value, dict)
    if getattr(cls, "_is_protocol", False) and not getattr(cls, "_is_runtime_protocol", False):
        message = f"the protocol {cls.__qualname__} is not runtime_checkable"
        raise TypeError(message)
    classes = _PROMOTED.get(cls, cls)
    return lambda value: isinstance(value, classes)


def _any_of(members: tuple[Any, ...], elements: bool) -> Check | None:
    if not members:
        message = "an empty tuple of types lets nothing pass"
        raise TypeError(message)
    checks = [check_of(member, elements=elements) for member in members]
    known = [check for check in checks if check is not None]
    if len(known) < len(checks):
        return None
    return lambda value: any(check(value) for check in known)


def _literal(choices: tuple[Any, ...]) -> Check:
    return lambda value: any(type(value) is type(choice) and value == choice for choice in choices)


def _is_alias(annotation: Any) -> bool:
    return sys.version_info >= (3, 12) and isinstance(annotation, typing.TypeAliasType)


def _alias(alias: Any, elements: bool) -> Check:
    """A ``type`` statement's value is asked for at the first check: it may name what is not there yet, and itself."""
    made: list[Check | None] = []

    def check(value: Any) -> bool:
        if not made:
            made.append(check_of(alias.__value__, elements=elements))
        return made[0] is None or made[0](value)

    return check


def _type_of(wanted: Any) -> Check:
    members = typing.get_args(wanted) if typing.get_origin(wanted) in (typing.Union, types.UnionType) else (wanted,)
    origins = tuple(typing.get_origin(member) or member for member in members)
    if all(isinstance(origin, type) and origin is not Any for origin in origins):
        return lambda value: isinstance(value, type) and issubclass(value, origins)
    return lambda value: isinstance(value, type)


def _generic(origin: type, arguments: tuple[Any, ...], elements: bool) -> Check | None:
    outer = _class(origin)
    if not elements or outer is None:
        return outer
    if origin is tuple:
        return _tuple(arguments)
    if origin in _ONE_ELEMENT and len(arguments) == 1:
        inner = check_of(arguments[0], elements=True)
        # A string is a sequence of strings without end.
        if inner is None:
            return outer
        return lambda value: outer(value) and (isinstance(value, str | bytes) or all(map(inner, value)))
    if origin in _MAPPINGS and len(arguments) == 2:
        keys, values = (check_of(argument, elements=True) for argument in arguments)
        return lambda value: (
            outer(value)
            and (keys is None or all(map(keys, value)))
            and (values is None or all(map(values, value.values())))
        )
    return outer


def _tuple(arguments: tuple[Any, ...]) -> Check:
    if len(arguments) == 2 and arguments[1] is ...:
        each = check_of(arguments[0], elements=True)
        return lambda value: isinstance(value, tuple) and (each is None or all(map(each, value)))
    if any(
        typing.get_origin(argument) is typing.Unpack or isinstance(argument, typing.TypeVarTuple)
        for argument in arguments
    ):
        return lambda value: isinstance(value, tuple)
    checks = [check_of(argument, elements=True) for argument in arguments]
    return lambda value: (
        isinstance(value, tuple)
        and len(value) == len(checks)
        and all(check is None or check(item) for check, item in zip(checks, value, strict=True))
    )
