"""A function's own code as a version: what ``cache_result(version="source")`` keeps results apart by."""

from __future__ import annotations

import hashlib
import inspect
from types import CodeType
from typing import Any

from cladding._errors import ConfigurationError


def version_of(target: object) -> str:
    """A short text that changes with the source of a function or class, or with its bytecode where no source is found.

    Names that it uses, and what they lead to, are not looked into.

    Raises:
        ConfigurationError: if it has neither, as builtin functions.
    """
    target = inspect.unwrap(target)  # type: ignore[arg-type]
    try:
        text = inspect.getsource(target)  # type: ignore[arg-type]
    except (OSError, TypeError):
        code = getattr(target, "__code__", None)
        if not isinstance(code, CodeType):
            message = (
                f"cache_result: `version` cannot be 'source' for {target!r}, which has neither source nor bytecode"
            )
            raise ConfigurationError(message) from None
        text = repr(_parts(code))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _parts(code: CodeType) -> tuple[Any, ...]:
    """What makes a code object do what it does; not where it stands."""
    constants = [_parts(each) if isinstance(each, CodeType) else _constant(each) for each in code.co_consts]
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_flags)


def _constant(value: object) -> object:
    """A constant as a text that is the same in every process; the order of a set's items is not."""
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value
