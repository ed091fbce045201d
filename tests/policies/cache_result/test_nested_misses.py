"""`cache_result`: computations inside and beside others, of which several begin before the first one ends."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cladding import cache_result

from .helpers import in_threads, joined, stats, until


@pytest.mark.parametrize("ttl", [60, None])
def test_each_of_a_chain_is_computed_once_and_kept(ttl: float | None) -> None:
    runs: list[int] = []

    @cache_result(ttl=ttl)
    def f(x: int) -> int:
        runs.append(x)
        return f(x - 1) + 1 if x else 0

    assert [f(150), f(150), f(75)] == [150, 150, 75]
    assert runs == list(range(150, -1, -1))
    assert f.cache_info() == (2, 151, 10_000, 151)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_only_what_is_invalidated_is_not_kept(which: int) -> None:
    runs: list[int] = []

    @cache_result
    def f(x: int) -> int:
        runs.append(x)
        if x < 2:
            f(x + 1)
        elif len(runs) == 3:
            # All three are under way, the last one without a place among the others.
            assert not f.cache.invalidate(which)
        return x

    f(0)
    assert sorted(key for (key,), _ in f.cache.items()) == [x for x in range(3) if x != which]
    assert f(which) == which
    assert f.cache_info().currsize == 3
    assert runs == [0, 1, 2, which]


def test_nothing_is_kept_of_what_was_under_way_when_the_cache_was_cleared() -> None:
    @cache_result
    def f(x: int) -> int:
        f(x + 1) if x < 3 else f.cache_clear()
        return x

    f(0)
    assert f.cache_info().currsize == 0


def test_one_that_fails_does_not_end_the_others() -> None:
    @cache_result
    def f(x: int) -> int:
        if x == 2:
            raise KeyError
        try:
            return f(x + 1)
        except KeyError:
            return x

    assert f(0) == 1
    assert [f.cache.get(0), f.cache.get(1)] == [1, 1]
    with pytest.raises(KeyError):
        f.cache.get(2)


def test_others_wait_for_whichever_is_under_way() -> None:
    inside, go_on = threading.Event(), threading.Event()
    runs: list[int] = []

    @cache_result
    def f(x: int) -> int:
        runs.append(x)
        if x < 2:
            return f(x + 1) + 1
        inside.set()
        assert go_on.wait(20)
        return x

    results: list[tuple[int, int]] = []
    first = in_threads(1, lambda: results.append((0, f(0))))
    assert inside.wait(20)
    others = [thread for x in range(3) for thread in in_threads(3, lambda x=x: results.append((x, f(x))))]  # type: ignore[misc]
    until(lambda: stats(f)["waits"] == 9)
    go_on.set()
    joined(first + others)
    assert sorted(results) == [(0, 4)] * 4 + [(1, 3)] * 3 + [(2, 2)] * 3
    assert runs == [0, 1, 2]


def test_methods_of_several_instances() -> None:
    class Node:
        def __init__(self, below: Any = None) -> None:
            self.below = below

        @cache_result
        def depth(self, start: int) -> int:
            return start if self.below is None else self.below.depth(start) + 1

    top = Node(Node(Node()))
    assert [top.depth(5), top.depth(5), top.below.depth(5)] == [7, 7, 6]
    assert Node.depth.cache_info()[:2] == (2, 3)
    top.below = None
    assert Node.depth.cache_info().currsize == 1
