"""A real HTTP server that fails as it is told to, and writes down every request that reaches it."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

# Closing a socket with this option resets the connection.
ABORTIVE = struct.pack("ii", 1, 0)
REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Server Error", 503: "Unavailable"}


@dataclass(frozen=True)
class Answer:
    """What is done with a request: a status, a reset connection, or a stall until the client goes away."""

    status: int = 200  # 0 for none
    stall: bool = False
    after: int | None = None  # seconds of Retry-After
    as_date: bool = False  # written as a date, which is a second or so later


OK, DOWN, RESET, STALL = Answer(), Answer(503), Answer(0), Answer(0, stall=True)
Plan = Callable[[str, int], Answer]  # by the key of the request, and how many with that key there were before


@dataclass
class Seen:
    """One request, as the server saw it."""

    key: str
    answer: Answer
    came: float = field(default_factory=time.monotonic)
    may_return: float = 0.0  # what was asked for, on the monotonic clock
    may_return_wall: float = 0.0  # the same where it was a date, on the wall clock
    came_wall: float = field(default_factory=time.time)


def by_seed(seed: int, answers: dict[Answer, float], most: int) -> Plan:
    """Answers by chance, the same for the same seed; all is well for a key after so many failures."""

    def plan(key: str, before: int) -> Answer:
        if before >= most:
            return OK
        chance = random.Random(f"{seed} {key} {before}")
        return chance.choices([*answers, OK], [*answers.values(), 1 - sum(answers.values())])[0]

    return plan


def reply_to(key: str) -> str:
    """What the right answer to a request is."""
    return f"features of {key}"


class FlakyServer:
    """Runs in a thread of its own, on a free port. Every path is a key, and every connection is for one request."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.log: list[Seen] = []
        self._count: Counter[str] = Counter()
        self._open: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="flaky server")

    def url(self, key: str) -> str:
        """Where a key is to be asked for."""
        return f"http://127.0.0.1:{self.port}/{key}"

    def of(self, key: str) -> list[Seen]:
        """The requests with a key, in the order in which they came."""
        return [seen for seen in self.log if seen.key == key]

    def __enter__(self) -> FlakyServer:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=512)
        self.port: int = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = head.split(maxsplit=2)[1].decode().removeprefix("/")
        before, self._count[key] = self._count[key], self._count[key] + 1
        seen = Seen(key, self.plan(key, before))
        self.log.append(seen)
        if seen.answer.stall:
            await reader.read()  # Until the client gives up.
        elif seen.answer.status == 0:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)
            writer.transport.abort()
        else:
            writer.write(_written(seen))
            await writer.drain()


def _written(seen: Seen) -> bytes:
    answer = seen.answer
    body = reply_to(seen.key) if answer.status == 200 else "not now"
    lines = [
        f"HTTP/1.1 {answer.status} {REASONS[answer.status]}",
        "Connection: close",
        f"Content-Length: {len(body)}",
    ]
    if answer.after is not None:
        asked = str(answer.after)
        if answer.as_date:
            # Whole seconds, so rounded up: it is never sooner than was meant.
            seen.may_return_wall = float(int(time.time()) + 1 + answer.after)
            asked = email.utils.formatdate(seen.may_return_wall, usegmt=True)
        else:
            seen.may_return = time.monotonic() + answer.after
        lines.append(f"Retry-After: {asked}")
    return "\r\n".join([*lines, "", body]).encode()
