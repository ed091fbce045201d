"""The native types, in the family that behaves as wrapt's."""

from typing import Any

from cladding._native import CompatBaseObjectProxy as BaseObjectProxy
from cladding._native import CompatBoundFunctionWrapper as BoundFunctionWrapper
from cladding._native import CompatCallableObjectProxy as CallableObjectProxy
from cladding._native import CompatFunctionWrapper as FunctionWrapper
from cladding._native import CompatFunctionWrapperBase as _FunctionWrapperBase
from cladding._native import CompatPartialCallableObjectProxy as PartialCallableObjectProxy

__all__ = [
    "BaseObjectProxy",
    "BoundFunctionWrapper",
    "CallableObjectProxy",
    "FunctionWrapper",
    "PartialCallableObjectProxy",
    "_FunctionWrapperBase",
    "partial",
]

_using_c_extension = True


def partial(*args: Any, **kwargs: Any) -> PartialCallableObjectProxy:
    """Binds arguments to a callable as ``functools.partial`` does, by a proxy of the callable.

    Args:
        *args: the callable, and positional arguments for it.
        **kwargs: keyword arguments for it.
    """
    return PartialCallableObjectProxy(*args, **kwargs)
