"""Copying and pickling of object proxies and function wrappers."""

from __future__ import annotations

import contextlib
import copy
import sys
import types
from typing import Any

from cladding._native import (
    BaseObjectProxy,
    BoundFunctionWrapper,
    CallableObjectProxy,
    FunctionWrapper,
    FunctionWrapperBase,
    PartialCallableObjectProxy,
)

_NATIVE = (
    BoundFunctionWrapper,
    FunctionWrapper,
    FunctionWrapperBase,
    PartialCallableObjectProxy,
    CallableObjectProxy,
    BaseObjectProxy,
)

_MEMBER = types.MemberDescriptorType


def _is(proxy: Any, kind: type) -> bool:
    """Whether a proxy is of a kind itself, whatever it wraps."""
    return issubclass(type(proxy), kind)


def copy_proxy(proxy: Any) -> Any:
    """A proxy of a copy of the wrapped object, with the same attributes of its own; function wrappers are as functions."""
    if _is(proxy, FunctionWrapperBase):
        return proxy
    made = _empty(type(proxy))
    _fill(made, (copy.copy(proxy.__wrapped__), _parts(proxy), _state(proxy)))
    return made


def deepcopy_proxy(proxy: Any, memo: dict[int, Any]) -> Any:
    """A proxy of a deep copy of the wrapped object. A function wrapper is itself, a bound one is bound to the copy."""
    if _is(proxy, BoundFunctionWrapper):
        instance = proxy._self_instance
        if instance is None or isinstance(instance, type):
            return proxy
        return proxy._self_parent.__get__(copy.deepcopy(instance, memo), proxy._self_owner)
    if _is(proxy, FunctionWrapperBase):
        return proxy
    made = _empty(type(proxy))
    memo[id(proxy)] = made
    _fill(made, copy.deepcopy((proxy.__wrapped__, _parts(proxy), _state(proxy)), memo))
    return made


def reduce_proxy(proxy: Any) -> str | tuple[Any, ...]:
    """What `pickle` is to know: a name where the name leads to the function wrapper, else its parts."""
    kind = type(proxy)
    if _is(proxy, BoundFunctionWrapper):
        target = proxy._self_owner if proxy._self_instance is None else proxy._self_instance
        return getattr, (target, proxy._self_parent.__name__)
    if _is(proxy, FunctionWrapper):
        found = _by_name(proxy)
        if found is not None:
            return found
    # The parts come after the object, so that what refers back to the proxy finds it.
    return _empty, (kind,), (proxy.__wrapped__, _parts(proxy), _state(proxy)), None, None, _fill


def _by_name(wrapper: Any) -> str | tuple[Any, ...] | None:
    """How to find this very wrapper again by its module and qualified name, if that leads to it."""
    module, name = getattr(wrapper, "__module__", None), getattr(wrapper, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module not in sys.modules:
        return None
    *path, last = name.split(".")
    place: Any = sys.modules[module]
    for part in path:
        place = getattr(place, part, None)
    if getattr(place, last, None) is wrapper:
        return name
    # A class hands out a bound wrapper; its dictionary has the wrapper itself.
    if isinstance(place, type) and vars(place).get(last) is wrapper:
        return _in_class, (place, last)
    return None


def _in_class(place: type[Any], name: str) -> Any:
    """What a class's own dictionary has under a name."""
    return vars(place)[name]


def _empty(kind: type[Any]) -> Any:
    """A proxy that wraps nothing yet, made without a class's own `__new__`, which may want arguments."""
    native = next(native for native in _NATIVE if issubclass(kind, native))
    return native.__new__(kind)


def _parts(proxy: Any) -> tuple[Any, ...]:
    """What the native type holds beside the wrapped object."""
    if _is(proxy, PartialCallableObjectProxy):
        return proxy._self_args, proxy._self_kwargs
    if _is(proxy, FunctionWrapper):
        return proxy._self_wrapper, proxy._self_enabled, proxy._self_find_instance
    if _is(proxy, FunctionWrapperBase):
        return (
            proxy._self_instance,
            proxy._self_wrapper,
            proxy._self_enabled,
            proxy._self_binding,
            proxy._self_parent,
            proxy._self_owner,
        )
    return ()


def _state(proxy: Any) -> dict[str, Any]:
    """The proxy's own attributes: its dictionary and the slots of its class."""
    state = dict(proxy.__self_dict__)
    for kind in type(proxy).__mro__:
        for name, member in vars(kind).items():
            if type(member) is _MEMBER and kind not in _NATIVE:
                with contextlib.suppress(AttributeError):  # An empty slot.
                    state[name] = member.__get__(proxy)
    return state


def _fill(proxy: Any, held: tuple[Any, tuple[Any, ...], dict[str, Any]]) -> None:
    """Puts into an empty proxy what another one held."""
    wrapped, parts, state = held
    if _is(proxy, PartialCallableObjectProxy):
        PartialCallableObjectProxy.__init__(proxy, wrapped, *parts[0], **parts[1])
    elif _is(proxy, FunctionWrapper):
        FunctionWrapper.__init__(proxy, wrapped, *parts[:2])
        proxy._self_find_instance = parts[2]
    elif _is(proxy, FunctionWrapperBase):
        FunctionWrapperBase.__init__(proxy, wrapped, *parts)
    else:
        BaseObjectProxy.__init__(proxy, wrapped)
    for name, value in state.items():
        BaseObjectProxy.__self_setattr__(proxy, name, value)
