"""Wrapping what instances have as an attribute, by a descriptor on their class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._errors import ConfigurationError
from cladding._names import is_dotted
from cladding._native import BaseObjectProxy
from cladding._patching._install import install_or_defer
from cladding._patching._paths import is_class, resolve_path
from cladding._proxies._signature import OwnSignature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Missing:
    """The type of :data:`MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING = Missing()
"""What an :class:`AttributeWrapper` wraps where the class had no attribute of that name."""


class Interception:
    """The descriptor's part of an :class:`AttributeWrapper`, apart from the family of proxies it belongs to."""

    if TYPE_CHECKING:  # annotations of the class would hide those of what is wrapped
        __wrapped__: Any  # what the class has had under the name
        _self_attribute: str
        _self_factory: Callable[..., Any]
        _self_args: Sequence[Any]
        _self_kwargs: Mapping[str, Any]

    _missing: Any = MISSING

    def _on_class(self) -> Any:
        return self

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self._on_class()
        return self._self_factory(self._value(instance, owner), *self._self_args, **self._self_kwargs)

    def _value(self, instance: Any, owner: type | None) -> Any:
        # The order of the language: a data descriptor, the instance's own, any other descriptor, the class's value.
        prior = self.__wrapped__
        kind = type(prior)
        readable = hasattr(kind, "__get__")
        if readable and (hasattr(kind, "__set__") or hasattr(kind, "__delete__")):
            return prior.__get__(instance, owner)
        own = getattr(instance, "__dict__", {})
        if self._self_attribute in own:
            return own[self._self_attribute]
        if readable:
            return prior.__get__(instance, owner)
        if prior is not self._missing:
            return prior
        raise self._no_attribute(instance)

    def __set__(self, instance: Any, value: Any) -> None:
        prior = self.__wrapped__
        if hasattr(type(prior), "__set__"):
            prior.__set__(instance, value)
        else:
            instance.__dict__[self._self_attribute] = value

    def __delete__(self, instance: Any) -> None:
        prior = self.__wrapped__
        if hasattr(type(prior), "__delete__"):
            prior.__delete__(instance)
        elif self._self_attribute in (own := instance.__dict__):
            del own[self._self_attribute]
        else:
            raise self._no_attribute(instance)

    def _no_attribute(self, instance: Any) -> AttributeError:
        name = self._self_attribute
        return AttributeError(f"{type(instance).__name__!r} object has no attribute {name!r}", name=name, obj=instance)


class AttributeWrapper(Interception, BaseObjectProxy[Any]):
    """A descriptor that shows an attribute of instances as a factory makes it.

    Values are stored as they are, by what the class had under that name (a property, a slot) or in the instance's
    ``__dict__``, and go through the factory each time they are read. Read on the class, it is a proxy of what the class
    had.

    Args:
        wrapped: what the class had under the name, :data:`MISSING` if nothing.
        attribute: the attribute's name.
        factory: gets the value, then ``args`` and ``kwargs``; returns what is read.
        args: positional arguments for the factory.
        kwargs: keyword arguments for the factory.
    """

    __signature__ = OwnSignature()

    def __init__(
        self,
        wrapped: Any,
        attribute: str,
        factory: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        BaseObjectProxy.__init__(self, wrapped)
        self._self_attribute = attribute
        self._self_factory = factory
        self._self_args = args
        self._self_kwargs = kwargs or {}

    def _on_class(self) -> Any:
        if self.__wrapped__ is MISSING:
            raise AttributeError(f"the class has no attribute {self._self_attribute!r}", name=self._self_attribute)
        return self


def wrap_object_attribute(
    target: Any,
    name: str,
    factory: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Has a factory make what is read of an attribute of a class's instances.

    The class named gets an :class:`AttributeWrapper`, which keeps what the class had or inherited under that name at work
    below it: properties, slots and defaults. :func:`unwrap_object` takes it off again.

    Args:
        target: a module or class. A string is the name of a module, imported if need be; with ``?`` at the end the
            replacement waits until the module has been imported.
        name: the path of the attribute through its class, such as ``"Session.headers"``; of a target that is the class
            itself, the attribute's name. Instances may get it in ``__init__``: the class need not have it.
        factory: gets the value, then ``args`` and ``kwargs``; returns what is read.
        args: positional arguments for the factory.
        kwargs: keyword arguments for the factory.

    Returns:
        The descriptor, which is also the handle for :func:`unwrap_object`. For a target with ``?``, the
        :class:`DeferredPatch`.

    Raises:
        TargetModuleNotFoundError: ``target`` names a module that cannot be found.
        PathResolutionError: the path leads nowhere.
        ConfigurationError: a parameter is wrong, or the path does not lead through a class.
    """
    if not callable(factory):
        raise ConfigurationError(f"factory must be callable, got {factory!r}")
    if not is_dotted(name):
        raise ConfigurationError(f"name must be a dotted path such as 'Session.headers', got {name!r}")
    attribute = name.rpartition(".")[2]

    def make(prior: Any) -> AttributeWrapper:
        return AttributeWrapper(prior, attribute, factory, args, kwargs)

    return install_or_defer(target, name, make, find=find_attribute)


def find_attribute(target: Any, name: str) -> tuple[type, str, Any]:
    """The class, the attribute's name, and what the class has or inherits under it."""
    path, _, attribute = name.rpartition(".")
    cls = resolve_path(target, path)[2] if path else target
    if not is_class(cls):
        raise ConfigurationError(f"name must lead to an attribute of a class, got {name!r} of {target!r}")
    for base in cls.__mro__:
        if attribute in vars(base):
            return cls, attribute, vars(base)[attribute]
    return cls, attribute, MISSING
