"""Hooks that run when a module has been imported.

A finder at the front of ``sys.meta_path`` lets the other finders find a module that hooks wait for, and then watches its
spec: the import system keeps ``spec._initializing`` true while a module is being made (the interpreter itself asks for
it), and sets it to false when the module is complete and in ``sys.modules`` for good. That is the moment of the hooks.
The module's loader stays what it is, and a module that is half made when a hook is registered is waited for as well.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from cladding._errors import ConfigurationError
from cladding._forks import ForkSafeLock
from cladding._names import is_dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Hook = Callable[[ModuleType], object]
    HookT = TypeVar("HookT", bound=Hook)

waiting: dict[str, list[Hook]] = {}
"""The hooks that have not run, by the module they wait for. Changed under the lock alone."""

_module_locks: dict[str, Any] = getattr(sys.modules["_frozen_importlib"], "_module_locks", {})
"""The import system's lock of each module that is being imported, weakly referred to."""

_lock = ForkSafeLock()  # re-entrant, because a finaliser may register a hook while it is held
_searching = threading.local()


def register_post_import_hook(hook: Hook | str, name: str) -> None:
    """Runs a function once when a module has been imported; at once if it has been already.

    The module is complete when the hooks see it, and no other thread gets it before they are done. Hooks run in the order
    of registration. If some fail, the others still run, and the import fails with the exception (an ``ExceptionGroup``
    of several), with a note that names the hook; all of them run again when the import is tried again.

    Args:
        hook: gets the module. ``"module:function"`` stands for a function that is imported when it is needed.
        name: the full name of the module to wait for.

    Raises:
        ConfigurationError: a parameter is wrong.
        Exception: what the hook raises, if it runs at once.
    """
    if not is_dotted(name):
        raise ConfigurationError(f"name must be the full name of a module, got {name!r}")
    if isinstance(hook, str):
        hook = _named_hook(hook)
    elif not callable(hook):
        raise ConfigurationError(f"hook must be callable or a string 'module:function', got {hook!r}")
    module = _complete_or_wait(hook, name)
    if module is not None:
        hook(module)


def _complete_or_wait(hook: Hook, name: str) -> ModuleType | None:
    """The module if it is complete; else the hook is registered."""
    registered = False
    while True:
        # Asked before the module is looked for: an import that is over by now has left its module.
        sought = _is_sought(name)
        with _lock:
            module = sys.modules.get(name)
            spec = getattr(module, "__spec__", None)
            if module is not None and not getattr(spec, "_initializing", False):
                if registered and not unregister_post_import_hook(hook, name):
                    return None  # the import has just run it
                return module
            if not registered:
                _put_first()
                waiting.setdefault(name, []).append(hook)
                registered = True
                continue
            if spec is not None:
                _watch(spec)
                if spec._initializing:
                    return None
                _open(spec)  # the import was over just before the watch began
                continue
        if not sought:
            return None
        # Another thread was past the finder when the hook was registered, and will have the module in a moment.
        time.sleep(0.0005)


def _is_sought(name: str) -> bool:
    """Whether another thread has begun to import a module."""
    reference = _module_locks.get(name)
    lock = None if reference is None else reference()
    return lock is not None and lock.owner != threading.get_ident()


def _put_first() -> None:
    """Makes the finder the first one, whatever others have done to the list."""
    if not sys.meta_path or sys.meta_path[0] is not _finder:
        sys.meta_path.insert(0, _finder)
        for index in range(len(sys.meta_path) - 1, 0, -1):
            if sys.meta_path[index] is _finder:
                del sys.meta_path[index]


def unregister_post_import_hook(hook: Hook, name: str) -> bool:
    """Takes back a hook that still waits.

    Args:
        hook: what was registered; one registered as a string cannot be named.
        name: the full name of the module that it waits for.

    Returns:
        Whether it was waiting.
    """
    with _lock:
        hooks = waiting.get(name, [])
        if hook not in hooks:
            return False
        hooks.remove(hook)
        if not hooks:
            del waiting[name]
        return True


def when_imported(name: str) -> Callable[[HookT], HookT]:
    """Decorates a function that is to run when a module has been imported: see :func:`register_post_import_hook`.

    Args:
        name: the full name of the module to wait for.
    """

    def register(hook: HookT) -> HookT:
        register_post_import_hook(hook, name)
        return hook

    return register


def notify_module_loaded(module: ModuleType) -> None:
    """Runs the hooks that wait for a module which did not come by an import, for instance one made by hand.

    Args:
        module: the module; its ``__name__`` says which hooks. Without hooks for it nothing happens.

    Raises:
        Exception: what a hook raises; an ``ExceptionGroup`` if several do.
    """
    name = getattr(module, "__name__", None)
    if isinstance(name, str):
        with _lock:
            hooks = waiting.pop(name, [])
        _run(hooks, module, name)


