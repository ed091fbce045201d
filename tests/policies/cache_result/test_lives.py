"""`cache_result`: how long each result is kept, what it weighs, and which exceptions are kept."""

from __future__ import annotations

import array
import contextlib
import gc
import time
import traceback
import weakref
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from cladding import ConfigurationError, cache_result

from .helpers import LONG, SHORT, Counted, in_a_loop, outlived, stats, until


def test_a_life_for_each_result(body: Counted) -> None:
    lives: dict[int, Any] = {1: None, 2: SHORT, 3: 0, 4: -1, 5: timedelta(days=1), 6: float("inf"), 7: 1e300, 8: 10**9}

    def life(result: tuple[int, int]) -> Any:
        return lives[result[0]]

    f: Any = cache_result(ttl=life)(lambda x: (x, body(x)))
    first = {x: f(x) for x in lives}
    until(lambda: f.cache_info().currsize == 5)
    # What is not to be kept never was, not for a moment.
    assert stats(f)["expirations"] == 1
    assert [x for x in lives if f(x) != first[x]] == [2, 3, 4]
    assert stats(f)["hits"] == 5
    assert f.cache_parameters()["ttl"] is life


@pytest.mark.parametrize("said", ["60", float("nan"), True, [1], object])
def test_a_bad_life_is_an_error_of_the_call(said: Any, body: Counted) -> None:
    f: Any = cache_result(ttl=lambda result: said)(lambda x: body(x))
    for runs in (1, 2):
        with pytest.raises(ValueError, match="`ttl` must give seconds, a timedelta or None for ever, got"):
            f(1)
        assert len(body.runs) == runs
    assert f.cache_info().currsize == 0


def test_an_error_of_the_function_for_lives_is_the_calls_own() -> None:
    f: Any = cache_result(ttl=lambda result: 1 / result)(lambda x: x)
    with pytest.raises(ZeroDivisionError):
        f(0)
    assert f(1) == 1
    assert f.cache_info().currsize == 1


@in_a_loop
async def test_a_life_of_what_a_coroutine_came_to(body: Counted) -> None:
    @cache_result(ttl=lambda result: None if result == 1 else 0)
    async def f(x: int) -> int:
        return body(x)

    assert [await f(1), await f(1)] == [1, 1]
    assert [await f(2), await f(2)] == [2, 3]


def test_huge_lives_last(body: Counted) -> None:
    f: Any = cache_result(1e300)(lambda: body())
    assert f() == f() == 1


@pytest.mark.parametrize("ttl", [LONG, lambda result: LONG])
def test_jitter_shortens_lives_and_not_all_alike(ttl: Any) -> None:
    results = 20_000
    f: Any = cache_result(ttl=ttl, jitter=1.0, max_entries=None)(lambda x: x)
    for x in range(results):
        f(x)
    until(lambda: f.cache_info().currsize < results)
    assert f.cache_info().currsize > results / 2


def test_jitter_takes_no_more_than_its_fraction() -> None:
    results = 20_000
    f: Any = cache_result(ttl=LONG, jitter=0.5, max_entries=None)(lambda x: x)
    for x in range(results):
        f(x)
    # With the whole of each life at stake, some two of them would be over by then.
    outlived(0.1)
    assert f.cache_info().currsize == results


def test_jitter_shortens_the_lives_of_exceptions() -> None:
    @cache_result(ttl=None, cache_exceptions=KeyError, exception_ttl=LONG, jitter=1.0, max_entries=None)
    def f(x: int) -> None:
        raise KeyError

    results = 20_000
    for x in range(results):
        with contextlib.suppress(KeyError):
            f(x)
    until(lambda: f.cache_info().currsize < results)


@pytest.mark.parametrize("jitter", [-0.1, 1.1, float("nan"), "1", True])
def test_wrong_jitter(jitter: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"cache_result: `jitter` must be a fraction from 0 to 1, got"):
        cache_result(jitter=jitter)


def test_bytes_are_bounded() -> None:
    f: Any = cache_result(ttl=None, max_entries=None, max_bytes="1MB")(lambda x: bytes(100_000))
    for x in range(30):
        f(x)
    numbers = stats(f)
    assert numbers["entries"] == 9
    assert 900_000 < numbers["bytes"] <= 1_000_000
    assert numbers["evictions_by_bytes"] == 21
    assert numbers["evictions"] == 0
    f.cache_clear()
    assert stats(f)["bytes"] == 0


def test_what_is_too_large_is_handed_out_and_not_kept(body: Counted) -> None:
    f: Any = cache_result(max_bytes=10_000)(lambda x: [body(x), bytes(x)])
    f(1), f(20_000)
    assert f(1)[0] == 1
    assert f(20_000)[0] == 3
    assert stats(f)["evictions_by_bytes"] == 2


def test_sizes_are_what_the_objects_hold() -> None:
    numpy = pytest.importorskip("numpy")
    size = 8 * 10_000
    for make in (
        lambda x: numpy.zeros(10_000),
        lambda x: numpy.zeros((20_000, 2))[::4],
        lambda x: [numpy.zeros(10_000)],
        lambda x: {"a": numpy.zeros(10_000)},
        lambda x: array.array("d", [0.0]) * 10_000,
        lambda x: bytearray(size),
    ):
        f: Any = cache_result(max_bytes=10**9)(make)
        f(1)
        assert size <= stats(f)["bytes"] < size + 1_000


