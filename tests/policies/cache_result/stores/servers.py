"""A Redis server of the tests' own: started on a free port, and stopped, paused, filled or started anew as a test asks."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import redis

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")


class Server:
    """A server with one port and folder, whatever happens to its process."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options, self.port = folder, options, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def client(self, **options: Any) -> Any:
        return redis.Redis(port=self.port, socket_timeout=20, **options)

    def start(self) -> None:
        assert self.process is None
        assert BINARY is not None
        command = [BINARY, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", str(self.folder), "--loglevel", "warning", *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 20
        while True:
            try:
                with self.client() as client:
                    client.ping()
            except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
                assert self.process.poll() is None, "the server has ended"
                assert time.monotonic() < limit, "the server does not answer"
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """Ends it at once, and what it held is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)
            self.process = None

    def pause(self) -> None:
        """It goes on accepting connections, as the kernel does that for it, and answers nobody."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def needed() -> None:
    """Skips a test where there is no server."""
    if BINARY is None:
        pytest.skip("there is no redis-server: install Debian's package `redis-server`, or Valkey's")
