"""What a million results take, and whether anything stays of them after a clear: each cache in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from . import cache_peers as peers
from .result import Row, Target
from .timing import Effort

ENTRIES = 1_000_000
ROUNDS = 5
LRU = "lru_cache"
NO_MORE = Target(1, ratio=True)
NO_GROWTH = Target(1)  # byte for each entry there ever was: what the allocator keeps differs by less

CACHES: dict[str, Callable[[], Callable]] = {
    LRU: lambda: peers.lru_cache(ENTRIES),
    "cladding": lambda: peers.cladding_cache(ENTRIES, 3_600),
    "cladding, ttl=None": lambda: peers.cladding_cache(ENTRIES, None),
    "cachetools": lambda: peers.cachetools_cache(ENTRIES),
    "cachebox": lambda: peers.cachebox_cache(ENTRIES),
}


def memory(effort: Effort) -> Iterator[Row]:
    """From an int to an int, both made before, so that the cache's own memory is what is seen."""
    del effort  # bytes do not vary
    found = {name: measured for name in CACHES if (measured := in_a_process(name)) is not None}
    least = found[LRU]["entry"]
    for name, measured in found.items():
        target = NO_MORE if name.startswith("cladding") else None
        entry = measured["entry"]
        yield Row("memory", "an entry", name, entry, unit="B", ratio=entry / least, yardstick=LRU, target=target)
    for name, measured in found.items():
        if name.startswith("cladding"):
            growth = measured["growth"]
            yield Row("memory", f"growth over {ROUNDS} clears", name, growth, unit="B", target=NO_GROWTH)


def in_a_process(name: str) -> dict[str, float] | None:
    """What one cache takes, in bytes for each entry; None where it is not installed or the memory cannot be seen."""
    env = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, "-m", __name__, name]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def measure(name: str) -> dict[str, float] | None:
    """In the process that is for this one cache."""
    try:
        import psutil

        f = CACHES[name]()(lambda x: x)
    except ImportError:
        return None
    process = psutil.Process()

    def resident() -> int:
        return process.memory_info().rss

    # A few results first, so that code and what is made once are there.
    for x in range(100):
        f(x)
    f.cache_clear()
    arguments = list(range(1_000, 1_000 + ENTRIES))

    def fill() -> None:
        for x in arguments:
            f(x)

    before = resident()
    fill()
    entry = resident() - before
    f.cache_clear()
    after = resident()
    for _ in range(ROUNDS - 1 if name.startswith("cladding") else 0):  # others may take seconds for each
        fill()
        f.cache_clear()
    return {"entry": entry / ENTRIES, "growth": (resident() - after) / ENTRIES}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
