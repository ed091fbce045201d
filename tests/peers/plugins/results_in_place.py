"""Puts `cache_result(ttl=None, ...)` in the place of `functools.lru_cache`, before the tests of that are imported.

Those tests import `functools` afresh, once with its accelerator; that copy gets ours, with the parameters that both have.
`CLADDING_SABOTAGE` puts something there that always fails.
"""

import functools
import os

from test.support import import_helper

import cladding


class SabotagedError(Exception):
    """What a sabotaged tool raises."""


def lru_cache(maxsize=128, typed=False):
    """What is asked of `lru_cache` in terms of `cache_result`; what that has not, is an error."""
    if os.environ.get("CLADDING_SABOTAGE"):
        raise SabotagedError
    if callable(maxsize):
        return lru_cache()(maxsize)
    options = {"typed": True} if typed else {}
    return cladding.cache_result(ttl=None, max_entries=maxsize, **options)


def cache(function):
    """The same for `cache`."""
    return lru_cache(maxsize=None)(function)


def replace(module):
    module.lru_cache, module.cache = lru_cache, cache


import_afresh = import_helper.import_fresh_module


def import_fresh_module(name, fresh=(), blocked=(), **options):
    module = import_afresh(name, fresh=fresh, blocked=blocked, **options)
    if name == "functools" and not blocked:
        replace(module)
    return module


replace(functools)
import_helper.import_fresh_module = import_fresh_module
