"""Mistakes with marks and bridges. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from cladding import async_to_sync, mark_as_sync, sync_to_async


def plain(x: int) -> float:
    return x


async def coroutine(x: int) -> float:
    return x


async_to_sync(plain)  # expect: arg-type reportArgumentType
async_to_sync(coroutine)("3")  # expect: arg-type reportArgumentType
number: int = sync_to_async(plain)(3)  # expect: assignment reportAssignmentType
mark_as_sync(generator="yes")  # expect: call-overload reportArgumentType
