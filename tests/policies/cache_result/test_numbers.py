"""`cache_result`: what its statistics, its methods and the metrics say."""

from __future__ import annotations

import functools

from cladding import cache_result, metrics_text, monitor, of, retry, stack

from .helpers import Counted, stats


def test_info_and_clear_as_functools_has_them(body: Counted) -> None:
    f = cache_result(max_entries=5)(lambda x: body(x))
    f(1), f(1), f(2)
    info = f.cache_info()
    assert info == (1, 2, 5, 2)
    assert (info.hits, info.misses, info.maxsize, info.currsize) == (1, 2, 5, 2)
    assert info._fields == functools.lru_cache(lambda: 1).cache_info()._fields
    assert f.cache_clear() is None
    assert f.cache_info() == (0, 0, 5, 0)
    assert f(1) == 3
    numbers = stats(f)
    assert 0 < numbers.pop("load_seconds") < 60
    assert {name: number for name, number in numbers.items() if number} == {
        "hits": 1,
        "misses": 3,
        "loads": 3,
        "entries": 1,
    }


def test_clear_empties_the_caches_of_a_stack_alone(body: Counted) -> None:
    @stack(monitor(), cache_result(ttl=None), retry(max_retries=1, initial_delay=0))
    def f(x: int) -> int:
        return body(x)

    f(1)
    f(1)
    assert of(f).monitor.stats["calls"] == 2
    f.cache_clear()
    assert f(1) == 2


def test_metrics() -> None:
    def f(x: int) -> int:
        return x

    f.__qualname__ = f.__name__ = "cached_for_metrics"
    cached = cache_result(max_entries=1)(f)
    cached(1), cached(1), cached(2)
    text = metrics_text()
    label = f'function="{__name__}.cached_for_metrics"'
    assert f"cladding_cache_hits_total{{{label}}} 1\n" in text
    assert f"cladding_cache_misses_total{{{label}}} 2\n" in text
    assert f"cladding_cache_entries{{{label}}} 1\n" in text
    assert f'cladding_cache_evictions_total{{{label},cause="capacity"}} 1\n' in text
    assert f'cladding_cache_evictions_total{{{label},cause="expired"}} 0\n' in text
    assert "# TYPE cladding_cache_entries gauge\n" in text


def test_a_retry_inside_is_one_computation_and_outside_several() -> None:
    runs = []

    def flaky() -> int:
        runs.append(1)
        if len(runs) % 2:
            raise ConnectionError
        return len(runs)

    inside = stack(cache_result(), retry(max_retries=2, initial_delay=0))(flaky)
    assert inside() == inside() == 2
    assert stats(inside)["misses"] == 1
    outside = stack(retry(max_retries=2, initial_delay=0), cache_result())(flaky)
    assert outside() == outside() == 4
    assert stats(outside)["misses"] == 2
