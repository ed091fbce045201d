"""Dotted paths: which object a path leads to, where it is written, and where it is defined."""

from __future__ import annotations

import importlib
import inspect
from typing import Any, TypeGuard

from cladding._errors import ConfigurationError
from cladding._names import is_dotted
from cladding._patching._errors import PathResolutionError, TargetModuleNotFoundError


def resolve_path(target: Any, name: str) -> tuple[Any, str, Any]:
    """Follows a dotted path from a module, class or instance.

    Along classes it takes what lies in the class, unbound: a ``classmethod`` is given as the ``classmethod`` and a
    property as the property. Everywhere else it takes what ``getattr`` gives.

    Args:
        target: a module, class or instance; a string is the name of a module, imported if need be.
        name: the path, such as ``"Session.request"``.

    Returns:
        The object that the last name was looked up on, the last name, and what was found there. To assign to the first
        two is to change what the path leads to.

    Raises:
        TargetModuleNotFoundError: ``target`` names a module that cannot be found.
        PathResolutionError: the path leads nowhere.
        ConfigurationError: ``name`` is not a path.
    """
    if not is_dotted(name):
        raise ConfigurationError(f"name must be a dotted path such as 'Session.request', got {name!r}")
    parent = _import(target, name) if isinstance(target, str) else target
    *containers, attribute = name.split(".")
    for part in containers:
        parent = _look_up(parent, part, target, name)
    return parent, attribute, _look_up(parent, attribute, target, name)


def resolve_owner(target: Any, name: str) -> tuple[Any, str, Any]:
    """As :func:`resolve_path`, but with the object whose ``__dict__`` has the attribute in the first place.

    That is a base class for what a class inherits, and the class for what an instance does not have itself.

    Args:
        target: a module, class or instance; a string is the name of a module, imported if need be.
        name: the path, such as ``"Session.request"``.

    Returns:
        The object that defines the attribute, its name, and what :func:`resolve_path` finds.

    Raises:
        TargetModuleNotFoundError: ``target`` names a module that cannot be found.
        PathResolutionError: the path leads nowhere, or to something computed by a ``__getattr__``, which lies nowhere.
    """
    parent, attribute, found = resolve_path(target, name)
    for place in places(parent):
        if attribute in local_names(place):
            return place, attribute, found
    raise PathResolutionError(
        f"{attribute!r} of {parent!r} is served dynamically and lies in no __dict__, so that nothing owns it"
    )


def is_class(value: Any) -> TypeGuard[type]:
    """Whether a value is a class, or a proxy of one."""
    return inspect.isclass(value)


def places(parent: Any) -> tuple[Any, ...]:
    """The objects on which an attribute of ``parent`` can lie, in the order of look-up."""
    if is_class(parent):
        return parent.__mro__
    if inspect.ismodule(parent):
        return (parent,)
    return (parent, *type(parent).__mro__)


def local_names(place: Any) -> Any:
    """What lies on an object itself: its ``__dict__``, empty if it has none."""
    return getattr(place, "__dict__", {})


def _import(target: str, name: str) -> Any:
    try:
        return importlib.import_module(target)
    except ModuleNotFoundError as error:
        message = f"cannot import {target!r}, to find {name!r} in it: {error}"
        raise TargetModuleNotFoundError(message, name=error.name, path=error.path) from error


def _look_up(parent: Any, attribute: str, target: Any, name: str) -> Any:
    if is_class(parent):
        for place in parent.__mro__:
            if attribute in vars(place):
                return vars(place)[attribute]
    try:
        return getattr(parent, attribute)
    except AttributeError as error:
        raise PathResolutionError(f"no {attribute!r} on the path {name!r} of {target!r}: {error}") from error
