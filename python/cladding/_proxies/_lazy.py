"""Proxies that make what they wrap when it is first needed."""

from __future__ import annotations

import copy
import importlib
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from cladding._errors import ConfigurationError
from cladding._forks import ForkSafeLock
from cladding._names import is_dotted
from cladding._native import BaseObjectProxy
from cladding._proxies._auto import Adapting
from cladding._proxies._protocols import declared, variant
from cladding._proxies._signature import OwnSignature
from cladding._proxies._state import empty, fill, own_attributes, reduce_proxy

if TYPE_CHECKING:
    from types import ModuleType

T = TypeVar("T")


class Deferring(Adapting):
    """The part of a :class:`LazyObjectProxy` that defers, apart from the family of proxies it belongs to."""

    if TYPE_CHECKING:  # annotations of the class would hide those of what is wrapped
        _self_made: bool
        _self_lock: ForkSafeLock

    def __new__(cls, callback: Any = None, *args: Any, interface: Any = None, **kwargs: Any) -> Self:  # noqa: ARG004
        return super(Adapting, cls).__new__(variant(cls, _interface(interface)))

    def _defer(self, callback: Callable[[], Any] | None) -> None:
        """To be called before the proxy is initialised with ``None``."""
        self._self_lock = ForkSafeLock()
        self._self_made = False
        if callback is not None:
            self.__wrapped_factory__ = callback  # type: ignore[method-assign]

    def __wrapped_factory__(self) -> Any:
        """Makes what is wrapped; a subclass may define it instead of being given a function."""
        return None

    def __wrapped_get__(self) -> Any:
        """Called when ``__wrapped__`` is needed and has not been set."""
        factory = self.__wrapped_factory__
        if isinstance(factory, Import):
            # Imports have locks of their own, which a second lock around them could be taken in the wrong order with.
            value = factory()
            self.__wrapped__ = value
            return value
        if self._self_lock.is_held_here():
            raise RuntimeError(f"{factory!r} uses the lazy proxy that it makes the object of")
        with self._self_lock:
            if not self._self_made:
                self.__wrapped__ = factory()
            return self.__wrapped__

    def __wrapped_setattr_fixups__(self) -> None:
        """Called when ``__wrapped__`` has been set."""
        self._self_made = True
        super().__wrapped_setattr_fixups__()


class LazyObjectProxy(Deferring, BaseObjectProxy[T]):
    """An object proxy that makes its object when it is first needed, once, whichever thread comes first.

    If making it fails, the exception is raised by what needed it, and the next need tries again. Once it is made, the
    proxy has the protocols of the object as an :class:`AutoObjectProxy` has; before, those of ``interface``, because
    asking whether something is callable or iterable is no need yet. Pickled before, it is made anew where it is unpickled.

    Args:
        callback: makes the object; without it, a subclass has to define ``__wrapped_factory__``.
        interface: a class whose protocols the object will have, such as ``collections.abc.Callable``.

    Raises:
        ConfigurationError: ``callback`` is not callable, or ``interface`` is not a class.
    """

    if TYPE_CHECKING:
        __wrapped__: T

    __signature__ = OwnSignature()

    def __init__(self, callback: Callable[[], T] | None = None, *, interface: Any = None) -> None:
        if callback is None and type(self).__wrapped_factory__ is Deferring.__wrapped_factory__:
            raise ConfigurationError("callback must be a function without parameters, got None")
        if callback is not None and not callable(callback):
            raise ConfigurationError(f"callback must be a function without parameters, got {callback!r}")
        self._self_interface = interface
        self._defer(callback)
        nothing: Any = None
        BaseObjectProxy.__init__(self, nothing)

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._self_made and not isinstance(self.__wrapped_factory__, Import):
            return reduce_proxy(self, self._lasting())
        return _rebuild_lazy, (declared(type(self)), own_attributes(self, without=_PROGRESS))

    def __copy__(self) -> Any:
        if isinstance(self.__wrapped_factory__, Import):
            return self._anew()
        wrapped = copy.copy(self.__wrapped__)
        return fill(empty(type(self)), (wrapped, self._lasting()))

    def __deepcopy__(self, memo: Any) -> Any:
        if isinstance(self.__wrapped_factory__, Import):
            return self._anew()
        made = memo[id(self)] = empty(type(self))
        return fill(made, copy.deepcopy((self.__wrapped__, self._lasting()), memo))

    def _lasting(self) -> dict[str, Any]:
        """The proxy's own attributes that matter once its object is made."""
        return own_attributes(self, without=("_self_lock", "__wrapped_factory__"))

    def _anew(self) -> Any:
        """Modules can be neither copied nor pickled; what imports one again can."""
        make, parameters = self.__reduce_ex__(4)
        return make(*parameters)


_PROGRESS = ("_self_lock", "_self_made")


def _rebuild_lazy(cls: type[LazyObjectProxy[Any]], state: dict[str, Any]) -> Any:
    """Makes a lazy proxy whose object is still to be made, without asking its ``__init__``."""
    proxy = cls.__new__(cls, None, interface=state["_self_interface"])
    proxy._defer(None)
    for name, value in state.items():
        proxy.__self_setattr__(name, value)
    BaseObjectProxy.__init__(proxy, None)
    return proxy


class Import:
    """The factory of :func:`lazy_import`."""

    __slots__ = ("attribute", "name")

    def __init__(self, name: str, attribute: str | None) -> None:
        self.name = name
        self.attribute = attribute

    def __call__(self) -> Any:
        found: Any = importlib.import_module(self.name)
        for part in self.attribute.split(".") if self.attribute else ():
            found = getattr(found, part)
        return found

    def __reduce__(self) -> Any:
        return Import, (self.name, self.attribute)


@overload
def lazy_import(name: str, attribute: None = None, *, interface: Any = None) -> LazyObjectProxy[ModuleType]: ...
@overload
def lazy_import(name: str, attribute: str, *, interface: Any = None) -> LazyObjectProxy[Any]: ...
def lazy_import(name: str, attribute: str | None = None, *, interface: Any = None) -> LazyObjectProxy[Any]:
    """A module, or an attribute of one, that is imported when it is first needed.

    Args:
        name: the full name of the module.
        attribute: what to take from the module, dots allowed; the module itself by default.
        interface: a class whose protocols the attribute will have. By default it is taken for a callable.

    Raises:
        ConfigurationError: a parameter is wrong.
    """
    if not is_dotted(name):
        raise ConfigurationError(f"name must be the full name of a module, got {name!r}")
    if attribute is not None and not is_dotted(attribute):
        raise ConfigurationError(f"attribute must be the name of an attribute of {name!r}, got {attribute!r}")
    if interface is None and attribute is not None:
        interface = Callable
    return LazyObjectProxy(Import(name, attribute), interface=interface)


def _interface(interface: Any) -> type:
    """The class of an interface: itself, or what a form such as ``typing.Callable`` stands for."""
    if interface is None or interface is ...:
        return type(None)
    cls = typing.get_origin(interface) or interface
    if not isinstance(cls, type):
        raise ConfigurationError(f"interface must be a class, got {interface!r}")
    return cls
