"""That calls let go of what they worked with, at once and without the garbage collector."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable


def assert_lets_go(call: Callable[[], object], payload: object) -> None:
    """Asserts that calls leave no reference to an object that they were given."""
    call()
    gc.collect()
    before = sys.getrefcount(payload)
    gc.disable()
    try:
        for _ in range(20):
            call()
        assert sys.getrefcount(payload) == before
    finally:
        gc.enable()
