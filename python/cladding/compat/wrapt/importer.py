"""Hooks that run when a module has been imported: cladding's own, and discovery that loads hooks at once."""

import importlib.metadata
from typing import Any

from cladding._patching._imports import (
    notify_module_loaded,
    register_post_import_hook,
    when_imported,
)
from cladding._patching._imports import (
    waiting as _post_import_hooks,
)

__all__ = [
    "_post_import_hooks",
    "discover_post_import_hooks",
    "notify_module_loaded",
    "register_post_import_hook",
    "when_imported",
]


def discover_post_import_hooks(group: str) -> None:
    """Loads the entry points of a group, and registers each as a hook for the module that it has the name of.

    Args:
        group: the group of the entry points.
    """
    find: Any = importlib.metadata.entry_points
    try:
        entries = find(group=group)
    except TypeError:  # a replacement of the old form, which knows no groups
        entries = find().get(group, ())
    for entry in entries:
        register_post_import_hook(entry.load(), entry.name)
