"""What an expectation makes of a value: whether it passes, and the error if it does not."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import pytest

from cladding import ValidationError, validate_input


def checked(expectation: Any) -> Callable[[Any], bool]:
    """Whether an argument passes."""

    @validate_input(x=expectation)
    def take(x: Any) -> bool:
        return True

    def passes(value: Any) -> bool:
        try:
            return take(value)
        except ValidationError:
            return False

    return passes


def failure_of(expectation: Any, value: Any) -> ValidationError:
    @validate_input(x=expectation)
    def take(x: Any) -> None:
        raise AssertionError("the call was let through")

    with pytest.raises(ValidationError) as caught:
        take(value)
    return caught.value


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 9
