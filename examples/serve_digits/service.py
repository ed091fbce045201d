"""The feature service: a local HTTP server in a process of its own, good at going wrong.

`GET /rows/17` gives the 64 pixels of handwritten digit 17 as JSON, or does what a service does on a bad day. Which
fault the n-th request for a row meets depends on the seed, the row and n alone, so a run can be repeated.
`GET /counts` tells how often each thing happened; from `GET /mend` on nothing goes wrong any more.
Try it by hand: `python service.py --port 8000` (it ends when its standard input does).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
import threading
from collections import Counter

from sklearn.datasets import load_digits

# How often each fault happens, of all requests.
RATES = {
    "unavailable": 0.07,  # status 503
    "reset": 0.05,  # the connection is torn down
    "stall": 0.02,  # the reply comes after the client has given up
    "nan": 0.04,  # one pixel is not a number
    "short": 0.04,  # pixels are missing at the end
    "out_of_range": 0.04,  # one pixel is brighter than white
    "incomplete": 0.02,  # the reply has no pixels at all
}
STALL_SECONDS = 1.0


class FeatureService:
    """Serves rows, and keeps count of what it did to whom."""

    def __init__(self, rows: list[list[float]], rates: dict[str, float], seed: int) -> None:
        self.rows = rows
        self.rates = rates
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.visits: Counter[int] = Counter()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection, which carries one request."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await reader.readuntil(b"\r\n\r\n")
            path = request.split()[1].decode()
            if path == "/counts":
                await reply(writer, 200, dict(self.counts))
            elif path == "/mend":
                self.rates = {}
                await reply(writer, 200, {"mended": True})
            else:
                await self.send_row(writer, int(path.removeprefix("/rows/")))
        writer.close()

    async def send_row(self, writer: asyncio.StreamWriter, row_id: int) -> None:
        """Send a row, or go wrong."""
        if not 0 <= row_id < len(self.rows):
            return await reply(writer, 404, {"error": f"there is no row {row_id}"})
        self.visits[row_id] += 1
        dice = random.Random(f"{self.seed}/{row_id}/{self.visits[row_id]}")
        fault = dice.choices([*self.rates, "good"], [*self.rates.values(), 1 - sum(self.rates.values())])[0]
        self.counts[fault] += 1

        pixels = list(self.rows[row_id])
        match fault:
            case "unavailable":
                return await reply(writer, 503, {"error": "try again later"})
            case "reset":
                return reset(writer)
            case "incomplete":
                return await reply(writer, 200, {"id": row_id})
            case "stall":
                await asyncio.sleep(STALL_SECONDS)
            case "nan":
                pixels[dice.randrange(len(pixels))] = float("nan")
            case "short":
                del pixels[-dice.randint(1, 20) :]
            case "out_of_range":
                pixels[dice.randrange(len(pixels))] = 255.0
        return await reply(writer, 200, {"id": row_id, "pixels": pixels})


async def reply(writer: asyncio.StreamWriter, status: int, content: dict[str, object]) -> None:
    """Send one JSON reply."""
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    await writer.drain()


def reset(writer: asyncio.StreamWriter) -> None:
    """Tear the connection down, so that the client sees a reset."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def serve(service: FeatureService, port: int) -> None:
    """Serve until standard input is closed, so that the service never outlives the one who started it."""
    server = await asyncio.start_server(service.handle, "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop, closed = asyncio.get_running_loop(), asyncio.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(closed.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await closed.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A feature service that goes wrong at set rates.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the port is the first line printed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    service = FeatureService(load_digits().data.tolist(), RATES, options.seed)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(service, options.port))


if __name__ == "__main__":
    main()
