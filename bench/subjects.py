"""What is decorated, and the hand-written closures that the library is compared with."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from cladding import _native


def nothing() -> Callable:
    """A policy that does nothing, so that what carries it can be measured."""
    return _native.Policy("noop", {})


def closure(func: Callable) -> Callable:
    """The decorator that everyone writes, with nothing in it."""

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapper


def async_closure(func: Callable) -> Callable:
    """The same, for coroutine functions."""

    @functools.wraps(func)
    async def wrapper(*args, **kwargs):
        return await func(*args, **kwargs)

    return wrapper


def generator_closure(func: Callable) -> Callable:
    """The same, for generators."""

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        return (yield from func(*args, **kwargs))

    return wrapper


def async_generator_closure(func: Callable) -> Callable:
    """The same, for async generators; what most people write, which forwards items and nothing else."""

    @functools.wraps(func)
    async def wrapper(*args, **kwargs):
        async for item in func(*args, **kwargs):
            yield item

    return wrapper


def try_closure(func: Callable) -> Callable:
    """A hand-written fallback to a value."""

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        try:
            return func(*args, **kwargs)
        except Exception:  # noqa: BLE001 - as `fallback` does unless told
            return 0

    return wrapper


def semaphore_closure(func: Callable) -> Callable:
    """A hand-written bulkhead, for threads only."""
    places = threading.Semaphore(100)

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        with places:
            return func(*args, **kwargs)

    return wrapper


def token_bucket_closure(func: Callable) -> Callable:
    """A hand-written rate limit that turns calls away."""
    rate, burst = 1e9, 1e9
    tokens, last, clock, lock = burst, time.monotonic(), time.monotonic, threading.Lock()

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        nonlocal tokens, last
        with lock:
            now = clock()
            tokens, last = min(burst, tokens + (now - last) * rate), now
            if tokens < 1:
                raise RuntimeError
            tokens -= 1
        return func(*args, **kwargs)

    return wrapper


def timing_closure(func: Callable) -> Callable:
    """A hand-written monitor: two clock reads, a count and a sum."""
    calls, seconds, clock = 0, 0.0, time.perf_counter

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        nonlocal calls, seconds
        start = clock()
        try:
            return func(*args, **kwargs)
        finally:
            seconds += clock() - start
            calls += 1

    return wrapper


def pool_closure(func: Callable) -> Callable:
    """A hand-written timeout of a plain function."""
    pool = ThreadPoolExecutor(1)

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        return pool.submit(func, *args, **kwargs).result(60)

    return wrapper


def asyncio_timeout_closure(func: Callable) -> Callable:
    """The same of a coroutine function."""

    @functools.wraps(func)
    async def wrapper(*args, **kwargs):
        async with asyncio.timeout(60):
            return await func(*args, **kwargs)

    return wrapper


def scalar() -> Callable:
    """A fresh function of one argument: what is decorated in one variant is not seen by another."""

    def f(x):
        return x

    return f


def three_scalars() -> Callable:
    def f(a, b, c):
        return a

    return f


def coroutine_function() -> Callable:
    async def f(x):
        return x

    return f


def generator_function() -> Callable:
    def f(number):
        for i in range(number):
            yield i

    return f


def async_generator_function() -> Callable:
    async def f(number):
        for i in range(number):
            yield i

    return f


def method_of(decorate: Callable[[Callable], Callable] | None) -> object:
    """An object whose method `m` is decorated."""

    class Thing:
        def m(self, x):
            return x

        if decorate is not None:
            m = decorate(m)

    return Thing()
