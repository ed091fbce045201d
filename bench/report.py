"""The table on the screen, and the record in a file."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from . import peers
from .result import TARGETS_APPLY, Row

HEAD = ("case", "variant", "min", "median", "ratio", "of", "target", "")


def machine() -> dict[str, object]:
    """What a reader must know to compare two records."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor()
    return {
        "python": platform.python_version(),
        "build": sys.version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": cpu,
        "cores": os.cpu_count(),
        "peers": peers.versions(),
    }


def opening() -> str:
    about = machine()
    others = ", ".join(f"{name} {version}" for name, version in peers.versions().items()) or "no peer"
    lines = [
        f"CPython {about['python']}, {about['cpu']}, {about['cores']} cores",
        f"beside {others}",
        "Nanoseconds over the bare call, unless a unit says otherwise: the difference of the minima, and the median",
        "difference within a round. A ratio is of the minima. Figures of different runs are not to be compared.",
    ]
    if not TARGETS_APPLY:
        lines.append("Before 3.12 calls go through the trampoline: reported without targets.")
    return "\n".join(lines)


def table(group: str, rows: Sequence[Row]) -> str:
    """The rows of one group, aligned."""
    lines = [HEAD, *(cells(row, previous) for row, previous in zip(rows, [None, *rows], strict=False))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    body = "\n".join(aligned(line, widths) for line in lines)
    return f"\n{group}\n{body}"


def cells(row: Row, previous: Row | None) -> tuple[str, ...]:
    unit = f" {row.unit}" if row.unit not in {"ns", ""} else ""
    target = str(row.target) if row.target and (TARGETS_APPLY or row.binding) else ""
    return (
        row.case if previous is None or previous.case != row.case else "",
        row.variant,
        number(row.least) + unit,
        "" if row.median is None else number(row.median) + unit,
        "" if row.ratio is None else f"{row.ratio:.2f}x",
        row.yardstick if row.ratio is not None else "",
        target,
        {True: "met", False: "MISSED", None: ""}[row.met],
    )


def aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    case, variant, least, median, ratio, of, target, verdict = (
        text.ljust(width) if i in {0, 1, 5, 6, 7} else text.rjust(width)
        for i, (text, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  ".join(("", case, variant, least, median, ratio, of, target, verdict)).rstrip()


def number(value: float) -> str:
    return f"{value:,.1f}" if abs(value) < 1_000 else f"{value:,.0f}"


def closing(rows: Sequence[Row]) -> str:
    judged = [row for row in rows if row.met is not None]
    if not judged:
        return "\nNo targets apply."
    count = sum(1 for row in judged if row.met)
    return "\n".join([f"\n{count} of {len(judged)} targets met.", *missed(judged)])


def missed(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.met is False:
            value = f"{row.ratio:.2f}x {row.yardstick}" if row.target and row.target.ratio else number(row.least)
            yield f"  missed: {row.group}, {row.case}, {row.variant}: {value}, target {row.target}"


def record(rows: Sequence[Row], *, quick: bool) -> str:
    """The whole run, as JSON."""
    content = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        **machine(),
        "rows": [row.record() for row in rows],
    }
    return json.dumps(content, indent=1) + "\n"
