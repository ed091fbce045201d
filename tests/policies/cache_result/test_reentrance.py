"""`cache_result` when code that it runs inside, such as `__eq__` or `__del__`, calls it again."""

from __future__ import annotations

import gc
import time
from typing import Any

from cladding import cache_result

from .helpers import in_threads, joined


def test_an_equality_that_calls_the_cache() -> None:
    class Key:
        def __init__(self, name: str) -> None:
            self.name = name

        def __hash__(self) -> int:
            return 7

        def __eq__(self, other: object) -> bool:
            f("from eq")
            f.cache_info()
            if self.name == "clears":
                f.cache_clear()
            return isinstance(other, Key) and self.name == other.name

    f: Any = cache_result(ttl=None)(lambda x: object())
    kept = f(Key("a"))
    assert f(Key("a")) is kept
    assert f(Key("b")) is not kept
    f(Key("clears"))
    f(Key("clears"))
    assert f(Key("a")) is f(Key("a"))


def test_a_finaliser_that_calls_the_cache() -> None:
    class Value:
        def __init__(self, x: int) -> None:
            self.x = x

        def __del__(self) -> None:
            seen.append(self.x)
            f(-1)
            f.cache_info()
            if self.x == 5:
                f.cache_clear()

    seen: list[int] = []
    f: Any = cache_result(max_entries=2)(lambda x: Value(x) if x >= 0 else x)
    for x in range(20):
        f(x)
    f.cache_clear()
    gc.collect()
    assert sorted(set(seen)) == list(range(20))
    assert f(-1) == -1


def test_a_key_whose_finaliser_calls_the_cache() -> None:
    class Key:
        def __del__(self) -> None:
            f(None)

    f: Any = cache_result(max_entries=1)(lambda x: None)
    for _ in range(10):
        f(Key())
    f.cache_clear()


def test_garbage_collection_during_calls() -> None:
    f: Any = cache_result(max_entries=50)(lambda x: [x])
    old = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for x in range(2000):
            f((x % 100, str(x % 70)))
    finally:
        gc.set_threshold(*old)


def test_threads_with_keys_that_run_code() -> None:
    class Key:
        def __init__(self, number: int) -> None:
            self.number = number

        def __hash__(self) -> int:
            return self.number % 3

        def __eq__(self, other: object) -> bool:
            time.sleep(0)
            return isinstance(other, Key) and self.number == other.number

    f: Any = cache_result(max_entries=None)(lambda key: (key.number, []))
    wrong: list[Any] = []

    def hammer() -> None:
        for round_ in range(100):
            number = round_ % 12
            if f(Key(number))[0] != number:
                wrong.append(number)

    joined(in_threads(8, hammer))
    assert wrong == []
    assert f.cache_info().currsize == 12
    assert f.cache_info().misses == 12
