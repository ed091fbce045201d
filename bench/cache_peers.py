"""The libraries that keep results, as far as they are installed: each maker imports its own and gives a decorator."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

import cladding

TTL = 60
ROOM = 10_000


def lru_cache(room: int = ROOM) -> Callable:
    return functools.lru_cache(room)


def cladding_cache(room: int = ROOM, ttl: float | None = TTL) -> Callable:
    return cladding.cache_result(ttl, max_entries=room)


def cachetools_cache(room: int = ROOM) -> Callable:
    """With the lock that threads need."""
    import cachetools

    return cachetools.cached(cachetools.TTLCache(room, TTL), lock=threading.Lock())


def cachebox_cache(room: int = ROOM) -> Callable:
    """Handing out results as they are, as the others do."""
    import cachebox

    return cachebox.cached(cachebox.TTLCache(room, TTL), postprocess=None)


def async_lru_cache(room: int = ROOM) -> Callable:
    import async_lru

    return async_lru.alru_cache(maxsize=room, ttl=TTL)


def joblib_cache(folder: str) -> Callable:
    import joblib

    return joblib.Memory(folder, verbose=0).cache


def diskcache_cache(folder: str) -> Callable:
    import diskcache

    return diskcache.Cache(folder).memoize(expire=TTL)
