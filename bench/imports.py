"""What `import cladding` costs a fresh interpreter, and what it brings along."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from time import perf_counter_ns

from .result import Row, Target
from .timing import Effort

IMPORT = Target(15)
NO_MODULE = Target(0)
THIRD_PARTY = """
import sys
before = set(sys.modules)
import cladding
tops = {name.partition('.')[0] for name in set(sys.modules) - before}
print(*sorted(tops - sys.stdlib_module_names - {'cladding'}))
"""


def imports(effort: Effort) -> Iterator[Row]:
    """In processes of their own, started in turns."""
    rounds = 10 if effort == Effort.quick() else 40
    bare, loaded, own = [], [], []
    for turn in range(rounds):
        if turn % 2:
            bare.append(started("pass"))
            loaded.append(started("import cladding"))
        else:
            loaded.append(started("import cladding"))
            bare.append(started("pass"))
        own.append(reported())
    over = [mine - other for mine, other in zip(loaded, bare, strict=True)]
    wall = min(loaded) - min(bare), statistics.median(over)
    yield Row("import", "wall time", "python -c pass (in all)", min(bare), statistics.median(bare), "ms")
    yield Row("import", "wall time", "cladding", *wall, "ms", target=IMPORT)
    yield Row("import", "-X importtime", "cladding", min(own), statistics.median(own), "ms", target=IMPORT)
    modules = python("-c", THIRD_PARTY).stdout.split()
    name = f"third-party modules: {' '.join(modules) or 'none'}"
    yield Row("import", "brought along", name, len(modules), unit="", target=NO_MODULE, binding=True)


def started(code: str) -> float:
    """Milliseconds that a fresh interpreter takes to run some code."""
    start = perf_counter_ns()
    python("-c", code)
    return (perf_counter_ns() - start) / 1e6


def reported() -> float:
    """Milliseconds that the interpreter itself counts for the import, everything below it included."""
    log = python("-X", "importtime", "-c", "import cladding").stderr
    found = re.search(r"\|\s*(\d+) \| cladding$", log, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"-X importtime does not mention cladding:\n{log}")
    return int(found[1]) / 1e3


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this interpreter, away from the sources."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=tempfile.gettempdir(), capture_output=True, text=True, check=True)
