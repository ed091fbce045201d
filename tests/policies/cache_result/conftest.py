"""What the tests of the cache start from."""

from __future__ import annotations

import pytest

from .helpers import Counted


@pytest.fixture
def body() -> Counted:
    return Counted()
