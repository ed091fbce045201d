"""Patches of modules that have not been imported yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._errors import ConfigurationError
from cladding._forks import ForkSafeLock
from cladding._patching._imports import register_post_import_hook, unregister_post_import_hook

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def deferred_module(target: Any) -> str | None:
    """The module that a target such as ``"package.module?"`` waits for, ``None`` for any other target."""
    if not isinstance(target, str) or not target.endswith("?"):
        return None
    if target == "?":
        raise ConfigurationError("target must name a module before the '?', got '?'")
    return target[:-1]


class DeferredPatch:
    """A patch that is applied when its module has been imported; at once if it has been already.

    It is what the patching functions return for a target such as ``"package.module?"``, and a handle for
    :func:`unwrap_object`.

    Args:
        module: the full name of the module.
        name: the path of the attribute in the module.
        install: puts the wrapper in place, given the module, and returns it.
        function: the user's wrapper function, if there is one.
    """

    def __init__(self, module: str, name: str, install: Callable[[ModuleType], Any], function: Any = None) -> None:
        self.module: str = module
        """The full name of the module."""
        self.name: str = name
        """The path of the attribute in the module."""
        self.wrapper: Any = None
        """The wrapper that was put in place; ``None`` as long as the patch waits."""
        self.function: Any = function
        """The user's wrapper function, if the patch was made from one."""
        self._install = install
        self._patched: Any = None
        self._changing = ForkSafeLock()

    def __repr__(self) -> str:
        state = "waiting" if self.wrapper is None else "applied"
        return f"<DeferredPatch of {self.name!r} in {self.module!r}, {state}>"

    def register(self) -> None:
        """Has the patch wait for its module."""
        register_post_import_hook(self.apply, self.module)

    def apply(self, module: ModuleType) -> None:
        """Applies the patch; called when the module has been imported."""
        with self._changing:
            self.wrapper = self._install(module)
            self._patched = module

    def undo(self) -> bool:
        """Takes the patch off, or has it wait no longer.

        Returns:
            Whether there was something to undo.

        Raises:
            WrapperNotFoundError: the wrapper is no longer there.
            WrapperNotOutermostError: what lies above the wrapper cannot be changed.
        """
        from cladding._patching._remove import unwrap_object

        with self._changing:
            if self.wrapper is None:
                return unregister_post_import_hook(self.apply, self.module)
            unwrap_object(self._patched, self.name, self.wrapper)
            self.wrapper = self._patched = None
            return True
