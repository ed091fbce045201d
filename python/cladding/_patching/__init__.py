"""Patching in place: wrapping attributes, hooks for imports, and taking wrappers off again."""

from cladding._patching._attribute import MISSING, AttributeWrapper, wrap_object_attribute
from cladding._patching._chain import find_wrapper, is_wrapped_by, unwrapped, wrapper_chain
from cladding._patching._deferred import DeferredPatch
from cladding._patching._errors import (
    PathResolutionError,
    TargetModuleNotFoundError,
    WrapperChainTooDeepError,
    WrapperNotFoundError,
    WrapperNotOutermostError,
)
from cladding._patching._functions import function_wrapper, patch_function_wrapper, wrap_function_wrapper
from cladding._patching._imports import (
    discover_post_import_hooks,
    notify_module_loaded,
    register_post_import_hook,
    unregister_post_import_hook,
    when_imported,
)
from cladding._patching._install import apply_patch, wrap_object
from cladding._patching._paths import resolve_owner, resolve_path
from cladding._patching._remove import unwrap_object
from cladding._patching._scoped import scoped_function_wrapper, transient_function_wrapper

__all__ = [
    "MISSING",
    "AttributeWrapper",
    "DeferredPatch",
    "PathResolutionError",
    "TargetModuleNotFoundError",
    "WrapperChainTooDeepError",
    "WrapperNotFoundError",
    "WrapperNotOutermostError",
    "apply_patch",
    "discover_post_import_hooks",
    "find_wrapper",
    "function_wrapper",
    "is_wrapped_by",
    "notify_module_loaded",
    "patch_function_wrapper",
    "register_post_import_hook",
    "resolve_owner",
    "resolve_path",
    "scoped_function_wrapper",
    "transient_function_wrapper",
    "unregister_post_import_hook",
    "unwrap_object",
    "unwrapped",
    "when_imported",
    "wrap_function_wrapper",
    "wrap_object",
    "wrap_object_attribute",
    "wrapper_chain",
]
