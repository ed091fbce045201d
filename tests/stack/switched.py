"""Decorated functions with full names of their own, and what their policies see of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cladding import timer

from .helpers import AGAIN, all_calls


@timer
@AGAIN
def one(x: int) -> int:
    """A decorated function with a full name of its own."""
    return 2 * x


@timer
@AGAIN
def other(x: int) -> int:
    """Another."""
    return 3 * x


class Thing:
    """With a decorated method."""

    @timer
    def method(self) -> int:
        """Does something."""
        return 1


ONE = f"{__name__}.one"


def seen(call: Callable[[], Any]) -> dict[str, list[int]]:
    """What each policy of ``one`` and ``other`` saw of a call."""
    before = all_calls(one), all_calls(other)
    call()
    return {
        function.__name__: [now - then for now, then in zip(all_calls(function), earlier, strict=True)]
        for function, earlier in zip((one, other), before, strict=True)
    }


def both() -> None:
    """A call of each."""
    assert (one(1), other(1)) == (2, 3)
