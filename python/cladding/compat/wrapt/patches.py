"""Patching in place, as wrapt has it: strict handles, and nothing to take back while a patch waits for its module."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any, Self

from cladding._patching import (
    apply_patch,
    find_wrapper,
    is_wrapped_by,
    resolve_owner,
    resolve_path,
    unwrapped,
    wrapper_chain,
)
from cladding._patching._attribute import MISSING as _NOTHING
from cladding._patching._attribute import Interception, find_attribute
from cladding._patching._functions import decorator_of
from cladding._patching._install import install
from cladding._patching._remove import remove
from cladding._patching._scoped import scope, transient
from cladding.compat.wrapt.__wrapt__ import BaseObjectProxy, FunctionWrapper
from cladding.compat.wrapt.importer import register_post_import_hook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

__all__ = [
    "MISSING",
    "AttributeWrapper",
    "apply_patch",
    "find_wrapper",
    "function_wrapper",
    "is_wrapped_by",
    "patch_function_wrapper",
    "resolve_owner",
    "resolve_path",
    "scoped_function_wrapper",
    "transient_function_wrapper",
    "unwrap_object",
    "unwrapped",
    "wrap_function_wrapper",
    "wrap_object",
    "wrap_object_attribute",
    "wrapper_chain",
]


class _MissingType:
    """The type of :data:`MISSING`, with one instance."""

    _only: Self | None = None

    def __new__(cls) -> Self:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "<wrapt.MISSING>"

    def __reduce__(self) -> Any:
        return _MissingType, ()


MISSING = _MissingType()
"""Stands for what was not given, and for what a class did not have under a name."""


class AttributeWrapper(Interception, BaseObjectProxy):
    """A descriptor that shows an attribute of instances as a factory makes it.

    Args:
        wrapped: what the class had under the name, :data:`MISSING` if nothing.
        attribute: the attribute's name.
        factory: gets the value, then ``args`` and ``kwargs``; returns what is read.
        args: positional arguments for the factory.
        kwargs: keyword arguments for the factory.
    """

    _missing: Any = MISSING

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


def wrap_object(
    target: Any,
    name: str,
    factory: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Replaces an attribute by what a factory makes of it, and returns that.

    Args:
        target: a module, class or instance, or the name of a module, which is imported.
        name: the path of the attribute.
        factory: gets the original, then ``args`` and ``kwargs``; returns the replacement.
        args: positional arguments for the factory.
        kwargs: keyword arguments for the factory.
    """
    return install(target, name, lambda original: factory(original, *args, **(kwargs or {})))


def wrap_object_attribute(
    module: Any,
    name: str,
    factory: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Has a factory make what is read of an attribute of a class's instances, and returns the descriptor.

    Args:
        module: a module, or the name of one, which is imported.
        name: the path of the attribute through its class.
        factory: gets the value, then ``args`` and ``kwargs``; returns what is read.
        args: positional arguments for the factory.
        kwargs: keyword arguments for the factory.
    """
    attribute = name.rpartition(".")[2]

    def make(prior: Any) -> AttributeWrapper:
        return AttributeWrapper(MISSING if prior is _NOTHING else prior, attribute, factory, args, kwargs)

    return install(module, name, make, find_attribute)


def function_wrapper(wrapper: Callable[..., Any]) -> Any:
    """Makes a decorator of a wrapper function, ``(wrapped, instance, args, kwargs)``.

    Args:
        wrapper: called in the place of what is decorated.
    """
    return decorator_of(wrapper, FunctionWrapper, FunctionWrapper)


def wrap_function_wrapper(target: Any, name: str, wrapper: Callable[..., Any]) -> Any:
    """Puts a wrapper function around a function in place; ``None`` if that waits for an import.

    Args:
        target: a module, class or instance, or the name of a module, which is imported; with ``?`` at the end the patch
            waits until it has been imported.
        name: the path of the function.
        wrapper: called as ``wrapper(wrapped, instance, args, kwargs)`` in the place of the function.
    """
    return _wrap(target, name, wrapper, None)


def patch_function_wrapper(target: Any, name: str, _enabled: Any = MISSING, *, enabled: Any = MISSING) -> Any:
    """Decorates a wrapper function: puts it around a function in place.

    Args:
        target: a module, class or instance, or the name of a module, which is imported; with ``?`` at the end the patch
            waits until it has been imported.
        name: the path of the function.
        enabled: whether the wrapper function is called; a callable is asked at each call. By position it is deprecated.
    """
    if _enabled is not MISSING:
        if enabled is not MISSING:
            raise TypeError("patch_function_wrapper() got multiple values for argument 'enabled'")
        warnings.warn(
            "give 'enabled' to patch_function_wrapper() by name: by position it will be an error",
            DeprecationWarning,
            stacklevel=2,
        )
        enabled = _enabled

    def patch(wrapper: Callable[..., Any]) -> Callable[..., Any]:
        _wrap(target, name, wrapper, None if enabled is MISSING else enabled)
        return wrapper

    return patch


def _wrap(target: Any, name: str, wrapper: Any, enabled: Any) -> Any:
    def make(original: Any) -> FunctionWrapper:
        return FunctionWrapper(original, wrapper, enabled)

    if not (isinstance(target, str) and target.endswith("?")):
        return install(target, name, make)
    if target[:-1] in sys.modules:
        return install(sys.modules[target[:-1]], name, make)
    register_post_import_hook(lambda module: install(module, name, make), target[:-1])
    return None


def transient_function_wrapper(target: Any, name: str) -> Any:
    """Makes a decorator of a wrapper function, for functions during whose calls it is to be around another function.

    Args:
        target: a module, class or instance, or the name of a module, which is imported.
        name: the path of the function to wrap meanwhile.
    """
    return lambda wrapper: transient(target, name, wrapper, FunctionWrapper)


def scoped_function_wrapper(target: Any, name: str, wrapper: Callable[..., Any]) -> AbstractContextManager[None]:
    """Puts a wrapper function around a function for the time of a ``with`` block.

    Args:
        target: a module, class or instance, or the name of a module, which is imported.
        name: the path of the function.
        wrapper: called as ``wrapper(wrapped, instance, args, kwargs)`` in the place of the function.

    Raises:
        ValueError: ``target`` ends in ``?``.
    """
    if isinstance(target, str) and target.endswith("?"):
        raise ValueError(f"target must not wait for an import here, got {target!r}")
    return scope(target, name, wrapper, FunctionWrapper)


def unwrap_object(target: Any, name: str, handle: Any, *, missing_ok: bool = False) -> Any:
    """Takes off a wrapper that one of the patching functions has put on an attribute, and returns it.

    Args:
        target: a module, class or instance, or the name of a module, which is imported.
        name: the path of the attribute.
        handle: what the patching function returned.
        missing_ok: return ``None`` if the wrapper is not there.

    Raises:
        WrapperNotFoundError: the wrapper is not on the attribute.
        WrapperNotOutermostError: what lies above the wrapper is no proxy, or the attribute is computed when looked up.
    """
    return remove(target, name, lambda entry: entry is handle, handle, missing_ok=missing_ok)
