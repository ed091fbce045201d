"""Putting wrappers in the place of attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._errors import ConfigurationError
from cladding._forks import ForkSafeLock
from cladding._patching._deferred import DeferredPatch, deferred_module
from cladding._patching._paths import local_names, resolve_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Find = Callable[[Any, str], tuple[Any, str, Any]]

writing = ForkSafeLock()
"""Held while an attribute is looked up, and while it is compared and written; not while a factory makes a wrapper."""

_ABSENT = object()


def wrap_object(
    target: Any,
    name: str,
    factory: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Replaces an attribute by what a factory makes of it.

    The attribute is set on the object that the path names: for an inherited method that is the class named, not the base
    class, whose other subclasses keep theirs. :func:`unwrap_object` takes it back without a trace. When another thread
    replaces the same attribute meanwhile, the factory is asked again, for what lies there then.

    Args:
        target: a module, class or instance. A string is the name of a module, imported if need be; with ``?`` at the end
            the replacement waits until the module has been imported.
        name: the path of the attribute, such as ``"Session.request"``. What lies in a class is handed over unbound: a
            ``classmethod`` as the ``classmethod``.
        factory: gets the original, then ``args`` and ``kwargs``; returns the replacement, best a proxy, because only
            what has a ``__wrapped__`` can be taken back.
        args: positional arguments for the factory.
        kwargs: keyword arguments for the factory.

    Returns:
        The replacement, which is also the handle for :func:`unwrap_object`. For a target with ``?``, the
        :class:`DeferredPatch`.

    Raises:
        TargetModuleNotFoundError: ``target`` names a module that cannot be found.
        PathResolutionError: the path leads nowhere.
        ConfigurationError: a parameter is wrong.
    """
    if not callable(factory):
        raise ConfigurationError(f"factory must be callable, got {factory!r}")
    return install_or_defer(target, name, lambda original: factory(original, *args, **(kwargs or {})))


def apply_patch(parent: Any, attribute: str, replacement: Any) -> None:
    """Sets an attribute; the last step of every function that patches.

    Args:
        parent: the module, class or instance.
        attribute: the attribute's name; no path.
        replacement: the new value.
    """
    setattr(parent, attribute, replacement)


def install_or_defer(
    target: Any, name: str, make: Callable[[Any], Any], *, find: Find = resolve_path, function: Any = None
) -> Any:
    """Installs what ``make`` makes of an attribute, or has that done when a module has been imported."""
    module = deferred_module(target)
    if module is None:
        return install(target, name, make, find)
    patch = DeferredPatch(module, name, lambda imported: install(imported, name, make, find), function)
    patch.register()
    return patch


def install(target: Any, name: str, make: Callable[[Any], Any], find: Find = resolve_path) -> Any:
    """Puts what ``make`` makes of an attribute in its place; ``find`` finds the place."""
    while True:
        parent, attribute, _ = find(target, name)
        with writing:  # so that the original is the one that lies there now, and not one that came and went since
            before = local_names(parent).get(attribute, _ABSENT)
            original = find(parent, attribute)[2]
        replacement = make(original)
        if replacement is original:
            return original
        remember_created(replacement, created=before is _ABSENT)
        with writing:
            if local_names(parent).get(attribute, _ABSENT) is before:
                apply_patch(parent, attribute, replacement)
                return replacement


# Whether a patch made the attribute, which shadows another one then, is known at that time alone. It is kept on the proxy
# itself, where no attribute of the wrapped object can be taken for it.
_CREATED = "_self_attribute_created"


def remember_created(replacement: Any, *, created: bool) -> None:
    """Notes on a proxy whether it was put where nothing lay before."""
    note = getattr(type(replacement), "__self_setattr__", None)
    if note is not None:
        note(replacement, _CREATED, created)


def was_created(wrapper: Any) -> bool | None:
    """Whether a wrapper was put where nothing lay before, or ``None`` if it is no proxy and has no note of that."""
    if getattr(type(wrapper), "__self_setattr__", None) is None:
        return None
    created: bool | None = wrapper.__self_dict__.get(_CREATED)
    return created
