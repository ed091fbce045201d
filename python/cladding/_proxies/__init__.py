"""Object proxies: the native types, and those that are made of them here."""

from cladding._native import (
    BaseObjectProxy,
    BoundFunctionWrapper,
    CallableObjectProxy,
    FunctionWrapper,
    PartialCallableObjectProxy,
    WrapperNotInitializedError,
)
from cladding._proxies._auto import AutoObjectProxy
from cladding._proxies._lazy import LazyObjectProxy, lazy_import
from cladding._proxies._object import ObjectProxy
from cladding._proxies._weak import WeakFunctionProxy

__all__ = [
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
]
