"""What type checkers see of caches, cached properties, partials and wraps. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, assert_type

from cladding import cache, cached_property, lru_cache, memoize, partial, wraps

P = ParamSpec("P")
R = TypeVar("R")


@lru_cache
def bare(x: int, *, by: str = "") -> float:
    return x / 2


@lru_cache(maxsize=None, typed=True)
def configured(x: int) -> list[int]:
    return [x]


@cache
def unbounded(x: str) -> bytes:
    return x.encode()


@memoize
def remembered(x: str) -> bytes:
    return x.encode()


@memoize(max_entries=10)
async def awaited(x: str) -> bytes:
    return x.encode()


assert_type(bare(1, by="m"), float)
assert_type(bare.cache_info().hits, int)
assert_type(bare.cache_parameters()["maxsize"], int | None)
bare.cache_clear()
assert_type(configured(1), list[int])
assert_type(unbounded("a"), bytes)
assert_type(remembered("a"), bytes)
assert_type(remembered.cache_info().hits, int)


class Model:
    @lru_cache(maxsize=10, per_instance=True)
    def scale(self, x: int) -> float:
        return x / 2

    @cache(per_instance=True)
    def everything(self) -> list[int]:
        return []

    @memoize
    def load(self, path: str) -> bytes:
        return path.encode()

    @cached_property
    def total(self) -> int:
        return 1

    @cached_property
    async def remote(self) -> bytes:
        return b""


async def use(model: Model) -> None:
    assert_type(model.scale(1), float)
    assert_type(Model.scale(model, 1), float)
    assert_type(model.scale.cache_info().currsize, int)
    assert_type(model.everything(), list[int])
    assert_type(model.load("a"), bytes)
    assert_type(model.total, int)
    assert_type(await model.remote, bytes)
    assert_type(await awaited("a"), bytes)


def loud(function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    return wrapper


@loud
def greet(name: str) -> str:
    return name


assert_type(greet("you"), str)
assert_type(partial(greet, "you")(), str)
