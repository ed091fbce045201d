"""``attributes``: attaches attributes to what it decorates, which stays the same object."""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from cladding._errors import ConfigurationError
from cladding._gallery._checks import refuse, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

F = TypeVar("F")

_RESERVED = ("cladding", "__wrapped__", "__cladding__")


def attributes(values: Mapping[str, object] | None = None, /, **more: object) -> Callable[[F], F]:
    """Attaches attributes to a function, a class, a method or any other object that can have them, and returns that object.

    On a class method or static method they are found through the class and through instances, because the function
    inside gets them too. On a property they are attributes of its getter, ``C.p.fget``. Attributes that are there already
    get the new value.

    Args:
        values: names and values; needed only for names that are no identifiers in a call.
        more: attributes as keywords.

    Raises:
        ConfigurationError: no attribute at all, one given twice, or one that means something to Python or to cladding on
            what is decorated, such as ``__name__``.
        TypeError: the object cannot have attributes of its own, as bound methods and builtins cannot.
    """
    given = _given(values, more)

    def attach(target: F, /) -> F:
        owners = list(_owners(target))
        for name, value in given.items():
            if any(_has_meaning(owner, name) for owner in owners):
                raise wrong("attributes", name, f"a name that means nothing else on {_kind(target)}", value)
        for owner in owners:
            for name, value in given.items():
                setattr(owner, name, value)
        return target

    return attach


def _given(values: Any, more: dict[str, object]) -> dict[str, object]:
    """The attributes by name, checked."""
    allowed = "a mapping of identifiers to values; used bare, there would be none"
    if not isinstance(values, Mapping | None) or not all(_is_name(name) for name in values or ()):
        raise wrong("attributes", "values", allowed, values)
    given: dict[str, object] = {**(values or {}), **more}
    if not given:
        message = "attributes: one attribute at least is needed, got none"
        raise ConfigurationError(message)
    for name, value in given.items():
        if name in more and name in (values or {}):
            raise wrong("attributes", name, "given once", value)
        if name in _RESERVED:
            raise wrong("attributes", name, "left to cladding", value)
    return given


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()


def _kind(target: object) -> str:
    return "a class" if isinstance(target, type) else f"a {type(target).__name__}"


def _has_meaning(owner: Any, name: str) -> bool:
    """Whether an attribute is one that the object's type (for a class: the interpreter) has given it."""
    if isinstance(owner, type):
        return name.startswith("__") and name.endswith("__") and (hasattr(type, name) or hasattr(object, name))
    return hasattr(type(owner), name) and type(owner).__module__ in ("builtins", "functools")


def _owners(target: Any) -> Iterator[Any]:
    """The objects that get the attributes: the target, and the function that it leads to."""
    if isinstance(target, types.MethodType):
        raise refuse(
            "attributes", target, "a bound method has none of its own; decorate its function, which all instances share"
        )
    if isinstance(target, property):
        if target.fget is None:
            raise refuse("attributes", target, "a property without a getter has nothing to hold them")
        yield from _owners(target.fget)
        return
    if isinstance(target, classmethod | staticmethod):
        yield from _owners(target.__func__)
    elif isinstance(target, functools.cached_property | functools.partialmethod):
        yield from _owners(target.func)
    can_hold = not _is_static(target) if isinstance(target, type) else hasattr(target, "__dict__")
    if not can_hold:
        raise refuse("attributes", target, "it cannot have attributes of its own")
    yield target


def _is_static(cls: type) -> bool:
    from cladding import _carrier

    return not _carrier.can_watch(cls)
