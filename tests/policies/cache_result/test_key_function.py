"""`cache_result`: keys that a function makes."""

from __future__ import annotations

from typing import Any

import pytest

from cladding import ConfigurationError, cache_result

from .helpers import Counted, in_a_loop


def test_the_key_is_what_the_function_says(body: Counted) -> None:
    @cache_result(key=lambda url, **options: url.lower())
    def f(url: str, **options: Any) -> int:
        return body(url)

    assert f("A") == f("a", timeout=5) == f(url="a") == f("a", options=[]) == 1
    assert f("b") == 2


def test_it_is_called_as_the_function_is() -> None:
    calls: list[tuple[int, int, int]] = []

    def key(x: int, y: int = 2, *, z: int = 3) -> int:
        calls.append((x, y, z))
        return 1

    @cache_result(key=key)
    def f(x: int, y: int = 2, *, z: int = 3) -> int:
        return x

    assert f(1) == f(2, y=3) == f(y=4, x=5, z=6) == 1
    assert calls == [(1, 2, 3), (2, 3, 3), (5, 4, 6)]


def test_instances_stay_apart(body: Counted) -> None:
    class Client:
        @cache_result(key=lambda self, path: path.lower())
        def get(self, path: str) -> int:
            return body()

        @cache_result(key=lambda self, path: path.lower(), ignore=("self",))
        def shared(self, path: str) -> int:
            return body()

    first, second = Client(), Client()
    assert [first.get("A"), first.get("a"), second.get("a"), first.get("a")] == [1, 1, 2, 1]
    assert [first.shared("A"), second.shared("a")] == [3, 3]


def test_unhashable_keys_are_an_error() -> None:
    def make_key(x: Any) -> Any:
        return object.__new__(Bare)

    class Bare:
        __hash__ = None  # type: ignore[assignment]

    f = cache_result(key=make_key)(lambda x: x)
    with pytest.raises(TypeError, match=r"`key` function .*make_key\(\) of .* returned a .*Bare, which has no hash"):
        f(1)
    assert f.cache_info() == (0, 0, 10_000, 0)


def test_errors_of_the_key_function_reach_the_caller() -> None:
    f = cache_result(key=lambda x: 1 // x)(lambda x: x)
    with pytest.raises(ZeroDivisionError):
        f(0)
    assert f(1) == 1
    with pytest.raises(TypeError, match="missing 1 required"):
        f()  # type: ignore[call-arg]


def test_a_key_function_that_calls_the_cache() -> None:
    def key(x: int) -> int:
        return f(x - 1) if x > 0 else 0

    @cache_result(key=key)
    def f(x: int) -> int:
        return x

    assert f(5) == f(0)


@in_a_loop
async def test_of_coroutine_functions() -> None:
    runs = []

    @cache_result(key=abs)
    async def f(x: int) -> int:
        runs.append(x)
        return x

    assert [await f(1), await f(-1), await f(2)] == [1, 1, 2]
    assert runs == [1, 2]


async def wrong(x: int) -> int:
    return x


@pytest.mark.parametrize("key", [1, "x", wrong])
def test_wrong_key(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="cache_result: `key` must be a callable, not a coroutine function"):
        cache_result(key=key)
