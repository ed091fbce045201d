"""Decorators that people can trust in production machine learning."""

from cladding._errors import CladdingError, ConfigurationError, MemoryPressureError, ValidationError
from cladding._monitor import monitor
from cladding._native import BoundPolicy, BoundStack, Policy, metrics_text
from cladding._retry import retry
from cladding._stack import Stack, of, stack
from cladding._switch import configure, disabled, read_environment
from cladding._timer import timer

__all__ = [
    "BoundPolicy",
    "BoundStack",
    "CladdingError",
    "ConfigurationError",
    "MemoryPressureError",
    "Policy",
    "Stack",
    "ValidationError",
    "configure",
    "disabled",
    "metrics_text",
    "monitor",
    "of",
    "retry",
    "stack",
    "timer",
]

read_environment()
del read_environment
