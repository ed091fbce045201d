"""Endless recursion through decorated functions ends in a RecursionError, however small the thread's stack is."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys, threading
import cladding

sys.setrecursionlimit({limit})
decorate = cladding.stack(*[cladding.timer()] * {policies})

@decorate
def function(n): return function(n + 1)

@decorate
def generator(n): yield from generator(n + 1)

@decorate
async def coroutine(n): return await coroutine(n + 1)

def run(call):
    try:
        call()
    except RecursionError:
        print("RecursionError")

for call in (lambda: function(0), lambda: list(generator(0)), lambda: asyncio.run(coroutine(0))):
    threading.stack_size({kibibytes} * 1024)
    thread = threading.Thread(target=run, args=(call,))
    thread.start()
    thread.join()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info < (3, 12), reason="on 3.11 a Python closure overflows such stacks too")
@pytest.mark.parametrize("policies", [1, 5])
@pytest.mark.parametrize(("kibibytes", "limit"), [(512, 1_000), (1024, 1_000), (8192, 1_000_000)])
def test_endless_recursion(policies: int, kibibytes: int, limit: int) -> None:
    program = PROGRAM.format(policies=policies, kibibytes=kibibytes, limit=limit)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout.split()) == (0, ["RecursionError"] * 3), run.stderr[-500:]
