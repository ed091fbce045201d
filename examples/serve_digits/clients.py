"""The clients: threads and asyncio tasks that ask for predictions, and write down what became of every request."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cladding import MemoryPressureError, ValidationError
from pipeline import DigitPipeline, Prediction

# What a request may end in, besides a prediction. Anything else is a broken promise.
REJECTIONS = (ValidationError, MemoryPressureError, ConnectionError, TimeoutError)


@dataclass
class Tally:
    """What one crowd of clients saw, counted without help from the library."""

    name: str
    planned: int
    sent: int = 0
    answers: list[tuple[int, Prediction]] = field(default_factory=list)
    rejections: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self) -> None:
        with self._lock:
            self.sent += 1

    def answer(self, sample_id: int, prediction: Prediction) -> None:
        with self._lock:
            self.answers.append((sample_id, prediction))

    def reject(self, error: Exception) -> None:
        with self._lock:
            self.rejections[type(error).__name__] += 1

    def surprise(self, error: Exception) -> None:
        with self._lock:
            self.surprises.append(f"{type(error).__name__}: {error}")

    @property
    def rejected(self) -> int:
        return sum(self.rejections.values())

    @property
    def ended(self) -> int:
        return len(self.answers) + self.rejected + len(self.surprises)


def serve_threads(pipeline: DigitPipeline, sample_ids: Sequence[int], tally: Tally, workers: int) -> None:
    """Ask for every sample, from `workers` threads at once."""
    todo = Shared(sample_ids)

    def work() -> None:
        for sample_id in todo:
            tally.send()
            try:
                prediction = pipeline.predict(sample_id)
            except REJECTIONS as error:
                tally.reject(error)
            except Exception as error:  # noqa: BLE001 - a broken promise is written down, not raised
                tally.surprise(error)
            else:
                tally.answer(sample_id, prediction)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def serve_asyncio(pipeline: DigitPipeline, sample_ids: Sequence[int], tally: Tally, workers: int) -> None:
    """Ask for every sample, from `workers` tasks of one event loop at once."""
    todo = iter(sample_ids)

    async def work() -> None:
        for sample_id in todo:
            tally.send()
            try:
                prediction = await pipeline.predict_async(sample_id)
            except REJECTIONS as error:
                tally.reject(error)
            except Exception as error:  # noqa: BLE001 - a broken promise is written down, not raised
                tally.surprise(error)
            else:
                tally.answer(sample_id, prediction)
            await asyncio.sleep(0)  # let the others have their turn, however fast the answer came

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())

    asyncio.run(all_of_them())


class Shared(Iterator[int]):
    """An iterator that threads can share."""

    def __init__(self, items: Sequence[int]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()

    def __next__(self) -> int:
        with self._lock:
            return next(self._items)
