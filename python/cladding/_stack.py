"""Stacks of policies apart from any function, and the way to a function's own."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar

from cladding import _carrier
from cladding._native import Policy
from cladding._retry.decorator import _Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cladding._locks import LockSection, Section
    from cladding._native import BoundStack
    from cladding._policy import Target

F = TypeVar("F")

POLICY_NAMES = (
    "bulkhead",
    "cache_result",
    "circuit_breaker",
    "fallback",
    "hedge",
    "memory_guard",
    "monitor",
    "noop",
    "rate_limit",
    "retry",
    "synchronized",
    "timeout",
    "timer",
    "validate_input",
)


class Stack:
    """Several policies, outermost first, which can decorate any number of functions.

    A stack cannot be changed. Stacks can be added to each other and to policies, compared, hashed, printed, iterated over
    and pickled. Each function that one decorates has statistics, caches and switches of its own.

    Args:
        parts: policies such as ``retry(max_retries=3)``, bare decorators such as ``monitor``, or other stacks.

    Raises:
        TypeError: a part is none of these.
    """

    __slots__ = ("_policies",)

    _policies: tuple[Policy, ...]

    def __init__(self, *parts: Part) -> None:
        object.__setattr__(self, "_policies", tuple(policy for part in parts for policy in _policies_of(part)))

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies, outermost first."""
        return self._policies

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = f"a Stack cannot be changed: add to it instead ({name!r})"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> NoReturn:
        message = f"a Stack cannot be changed: make another ({name!r})"
        raise AttributeError(message)

    def __call__(self, target: F, /) -> F:
        """Decorates ``target`` with every policy of the stack."""
        decorated: F = _carrier.decorate(target, self.policies)
        return decorated

    def __add__(self, other: Part) -> Stack:
        """This stack with more inside it: a policy, a bare decorator or a stack."""
        return Stack(self, other)

    def __radd__(self, other: Policy | Callable[[], Policy]) -> Stack:
        """This stack with a policy or a bare decorator around it."""
        return Stack(other, self)

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


if TYPE_CHECKING:
    # What a stack is made of. A decorator without parentheses is a callable that gives its policy when called bare.
    Part: TypeAlias = Policy | Stack | LockSection | Section | Callable[[], Policy]


def stack(*parts: Part) -> Stack:
    """A stack of policies, outermost first, apart from any function.

    >>> from cladding import retry, stack, timer
    >>> careful = stack(timer, retry(max_retries=5))
    >>> @careful
    ... def predict(row): ...
    >>> [policy.name for policy in predict.cladding.policies]
    ['timer', 'retry']

    Args:
        parts: policies such as ``retry(max_retries=3)``, bare decorators such as ``monitor``, or other stacks.

    Raises:
        TypeError: a part is none of these.
        ConfigurationError: a bare decorator that has to be told something, such as ``validate_input``.
    """
    return Stack(*parts)


def _policies_of(part: Any) -> tuple[Policy, ...]:
    if isinstance(part, Policy):
        return (part,)
    if isinstance(part, Stack):
        return part.policies
    if _is_decorator(part):
        made: Policy = part()
        return (made,)
    from cladding._locks import LockSection, Section  # Not needed by most programs.

    if isinstance(part, Section | LockSection):
        return (part.policy,)
    message = f"stack() takes policies such as cladding.retry(), bare decorators such as cladding.retry, and stacks, not {part!r}"
    raise TypeError(message)


def _is_decorator(part: Any) -> bool:
    return (
        isinstance(part, FunctionType | _Retry)
        and part.__name__ in POLICY_NAMES
        and str(part.__module__).startswith("cladding.")
    )


def of(target: Target) -> BoundStack:
    """The policies on a decorated function, method, class or descriptor: what ``f.cladding`` is, with its type.

    >>> import cladding
    >>> @cladding.timer
    ... def double(x):
    ...     return 2 * x
    >>> double(4)
    8
    >>> cladding.of(double).timer.stats["calls"]
    1

    Args:
        target: what was decorated. Of a property it is the getter's stack; of a method, on the instance or on the class,
            the one stack that all instances share.

    Raises:
        TypeError: ``target`` carries no policy.
    """
    found = _carrier.bound_to(target)
    if found is None:
        message = f"{target!r} carries no cladding policy"
        raise TypeError(message)
    return found
