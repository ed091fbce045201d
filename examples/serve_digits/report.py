"""What the demo prints: the progress line while it runs, and the table at its end. All of it read from `f.cladding`."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pipeline
from clients import Tally
from pipeline import DigitPipeline

FUNCTIONS = {
    "predict": DigitPipeline.predict,
    "load": DigitPipeline.load,
    "fetch": DigitPipeline.fetch,
    "predict_async": DigitPipeline.predict_async,
    "load_async": DigitPipeline.load_async,
    "fetch_async": DigitPipeline.fetch_async,
    "parse": pipeline.parse,
    "check": pipeline.check,
    "classify": DigitPipeline.classify,
}

NOTES = """\
  p50, p95 and p99 are of all calls of a function. A call of load that the cache answers is timed like one that
  fetches, so where most are hits the p50 is that of a hit."""

ABOUT_ERRORS = """\
  A ValidationError of predict is a sample that does not exist, refused at the door, or comes from load. One of load is
  a bad reply or row at the last attempt, when the retries were used up: retry raises what failed last."""


def stats(function: Any) -> dict[str, dict[str, Any]]:
    """The statistics of each policy on a decorated function, by the policy's name."""
    return {policy.name: dict(policy.stats) for policy in function.cladding.policies}


def errors(function: Any) -> Counter[str]:
    """How often a monitored function raised, by the type's own name."""
    found: Counter[str] = Counter()
    for type_name, count in stats(function)["monitor"]["errors"].items():
        found[type_name.rpartition(".")[2]] += count
    return found


def watch(tallies: Sequence[Tally], running: Callable[[], bool]) -> None:
    """Show how far the clients are: one line that changes on a terminal, a line every two seconds elsewhere."""
    terminal = sys.stdout.isatty()
    start, every = time.monotonic(), 0.1 if terminal else 2.0
    shown = -every
    while True:
        over = not running()
        elapsed = time.monotonic() - start
        if over or elapsed - shown >= every:
            shown = elapsed
            line = progress(tallies, elapsed)
            if terminal:
                width = shutil.get_terminal_size().columns - 1
                print("\r" + line[:width].ljust(width), end="", flush=True)
            else:
                print(line, flush=True)
        if over:
            break
        time.sleep(0.05)
    if terminal:
        print()


def progress(tallies: Sequence[Tally], elapsed: float) -> str:
    planned, ended = sum(t.planned for t in tallies), sum(t.ended for t in tallies)
    caches = [stats(f)["cache_result"] for f in (DigitPipeline.load, DigitPipeline.load_async)]
    retries = sum(stats(f)["retry"]["retries"] for f in (DigitPipeline.load, DigitPipeline.load_async))
    hits, misses = sum(c["hits"] for c in caches), sum(c["misses"] for c in caches)
    p95 = stats(DigitPipeline.predict)["monitor"]["p95"]
    return (
        f"  {elapsed:5.1f} s  {ended / planned:4.0%}  {ended:,} of {planned:,} requests"
        f"  {sum(t.rejected for t in tallies):,} rejected  {retries:,} retries"
        f"  hits {share(hits, hits + misses)}  p95 {duration(p95)}"
    )


def table() -> str:
    """A line for each decorated function."""
    rows = [row(name, stats(function)) for name, function in FUNCTIONS.items()]
    head = ["function", "calls", "retries", "rejected", "hit ratio", "memory waits", "p50", "p95", "p99"]
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    lines = []
    for line in [head, ["-" * width for width in widths], *rows]:
        cells = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        lines.append("  ".join(["", line[0].ljust(widths[0]), *cells]).rstrip())
    lines += ["", NOTES, "", "  decorators, outermost first", *stacks(widths[0])]
    lines += ["", "  errors by type"]
    for name, function in FUNCTIONS.items():
        if "monitor" in stats(function) and (found := errors(function)):
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in found.most_common())
            lines.append(f"  {name.ljust(widths[0])}  {kinds}")
    lines += ["", ABOUT_ERRORS]
    return "\n".join(lines)


def stacks(width: int) -> list[str]:
    """Which decorators each function has, read from the functions themselves."""
    return [
        f"  {name.ljust(width)}  {', '.join(policy.name for policy in function.cladding.policies)}"
        for name, function in FUNCTIONS.items()
    ]


def row(name: str, by_policy: dict[str, dict[str, Any]]) -> list[str]:
    watched, checked = by_policy.get("monitor"), by_policy.get("validate_input")
    retried, cached = by_policy.get("retry"), by_policy.get("cache_result")
    guarded = by_policy.get("memory_guard")
    calls = watched["calls"] if watched else checked["checked"] if checked else 0
    return [
        name,
        f"{calls:,}",
        f"{retried['retries']:,}" if retried else "",
        f"{checked['rejected']:,}" if checked else "",
        share(cached["hits"], cached["hits"] + cached["misses"]) if cached else "",
        f"{guarded['waits']:,}" if guarded else "",
        *(duration(watched[quantile]) if watched else "" for quantile in ("p50", "p95", "p99")),
    ]


def share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def duration(seconds: float) -> str:
    """Seconds, in the unit that reads best; a dash where nothing has been timed yet."""
    if math.isnan(seconds):
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.0f} ns"
