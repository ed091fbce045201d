"""Decorators that people can trust in production machine learning.

What every program needs is imported at once; the rest when it is first used, which keeps the import light. Type checkers
read ``__init__.pyi`` beside this file, which has the same names.
"""

from cladding._cache import cache_result
from cladding._errors import (
    AccessDeniedError,
    BulkheadFullError,
    CallTimeoutError,
    CircuitOpenError,
    CladdingError,
    ConfigurationError,
    InterfaceError,
    MemoryPressureError,
    RateLimitError,
    StoreError,
    TypeMismatchError,
    UnwantedResultError,
    ValidationError,
)
from cladding._hooks import install
from cladding._memory import memory_guard
from cladding._monitor import monitor
from cladding._native import BoundPolicy, BoundStack, Policy, metrics_text
from cladding._retry.decorator import retry
from cladding._stack import Stack, of, stack
from cladding._switch import configure, disabled, read_environment
from cladding._timer import timer
from cladding._validate import Array, Keys, Range, validate_input

# Which module has what is imported later.
_LATER = {
    name: module
    for module, names in {
        "_breaker": ["CircuitBreaker", "circuit_breaker"],
        "_bridges": ["async_to_sync", "mark_as_async", "mark_as_sync", "sync_to_async"],
        "_budget": ["RetryBudget"],
        "_bulkhead": ["Bulkhead", "bulkhead"],
        "_contexts": ["asynccontextmanager", "contextmanager"],
        "_decorating": ["Decorator", "decorator"],
        "_dispatch": ["AmbiguousDispatchError", "dispatch_on"],
        "_fallback": ["fallback"],
        "_gallery._handles": ["Handle", "Stream"],
        "_gallery.accepts": ["accepts"],
        "_gallery.attributes": ["attributes"],
        "_gallery.background": ["Async", "background"],
        "_gallery.blocking": ["blocking"],
        "_gallery.is_available": ["is_available"],
        "_gallery.log_once": ["log_once"],
        "_gallery.on_exit": ["on_exit"],
        "_gallery.provides": ["provided_by", "provides"],
        "_gallery.requires": ["requires"],
        "_gallery.returns": ["returns"],
        "_gallery.singleton": ["singleton"],
        "_gallery.tail_recursive": ["tail_recursive"],
        "_gallery.trace": ["trace"],
        "_gallery.warn_once": ["warn_once"],
        "_hedge": ["hedge"],
        "_locks": ["synchronized"],
        "_making": ["FunctionMaker", "decorator_apply"],
        "_memo": ["cache", "cached_property", "lru_cache", "memoize", "partial", "update_wrapper", "wraps"],
        "_overrides": ["with_doc", "with_signature"],
        "_patching": [
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
        ],
        "_timeout": ["timeout"],
        "_proxies": [
            "AutoObjectProxy",
            "BaseObjectProxy",
            "BoundFunctionWrapper",
            "CallableObjectProxy",
            "FunctionWrapper",
            "LazyObjectProxy",
            "ObjectProxy",
            "PartialCallableObjectProxy",
            "WeakFunctionProxy",
            "WrapperNotInitializedError",
            "lazy_import",
        ],
        "_retry.events": ["RetryEvent"],
        "_rate_limit": ["RateLimiter", "rate_limit"],
    }.items()
    for name in names
}

# The names that come later are listed once, above; the stub beside this file tells type checkers all of them.
__all__ = [  # noqa: PLE0604 # pyright: ignore[reportUnsupportedDunderAll]
    "AccessDeniedError",
    "Array",
    "BoundPolicy",
    "BoundStack",
    "CallTimeoutError",
    "CircuitOpenError",
    "BulkheadFullError",
    "CladdingError",
    "ConfigurationError",
    "InterfaceError",
    "Keys",
    "MemoryPressureError",
    "Policy",
    "Range",
    "RateLimitError",
    "Stack",
    "StoreError",
    "TypeMismatchError",
    "UnwantedResultError",
    "ValidationError",
    "cache_result",
    "configure",
    "disabled",
    "memory_guard",
    "metrics_text",
    "monitor",
    "of",
    "retry",
    "stack",
    "timer",
    "validate_input",
    *_LATER,
]
__all__.sort()  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Imports what was not imported at once."""
    if name not in _LATER:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


# Tracebacks, pickles and metrics name these by where users find them.
for _public in (
    AccessDeniedError,
    Array,
    BulkheadFullError,
    CallTimeoutError,
    CircuitOpenError,
    CladdingError,
    ConfigurationError,
    InterfaceError,
    Keys,
    MemoryPressureError,
    Range,
    RateLimitError,
    Stack,
    StoreError,
    TypeMismatchError,
    UnwantedResultError,
    ValidationError,
    disabled,
):
    _public.__module__ = __name__

install()
read_environment()
del _public, install, read_environment
