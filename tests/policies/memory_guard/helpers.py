"""Limits that are never or always passed, memory to fill them with, and new processes to do it in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cladding

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells memory in use")

MIB = 1 << 20
# A process needs more than that, and no machine has that much.
TINY, HUGE = "1MiB", "1000TiB"


def resident() -> int:
    """What this process uses, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def body(x: Any = None) -> Any:
    return x


def memory(size: int) -> bytearray:
    """So many bytes that are really there, since each page of them was written to."""
    held = bytearray(size)
    held[::4096] = bytes(len(range(0, size, 4096)))
    return held


def stats(function: Any) -> dict[str, int]:
    return {name: count for name, count in cladding.of(function).memory_guard.stats.items() if count}


PRELUDE = """
import logging, os, resource, sys
import cladding, gc, cladding._memory, inspect
logging.basicConfig(stream=sys.stdout, format="%(message)s")
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
def go_blind():  # a process that has no file descriptor left cannot read /proc
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
def see_again():
    while held:
        os.close(held.pop())
def f(x):
    return x
"""


def in_new_process(source: str) -> str:
    run = [sys.executable, "-c", PRELUDE + source]
    return subprocess.run(run, capture_output=True, text=True, check=True, timeout=60).stdout
