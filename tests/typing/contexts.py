"""What type checkers see of context managers that decorate. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from cladding import asynccontextmanager, contextmanager


@contextmanager
def opened(path: str, *, size: int = 0) -> Iterator[bytes]:
    yield path.encode()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[str]:
    yield str(port)


with opened("x", size=3) as content:
    assert_type(content, bytes)


@opened("x")
def function(x: int, *, scale: float = 1.0) -> str:
    return str(x * scale)


@opened("x")
async def coroutine(x: int) -> str:
    return str(x)


class Thing:
    @opened("x")
    def method(self, x: int) -> str:
        return str(x)

    @opened("x")
    @classmethod
    def build(cls, x: int) -> Thing:
        return cls()

    @classmethod
    @contextmanager
    def switched(cls) -> Iterator[None]:
        yield


async def use() -> None:
    async with connected(80) as text:
        assert_type(text, str)
    assert_type(await coroutine(3), str)
    assert_type(await remote(3), str)


@connected(80)
async def remote(x: int) -> str:
    return str(x)


assert_type(function(3, scale=2), str)
assert_type(Thing().method(3), str)
assert_type(Thing.build(3), Thing)
with Thing.switched():
    pass
