"""A decorated callable with one policy in another configuration."""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from cladding import _carrier, _native, _trampoline
from cladding._policy import never

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cladding._native import BoundPolicy, BoundStack


def replaced(target: Any, name: str, changes: Mapping[str, Any]) -> Any:
    """What ``target`` is, with its outermost policy of this name changed; a method stays one of its object.

    Raises:
        TypeError: ``target`` carries no such policy.
        ConfigurationError: a change is not one that the policy can have.
    """
    if isinstance(target, MethodType):
        return MethodType(replaced(target.__func__, name, changes), target.__self__)
    stack = _carrier.bound_to(target)
    policy = next((policy for policy in stack.fused if policy.name == name), None) if stack is not None else None
    if stack is None or policy is None:
        message = f"{target!r} carries no {name} that can be replaced"
        raise TypeError(message)
    return in_stack(stack, policy, changes)


def in_stack(stack: BoundStack, policy: BoundPolicy, changes: Mapping[str, Any]) -> Callable[..., Any]:
    """A callable over the stack with one of its policies changed. Numbers, switches and the other policies are shared."""
    if changes.get("enabled") is False:
        changes = {**changes, "enabled": never}  # nothing is left out here
    live = policy.again(_native.Policy(policy.name, {**policy.parameters, **changes}))
    policies = tuple(live if each == policy else each for each in stack.fused)
    if live not in policies:
        message = f"{policy!r} is below a caller: take it from the function that it was put on"
        raise TypeError(message)
    bound = _native.bind(stack.wrapped, stack.target, policies, stack.plain, stack.maker)
    wrapped = stack.wrapped
    if stack.target.kind == "class":
        return bound
    if isinstance(wrapped, FunctionType) and not stack.plain:
        carrier = _carrier.dress(_trampoline.for_function(wrapped, bound), wrapped)
        return _carrier.finish(carrier, wrapped, bound)
    return _carrier.over_callable(wrapped, bound, _carrier.flags_told(wrapped))
