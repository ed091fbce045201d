"""What the tests of waiting guards look at."""

from __future__ import annotations

import pytest

from cladding import _waits


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of all calls, in seconds."""
    seen: list[float] = []
    sleep, sleep_async = _waits.sleep, _waits.sleep_async

    def note(seconds: float) -> None:
        seen.append(seconds)
        sleep(seconds)

    async def note_async(seconds: float) -> None:
        seen.append(seconds)
        await sleep_async(seconds)

    monkeypatch.setattr(_waits, "sleep", note)
    monkeypatch.setattr(_waits, "sleep_async", note_async)
    return seen
