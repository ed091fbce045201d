"""Mistakes with context managers that decorate. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from collections.abc import Iterator

from cladding import asynccontextmanager, contextmanager


@contextmanager
def opened(path: str) -> Iterator[bytes]:
    yield path.encode()


@opened("x")
def function(x: int) -> str:
    return str(x)


opened(3)  # expect: arg-type reportArgumentType
function("3")  # expect: arg-type reportArgumentType
with opened("x") as content:
    text: str = content  # expect: assignment reportAssignmentType


@contextmanager  # expect: arg-type reportArgumentType
def number(x: int) -> int:
    return x


asynccontextmanager(opened)  # expect: arg-type reportArgumentType
