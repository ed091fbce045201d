"""Taking wrappers off again, from the top of a chain or from amidst it."""

from __future__ import annotations

import inspect
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cladding._native import BaseObjectProxy, CompatBaseObjectProxy, FunctionWrapperBase
from cladding._patching._attribute import MISSING
from cladding._patching._chain import find_wrapper, wrapper_chain
from cladding._patching._deferred import DeferredPatch, deferred_module
from cladding._patching._errors import PathResolutionError, WrapperNotFoundError, WrapperNotOutermostError
from cladding._patching._imports import waiting
from cladding._patching._install import apply_patch, was_created, writing
from cladding._patching._paths import is_class, local_names, resolve_owner, resolve_path

if TYPE_CHECKING:
    from collections.abc import Callable

_PROXIES = (BaseObjectProxy, CompatBaseObjectProxy)


def unwrap_object(target: Any, name: str, handle: Any, *, missing_ok: bool = False) -> Any:
    """Takes off a wrapper that one of the patching functions has put on an attribute.

    What it wrapped comes back where the attribute is defined, as it was: a ``classmethod`` as the ``classmethod``; and an
    attribute that did not exist before, because it is inherited, is deleted. A wrapper below other proxies is taken out
    from amidst them.

    Args:
        target: a module, class or instance; a string is the name of a module, with or without ``?``.
        name: the path of the attribute.
        handle: what the patching function returned, or the wrapper function that it was given (of several wrappers with
            the same function, the outermost is taken off).
        missing_ok: return ``None`` if the wrapper is not there.

    Returns:
        The wrapper that was taken off; for a patch that was still waiting for its module, the :class:`DeferredPatch`.

    Raises:
        WrapperNotFoundError: the wrapper is not on the attribute.
        WrapperNotOutermostError: what lies above the wrapper is no proxy, or the attribute is computed when looked up.
        WrapperChainTooDeepError: the wrapper was not found in 64 steps.
        TargetModuleNotFoundError: ``target`` names a module that cannot be found.
    """
    module = deferred_module(target)
    if isinstance(handle, DeferredPatch) and handle.wrapper is not None:
        handle = handle.wrapper
    if module is not None:
        patch = _waiting_patch(module, name, handle)
        if patch is not None and patch.undo():
            return patch
        target = module

    def matches(entry: Any) -> bool:
        return entry is handle or (issubclass(type(entry), FunctionWrapperBase) and entry._self_wrapper is handle)

    return remove(target, name, matches, handle, missing_ok=missing_ok)


def _waiting_patch(module: str, name: str, handle: Any) -> DeferredPatch | None:
    for hook in waiting.get(module, ()):
        patch = getattr(hook, "__self__", None)
        if isinstance(patch, DeferredPatch) and (
            patch is handle or (patch.name == name and patch.function is handle and handle is not None)
        ):
            return patch
    return None


def remove(target: Any, name: str, matches: Callable[[Any], bool], handle: Any, *, missing_ok: bool = False) -> Any:
    """Takes off the outermost wrapper that ``matches`` says yes to; ``handle`` names it in errors."""
    while True:
        try:
            owner, attribute, _ = resolve_owner(target, name)
        except PathResolutionError as error:
            if _is_served(target, name, matches):
                raise WrapperNotOutermostError(
                    f"cannot take {handle!r} off {name!r} of {target!r}: the attribute is served dynamically"
                ) from error
            return _missing(target, name, handle, missing_ok, error)
        current = local_names(owner)[attribute]
        found = find_wrapper(current, predicate=matches)
        if found is None or not hasattr(found, "__wrapped__"):
            return _missing(target, name, handle, missing_ok, None)
        done = (
            _restore(owner, attribute, found)
            if found is current
            else _splice(owner, attribute, current, found, f"{name!r} of {target!r}")
        )
        if done:
            return found


def _missing(target: Any, name: str, handle: Any, missing_ok: bool, cause: Exception | None) -> None:
    if not missing_ok:
        raise WrapperNotFoundError(f"{handle!r} is not a wrapper of {name!r} of {target!r}") from cause


def _is_served(target: Any, name: str, matches: Callable[[Any], bool]) -> bool:
    try:
        value = resolve_path(target, name)[2]
    except PathResolutionError:
        return False
    return find_wrapper(value, predicate=matches) is not None


def _splice(owner: Any, attribute: str, current: Any, found: Any, place: str) -> bool:
    """Takes a wrapper out from amidst a chain. ``False`` if the chain has changed meanwhile."""
    chain = list(wrapper_chain(current))
    position = next((index for index, entry in enumerate(chain) if entry is found), 0)
    if not position:
        return False
    above = chain[position - 1]
    if not issubclass(type(above), _PROXIES):
        names = ", ".join(type(entry).__name__ for entry in chain[:position])
        raise WrapperNotOutermostError(f"cannot take {found!r} off {place}: above it are {names}")
    with writing:
        # Every link is looked at again: what was above may itself have been taken out since.
        links = pairwise(chain[: position + 1])
        if local_names(owner).get(attribute) is not current or any(
            upper.__wrapped__ is not lower for upper, lower in links
        ):
            return False
        above.__wrapped__ = found.__wrapped__
        return True


def _restore(owner: Any, attribute: str, found: Any) -> bool:
    """Puts back what the outermost wrapper wraps. ``False`` if the attribute has changed meanwhile."""
    with writing:
        if local_names(owner).get(attribute) is not found:
            return False
        original = found.__wrapped__
        created = was_created(found)
        if original is MISSING or created or (created is None and _is_shadow(owner, attribute, original)):
            delattr(owner, attribute)
        else:
            apply_patch(owner, attribute, original)
        return True


def _is_shadow(owner: Any, attribute: str, original: Any) -> bool:
    """Whether without the attribute its owner would have ``original`` all the same, by inheritance."""
    if inspect.ismodule(owner):
        return False
    classes = owner.__mro__[1:] if is_class(owner) else type(owner).__mro__
    for cls in classes:
        if attribute in vars(cls):
            inherited = vars(cls)[attribute]
            return inherited is original or getattr(original, "__func__", None) is inherited
    return False
