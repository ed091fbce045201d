"""`retry` against a server that asks for waits, through clients as they are used."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

httpx = pytest.importorskip("httpx")


class Server(ThreadingHTTPServer):
    """Answers with what it is told, one answer after the other: a status, and what `Retry-After` says."""

    answers: list[tuple[int, str | None]]
    requests: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/rows"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        status, after = self.server.answers[self.server.requests]
        self.server.requests += 1
        self.send_response(status)
        if after is not None:
            self.send_header("Retry-After", after)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        """Nothing is written."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests = 0
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def in_seconds(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


def test_httpx(cladding: Any, waits: list[float], server: Server) -> None:
    server.answers = [(503, "7"), (429, in_seconds(30)), (503, None), (200, None)]
    with httpx.Client(trust_env=False) as client:

        @cladding.retry(exceptions=httpx.HTTPStatusError, jitter="none", initial_delay=1)
        def fetch() -> str:
            return client.get(server.url).raise_for_status().text

        assert fetch() == "ok"
    assert server.requests == 4
    by_number, by_date, by_schedule = waits
    assert (by_number, by_schedule) == (7, 4)
    assert 27 < by_date <= 30


def test_httpx_async(cladding: Any, waits: list[float], server: Server) -> None:
    server.answers = [(429, "3"), (503, in_seconds(3600)), (200, None)]

    @cladding.retry(exceptions=httpx.HTTPStatusError)
    async def fetch(client: Any) -> str:
        return (await client.get(server.url)).raise_for_status().text

    async def main() -> str:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await fetch(client)

    assert asyncio.run(main()) == "ok"
    assert waits == [3, 60]


def test_urllib(cladding: Any, waits: list[float], server: Server) -> None:
    server.answers = [(503, "7"), (429, in_seconds(30)), (200, None)]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def busy(error: Exception) -> bool:
        assert isinstance(error, urllib.error.HTTPError)
        error.close()
        return error.code in (429, 503)

    @cladding.retry(exceptions=busy)
    def fetch() -> bytes:
        with opener.open(server.url, timeout=10) as answer:
            return answer.read()

    assert fetch() == b"ok"
    assert waits[0] == 7
    assert 27 < waits[1] <= 30


def test_an_answer_that_is_not_retried_asks_for_nothing(cladding: Any, waits: list[float], server: Server) -> None:
    server.answers = [(404, "7")]

    @cladding.retry(exceptions=lambda error: error.response.status_code >= 500)
    def fetch() -> str:
        return httpx.get(server.url, trust_env=False).raise_for_status().text

    with pytest.raises(httpx.HTTPStatusError):
        fetch()
    assert (server.requests, waits) == (1, [])


def test_a_refused_connection_is_retried_unless_told(cladding: Any, waits: list[float]) -> None:
    with Server(("127.0.0.1", 0), Handler) as gone:
        url = gone.url
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    fetch = cladding.retry(2, exceptions=urllib.error.URLError)(lambda: opener.open(url, timeout=10))
    with pytest.raises(urllib.error.URLError) as caught:
        fetch()
    assert "after 3 attempts" in caught.value.__notes__[0]
    assert len(waits) == 2
