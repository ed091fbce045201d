"""What the tests of retries start from: nothing really waits."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def waits(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of all calls, none of which takes any time."""
    seen: list[float] = []

    async def sleep_async(seconds: float) -> None:
        seen.append(seconds)

    monkeypatch.setattr("cladding._waits.sleep", seen.append)
    monkeypatch.setattr("cladding._waits.sleep_async", sleep_async)
    return seen
