"""Putting a callable in the place of another, under the face of that: its name, parameters, descriptor and kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding import _carrier, _native, _trampoline, _wrappers
from cladding._carrier import kind_of_call
from cladding._kinds import MARKS

if TYPE_CHECKING:
    import types
    from collections.abc import Callable


def over(target: Any, replacement: Callable[..., Any], kind: str | None = None) -> types.FunctionType:
    """A genuine function that looks like ``target`` and hands its calls to ``replacement`` as they come.

    ``kind`` is what it is to report, where that is not what ``target`` reports.
    """
    own = kind_of_call(target)
    kind = kind or own
    function = _wrappers.function_below(target)
    if function is not None:
        made = _wrappers.carrier_over(replacement, target, function, (), kind)
    else:
        bound = _native.bind(replacement, _carrier.target_of_callable(target, kind), (), plain=True)
        made = _carrier.over_callable(target, bound, _trampoline.KIND_FLAGS[kind])
    if kind != own:
        for mark in MARKS:
            made.__dict__.pop(mark, None)
    return made


def overlay(
    target: Any,
    replace: Callable[[Any], tuple[Callable[..., Any], str | None]],
    name: str,
    *,
    dress: Callable[[Any, types.FunctionType], None] | None = None,
) -> Any:
    """Puts a callable in the place of a function, of another callable, or of what a descriptor holds.

    Args:
        target: what is replaced.
        replace: is given the callable; returns what is called in its place with the same arguments, and what kind of
            function to make ("function", "coroutine", "generator" or "async_generator"), None for the callable's own.
        name: of the decorator, for messages.
        dress: is given the callable and the function that was made, which it may change.

    Raises:
        TypeError: ``target`` is a class, or nothing that can be called.
    """
    if isinstance(target, type):
        message = f"{name} cannot decorate the class {target!r}: decorate its methods, or a function that calls it"
        raise TypeError(message)
    if not _carrier.is_proxy(target):
        rebuilt = _carrier.rebuild(target, lambda inner: overlay(inner, replace, name, dress=dress))
        if rebuilt is not None:
            return rebuilt
    if not callable(target):
        raise TypeError(_carrier.cannot_decorate(name, target))
    replacement, kind = replace(target)
    made = over(target, replacement, kind)
    if dress is not None:
        dress(target, made)
    return made
