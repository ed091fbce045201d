"""The fixture of call kinds."""

from __future__ import annotations

import pytest

from .kinds import KINDS, Kind


@pytest.fixture(scope="session", params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """One of the seven kinds of call."""
    return request.param
