"""What a monitor has counted, as its statistics and the metrics tell it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest


def stats(f: Any) -> dict[str, Any]:
    found: dict[str, Any] = f.cladding.monitor.stats
    return found


def ended(f: Any) -> tuple[int, dict[str, int], int, int]:
    found = stats(f)
    return found["calls"], found["errors"], found["cancelled"], found["in_flight"]


class Failure(Exception):
    """The function's own failure."""


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def parse(text: str) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """Samples by name and labels; no series may be there twice."""
    parser = pytest.importorskip("prometheus_client.parser")
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    families = Counter[str]()
    for family in parser.text_string_to_metric_families(text):
        families[family.name] += 1
        for sample in family.samples:
            series = found.setdefault(sample.name, {})
            labels = frozenset(sample.labels.items())
            assert labels not in series, f"{sample.name} {sample.labels} is there twice"
            series[labels] = sample.value
    assert max(families.values(), default=1) == 1
    return found


def series(cladding: Any, name: str, **labels: str) -> dict[frozenset[tuple[str, str]], float]:
    """The samples of one metric that have these labels, by their other labels."""
    wanted = frozenset(labels.items())
    return {own - wanted: value for own, value in parse(cladding.metrics_text()).get(name, {}).items() if wanted <= own}
