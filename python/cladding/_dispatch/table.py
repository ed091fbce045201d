"""The implementations of a generic function, and finding the one for the types of a call."""

from __future__ import annotations

import abc
import itertools
import threading
import types
from typing import TYPE_CHECKING, Any

from cladding._dispatch import precedence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Types = tuple[type, ...]

MAX_REMEMBERED = 1024
"""Combinations of types whose implementation is remembered; when there are more, all are forgotten."""


class _Known:
    """The implementations at one time, and what was found among them. Replaced as a whole, never changed but to add."""

    __slots__ = ("found", "implementations", "token")

    def __init__(self, implementations: dict[Types, Callable[..., Any]]) -> None:
        self.implementations = implementations
        self.found: dict[Types, Callable[..., Any]] = {}
        # Registering with an abstract class changes what is a subclass of what; only that makes a find worthless.
        abstract = any(isinstance(each, abc.ABCMeta) for each in itertools.chain.from_iterable(implementations))
        self.token = abc.get_cache_token() if abstract else None


class Table:
    """The implementations of one generic function, by the types of its dispatch arguments.

    Threads may register and look up at the same time: a lookup sees all of a registration, or nothing of it.
    """

    def __init__(self, name: str, arguments: tuple[str, ...], default: Callable[..., Any]) -> None:
        self.name = name
        self.arguments = arguments
        self.default = default
        self._lock = threading.Lock()
        self._known = _Known({})

    def add(self, types_: Types, implementation: Callable[..., Any]) -> None:
        """Registers an implementation. One that was there for the same types is replaced."""
        with self._lock:
            self._known = _Known({**self._known.implementations, types_: implementation})

    @property
    def implementations(self) -> Mapping[Types, Callable[..., Any]]:
        """What is registered; for reading."""
        return types.MappingProxyType(self._known.implementations)

    def find(self, *types_: type) -> Callable[..., Any]:
        """The implementation for arguments of these types; the default one where none is registered.

        Raises:
            AmbiguousDispatchError: see :meth:`ancestors`.
        """
        known = self._known
        found = known.found.get(types_)
        if found is None or (known.token is not None and known.token != abc.get_cache_token()):
            return self._look_up(types_)
        return found

    def _look_up(self, types_: Types) -> Callable[..., Any]:
        with self._lock:
            known = self._known
            if known.token is not None and known.token != abc.get_cache_token():
                known = self._known = _Known(known.implementations)
        implementations = known.implementations
        found = implementations.get(types_)
        if found is None:
            orders = self._orders(types_, implementations)
            found = next(filter(None, map(implementations.get, itertools.product(*orders))), self.default)
        if len(known.found) >= MAX_REMEMBERED:
            known.found.clear()
        known.found[types_] = found
        return found

    def ancestors(self, *types_: type) -> list[list[type]]:
        """For each dispatch argument the types that are asked, the nearest first; ``object`` only where it is registered.

        Raises:
            AmbiguousDispatchError: a type has several unrelated virtual ancestors that are registered.
            TypeError: there are not as many types as dispatch arguments.
        """
        self.check_number(types_)
        return self._orders(types_, self._known.implementations)

    def _orders(self, types_: Types, implementations: Mapping[Types, Any]) -> list[list[type]]:
        return [self._order(index, cls, implementations) for index, cls in enumerate(types_)]

    def _order(self, index: int, cls: type, implementations: Mapping[Types, Any]) -> list[type]:
        registered = list(dict.fromkeys(types_[index] for types_ in implementations))
        virtual = precedence.virtual_ancestors(cls, registered)
        if len(virtual) > 1:
            raise self.ambiguous(index, cls, virtual)
        order = precedence.ancestors(cls, virtual[0] if virtual else None)
        return order if object in registered or cls is object else [each for each in order if each is not object]

    def ambiguous(self, index: int, cls: type, virtual: list[type]) -> Exception:
        """What is raised where the choice is not clear."""
        names = " or ".join(sorted(precedence.names_of(virtual)))
        message = (
            f"Ambiguous dispatch of {self.name} on argument {self.arguments[index]!r} of type {cls.__name__}: {names}? "
            f"Register an implementation for {cls.__name__}, or for a class that is both"
        )
        return precedence.AmbiguousDispatchError(message)

    def combinations(self, *types_: type) -> Iterator[Types]:
        """The combinations of types that a call asks for an implementation, in this order; the first argument leads."""
        return itertools.product(*self.ancestors(*types_))

    def check_number(self, types_: tuple[Any, ...]) -> None:
        """Demands as many types as there are dispatch arguments, and nothing but types."""
        if len(types_) != len(self.arguments):
            wanted = ", ".join(self.arguments)
            message = (
                f"{self.name} dispatches on {len(self.arguments)} argument(s) ({wanted}), got {len(types_)} type(s)"
            )
            raise TypeError(message)
        for each in types_:
            if not isinstance(each, type):
                message = f"{self.name} dispatches on classes, and {each!r} is none"
                raise TypeError(message)
