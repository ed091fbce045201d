"""`cache_result`: what is kept, for how long, how many, and what is not kept."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from cladding import cache_result

from .helpers import Counted, stats


def test_none_is_kept(body: Counted) -> None:
    @cache_result
    def f() -> None:
        body()

    assert f() is f() is None
    assert len(body.runs) == 1


def test_exceptions_are_not_kept(body: Counted) -> None:
    @cache_result
    def f(x: int) -> int:
        if body(x) < 3:
            raise KeyError(x)
        return x

    for _ in range(2):
        with pytest.raises(KeyError):
            f(1)
        assert f.cache_info().currsize == 0
    assert f(1) == f(1) == 1
    assert len(body.runs) == 3


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_interrupts_are_not_kept(kind: type[BaseException]) -> None:
    raising = [kind()]

    @cache_result
    def f() -> int:
        if raising:
            raise raising.pop()
        return 1

    with pytest.raises(kind):
        f()
    assert f() == 1


def test_results_are_handed_out_as_they_are() -> None:
    f = cache_result(lambda: [1])
    assert f() is f()


@pytest.mark.parametrize(
    "make",
    [lambda: iter([1]), lambda: map(str, [1]), lambda: (i for i in [1]), lambda: memoryview(b"1")],
    ids=["list_iterator", "map", "generator", "memoryview"],
)
def test_what_would_be_used_up_is_refused(make: Callable[[], Any]) -> None:
    f = cache_result(make)
    for _ in range(2):
        with pytest.raises(TypeError, match=r"cannot keep what .* returned: a "):
            f()
    assert f.cache_info().currsize == 0


def test_generator_functions_are_refused_at_decoration() -> None:
    def items() -> Any:
        yield 1

    async def aitems() -> Any:
        yield 1

    with pytest.raises(TypeError, match=r"the generator function .*items\(\)"):
        cache_result(items)
    with pytest.raises(TypeError, match=r"the async generator function .*aitems\(\)"):
        cache_result(ttl=5)(aitems)


def test_bound_on_entries(body: Counted) -> None:
    f = cache_result(max_entries=3)(lambda x: body(x))
    for x in range(10):
        f(x)
    assert f.cache_info().currsize == 3
    assert stats(f)["evictions"] == 7
    f(9)
    assert stats(f)["hits"] == 1


def test_one_entry(body: Counted) -> None:
    f = cache_result(max_entries=1)(lambda x: body(x))
    assert [f(1), f(1), f(2), f(2), f(1)] == [1, 1, 2, 2, 3]


def test_no_bound(body: Counted) -> None:
    f = cache_result(max_entries=None, ttl=None)(lambda x: body(x))
    for x in range(20_000):
        f(x)
    assert f.cache_info() == (0, 20_000, None, 20_000)


def test_results_expire(body: Counted) -> None:
    f = cache_result(ttl=0.2)(lambda x: body(x))
    begun = time.monotonic()
    first, second = f(1), f(1)
    if time.monotonic() - begun < 0.19:
        assert (first, second) == (1, 1)
    time.sleep(0.25)
    assert f(1) > first
    assert stats(f)["expirations"] >= 1
    time.sleep(0.25)
    assert f.cache_info().currsize == 0


def test_expired_results_are_freed_by_later_calls() -> None:
    class Big:
        pass

    f = cache_result(ttl=0.05)(lambda x: Big())
    dead = [weakref.ref(f(x)) for x in range(10)]
    time.sleep(0.1)
    for x in range(10, 20):
        f(x)
    assert not any(ref() for ref in dead)


@pytest.mark.parametrize("ttl", [1e300, 1e10, timedelta.max, timedelta(days=400 * 365), 1e-12])
def test_extreme_lifes(ttl: Any, body: Counted) -> None:
    f = cache_result(ttl=ttl)(lambda: body())
    f()
    f()
    assert len(body.runs) == (2 if ttl == 1e-12 else 1)
