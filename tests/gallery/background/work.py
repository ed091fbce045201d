"""Functions that other processes import."""

from __future__ import annotations

import os
from typing import Any

from cladding import timer
from cladding._gallery.background import background


class Failure(Exception):
    """What background work raises here."""


@background(executor="process")
def squares(n: int) -> list[int]:
    return [x * x for x in range(n)]


@timer
@background(executor="process")
@timer
def pid() -> int:
    return os.getpid()


@background(executor="process")
def fail(text: str) -> None:
    raise Failure(text)


@background(executor="process")
def die() -> None:
    os._exit(3)


@background(executor="process")
async def asynchronous(x: int) -> int:
    return x + 1


@background(executor="process")
def not_picklable(x: Any) -> Any:
    return lambda: x


class Thing:
    def __init__(self, x: int) -> None:
        self.x = x

    @background(executor="process")
    def method(self, y: int) -> int:
        return self.x + y

    @classmethod
    @background(executor="process")
    def of_class(cls, y: int) -> tuple[str, int]:
        return cls.__name__, y

    @background(executor="process")
    @staticmethod
    def static(y: int) -> int:
        return y
