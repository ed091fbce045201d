"""What type checkers see of overridden signatures and docstrings. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_type

from cladding import decorator_apply, with_doc, with_signature


def prototype(x: int, *, scale: float = 1.0) -> str:
    return str(x * scale)


@with_signature(prototype=prototype)
def overridden(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


@with_signature(signature="(x)", doc="Documentation.")
def texted(x: int) -> str:
    return str(x)


@with_doc(doc="Documentation.")
def documented(x: int) -> str:
    return str(x)


def untyped(function: Any) -> Any:
    return function


assert_type(overridden(3, scale=2.0), str)
assert_type(texted(3), str)
assert_type(documented(3), str)
assert_type(decorator_apply(untyped, documented)(3), str)
takes_it: Callable[[int], str] = documented
