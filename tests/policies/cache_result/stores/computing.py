"""A program that many processes run: calls one cached function, and notes in a file whenever that computes.

python computing.py URL NOTES SECONDS HOW
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from cladding import cache_result

url, notes, seconds, how = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
cached = cache_result(ttl=600, store=url, namespace="computing", lease=2, store_timeout=10)


def note() -> None:
    with notes.open("a") as file:
        file.write(f"{os.getpid()}\n")


if how == "function":

    @cached
    def compute(x: int) -> list[int]:
        note()
        time.sleep(seconds)
        return [x, x + 1]

    result = compute(7)
else:

    @cached
    async def compute_async(x: int) -> list[int]:
        note()
        await asyncio.sleep(seconds)
        return [x, x + 1]

    result = asyncio.run(compute_async(7))

assert result == [7, 8]
print("right", flush=True)
