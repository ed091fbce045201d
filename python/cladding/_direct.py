"""Calling through policies without decorating."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from cladding import _carrier, _kinds, _native

if TYPE_CHECKING:
    from collections.abc import Callable

    from cladding._native import Policy


def over(policy: Policy, function: Any) -> Callable[..., Any]:
    """A callable that calls ``function`` through one policy. It is not made to look like the function.

    Raises:
        TypeError: ``function`` cannot be called.
    """
    if not callable(function):
        message = f"{policy.name} can call functions and other callables, not {function!r}"
        raise TypeError(message)
    if policy.parameters.get("enabled", True) is False:
        bare: Callable[..., Any] = function
        return bare
    if isinstance(function, FunctionType):
        info = _carrier.target_of(function, _kinds.kind_of(function))
    else:
        info = _carrier.target_of_callable(function)
    return _native.bind(function, info, (_native.BoundPolicy(policy, info),), plain=True)
