"""What type checkers see of `timeout` and `hedge`. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import assert_type

from cladding import CallTimeoutError, Policy, hedge, stack, timeout

assert_type(timeout(timedelta(seconds=1)), Policy)
assert_type(timeout(seconds=1, enabled=lambda: True), Policy)
assert_type(hedge(timedelta(seconds=1), max_hedges=2), Policy)
stack(hedge(0.2), timeout(1))


@timeout(1.5)
def limited(x: int) -> str:
    return str(x)


@timeout(1)
@hedge(0.2)
async def hedged(x: int) -> str:
    return str(x)


@timeout(1)
async def items(n: int) -> AsyncIterator[int]:
    yield n


class Client:
    @hedge(1)
    def fetch(self, key: str) -> bytes:
        return key.encode()


async def main() -> None:
    assert_type(limited(3), str)
    assert_type(await hedged(3), str)
    assert_type([item async for item in items(3)], list[int])
    assert_type(Client().fetch("k"), bytes)
    try:
        limited(3)
    except CallTimeoutError as error:
        assert_type(error.function, str)
        assert_type(error.seconds, float)
