"""Stacks of policies apart from any function, and the way to a function's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cladding import _carrier
from cladding._native import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cladding._native import BoundStack

F = TypeVar("F")


class Stack:
    """Several policies, outermost first, which can decorate any number of functions.

    Stacks can be added to each other and to policies, compared, hashed, printed, iterated over and pickled.
    """

    __slots__ = ("policies",)

    policies: tuple[Policy, ...]

    def __init__(self, *parts: Policy | Stack | Callable[..., Any]) -> None:
        object.__setattr__(self, "policies", tuple(policy for part in parts for policy in _policies_of(part)))

    def __setattr__(self, name: str, value: object) -> None:
        message = f"a Stack cannot be changed: add to it instead ({name!r})"
        raise AttributeError(message)

    def __call__(self, target: F, /) -> F:
        """Decorates ``target`` with every policy of the stack."""
        decorated: F = _carrier.decorate(target, self.policies)
        return decorated

    def __add__(self, other: Policy | Stack) -> Stack:
        """This stack with another, or one policy, inside it."""
        if isinstance(other, Policy | Stack):
            return Stack(self, other)
        return NotImplemented

    def __radd__(self, other: Policy) -> Stack:
        """One policy around this stack."""
        return Stack(other, self) if isinstance(other, Policy) else NotImplemented

    def __iter__(self) -> Iterator[Policy]:
        return iter(self.policies)

    def __len__(self) -> int:
        return len(self.policies)

    def __eq__(self, other: object) -> bool:
        return self.policies == other.policies if isinstance(other, Stack) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.policies)

    def __repr__(self) -> str:
        return f"stack({', '.join(map(repr, self.policies))})"

    def __reduce__(self) -> tuple[type[Stack], tuple[Policy, ...]]:
        return (Stack, self.policies)


def stack(*parts: Policy | Stack | Callable[..., Any]) -> Stack:
    """A stack of policies, outermost first, apart from any function.

    Args:
        parts: policies such as ``retry(max_retries=3)``, bare decorators such as ``monitor``, or other stacks.

    Raises:
        TypeError: a part is none of these.
    """
    return Stack(*parts)


def _policies_of(part: Policy | Stack | Callable[..., Any]) -> tuple[Policy, ...]:
    if isinstance(part, Policy):
        return (part,)
    if isinstance(part, Stack):
        return part.policies
    if getattr(part, "__module__", "").startswith("cladding.") and callable(part):
        made = part()
        if isinstance(made, Policy):
            return (made,)
    message = f"stack() takes policies such as cladding.retry(), and other stacks, not {part!r}"
    raise TypeError(message)


def of(target: object) -> BoundStack:
    """The policies on a decorated function, method, class or descriptor: what ``f.cladding`` is, with its type.

    Raises:
        TypeError: ``target`` carries no policy.
    """
    found = _carrier.bound_to(target)
    if found is None:
        message = f"{target!r} carries no cladding policy"
        raise TypeError(message)
    return found
