"""What type checkers see of calls that run in the background, and of their handles. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import assert_type

from cladding import background, blocking


class Service:
    @background
    def later(self, x: int) -> bytes:
        return str(x).encode()

    @blocking("wait")
    def slow(self, x: int) -> bytes:
        return str(x).encode()


@background
def square(x: int) -> float:
    return x * x


@background(executor=ThreadPoolExecutor, on_success=print, on_failure=print)
def on_executor(x: int) -> float:
    return x * x


@background(executor="process")
async def task(x: int) -> float:
    return x * x


@background(buffer=2)
def items(x: int) -> Iterator[float]:
    yield x


@background
def items_with_result(x: int) -> Generator[float, None, str]:
    yield x
    return ""


async def handles() -> None:
    assert_type(square(1).result(1.0), float)
    assert_type(await square(1), float)
    assert_type(on_executor(1).result(), float)
    assert_type(await task(1), float)
    assert_type(Service().later(1).result(), bytes)
    assert_type(square(1).exception(), BaseException | None)
    for item in items(1):
        assert_type(item, float)
    with items_with_result(1) as stream:
        assert_type(next(stream), float)


assert_type(Service().slow(1), bytes | str)