@pytest.mark.parametrize("max_bytes", [0, -1, 1.5, True, "2 apples", "0B"])
def test_wrong_max_bytes(max_bytes: Any) -> None:
    with pytest.raises(ConfigurationError, match="cache_result: `max_bytes` must be"):
        cache_result(max_bytes=max_bytes)


def test_exceptions_are_kept_when_asked_for(body: Counted) -> None:
    @cache_result(cache_exceptions=(KeyError, OSError), exception_ttl=LONG)
    def f(x: int) -> int:
        body(x)
        raise [KeyError("gone"), ValueError("bad")][x]

    for _ in range(5):
        with pytest.raises(KeyError, match="gone"):
            f(0)
    assert len(body.runs) == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            f(1)
    assert len(body.runs) == 3
    info = f.cache_info()
    assert (info.hits, info.misses, info.currsize) == (4, 3, 1)
    assert f.cache.items() == []
    with pytest.raises(KeyError):
        f.cache.get(0)
    f.cache.invalidate(0)
    with pytest.raises(KeyError):
        f(0)
    assert len(body.runs) == 4


def test_exceptions_expire(body: Counted) -> None:
    @cache_result(ttl=None, cache_exceptions=KeyError, exception_ttl=SHORT)
    def f() -> None:
        body()
        raise KeyError

    for runs in (1, 2, 3):
        with pytest.raises(KeyError):
            f()
        assert len(body.runs) == runs
        until(lambda: f.cache_info().currsize == 0)


def test_exceptions_do_not_live_as_long_as_results(body: Counted) -> None:
    @cache_result(ttl=SHORT, cache_exceptions=KeyError, exception_ttl=LONG)
    def f() -> None:
        body()
        raise KeyError

    for _ in range(2):
        with pytest.raises(KeyError):
            f()
        outlived(SHORT)
    assert len(body.runs) == 1


def test_kept_exceptions_hold_no_frames_and_do_not_grow() -> None:
    class Big:
        pass

    held: list[weakref.ref[Big]] = []

    @cache_result(cache_exceptions=KeyError, exception_ttl=LONG)
    def f() -> None:
        big = Big()
        held.append(weakref.ref(big))
        raise KeyError("x")

    lengths = []
    for _ in range(4):
        try:
            f()
        except KeyError as error:
            length, entry = 0, error.__traceback__
            while entry is not None:
                length, entry = length + 1, entry.tb_next
            lengths.append(length)
            assert error.__context__ is None
    gc.collect()
    assert len(held) == 1
    assert held[0]() is None
    assert lengths[1:] == [1, 1, 1]


class Summed(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(a + b)


class Doubled(Exception):
    def __init__(self, a: int) -> None:
        super().__init__(a * 2)


@pytest.mark.parametrize("make", [lambda: Summed(2, 4), lambda: Doubled(3)], ids=["fails", "differs"])
def test_an_exception_that_cannot_be_copied(make: Callable[[], Exception], body: Counted) -> None:
    @cache_result(cache_exceptions=Exception, exception_ttl=LONG)
    def f() -> None:
        body()
        raise make()

    raised, lengths = [], []
    for _ in range(3):
        with pytest.raises((Summed, Doubled), match=r"^6$") as caught:
            f()
        raised.append(caught.value)
        lengths.append(len(list(traceback.walk_tb(caught.value.__traceback__))))
    assert raised[0] is raised[1] is raised[2]
    assert lengths == [2, 1, 1]
    assert len(body.runs) == 1


@in_a_loop
async def test_exceptions_of_coroutines_are_kept(body: Counted) -> None:
    @cache_result(cache_exceptions=LookupError, exception_ttl=LONG)
    async def f() -> None:
        body()
        raise KeyError

    for _ in range(3):
        with pytest.raises(KeyError):
            await f()
    assert len(body.runs) == 1


@pytest.mark.parametrize("classes", [1, "KeyError", [KeyError], (KeyError, int), int])
def test_wrong_exceptions(classes: Any) -> None:
    with pytest.raises(
        ConfigurationError, match="`cache_exceptions` must be a class of exceptions, or a tuple of them"
    ):
        cache_result(cache_exceptions=classes)


def test_failed_calls_take_no_place(body: Counted) -> None:
    @cache_result(max_entries=2)
    def f(x: int) -> int:
        body(x)
        if x < 0:
            raise ValueError
        return x

    f(1), f(2)
    for x in range(-50, 0):
        with pytest.raises(ValueError):
            f(x)
    runs = len(body.runs)
    assert [f(1), f(2)] == [1, 2]
    assert len(body.runs) == runs


def test_load_time_is_counted() -> None:
    f: Any = cache_result(lambda x: time.sleep(0.01))
    began = time.perf_counter()
    f(1), f(1), f(2)
    passed = time.perf_counter() - began
    assert stats(f)["loads"] == 2
    # The two clocks need not agree to the last digit.
    assert 0.019 < stats(f)["load_seconds"] < passed + 0.001