def discover_post_import_hooks(group: str) -> None:
    """Registers the hooks that installed packages offer as entry points.

    The name of an entry point is the module to wait for, its value the hook, which is imported when it is needed.

    Args:
        group: the group of the entry points.
    """
    import importlib.metadata

    for entry in importlib.metadata.entry_points(group=group):
        register_post_import_hook(_loaded_later(entry), entry.name)


def _named_hook(text: str) -> Hook:
    module_name, _, path = text.partition(":")
    if not is_dotted(module_name) or not is_dotted(path):
        raise ConfigurationError(f"hook must be callable or a string 'module:function', got {text!r}")

    def hook(module: ModuleType) -> object:
        function: Any = importlib.import_module(module_name)
        for part in path.split("."):
            function = getattr(function, part)
        return function(module)

    return _renamed(hook, text)


def _loaded_later(entry: Any) -> Hook:
    def hook(module: ModuleType) -> object:
        return entry.load()(module)

    return _renamed(hook, str(entry.value))


def _renamed(hook: Hook, name: str) -> Hook:
    hook.__qualname__ = name  # for the note on an exception
    return hook


def _run(hooks: Sequence[Hook], module: Any, name: str) -> None:
    """Runs every hook, then raises what those that failed have raised."""
    errors: list[Exception] = []
    for hook in hooks:
        try:
            hook(module)
        except Exception as error:  # noqa: BLE001 - raised below
            raiser = getattr(hook, "__qualname__", None) or repr(hook)
            error.add_note(f"raised by {raiser}, which runs when {name!r} has been imported")
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup(f"{len(errors)} hooks failed that run when {name!r} has been imported", errors)


def _complete(name: str, spec: Any) -> None:
    """Runs the hooks of a module that is complete, and opens it to other threads."""
    done: list[Hook] = []
    while True:
        with _lock:
            module = sys.modules.get(name)
            hooks = waiting.pop(name, []) if module is not None else []
            if not hooks:  # or the body of the module has failed, and the hooks wait for the next attempt
                _open(spec)
                return
        done += hooks
        try:
            _run(hooks, module, name)
        except BaseException:
            with _lock:
                if sys.modules.get(name) is module:
                    del sys.modules[name]
                waiting[name] = done + waiting.get(name, [])
                _open(spec)
            raise


# ------------------------------------------------------------------------------------------------------------ watching


_watched_classes: dict[type, type] = {}
"""The class that a spec has while its module is being made, by the class that it has otherwise."""


def _watch(spec: Any) -> None:
    with _lock:
        cls = type(spec)
        if cls in _watched_classes.values():
            return
        if cls not in _watched_classes:
            members = {"_initializing": property(_get_initializing, _set_initializing), "__slots__": ()}
            _watched_classes[cls] = type(cls.__name__, (cls,), {**members, "__module__": cls.__module__})
        spec.__class__ = _watched_classes[cls]


def _get_initializing(spec: Any) -> bool:
    return bool(vars(spec)["_initializing"])


def _set_initializing(spec: Any, value: bool) -> None:
    if value:
        vars(spec)["_initializing"] = True
    else:
        _complete(spec.name, spec)


def _open(spec: Any) -> None:
    """Ends the watch; from now on other threads get the module."""
    spec.__class__ = type(spec).__base__
    spec._initializing = False


class _OldLoader:
    """Stands for a loader that has ``load_module`` alone, for which the import system does not set ``_initializing``."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def load_module(self, name: str) -> Any:
        module = self._loader.load_module(name)
        notify_module_loaded(module)
        return module


class _Finder:
    """The finder of modules that hooks wait for: what the others find, watched."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        # Another finder may ask all finders in its turn: this one must not start the search anew.
        if name not in waiting or name in getattr(_searching, "names", ()):
            return None
        _searching.names = (name, *getattr(_searching, "names", ()))
        try:
            spec = self._ask_others(name, path, target)
        finally:
            _searching.names = _searching.names[1:]
        if spec is not None and spec.loader is not None and not hasattr(spec.loader, "exec_module"):
            spec.loader = _OldLoader(spec.loader)  # type: ignore[assignment]
        elif spec is not None:
            _watch(spec)
        return spec

    def _ask_others(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find_spec = getattr(finder, "find_spec", None)
            if finder is self or find_spec is None:
                continue
            spec: ModuleSpec | None = find_spec(name, path, target)
            if spec is not None:
                return spec
        return None


_finder = _Finder()
