"""Generic functions: one name, an implementation for each combination of the types of several arguments."""

from cladding._dispatch.generic import dispatch_on
from cladding._dispatch.precedence import AmbiguousDispatchError

__all__ = ["AmbiguousDispatchError", "dispatch_on"]
