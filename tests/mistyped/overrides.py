"""Mistakes with overridden signatures and docstrings. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from typing import Any

from cladding import with_doc, with_signature


def prototype(x: int) -> str:
    return str(x)


@with_signature(prototype=prototype)
def overridden(*args: Any) -> Any:
    return args


@with_doc(doc="Documentation.")
def documented(x: int) -> str:
    return str(x)


overridden("3")  # expect: arg-type reportArgumentType
number: int = overridden(3)  # expect: assignment reportAssignmentType
documented("3")  # expect: arg-type reportArgumentType
with_signature(signature=3)  # expect: call-overload reportArgumentType
with_doc(doc=3)  # expect: arg-type reportArgumentType
