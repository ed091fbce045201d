"""`retry.attempts`: what a block has come to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest


def small(result: Any) -> bool:
    return result is not None and result < 3


def test_the_last_result_that_was_set_counts(cladding: Any) -> None:
    for attempt in cladding.retry.attempts(retry_on_result=small, initial_delay=0):
        with attempt:
            attempt.set_result(1)
            attempt.set_result(7)
    assert attempt.number == 1


def test_a_result_that_comes_too_late_is_an_error(cladding: Any) -> None:
    """Nothing would look at it: whoever sets it there finds it ignored, or the loop at its end."""
    for attempt in cladding.retry.attempts(retry_on_result=small, initial_delay=0):
        with attempt:
            pass
        with pytest.raises(RuntimeError, match="inside the `with attempt:` block"):
            attempt.set_result(1)
    assert attempt.number == 1


def test_a_result_of_an_attempt_that_failed_is_an_error_too(cladding: Any) -> None:
    async def block() -> int:
        first = None
        async for attempt in cladding.retry.attempts(retry_on_result=small, initial_delay=0):
            with attempt:
                if first is None:
                    first = attempt
                    raise ConnectionError
                with pytest.raises(RuntimeError):
                    first.set_result(1)
                attempt.set_result(5)
        return attempt.number

    assert asyncio.run(block()) == 2
