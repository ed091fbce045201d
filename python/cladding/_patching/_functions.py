"""Wrapper functions, ``(wrapped, instance, args, kwargs)``, put around functions in place."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from cladding._errors import ConfigurationError
from cladding._native import FunctionWrapper
from cladding._patching._install import install_or_defer

if TYPE_CHECKING:
    from collections.abc import Callable

    W = TypeVar("W", bound=Callable[..., Any])


def wrap_function_wrapper(target: Any, name: str, wrapper: Callable[..., Any]) -> Any:
    """Puts a wrapper function around a function, method or class in place.

    Args:
        target: a module, class or instance. A string is the name of a module, imported if need be; with ``?`` at the end
            the replacement waits until the module has been imported.
        name: the path of the function, such as ``"Session.request"``.
        wrapper: called as ``wrapper(wrapped, instance, args, kwargs)`` in the place of the function; ``wrapped`` is bound
            to ``instance`` already.

    Returns:
        The ``FunctionWrapper`` that is there now, which is also the handle for :func:`unwrap_object`. For a target with
        ``?``, the :class:`DeferredPatch`.

    Raises:
        TargetModuleNotFoundError: ``target`` names a module that cannot be found.
        PathResolutionError: the path leads nowhere.
        ConfigurationError: a parameter is wrong.
    """
    check_wrapper(wrapper)
    return install_or_defer(target, name, lambda original: FunctionWrapper(original, wrapper), function=wrapper)


def patch_function_wrapper(target: Any, name: str, *, enabled: bool | Callable[[], bool] = True) -> Callable[[W], W]:
    """Decorates a wrapper function: puts it around a function, method or class in place.

    The decorated function stays what it is, and serves :func:`unwrap_object` as the handle.

    Args:
        target: a module, class or instance. A string is the name of a module, imported if need be; with ``?`` at the end
            the replacement waits until the module has been imported.
        name: the path of the function, such as ``"Session.request"``.
        enabled: ``False`` calls the function directly; a callable is asked at each call.

    Raises:
        TargetModuleNotFoundError: ``target`` names a module that cannot be found.
        PathResolutionError: the path leads nowhere.
        ConfigurationError: a parameter is wrong.
    """
    if not isinstance(enabled, bool) and not callable(enabled):
        raise ConfigurationError(f"enabled must be a bool or a callable, got {enabled!r}")

    def patch(wrapper: W) -> W:
        check_wrapper(wrapper)
        switch = None if enabled is True else enabled
        install_or_defer(target, name, lambda original: FunctionWrapper(original, wrapper, switch), function=wrapper)
        return wrapper

    return patch


def function_wrapper(wrapper: Callable[..., Any]) -> FunctionWrapper:
    """Makes a decorator of a wrapper function, without parameters; ``cladding.decorator`` does more.

    In a class body it decorates a method that is a wrapper function: the decorator is then reached through an instance
    (or the class, below ``classmethod``), which the wrapper function gets first.

    Args:
        wrapper: called as ``wrapper(wrapped, instance, args, kwargs)`` in the place of what is decorated.

    Raises:
        ConfigurationError: ``wrapper`` is not callable.
    """
    check_wrapper(wrapper)
    made: FunctionWrapper = decorator_of(wrapper, FunctionWrapper, FunctionWrapper)
    return made


def decorator_of(wrapper: Any, outer: Callable[..., Any], decorate: Callable[[Any, Any], Any]) -> Any:
    """A decorator that hands its target to ``decorate`` with the wrapper function, bound as the decorator was reached.

    ``outer`` is the type of function wrapper that the decorator itself is made of.
    """

    def apply(_wrapped: Any, instance: Any, args: tuple[Any, ...], _kwargs: dict[str, Any]) -> Any:
        return decorate(args[0], bound_wrapper(wrapper, instance))

    return outer(wrapper, apply)


def bound_wrapper(wrapper: Any, instance: Any) -> Any:
    """A wrapper function as reached through an instance, through a class, or (``None``) through neither."""
    if instance is None:
        return wrapper
    if inspect.isclass(instance):
        return wrapper.__get__(None, instance)
    return wrapper.__get__(instance, type(instance))


def check_wrapper(wrapper: Any) -> None:
    """Refuses what cannot be a wrapper function."""
    if not callable(wrapper) and not hasattr(type(wrapper), "__get__"):
        raise ConfigurationError(f"wrapper must be callable as (wrapped, instance, args, kwargs), got {wrapper!r}")
