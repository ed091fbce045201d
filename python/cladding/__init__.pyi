"""Decorators that people can trust in production machine learning."""

from cladding._breaker import CircuitBreaker, circuit_breaker
from cladding._bridges import async_to_sync, mark_as_async, mark_as_sync, sync_to_async
from cladding._budget import RetryBudget
from cladding._bulkhead import Bulkhead, bulkhead
from cladding._cache import cache_result
from cladding._contexts import asynccontextmanager, contextmanager
from cladding._decorating import Decorator, decorator
from cladding._dispatch import AmbiguousDispatchError, dispatch_on
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
from cladding._fallback import fallback
from cladding._gallery._handles import Handle, Stream
from cladding._gallery.accepts import accepts
from cladding._gallery.attributes import attributes
from cladding._gallery.background import Async, background
from cladding._gallery.blocking import blocking
from cladding._gallery.is_available import is_available
from cladding._gallery.log_once import log_once
from cladding._gallery.on_exit import on_exit
from cladding._gallery.provides import provided_by, provides
from cladding._gallery.requires import requires
from cladding._gallery.returns import returns
from cladding._gallery.singleton import singleton
from cladding._gallery.tail_recursive import tail_recursive
from cladding._gallery.trace import trace
from cladding._gallery.warn_once import warn_once
from cladding._hedge import hedge
from cladding._locks import synchronized
from cladding._making import FunctionMaker, decorator_apply
from cladding._memo import cache, cached_property, lru_cache, memoize, partial, update_wrapper, wraps
from cladding._memory import memory_guard
from cladding._monitor import monitor
from cladding._native import BoundPolicy, BoundStack, Policy, metrics_text
from cladding._overrides import with_doc, with_signature
from cladding._patching import (
    AttributeWrapper,
    DeferredPatch,
    PathResolutionError,
    TargetModuleNotFoundError,
    WrapperChainTooDeepError,
    WrapperNotFoundError,
    WrapperNotOutermostError,
    apply_patch,
    discover_post_import_hooks,
    find_wrapper,
    function_wrapper,
    is_wrapped_by,
    notify_module_loaded,
    patch_function_wrapper,
    register_post_import_hook,
    resolve_owner,
    resolve_path,
    scoped_function_wrapper,
    transient_function_wrapper,
    unregister_post_import_hook,
    unwrap_object,
    unwrapped,
    when_imported,
    wrap_function_wrapper,
    wrap_object,
    wrap_object_attribute,
    wrapper_chain,
)
from cladding._proxies import (
    AutoObjectProxy,
    BaseObjectProxy,
    BoundFunctionWrapper,
    CallableObjectProxy,
    FunctionWrapper,
    LazyObjectProxy,
    ObjectProxy,
    PartialCallableObjectProxy,
    WeakFunctionProxy,
    WrapperNotInitializedError,
    lazy_import,
)
from cladding._rate_limit import RateLimiter, rate_limit
from cladding._retry.decorator import retry
from cladding._retry.events import RetryEvent
from cladding._stack import Stack, of, stack
from cladding._switch import configure, disabled
from cladding._timeout import timeout
from cladding._timer import timer
from cladding._validate import Array, Keys, Range, validate_input

__all__ = [
    "AccessDeniedError",
    "AmbiguousDispatchError",
    "Array",
    "Async",
    "AttributeWrapper",
    "AutoObjectProxy",
    "BaseObjectProxy",
    "BoundFunctionWrapper",
    "BoundPolicy",
    "BoundStack",
    "Bulkhead",
    "BulkheadFullError",
    "CallTimeoutError",
    "CallableObjectProxy",
    "CircuitBreaker",
    "CircuitOpenError",
    "CladdingError",
    "ConfigurationError",
    "Decorator",
    "DeferredPatch",
    "FunctionMaker",
    "FunctionWrapper",
    "Handle",
    "InterfaceError",
    "Keys",
    "LazyObjectProxy",
    "MemoryPressureError",
    "ObjectProxy",
    "PartialCallableObjectProxy",
    "PathResolutionError",
    "Policy",
    "Range",
    "RateLimitError",
    "RateLimiter",
    "RetryBudget",
    "RetryEvent",
    "Stack",
    "StoreError",
    "Stream",
    "TargetModuleNotFoundError",
    "TypeMismatchError",
    "UnwantedResultError",
    "ValidationError",
    "WeakFunctionProxy",
    "WrapperChainTooDeepError",
    "WrapperNotFoundError",
    "WrapperNotInitializedError",
    "WrapperNotOutermostError",
    "accepts",
    "apply_patch",
    "async_to_sync",
    "asynccontextmanager",
    "attributes",
    "background",
    "blocking",
    "bulkhead",
    "cache",
    "cache_result",
    "cached_property",
    "circuit_breaker",
    "configure",
    "contextmanager",
    "decorator",
    "decorator_apply",
    "disabled",
    "discover_post_import_hooks",
    "dispatch_on",
    "fallback",
    "find_wrapper",
    "function_wrapper",
    "hedge",
    "is_available",
    "is_wrapped_by",
    "lazy_import",
    "log_once",
    "lru_cache",
    "mark_as_async",
    "mark_as_sync",
    "memoize",
    "memory_guard",
    "metrics_text",
    "monitor",
    "notify_module_loaded",
    "of",
    "on_exit",
    "partial",
    "patch_function_wrapper",
    "provided_by",
    "provides",
    "rate_limit",
    "register_post_import_hook",
    "requires",
    "resolve_owner",
    "resolve_path",
    "retry",
    "returns",
    "scoped_function_wrapper",
    "singleton",
    "stack",
    "sync_to_async",
    "synchronized",
    "tail_recursive",
    "timeout",
    "timer",
    "trace",
    "transient_function_wrapper",
    "unregister_post_import_hook",
    "unwrap_object",
    "unwrapped",
    "update_wrapper",
    "validate_input",
    "warn_once",
    "when_imported",
    "with_doc",
    "with_signature",
    "wrap_function_wrapper",
    "wrap_object",
    "wrap_object_attribute",
    "wrapper_chain",
    "wraps",
]
