"""`on_exit`: called once, at the end, in the process that asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cladding._gallery.on_exit import on_exit

SCRIPT = """
import os, sys, threading
from cladding._gallery.on_exit import on_exit

@on_exit
def first():
    print("first")

@on_exit("a", end="!")
def second(text, *, end):
    print(text + end)

class Thing:
    @staticmethod
    def close(name):
        print("close", name)

on_exit("thing")(Thing.close)
on_exit(print)

@on_exit()
def fails():
    raise ValueError("mine")

first()
if hasattr(os, "fork"):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        sys.exit(0)
    os.waitpid(child, 0)
def wait_and_print():
    threading.main_thread().join()
    print("thread", flush=True)

threading.Thread(target=wait_and_print).start()
print("end", flush=True)
"""


def test_at_the_end_of_a_program(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script], capture_output=True, text=True, timeout=60, check=False
    )
    lines = done.stdout.splitlines()
    assert lines[:3] == ["first", "end", "thread"]
    assert lines[3:] == ["", "close thing", "a!", "first"]
    assert done.stderr.count("ValueError: mine") == 1


def plain(x: int) -> None: ...


async def coroutine() -> None: ...


def generator() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize("target", [coroutine, generator, int])
def test_wrong_targets(target: Any) -> None:
    with pytest.raises(TypeError, match="cannot decorate"):
        on_exit(target)


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        on_exit(plain)
    with pytest.raises(TypeError, match="too many positional arguments"):
        on_exit(1, 2)(plain)
    with pytest.raises(TypeError, match="by name"):
        on_exit(plain, 1)
    with pytest.raises(TypeError, match="cannot be called"):
        on_exit()(1)  # type: ignore[type-var]
