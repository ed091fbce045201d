"""What type checkers see of `synchronized`, as a decorator and as a block. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

import asyncio
import threading
from typing import assert_type

import cladding
from cladding import Policy, synchronized


@synchronized
def plain(x: int, *, y: str = "") -> bytes:
    return f"{x}{y}".encode()


@synchronized()
async def coroutine(x: int) -> bytes:
    return str(x).encode()


@synchronized(threading.Lock())
def locked(x: int) -> bytes:
    return str(x).encode()


@synchronized(asyncio.Lock())
async def locked_async(x: int) -> bytes:
    return str(x).encode()


@synchronized(on="name")
def on_name(x: int) -> bytes:
    return str(x).encode()


class Service:
    @synchronized
    def method(self, x: int) -> bytes:
        return str(x).encode()

    @synchronized
    @classmethod
    def of_class(cls, x: int) -> bytes:
        return str(x).encode()


assert_type(plain(1, y="a"), bytes)
assert_type(locked(1), bytes)
assert_type(on_name(1), bytes)
assert_type(Service().method(1), bytes)
assert_type(Service.of_class(1), bytes)
assert_type(synchronized(enabled=False), Policy)
cladding.stack(cladding.retry, synchronized, synchronized(threading.Lock()), synchronized(on=1))

with synchronized(object()), synchronized(threading.RLock()), synchronized(on=Service):
    pass


async def blocks() -> None:
    assert_type(await coroutine(1), bytes)
    assert_type(await locked_async(1), bytes)
    async with synchronized([]), synchronized(asyncio.Lock()):
        pass
