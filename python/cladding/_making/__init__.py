"""Making functions: from a template, and from what a third-party decorator returned."""

from cladding._making.applying import decorator_apply
from cladding._making.maker import FunctionMaker

__all__ = ["FunctionMaker", "decorator_apply"]
