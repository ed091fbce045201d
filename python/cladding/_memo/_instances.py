"""Something for each instance of a class, found by identity and gone with the instance."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Reference(weakref.ref):  # type: ignore[type-arg]
    """A weak reference that knows where it is kept."""

    __slots__ = ("address",)

    address: int


class PerInstance(Generic[T]):
    """Keeps one thing for each instance. Neither the instance's hash nor its equality is asked, nor its attributes.

    Each operation on the dictionary is one that threads cannot come between.
    """

    __slots__ = ("_entries", "_forget", "_purpose")

    def __init__(self, purpose: str) -> None:
        entries: dict[int, tuple[_Reference, T]] = {}

        def forget(reference: _Reference) -> None:
            found = entries.get(reference.address)
            if found is not None and found[0] is reference:
                entries.pop(reference.address, None)

        self._entries = entries
        self._forget = forget
        self._purpose = purpose

    def of(self, instance: object, make: Callable[[_Reference], T]) -> T:
        """What is kept for an instance, made of a weak reference to it when it is asked for first."""
        found = self._entries.get(id(instance))
        # The reference is asked, because it may end along with what it refers to and call nobody back.
        if found is not None and found[0]() is instance:
            return found[1]
        try:
            reference = _Reference(instance, self._forget)
        except TypeError as error:
            message = (
                f"{self._purpose} has to refer to each instance weakly, which {type(instance).__qualname__} does not allow: "
                f"add '__weakref__' to its __slots__"
            )
            raise TypeError(message) from error
        reference.address = id(instance)
        made = (reference, make(reference))
        if found is not None and self._entries.get(id(instance)) is found:
            self._entries.pop(id(instance), None)
        return self._entries.setdefault(id(instance), made)[1]

    def __contains__(self, instance: object) -> bool:
        """Whether something is kept for an instance."""
        found = self._entries.get(id(instance))
        return found is not None and found[0]() is instance

    def all(self) -> list[T]:
        """What is kept, for all instances that are alive."""
        return [kept for _, kept in list(self._entries.values())]

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()
