"""Decorators that people can trust in production machine learning."""

from cladding._cache import cache_result
from cladding._errors import CladdingError, ConfigurationError, MemoryPressureError, ValidationError
from cladding._memory import memory_guard
from cladding._monitor import monitor
from cladding._native import BoundPolicy, BoundStack, Policy, metrics_text
from cladding._retry import retry
from cladding._stack import Stack, of, stack
from cladding._switch import configure, disabled, read_environment
from cladding._timer import timer
from cladding._validate import Array, Keys, Range, validate_input

__all__ = [
    "Array",
    "BoundPolicy",
    "BoundStack",
    "CladdingError",
    "ConfigurationError",
    "Keys",
    "MemoryPressureError",
    "Policy",
    "Range",
    "Stack",
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
]

# Tracebacks, pickles and metrics name these by where users find them.
for _public in (
    Array,
    CladdingError,
    ConfigurationError,
    Keys,
    MemoryPressureError,
    Range,
    Stack,
    ValidationError,
    disabled,
):
    _public.__module__ = __name__

read_environment()
del _public, read_environment
