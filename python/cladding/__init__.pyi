"""Decorators that people can trust in production machine learning."""

from cladding._cache import cache_result
from cladding._decorating import Decorator, decorator
from cladding._errors import (
    AccessDeniedError,
    CladdingError,
    ConfigurationError,
    InterfaceError,
    MemoryPressureError,
    TypeMismatchError,
    ValidationError,
)
from cladding._locks import synchronized
from cladding._memory import memory_guard
from cladding._monitor import monitor
from cladding._native import BoundPolicy, BoundStack, Policy, metrics_text
from cladding._overrides import with_doc, with_signature
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
from cladding._retry import retry
from cladding._stack import Stack, of, stack
from cladding._switch import configure, disabled
from cladding._timer import timer
from cladding._validate import Array, Keys, Range, validate_input

__all__ = [
    "AccessDeniedError",
    "Array",
    "AutoObjectProxy",
    "BaseObjectProxy",
    "BoundFunctionWrapper",
    "BoundPolicy",
    "BoundStack",
    "CallableObjectProxy",
    "CladdingError",
    "ConfigurationError",
    "Decorator",
    "FunctionWrapper",
    "InterfaceError",
    "Keys",
    "LazyObjectProxy",
    "MemoryPressureError",
    "ObjectProxy",
    "PartialCallableObjectProxy",
    "Policy",
    "Range",
    "Stack",
    "TypeMismatchError",
    "ValidationError",
    "WeakFunctionProxy",
    "WrapperNotInitializedError",
    "cache_result",
    "configure",
    "decorator",
    "disabled",
    "lazy_import",
    "memory_guard",
    "metrics_text",
    "monitor",
    "of",
    "retry",
    "stack",
    "synchronized",
    "timer",
    "validate_input",
    "with_doc",
    "with_signature",
]
