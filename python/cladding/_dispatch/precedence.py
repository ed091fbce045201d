"""The order in which the ancestors of types are asked for an implementation, virtual ancestors included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cladding._errors import CladdingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class AmbiguousDispatchError(CladdingError, RuntimeError):
    """A call cannot choose: implementations are for several unrelated virtual ancestors of an argument's class."""

    __module__ = "cladding"


def virtual_ancestors(cls: type, registered: Iterable[type]) -> list[type]:
    """The most specific of the registered types that ``cls`` counts as a subclass of without inheriting from them."""
    found: list[type] = []
    for candidate in registered:
        if candidate not in cls.__mro__ and issubclass(cls, candidate):
            keep_most_specific(candidate, found)
    return found


def keep_most_specific(candidate: type, found: list[type]) -> None:
    """Puts a type in a list of unrelated ones: in the place of its ancestors, or not at all if a descendant is there."""
    if any(issubclass(other, candidate) for other in found):
        return
    found[:] = [other for other in found if not issubclass(candidate, other)]
    found.append(candidate)


def ancestors(cls: type, virtual: type | None) -> list[type]:
    """A type, then those that it inherits from, with a virtual ancestor and its own placed as if it were a last base."""
    if virtual is None:
        return list(cls.__mro__)
    return _merge([list(cls.__mro__), list(virtual.__mro__), [cls, virtual]])


def _merge(orders: list[list[type]]) -> list[type]:
    """Merges method resolution orders as Python does for the bases of a class (the C3 linearisation).

    Where no order agrees with all of them, the earlier list has its way.

    Source: K. Barrett and others, "A Monotonic Superclass Linearization for Dylan" (1996).
    """
    merged: list[type] = []
    while orders := [order for order in orders if order]:
        tails = [order[1:] for order in orders]
        head = next((order[0] for order in orders if not any(order[0] in tail for tail in tails)), orders[0][0])
        merged.append(head)
        orders = [[each for each in order if each is not head] for order in orders]
    return merged


def names_of(types: Sequence[type]) -> tuple[str, ...]:
    """What a reader calls these types."""
    return tuple(each.__name__ for each in types)
