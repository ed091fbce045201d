"""What very many results take, and that nothing of them stays: each cache in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.leak,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux says so simply what a process takes"),
]

ENTRIES = 1_000_000
# From an int to an int, both made before, so that the cache's own memory is what is seen.
PROGRAM = f"""
import functools, json, os
from pathlib import Path
from cladding import cache_result

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def fill():
    for x in arguments:
        f(x)
    assert f.cache_info().currsize == {ENTRIES}

f = DECORATOR(lambda x: x)
f(1)
f.cache_clear()
arguments = list(range({ENTRIES}))
seen = [resident()]
for _ in range(CLEARS):
    fill()
    f.cache_clear()
    assert f.cache_info().currsize == 0
    seen.append(resident())
fill()
print(json.dumps([(resident() - seen[0]) / {ENTRIES}, (seen[-1] - seen[1]) / {ENTRIES} if len(seen) > 1 else 0]))
"""


def bytes_for_each(decorator: str, clears: int = 0) -> tuple[float, float]:
    """What an entry takes in a full cache, and what has stayed of one since the first of so many clears."""
    program = PROGRAM.replace("DECORATOR", decorator).replace("CLEARS", str(clears))
    # One arena, so that what is freed is where what comes next is taken from.
    env = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    entry, stays = json.loads(done.stdout)
    return entry, stays


@pytest.mark.parametrize("ttl", [3_600, None])
def test_an_entry_takes_no_more_than_one_of_functools(ttl: float | None) -> None:
    # Where the interpreter and the allocator put things makes a difference of some bytes.
    room = 1.1
    theirs, _ = bytes_for_each(f"functools.lru_cache({ENTRIES})")
    ours, _ = bytes_for_each(f"cache_result(ttl={ttl}, max_entries={ENTRIES})")
    assert ours <= room * theirs


def test_nothing_stays_after_a_clear() -> None:
    _, stays = bytes_for_each(f"cache_result(ttl=3_600, max_entries={ENTRIES})", clears=6)
    assert stays < 2, "of some 90 bytes for each entry that there was, six times over"


def test_an_unbounded_cache_gives_back_what_it_took() -> None:
    entry, stays = bytes_for_each("cache_result(ttl=None, max_entries=None)", clears=3)
    assert stays < 0.05 * entry
