"""What the gallery's decorators share: the kind of what is decorated, its parameters, and a caller put around it."""

from __future__ import annotations

import inspect
import sys
import types
from typing import TYPE_CHECKING, Any

from cladding import _carrier
from cladding._decorating import decorator
from cladding._gallery._checks import refuse
from cladding._kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Caller = Callable[..., Any]


class Subject:
    """A callable that is to be decorated: what it is, what it is called, and what parameters it has."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.decorated: Any = None
        """What was made of it, once that is there."""
        self.attributes: dict[str, Any] = {}
        """What a function that is made of it gets as further attributes."""
        self.kind = kind_of(target)
        self.name: str = getattr(target, "__qualname__", None) or _carrier.name_of_callable(target)
        signature = signature_of(target)
        parameters = [] if signature is None else list(signature.parameters.values())
        self.told = signature is not None
        """Whether the callable tells its parameters; some builtins do not."""
        self.positional = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
        self.positional_only = frozenset(p.name for p in parameters if p.kind is p.POSITIONAL_ONLY)
        self.keyword_only = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        self.by_keyword = frozenset((*self.positional, *self.keyword_only)) - self.positional_only
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.var_positional = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.var_keyword = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
        named = (*self.positional, *self.keyword_only, self.var_positional, self.var_keyword)
        self.parameters = frozenset(name for name in named if name is not None)
        owner = self.name.rpartition(".")[0]
        in_class = bool(owner) and not owner.endswith("<locals>") and not isinstance(target, type | types.MethodType)
        self.has_receiver = in_class and self.positional[:1] in {("self",), ("cls",)}
        """Whether the first parameter is the ``self`` or ``cls`` of a function that is written in a class."""

    def named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[str | None, Any]]:
        """The arguments of a call as they were given, with their names; further positional ones have none."""
        names = self.positional
        for place, value in enumerate(args):
            yield (names[place] if place < len(names) else None), value
        yield from kwargs.items()

    def value_of(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a parameter is in a call, its default included.

        Raises:
            TypeError: the call has no argument for it, and it has no default.
        """
        if name == self.var_positional:
            return args[len(self.positional) :]
        if name == self.var_keyword:
            return {key: value for key, value in kwargs.items() if key not in self.by_keyword}
        if name in self.positional and (place := self.positional.index(name)) < len(args):
            return args[place]
        if name in self.by_keyword and name in kwargs:
            return kwargs[name]
        if name in self.defaults:
            return self.defaults[name]
        message = f"{self.name}() is missing an argument for {name!r}"
        raise TypeError(message)


def signature_of(target: Any) -> inspect.Signature | None:
    """The signature of any callable, if it tells one; annotations that are not made yet stay so."""
    try:
        if sys.version_info >= (3, 14):
            import annotationlib

            return inspect.signature(target, annotation_format=annotationlib.Format.FORWARDREF)
        return inspect.signature(target)
    except (TypeError, ValueError):
        return None


def around(
    target: Any,
    make: Callable[[Subject], Caller],
    *,
    name: str,
    enabled: bool | Callable[[], bool] = True,
) -> Any:
    """Decorates a callable, or the one inside a descriptor, with the caller that ``make`` gives for it.

    It is called as ``caller(func, *args, **kwargs)`` for each call and returns what the call is to return, which for
    a coroutine function or a generator is an awaitable, a generator or an async generator.

    Args:
        target: what to decorate.
        make: is given what is known of the callable inside.
        name: the decorator's, for messages.
        enabled: ``False`` leaves the target alone; a callable is asked at each call.

    Raises:
        TypeError: ``target`` is nothing that can be called, nor holds such a thing.
    """
    if enabled is False:
        return target
    rebuilt = _carrier.rebuild(target, lambda inner: around(inner, make, name=name, enabled=enabled))
    if rebuilt is not None:
        return rebuilt
    if not callable(target):
        raise refuse(
            name,
            target,
            "a function, a class, another callable, or a classmethod, staticmethod, property, cached_property or "
            "partialmethod is wanted",
        )
    subject = Subject(target)
    subject.decorated = decorator(enabled=enabled)(make(subject))(target)
    if isinstance(subject.decorated, types.FunctionType):
        subject.decorated.__dict__.update(subject.attributes)
    return subject.decorated
