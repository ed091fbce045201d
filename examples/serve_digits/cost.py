"""What the decorators cost on the hot path: a request whose row is in the cache, with them and without."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from pipeline import DigitPipeline, Prediction

ROUNDS = 60
SECONDS_A_ROUND = 0.004
ON_THE_WAY = (DigitPipeline.predict, DigitPipeline.load, DigitPipeline.classify)


class Cost(NamedTuple):
    decorated: float
    bare: float
    with_model: float
    policies: int

    def __str__(self) -> str:
        added = self.decorated - self.bare
        return "\n".join(
            [
                f"  {added * 1e6:.2f} us a request, for {self.policies} policies on {len(ON_THE_WAY)} functions",
                f"  ({self.decorated * 1e6:.2f} us with them and {self.bare * 1e6:.2f} us without, row cached, model left out);",
                f"  with the model a request takes {self.with_model * 1e6:.1f} us: they are {added / self.with_model:.1%} of it",
            ]
        )


class Instant:
    """A model that takes no time, so that the cost of what is around it can be seen."""

    def predict_proba(self, _: np.ndarray) -> np.ndarray:
        return CERTAIN


CERTAIN = np.eye(10)[:1]


class BarePipeline:
    """The same request written without decorators; a plain dict stands for the cache."""

    def __init__(self, model: Any, rows: Mapping[int, np.ndarray]) -> None:
        self.model = model
        self.rows = rows

    classify = inspect.unwrap(DigitPipeline.classify)

    def load(self, sample_id: int) -> np.ndarray:
        return self.rows[sample_id]

    def predict(self, sample_id: int) -> Prediction:
        return self.classify(self.load(sample_id))


def measure(pipeline: DigitPipeline, sample_id: int) -> Cost:
    """Time the three in turns, so that whatever else the machine does hits all alike, and take the best of each."""
    instant = DigitPipeline(Instant(), pipeline.host, pipeline.port, pipeline.timeout)
    bare = BarePipeline(instant.model, {sample_id: pipeline.load(sample_id)})
    calls = [instant.predict, bare.predict, pipeline.predict]
    for call in calls:
        call(sample_id)
    numbers = [max(10, round(SECONDS_A_ROUND / seconds(call, sample_id, 100))) for call in calls]
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, number, mine in zip(calls, numbers, times, strict=True):
            mine.append(seconds(call, sample_id, number))
    policies = sum(len(function.cladding.policies) for function in ON_THE_WAY)
    decorated, undecorated, with_model = (min(mine) for mine in times)
    return Cost(decorated, undecorated, with_model, policies)


def seconds(call: Callable[[int], object], sample_id: int, number: int) -> float:
    """How long one call takes, over `number` of them."""
    start = time.perf_counter()
    for _ in repeat(None, number):
        call(sample_id)
    return (time.perf_counter() - start) / number
