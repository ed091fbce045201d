"""What all tests of stacks start from: nothing is switched off, and nothing is left switched off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def nothing_is_off(cladding: Any) -> Iterator[None]:
    """Fails a test that leaves something switched off, as that would spoil the next one."""
    from cladding import _native

    assert _native.rules() == []
    yield
    left = _native.rules()
    cladding.configure(disabled=())
    assert left == []
