"""Proxies of functions and methods that do not keep them alive."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, NoReturn

from cladding._errors import ConfigurationError
from cladding._native import BaseObjectProxy, CompatFunctionWrapperBase, FunctionWrapperBase
from cladding._proxies._signature import OwnSignature

if TYPE_CHECKING:
    from collections.abc import Callable

_WRAPPERS = (FunctionWrapperBase, CompatFunctionWrapperBase)


class WeaklyBinding:
    """The part of a :class:`WeakFunctionProxy` that binds, apart from the family of proxies it belongs to."""

    if TYPE_CHECKING:  # annotations of the class would hide those of what is wrapped
        __wrapped__: Any
        _self_expired: bool
        _self_instance: weakref.ref[Any] | None
        _self_owner: weakref.ref[Any] | None

    def _take_apart(self, wrapped: Any, callback: Callable[[Any], object] | None) -> Any:
        """Refers weakly to the instance and class that a method is bound to; the weak proxy of the function in it."""
        dies = None if callback is None else _Farewell(self, callback)
        self._self_expired = False
        self._self_owner = None
        instance: Any = None
        function = wrapped
        # A bound method is made anew at each look-up, so it would be dead at once: what it binds is what has to live.
        if issubclass(type(wrapped), _WRAPPERS):
            instance = wrapped._self_instance
            if wrapped._self_owner is not None:
                self._self_owner = weakref.ref(wrapped._self_owner, dies)
            if wrapped._self_parent is not None:
                function = wrapped._self_parent
        elif hasattr(wrapped, "__self__") and hasattr(wrapped, "__func__"):
            instance, function = wrapped.__self__, wrapped.__func__
        self._self_instance = None if instance is None else weakref.ref(instance, dies)
        return weakref.proxy(function, dies)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        function.__class__  # noqa: B018 - the error of a dead function comes first
        instance = _living(self._self_instance)
        if self._self_owner is not None:
            return function.__get__(instance, _living(self._self_owner))(*args, **kwargs)
        if instance is not None:
            return function.__get__(instance, type(instance))(*args, **kwargs)
        return function(*args, **kwargs)


class WeakFunctionProxy(WeaklyBinding, BaseObjectProxy[Any]):
    """Stands for a function or method without keeping it alive, nor the object that a method is bound to.

    It lives as long as both the function and the object do; after that calls and attributes raise ``ReferenceError``.

    Args:
        wrapped: a function, a bound method, or a function wrapper, bound or not.
        callback: called once with the proxy when the function or the object has gone.

    Raises:
        ConfigurationError: ``callback`` is not callable.
        TypeError: nothing can refer weakly to ``wrapped``.
    """

    __signature__ = OwnSignature()

    def __init__(self, wrapped: Callable[..., Any], callback: Callable[[Any], object] | None = None) -> None:
        if callback is not None and not callable(callback):
            raise ConfigurationError(f"callback must be callable, got {callback!r}")
        BaseObjectProxy.__init__(self, self._take_apart(wrapped, callback))

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a weak proxy cannot be pickled or copied: the copy would keep nothing alive")

    def __copy__(self) -> NoReturn:
        self.__reduce_ex__(4)

    def __deepcopy__(self, memo: Any) -> NoReturn:
        self.__reduce_ex__(4)


class _Farewell:
    """Tells a callback once that what a weak proxy stood for has gone."""

    __slots__ = ("_callback", "_proxy")

    def __init__(self, proxy: Any, callback: Callable[[Any], object]) -> None:
        self._proxy = weakref.ref(proxy)  # which would hold itself otherwise
        self._callback = callback

    def __call__(self, _reference: Any) -> None:
        proxy = self._proxy()
        if proxy is not None and not proxy._self_expired:
            proxy._self_expired = True
            self._callback(proxy)


def _living(reference: weakref.ref[Any] | None) -> Any:
    if reference is None:
        return None
    found = reference()
    if found is None:
        raise ReferenceError("weakly-referenced object no longer exists")
    return found
