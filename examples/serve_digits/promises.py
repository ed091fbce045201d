"""What the demo promises, each promise checked against something that the library did not count itself."""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import pipeline
from clients import Tally
from pipeline import DigitPipeline, Prediction
from report import errors, stats

BAD_ROWS = ("nan", "short", "out_of_range")
PREDICT = {"threads": DigitPipeline.predict, "asyncio": DigitPipeline.predict_async}
LOAD = {"threads": DigitPipeline.load, "asyncio": DigitPipeline.load_async}
FETCH = {"threads": DigitPipeline.fetch, "asyncio": DigitPipeline.fetch_async}


@dataclass(frozen=True)
class Promise:
    text: str
    broken: Sequence[str]  # how it was broken; empty where it was kept

    def __str__(self) -> str:
        verdict = "BROKEN" if self.broken else "kept"
        return "\n".join([f"  {verdict:<7} {self.text}", *(f"          {how}" for how in self.broken[:5])])


class Witness:
    """A model that takes down which rows it was shown, so that a bad one cannot slip by unnoticed."""

    def __init__(self, model: Any, good_rows: np.ndarray) -> None:
        self.model = model
        self.good = {row.tobytes() for row in good_rows}
        self.seen = 0
        self.bad: list[str] = []
        self._lock = threading.Lock()

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        with self._lock:
            self.seen += len(rows)
            self.bad += [describe(row) for row in rows if row.tobytes() not in self.good]
        chances: np.ndarray = self.model.predict_proba(rows)
        return chances


def describe(row: np.ndarray) -> str:
    return f"the model was shown a row of shape {row.shape} with values from {row.min()} to {row.max()}"


def check_all(
    tallies: Sequence[Tally], truth: Mapping[int, Prediction], witness: Witness, service: Counter[str], metrics: str
) -> list[Promise]:
    """Every promise about the run under faults."""
    return [
        Promise("no request is lost: each ends in a prediction or in a typed rejection", [*lost(tallies)]),
        Promise("no bad row is predicted", witness.bad),
        Promise("no answer is wrong, cached or not", [*wrong(tallies, truth)]),
        Promise("the statistics agree with what the clients counted", [*miscounted(tallies, witness)]),
        Promise("the statistics agree with what the service counted", [*mismatched(service)]),
        Promise("the metrics text agrees with what the clients counted", [*misreported(tallies, metrics)]),
    ]


def lost(tallies: Sequence[Tally]) -> Iterator[str]:
    for tally in tallies:
        yield from (f"{tally.name}: a request ended in {surprise}" for surprise in tally.surprises)
        if not tally.planned == tally.sent == tally.ended:
            yield f"{tally.name}: {tally.planned} requests planned, {tally.sent} sent, {tally.ended} ended"


def wrong(tallies: Sequence[Tally], truth: Mapping[int, Prediction]) -> Iterator[str]:
    for tally in tallies:
        for sample_id, given in tally.answers:
            true = truth.get(sample_id)
            if true is None or given.digit != true.digit or not close(given.confidence, true.confidence):
                yield f"{tally.name}: sample {sample_id} is {true}, and the answer was {given}"


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-5)


def miscounted(tallies: Sequence[Tally], witness: Witness) -> Iterator[str]:
    for tally in tallies:
        found = stats(PREDICT[tally.name])
        yield from unequal(f"{tally.name}: calls of predict", found["monitor"]["calls"], tally.sent)
        yield from unequal(f"{tally.name}: errors of predict", errors(PREDICT[tally.name]), tally.rejections)
        refused = found["validate_input"]["rejected"] + found["memory_guard"]["rejected"]
        causes = refused + errors(LOAD[tally.name]).total()
        yield from unequal(f"{tally.name}: causes of rejections", causes, tally.rejected)
        yield from unequal(f"{tally.name}: calls in flight", found["monitor"]["in_flight"], 0)
    yield from unequal("rows classified", stats(DigitPipeline.classify)["monitor"]["calls"], witness.seen)


def mismatched(service: Counter[str]) -> Iterator[str]:
    """On a busy machine the client may give up on a good reply, or before the service has seen the request: `late`."""
    fetches = sum(stats(function)["monitor"]["calls"] for function in FETCH.values())
    retried = [stats(function)["retry"] for function in LOAD.values()]
    yield from unequal("attempts", sum(r["calls"] + r["retries"] for r in retried), fetches)

    failed = sum((errors(function) for function in FETCH.values()), Counter[str]())
    late = failed["TimeoutError"] - service["stall"]
    yield from between("calls of fetch", fetches, service.total(), service.total() + late)
    rejected = stats(pipeline.check)["validate_input"]["rejected"]
    incomplete = stats(pipeline.parse)["validate_input"]["rejected"]
    for what, found, sent in (
        ("failures with status 503", failed["ServiceError"], service["unavailable"]),
        ("bad rows rejected", rejected, sum(service[kind] for kind in BAD_ROWS)),
        ("incomplete replies rejected", incomplete, service["incomplete"]),
    ):
        yield from between(what, found, sent - late, sent)


def misreported(tallies: Sequence[Tally], metrics: str) -> Iterator[str]:
    for tally in tallies:
        name = PREDICT[tally.name].__qualname__
        yield from unequal(f"cladding_calls_total of {name}", total(metrics, "cladding_calls_total", name), tally.sent)


def total(metrics: str, metric: str, function: str) -> float:
    """The sum of one metric's samples for one function, in Prometheus text."""
    sample = re.compile(rf'^{metric}{{[^}}]*"(?:[^"]*\.)?{re.escape(function)}"[^}}]*}} (\S+)', re.MULTILINE)
    return sum(float(value) for value in sample.findall(metrics))


def unequal(what: str, found: object, expected: object) -> Iterator[str]:
    if found != expected:
        yield f"{what}: {found}, where {expected} was expected"


def between(what: str, found: int, least: int, most: int) -> Iterator[str]:
    if not least <= found <= most:
        yield f"{what}: {found}, where {least} to {most} were expected"
