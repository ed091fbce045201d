"""The pipeline to copy: features over HTTP, checked, cached and classified, for threads and for asyncio.

Five decorators keep it standing while the service behind it fails, stalls and sends nonsense:

* `monitor`         counts, times and classifies the errors of each function;
* `validate_input`  lets no bad request, reply or row through;
* `memory_guard`    holds a request back while the machine has no memory to spare;
* `cache_result`    keeps good rows, and fetches a row once however many ask for it at the same time;
* `retry`           asks again, with growing pauses, after a failure, a stall or a bad row.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any, NamedTuple

import numpy as np

from cladding import (
    Array,
    Keys,
    Range,
    ValidationError,
    cache_result,
    memory_guard,
    monitor,
    retry,
    validate_input,
)

ROW = Array(shape=(64,), dtype="float32", finite=True, min=0, max=16)
SAMPLE_ID = Range(0, 1796)

# Asking again helps against all three: the next reply may come in time, and may be a good one.
WORTH_ASKING_AGAIN = (ConnectionError, TimeoutError, ValidationError)


class ServiceError(ConnectionError):
    """The feature service answered, but not with features."""


class Prediction(NamedTuple):
    digit: int
    confidence: float


@validate_input(reply=Keys("id", "pixels"))
def parse(reply: dict[str, Any]) -> np.ndarray:
    """The row in a reply."""
    row = np.asarray(reply["pixels"], dtype=np.float32)
    row.setflags(write=False)  # it is going to be shared through the cache
    return row


@validate_input(row=ROW)
def check(row: np.ndarray) -> np.ndarray:
    """The same row, if it is one that the model may see."""
    return row


class DigitPipeline:
    """Predicts the digit of a sample whose pixels a feature service keeps."""

    def __init__(self, model: Any, host: str, port: int, timeout: float = 0.25) -> None:
        self.model = model
        self.host = host
        self.port = port
        self.timeout = timeout

    # ---- for threads

    @monitor
    @validate_input(sample_id=SAMPLE_ID)
    @memory_guard(threshold=0.95, on_pressure=("collect", "wait", "raise"), wait=2.0)
    def predict(self, sample_id: int) -> Prediction:
        """One request: the digit of a sample."""
        return self.classify(self.load(sample_id))

    @monitor
    @cache_result(ttl=60, max_entries=512)
    @retry(max_retries=4, exceptions=WORTH_ASKING_AGAIN, initial_delay=0.02, max_delay=0.2)
    def load(self, sample_id: int) -> np.ndarray:
        """A good row: from the cache, or fetched until one comes."""
        return check(parse(self.fetch(sample_id)))

    @monitor
    def fetch(self, sample_id: int) -> dict[str, Any]:
        """Ask the service once."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request("GET", f"/rows/{sample_id}")
            response = connection.getresponse()
            return decode(response.status, response.read())
        finally:
            connection.close()

    # ---- for asyncio: the same decorators on the same steps

    @monitor
    @validate_input(sample_id=SAMPLE_ID)
    @memory_guard(threshold=0.95, on_pressure=("collect", "wait", "raise"), wait=2.0)
    async def predict_async(self, sample_id: int) -> Prediction:
        """One request: the digit of a sample."""
        return self.classify(await self.load_async(sample_id))

    @monitor
    @cache_result(ttl=60, max_entries=512)
    @retry(max_retries=4, exceptions=WORTH_ASKING_AGAIN, initial_delay=0.02, max_delay=0.2)
    async def load_async(self, sample_id: int) -> np.ndarray:
        """A good row: from the cache, or fetched until one comes."""
        return check(parse(await self.fetch_async(sample_id)))

    @monitor
    async def fetch_async(self, sample_id: int) -> dict[str, Any]:
        """Ask the service once."""
        async with asyncio.timeout(self.timeout):
            reader, writer = await asyncio.open_connection(self.host, self.port)
            try:
                writer.write(f"GET /rows/{sample_id} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
                head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
            finally:
                writer.close()
        if not head:
            raise ConnectionResetError("the service closed the connection without a reply")
        return decode(int(head.split()[1]), body)

    # ---- for both

    @monitor
    @validate_input(row=ROW)
    def classify(self, row: np.ndarray) -> Prediction:
        """The model's answer for one good row."""
        chances = self.model.predict_proba(row[np.newaxis])[0]
        digit = int(chances.argmax())
        return Prediction(digit, float(chances[digit]))


def decode(status: int, body: bytes) -> dict[str, Any]:
    """The JSON in a reply of the service."""
    if status != http.HTTPStatus.OK:
        raise ServiceError(f"the service answered with status {status}")
    reply: dict[str, Any] = json.loads(body)
    return reply
