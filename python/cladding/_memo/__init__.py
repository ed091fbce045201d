"""Remembering results, and the small tools of ``functools`` that go with it."""

from cladding._memo._lru import cache, lru_cache
from cladding._memo._memoize import memoize
from cladding._memo._partial import partial
from cladding._memo._property import cached_property
from cladding._memo._wraps import update_wrapper, wraps

__all__ = ["cache", "cached_property", "lru_cache", "memoize", "partial", "update_wrapper", "wraps"]
