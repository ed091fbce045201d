"""`retry`: switched off for a block or for one call, and by a test that replaces `time.sleep`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest


@pytest.mark.parametrize("enabled", [False, lambda: False])
def test_a_block_that_is_switched_off_runs_once(cladding: Any, enabled: Any) -> None:
    error = ConnectionError("refused")
    numbers: list[int] = []
    with pytest.raises(ConnectionError) as raised:
        for attempt in cladding.retry.attempts(max_retries=3, initial_delay=0, enabled=enabled):
            with attempt:
                numbers.append(attempt.number)
                raise error
    assert raised.value is error
    assert numbers == [1]
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize("enabled", [False, lambda: False])
def test_a_block_of_a_coroutine_that_is_switched_off_runs_once(cladding: Any, enabled: Any) -> None:
    numbers: list[int] = []

    async def block() -> None:
        async for attempt in cladding.retry.attempts(max_retries=3, initial_delay=0, enabled=enabled):
            with attempt:
                numbers.append(attempt.number)
                raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(block())
    assert numbers == [1]


def test_a_block_that_is_switched_off_may_succeed(cladding: Any) -> None:
    numbers = []
    for attempt in cladding.retry.attempts(retry_on_result=lambda _: True, initial_delay=0, enabled=False):
        with attempt:
            numbers.append(attempt.number)
    assert numbers == [1]


@pytest.mark.parametrize("enabled, calls", [(False, 1), (lambda: False, 1), (True, 3), (lambda: True, 3)])
def test_one_call_is_switched_off(cladding: Any, enabled: Any, calls: int) -> None:
    made: list[int] = []

    class Client:
        @cladding.retry(max_retries=2, initial_delay=0)
        def fetch(self, path: int) -> None:
            made.append(path)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        cladding.retry.replace(Client().fetch, enabled=enabled)(7)
    assert made == [7] * calls
    with pytest.raises(ConnectionError):
        Client().fetch(8)
    assert made[calls:] == [8] * 3


def test_one_call_is_switched_on(cladding: Any) -> None:
    made: list[int] = []

    @cladding.retry(max_retries=2, initial_delay=0, enabled=lambda: False)
    def fetch() -> None:
        made.append(1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        fetch.cladding.retry.replace(enabled=True)()
    assert len(made) == 3


def test_a_wait_ends_with_time_sleep(cladding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of programs replace `time.sleep`: nothing waits on by a clock of its own."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    @cladding.retry(max_retries=2, schedule=[0.1, 60])
    def fetch() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        fetch()
    assert slept[0] == 0.1
    assert sum(slept[1:]) == pytest.approx(60)
