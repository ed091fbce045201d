"""``provides``: declares and checks the interfaces of a class."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, TypeVar

from cladding._errors import ConfigurationError, InterfaceError
from cladding._gallery._checks import check_kind, refuse
from cladding._gallery._members import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", bound=type)

_KEY = "__cladding_provides__"


def provides(*interfaces: type) -> Callable[[C], C]:
    """Declares that a class has interfaces, and checks it, once, when the class is made.

    An interface is an abstract base class, a protocol or any other class that is written to say what there has to be: its
    public members, its special methods, and all that is abstract. For each of them the class must have, itself or from a
    base, one of the same sort (method, class method, static method, property, attribute) that is not abstract any more;
    every call that the interface allows must be allowed; coroutine functions, generators and async generators must be that.
    A method of an interface that is a plain function annotated as ``AsyncIterator[...]`` or ``Awaitable[...]`` may be an async
    generator or a coroutine function. Annotations are not compared otherwise, and none is evaluated. Attributes may be
    annotated in the class or assigned in its ``__init__``.

    The class is returned as it is. It becomes a virtual subclass of abstract base classes that it does not derive from, so
    that ``isinstance`` agrees, and :func:`provided_by` lists what it has declared.

    Args:
        interfaces: one class at least.

    Raises:
        ConfigurationError: no interface, or something that is no class.
        InterfaceError: the class lacks something; lists all that it lacks. It is a ``TypeError``.
        TypeError: what is decorated is no class.
    """
    if not interfaces:
        message = "provides: `interfaces` must be one class at least, got none"
        raise ConfigurationError(message)
    for interface in interfaces:
        check_kind("provides", "interfaces", interface, type, "classes")

    def declare(cls: C, /) -> C:
        _check_class(cls)
        found = {interface: tuple(problems_of(cls, interface)) for interface in interfaces}
        lines = [f"{interface.__name__}.{problem}" for interface in found for problem in found[interface]]
        if lines:
            error = InterfaceError("\n  ".join((f"{cls.__qualname__} does not provide what it declares:", *lines)))
            error.problems = tuple(lines)
            raise error
        for interface in interfaces:
            _register(interface, cls)
        declared = (*vars(cls).get(_KEY, ()), *interfaces)
        type.__setattr__(cls, _KEY, tuple(dict.fromkeys(declared)))
        return cls

    return declare


def _check_class(cls: object) -> None:
    if not isinstance(cls, type):
        raise refuse("provides", cls, "a class is wanted")


def _register(interface: type, cls: type) -> None:
    """Makes a class a virtual subclass; but a protocol decides by its members whether something is an instance."""
    bases: tuple[Any, ...] = cls.__mro__
    is_protocol = vars(interface).get("_is_protocol", False)
    if isinstance(interface, abc.ABCMeta) and not is_protocol and interface not in bases:
        interface.register(cls)


def provided_by(thing: Any) -> tuple[type, ...]:
    """The interfaces that a class, or the class of an instance, has declared with :func:`provides`, its bases' included.

    Args:
        thing: a class or an instance.
    """
    cls = thing if isinstance(thing, type) else type(thing)
    found = (interface for each in cls.__mro__ for interface in vars(each).get(_KEY, ()))
    return tuple(dict.fromkeys(found))
