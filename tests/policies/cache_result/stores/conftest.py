"""The stores that the tests go through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .servers import Server, needed


@pytest.fixture(scope="session")
def common_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that no test stops."""
    needed()
    server = Server(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of this test's own."""
    needed()
    server = Server(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def redis_url(common_server: Server) -> str:
    with common_server.client() as client:
        client.flushall()
    return common_server.url


@pytest.fixture(params=["file", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind."""
    if request.param == "file":
        return f"file://{tmp_path}/cache.db"
    found: str = request.getfixturevalue("redis_url")
    return found
