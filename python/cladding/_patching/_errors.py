"""The exceptions of patching, each also the builtin that a caller would catch."""

from __future__ import annotations

from cladding._errors import CladdingError


class PathResolutionError(CladdingError, AttributeError):
    """A dotted path does not lead to an attribute. Names the target, the path and the part that is missing."""


class TargetModuleNotFoundError(CladdingError, ModuleNotFoundError):
    """The module that a target names cannot be imported. ``name`` is the module that was not found."""


class WrapperChainTooDeepError(CladdingError, RuntimeError):
    """A chain of wrappers is longer than the limit, so that a search of it would not be complete."""


class WrapperNotFoundError(CladdingError, ValueError):
    """The wrapper to be removed is not on the attribute: it never was, was removed already, or was replaced."""


class WrapperNotOutermostError(CladdingError, ValueError):
    """The wrapper to be removed cannot be, because of what lies above it.

    That is a wrapper that is no proxy (its ``__wrapped__`` only informs, so changing it has no effect), or an attribute
    that is computed at each look-up and lies nowhere.
    """
