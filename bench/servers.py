"""A Redis server of the benchmark's own, which ends with it however it ends."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

BINARIES = ("redis-server", "valkey-server")

# The shell waits for the end of its input, which comes when the benchmark closes it or is no more.
GUARD = '"$@" & read -r _; kill $! && wait $!'
START_SECONDS = 20


def binary() -> str | None:
    """The server that is installed, if one is."""
    return next(filter(None, map(shutil.which, BINARIES)), None)


@contextmanager
def redis_server() -> Iterator[int]:
    """A server on a port of this machine that was free."""
    with tempfile.TemporaryDirectory(prefix="cladding-bench-") as folder:
        port = free_port()
        found = binary()
        assert found is not None
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
        server = subprocess.Popen(
            ["sh", "-c", GUARD, "sh", found, *options, "--loglevel", "warning"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt from the keyboard is the benchmark's
        )
        try:
            wait_for(port)
            yield port
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_for(port: int) -> None:
    """Until it answers."""
    limit = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
        except ConnectionRefusedError:
            pass
        if time.monotonic() > limit:
            raise TimeoutError(f"the Redis server did not answer within {START_SECONDS} seconds")
        time.sleep(0.01)
