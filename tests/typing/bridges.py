"""What type checkers see of marks and bridges. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import assert_type

from cladding import async_to_sync, mark_as_async, mark_as_sync, sync_to_async


async def waits(x: int) -> float:
    return x


def works(x: int) -> float:
    return x


assert_type(async_to_sync(waits)(1), float)
bridged: Callable[[int], Awaitable[float]] = sync_to_async(works)
assert_type(mark_as_async(works)(1), float)
assert_type(mark_as_sync(generator=False)(works)(1), float)
