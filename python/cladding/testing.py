"""Tests of programs that retry: no wait takes any time, and the attempts are as many as the test allows.

>>> import cladding, cladding.testing
>>> calls = []
>>> @cladding.retry(max_retries=10, initial_delay=20)
... def fetch():
...     calls.append(1)
...     raise ConnectionError("down")
>>> with cladding.testing.fast_retries(attempts=3):
...     fetch()
Traceback (most recent call last):
  ...
ConnectionError: down
retry of ....fetch gave up after 3 attempts in ... s: cladding.testing allows 3
>>> len(calls)
3

"""

from __future__ import annotations

from cladding._errors import ConfigurationError
from cladding._testing import FastRetries

__all__ = ["fast_retries"]


def fast_retries(attempts: int | None = None) -> FastRetries:
    """Makes every wait of every policy take no time, and caps the attempts of retried calls.

    As a context manager it holds for the block, in the thread or task that entered it and in the tasks made there; other
    threads and tasks go on as they are. Its ``start()`` and ``stop()`` switch it on and off for everybody. The hooks of
    retries are called all the same, and deadlines are kept, by a time that no wait uses up.

    Args:
        attempts: the most attempts of a retried call, 1 or greater; ``None`` (unless told) leaves it to the policy.

    Raises:
        ConfigurationError: ``attempts`` is neither.
    """
    if attempts is not None and not _is_count(attempts):
        message = f"fast_retries: `attempts` must be an int from 1 to 2**64 - 1, or None, got {attempts!r}"
        raise ConfigurationError(message)
    return FastRetries(attempts)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**64
