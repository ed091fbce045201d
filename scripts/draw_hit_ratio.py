"""Draws docs/figures/hit_ratio.svg from the simulation in the engine's tests.

python scripts/draw_hit_ratio.py
"""

from __future__ import annotations

import math
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIGURE = ROOT / "docs" / "figures" / "hit_ratio.svg"
SIMULATION = ("cargo", "test", "--release", "--package", "cladding-engine", "--lib", "at_every_size", "--", "--ignored")
LINE = re.compile(r"figure, (.+), (\d+): table ([\d.]+) %, LRU ([\d.]+) %, best ([\d.]+) %")

# What each series is called, its colour and the dashes of its line: told apart without colour too.
SERIES = (("best fixed choice", "#57606a", "2 4"), ("cache_result", "#0969da", ""), ("LRU", "#bc4c00", "8 4"))
TITLES = {"Zipf": "Zipf's law", "Zipf with scans": "Zipf's law, a third of it scans"}

WIDTH, HEIGHT = 330, 260  # of a panel's plot
LEFT, TOP, GAP, BOTTOM = 56, 62, 70, 54
LOWEST, HIGHEST = 20, 100  # percent


@dataclass(frozen=True)
class Point:
    """The hit ratios in percent with room for so many results, in the order of the series."""

    entries: int
    ratios: tuple[float, float, float]


def main() -> None:
    """Simulates and draws."""
    done = subprocess.run((*SIMULATION, "--nocapture"), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    panels: dict[str, list[Point]] = {}
    for load, entries, table, lru, best in LINE.findall(done.stdout):
        panels.setdefault(load, []).append(Point(int(entries), (float(best), float(table), float(lru))))
    FIGURE.parent.mkdir(exist_ok=True)
    FIGURE.write_text(drawing(panels))
    print(FIGURE.relative_to(ROOT))


def drawing(panels: dict[str, list[Point]]) -> str:
    """The whole figure, on a ground of its own, so that it can be read on a dark page too."""
    width = LEFT + len(panels) * (WIDTH + GAP)
    height = TOP + HEIGHT + BOTTOM
    label = "Hit ratio by room, of cache_result, LRU and the best fixed choice"
    frame = f'viewBox="0 0 {width} {height}" role="img" aria-label="{label}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *legend(),
    ]
    for number, (load, points) in enumerate(panels.items()):
        parts += panel(LEFT + number * (WIDTH + GAP), TITLES[load], points)
    return "\n".join([*parts, "</svg>\n"])


def legend() -> list[str]:
    """What the lines are."""
    parts: list[str] = []
    for number, series in enumerate(SERIES):
        x = LEFT + 150 * number
        parts += [line([(x, 18), (x + 30, 18)], *series[1:]), text(x + 36, 22, series[0], "start")]
    return parts


def panel(left: int, title: str, points: list[Point]) -> list[str]:
    """One load: its axes and lines."""
    first, last = (math.log(points[i].entries) for i in (0, -1))

    def x(entries: int) -> float:
        return left + WIDTH * (math.log(entries) - first) / (last - first)

    def y(percent: float) -> float:
        return TOP + HEIGHT * (HIGHEST - percent) / (HIGHEST - LOWEST)

    parts = [text(left, TOP - 12, title, "start", "bold")]
    for percent in range(LOWEST, HIGHEST + 1, 20):
        parts += [line([(left, y(percent)), (left + WIDTH, y(percent))], "#d0d7de", "", 1)]
        parts += [text(left - 6, y(percent) + 4, f"{percent} %", "end")]
    for point in points:
        parts += [text(x(point.entries), TOP + HEIGHT + 18, f"{point.entries:,}", "middle")]
    parts += [text(left + WIDTH / 2, TOP + HEIGHT + 40, "room, of 100,000 keys", "middle")]
    for number, (_, colour, dashes) in enumerate(SERIES):
        parts += [line([(x(point.entries), y(point.ratios[number])) for point in points], colour, dashes)]
    return parts


def line(points: list[tuple[float, float]], colour: str, dashes: str, width: float = 2) -> str:
    """A line through these points."""
    through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{through}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'


def text(x: float, y: float, words: str, anchor: str, weight: str = "normal") -> str:
    """Words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="#1f2328">{words}</text>'


if __name__ == "__main__":
    main()
