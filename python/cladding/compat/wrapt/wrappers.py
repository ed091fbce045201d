"""The types under the names that wrapt's pure Python versions have: the native ones here too."""

from cladding.compat.wrapt.__wrapt__ import (
    BaseObjectProxy as ObjectProxy,
)
from cladding.compat.wrapt.__wrapt__ import (
    BoundFunctionWrapper,
    CallableObjectProxy,
    FunctionWrapper,
    PartialCallableObjectProxy,
)

__all__ = [
    "BoundFunctionWrapper",
    "CallableObjectProxy",
    "FunctionWrapper",
    "ObjectProxy",
    "PartialCallableObjectProxy",
]
