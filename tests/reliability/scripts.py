"""Runs programs in processes of their own, with the decorator under test in their first lines."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass

from .kinds import stand_in

BARE = "decorate = lambda function: function\n"
CLADDING = "import cladding\ndecorate = cladding.stack(cladding.timer(), cladding.monitor())\n"


@dataclass(frozen=True)
class Ended:
    """How a program ended; addresses and times in what it wrote are made alike."""

    status: int
    output: str
    errors: str


def run(program: str, *, decorated: bool, timeout: float = 50) -> Ended:
    """Runs a program that uses `decorate`, decorated or bare."""
    source = (CLADDING if decorated and not stand_in() else BARE) + textwrap.dedent(program)
    # The program has the same name and the same lines either way, so that tracebacks can be compared.
    source = source.replace("\n", "; ", 1) if source.startswith("import") else source
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", source],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    errors = re.sub("0x[0-9a-f]+", "0x…", done.stderr)
    # A suspended coroutine reports the line it waits at; a decorated one waits at its own first line.
    errors = re.sub(r"(running at .*?):\d+", r"\1:…", errors)
    return Ended(done.returncode, done.stdout, errors)


def assert_same(program: str) -> Ended:
    """Asserts that a program ends, and writes, the same decorated and bare; returns how the bare one ended."""
    bare, decorated = run(program, decorated=False), run(program, decorated=True)
    assert decorated == bare
    return bare
