"""Puts `cache_result` in the place of the decorators of `cachetools.func`, before their tests are imported."""

import os
import sys

import cladding

sys.path.insert(0, os.environ["CLADDING_SOURCES"])

import cachetools.func


class SabotagedError(Exception):
    """What a sabotaged tool raises."""


def ttl_cache(maxsize=128, ttl=600, typed=False):
    """What is asked of `ttl_cache` in terms of `cache_result`; what that has not, is an error."""
    if os.environ.get("CLADDING_SABOTAGE"):
        raise SabotagedError
    if callable(maxsize):
        return ttl_cache()(maxsize)
    options = {"typed": True} if typed else {}
    policy = cladding.cache_result(ttl=ttl, max_entries=maxsize, **options)

    def decorate(function):
        cached = policy(function)
        # Every case asks for these, by names that are not ours.
        cached.cache_parameters = lambda: {"maxsize": maxsize, "typed": typed}
        return cached

    return decorate


def lru_cache(maxsize=128, typed=False):
    """The same for `lru_cache`."""
    return ttl_cache(maxsize, None, typed)


cachetools.func.ttl_cache, cachetools.func.lru_cache = ttl_cache, lru_cache
