"""`cache_result` on coroutine functions, and on others that return a coroutine."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from cladding import cache_result, monitor, of, stack

from .helpers import in_a_loop


@in_a_loop
async def test_the_result_is_cached_and_not_the_coroutine() -> None:
    runs = []

    @cache_result
    async def f(x: int) -> int:
        runs.append(x)
        await asyncio.sleep(0)
        return 2 * x

    assert [await f(1), await f(1), await f(x=1), await f(2)] == [2, 2, 2, 4]
    assert runs == [1, 2]
    assert f.cache_info() == (2, 2, 10_000, 2)
    coroutine = f(1)
    assert inspect.iscoroutine(coroutine)
    coroutine.close()


@in_a_loop
async def test_a_coroutine_as_a_result_is_refused() -> None:
    async def inner() -> int:
        return 1

    kept = []

    @cache_result
    async def f() -> Any:
        kept.append(inner())
        return kept[-1]

    with pytest.raises(TypeError, match=r"cannot keep what .* returned: a coroutine"):
        await f()
    kept[0].close()


@in_a_loop
async def test_a_plain_function_that_returns_a_coroutine() -> None:
    runs = []

    async def inner(x: int) -> int:
        runs.append(x)
        await asyncio.sleep(0)
        return 2 * x

    @stack(monitor(), cache_result())
    def f(x: int) -> Any:
        return inner(x)

    for _ in range(3):
        coroutine = f(1)
        assert inspect.iscoroutine(coroutine)
        assert await coroutine == 2
    assert runs == [1]
    assert of(f).monitor.stats["calls"] == 3
    # Nobody can wait for another in a plain function; each computes, and nobody hangs.
    assert await asyncio.gather(f(3), f(3)) == [6, 6]
    assert f.cache_info().currsize == 2
    f.cache_clear()
    pending = f(1)
    f.cache_clear()
    assert await pending == 2
    assert f.cache_info().currsize == 0


@pytest.mark.parametrize("wrap", [functools.partial, lambda f: type("C", (), {"__call__": staticmethod(f)})()])
@in_a_loop
async def test_other_callables_of_coroutines(wrap: Callable[[Any], Any]) -> None:
    runs = []

    async def f(x: int) -> int:
        runs.append(x)
        return x

    cached: Any = cache_result(wrap(f))
    assert [await cached(1), await cached(1)] == [1, 1]
    assert runs == [1]
