"""The libraries that retry, as far as they are installed, and the loop that everyone writes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import time
from collections.abc import Callable

from .peers import here

ATTEMPTS = 4
FIRST, FACTOR, MOST = 0.1, 2.0, 30.0  # of the waits, where there are any
EXCEPTIONS = (ConnectionError,)


def retries(*, wait: bool = True) -> dict[str, Callable]:
    """Decorators for plain and coroutine functions alike: four attempts, with waits or without any."""
    makers = {"tenacity": tenacity_retry, "stamina": stamina_retry, "backoff": backoff_retry, "opnieuw": opnieuw_retry}
    return here(**{name: functools.partial(make, wait=wait) for name, make in makers.items()})


def loop(func: Callable, *, wait: bool = True) -> Callable:
    """The loop that everyone writes."""
    first, uniform, sleep = FIRST if wait else 0.0, random.uniform, time.sleep

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        for attempt in range(ATTEMPTS):
            try:
                return func(*args, **kwargs)
            except EXCEPTIONS:
                if attempt == ATTEMPTS - 1:
                    raise
                delay = uniform(0.0, min(MOST, first * FACTOR**attempt))
                if delay > 0:
                    sleep(delay)

    return wrapper


def async_loop(func: Callable, *, wait: bool = True) -> Callable:
    """The same for coroutine functions."""
    first, uniform, sleep = FIRST if wait else 0.0, random.uniform, asyncio.sleep

    @functools.wraps(func)
    async def wrapper(*args, **kwargs):
        for attempt in range(ATTEMPTS):
            try:
                return await func(*args, **kwargs)
            except EXCEPTIONS:
                if attempt == ATTEMPTS - 1:
                    raise
                delay = uniform(0.0, min(MOST, first * FACTOR**attempt))
                if delay > 0:
                    await sleep(delay)

    return wrapper


def tenacity_retry(*, wait: bool) -> Callable:
    import tenacity

    # Without this it sleeps for zero seconds, which takes longer than all the rest.
    at_once = {"sleep": lambda seconds: None, "wait": tenacity.wait_none()}
    return tenacity.retry(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        retry=tenacity.retry_if_exception_type(EXCEPTIONS),
        **({"wait": tenacity.wait_random_exponential(FIRST, MOST)} if wait else at_once),
    )


def stamina_retry(*, wait: bool) -> Callable:
    import stamina

    stamina.instrumentation.set_on_retry_hooks([])  # It writes to the log otherwise.
    waits = {"wait_initial": FIRST, "wait_max": MOST} if wait else {"wait_initial": 0.0, "wait_jitter": 0.0}
    return stamina.retry(on=EXCEPTIONS, attempts=ATTEMPTS, timeout=None, **waits)


def backoff_retry(*, wait: bool) -> Callable:
    import backoff

    if wait:
        return backoff.on_exception(backoff.expo, EXCEPTIONS, max_tries=ATTEMPTS, factor=FIRST, logger=None)
    return backoff.on_exception(backoff.constant, EXCEPTIONS, max_tries=ATTEMPTS, interval=0, jitter=None, logger=None)


def opnieuw_retry(*, wait: bool) -> Callable:
    import opnieuw

    namespace = None if wait else "at once"
    return opnieuw.retry(retry_on_exceptions=EXCEPTIONS, max_calls_total=ATTEMPTS, namespace=namespace)


@contextlib.contextmanager
def opnieuw_at_once():
    """Within it opnieuw does not wait where it was told so."""
    try:
        import opnieuw.test_util
    except ImportError:
        yield
        return
    with opnieuw.test_util.retry_immediately("at once"):
        yield
