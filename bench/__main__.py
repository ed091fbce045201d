"""What cladding costs: `python -m bench`, from the root of the repository, with cladding and any peers installed."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import report
from .arrays import arrays
from .caches import awaited_hits, content_keys, hits, misses
from .carrier import carrier, noise, stacks
from .gallery import caches, locks
from .headline import headline
from .imports import imports
from .kinds import kinds
from .memory import memory
from .policies import policies
from .result import Row
from .retry import retry
from .stores import stores
from .switched_off import switched_off
from .timing import Effort
from .toolkit import callers, proxies

GROUPS = {
    "noise": noise,
    "carrier": carrier,
    "stacks": stacks,
    "kinds": kinds,
    "policies": policies,
    "hits": hits,
    "misses": misses,
    "awaited": awaited_hits,
    "content": content_keys,
    "stores": stores,
    "memory": memory,
    "retry": retry,
    "arrays": arrays,
    "headline": headline,
    "callers": callers,
    "proxies": proxies,
    "caches": caches,
    "locks": locks,
    "off": switched_off,
    "import": imports,
}


def main() -> int:
    options = parse_options()
    effort = Effort.quick() if options.quick else Effort()
    print(report.opening(), flush=True)
    rows: list[Row] = []
    for name in options.only or GROUPS:
        start = time.monotonic()
        if sys.stderr.isatty():
            print(f"\r{name} ...", end="", file=sys.stderr, flush=True)
        mine = list(GROUPS[name](effort))
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        rows += mine
        if mine:
            print(report.table(f"{name}  ({time.monotonic() - start:.0f} s)", mine), flush=True)
    print(report.closing(rows))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(report.record(rows, quick=options.quick))
        print(f"Recorded in {options.json}.")
    failed = [row for row in rows if row.met is False and (row.binding or options.strict)]
    return 1 if failed else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="What cladding costs.")
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="GROUP", help=f"one of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="a rough look, in a tenth of the time")
    parser.add_argument("--strict", action="store_true", help="fail where a target is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a record of the run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
