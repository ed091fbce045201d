"""Mistakes with `synchronized`. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from cladding import synchronized


@synchronized
def function(x: int) -> str:
    return str(x)


function("3")  # expect: arg-type reportArgumentType
synchronized(lock=3)  # expect: call-overload reportArgumentType
synchronized(enabled="no")  # expect: call-overload reportArgumentType
