"""A million failing-then-succeeding calls of each library, with a megabyte in the frame that fails: what stays behind.

    python tests/reliability/million_retries.py [CALLS]

Each case runs in a process of its own with the garbage collector off, where that leaves something once more with it on, and
is stopped when it has grown by 512 MB. No call waits. Beside cladding it needs tenacity and backoff, and half an hour.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")
STATM = os.open("/proc/self/statm", os.O_RDONLY)
WARM_UP, STEP, MOST = 1_000, 50, 512 * 2**20


Call = Callable[[], Any]
Decorate = Callable[[Any], Any]


def body(*, recovers: bool = True) -> Call:
    """Fails at every other call, or always, with a megabyte in its frame."""
    fails = False

    def f() -> None:
        nonlocal fails
        fails = not fails or not recovers
        megabyte = b"x" * 2**20
        if fails:
            raise ConnectionError(len(megabyte))

    return f


def of_cladding(**more: Any) -> Decorate:
    import cladding

    return cladding.retry(max_retries=3, initial_delay=0, **more)


def every_layer() -> Decorate:
    import cladding

    budget, breaker = cladding.RetryBudget(ratio=10), cladding.CircuitBreaker(None, failures=10**9)
    return of_cladding(deadline=86_400, budget=budget, breaker=breaker, fallback=None, on_retry=repr)


def of_tenacity(sleep: Callable[[float], Any] = lambda seconds: None) -> Decorate:
    import tenacity

    return tenacity.retry(stop=tenacity.stop_after_attempt(4), sleep=sleep, reraise=True)


def of_tenacity_async() -> Decorate:
    async def sleep(seconds: float) -> None:
        pass

    return of_tenacity(sleep)


def of_backoff() -> Decorate:
    import backoff

    return backoff.on_exception(backoff.constant, ConnectionError, max_tries=4, interval=0, jitter=None, logger=None)


def a_block() -> Call:
    import cladding

    f, attempts = body(), cladding.retry.attempts(max_retries=3, initial_delay=0)

    def call() -> None:
        for attempt in attempts:
            with attempt:
                f()

    return call


def a_generator() -> Call:
    f = body()

    @of_cladding()
    def items() -> Iterator[None]:
        yield f()

    return lambda: list(items())


def a_coroutine(decorate: Decorate) -> Call:
    f = body()

    @decorate
    async def call() -> None:
        f()

    return call


def given_up(decorate: Decorate) -> Call:
    f = decorate(body(recovers=False))

    def call() -> None:
        with contextlib.suppress(ConnectionError):
            f()

    return call


CASES: dict[str, Callable[[], Call]] = {
    "cladding": lambda: of_cladding()(body()),
    "cladding, every layer": lambda: every_layer()(body()),
    "cladding, block": a_block,
    "cladding, generator": a_generator,
    "tenacity": lambda: of_tenacity()(body()),
    "backoff": lambda: of_backoff()(body()),
    "cladding, async": lambda: a_coroutine(of_cladding()),
    "tenacity, async": lambda: a_coroutine(of_tenacity_async()),
    "backoff, async": lambda: a_coroutine(of_backoff()),
    "cladding, giving up": lambda: given_up(of_cladding()),
    "tenacity, giving up": lambda: given_up(of_tenacity()),
    "backoff, giving up": lambda: given_up(of_backoff()),
}


def resident() -> int:
    return int(os.pread(STATM, 100, 0).split()[1]) * PAGE


def make(call: Call, number: int, *, is_async: bool, runner: asyncio.Runner) -> None:
    if not is_async:
        for _ in range(number):
            call()
        return

    async def calls() -> None:
        for _ in range(number):
            await call()

    runner.run(calls())


def measure(name: str, calls: int, collector: str) -> bool:
    """Prints what one case leaves behind, and says whether that is nothing."""
    call, is_async = CASES[name](), name.endswith("async")
    with asyncio.Runner() as runner:
        make(call, WARM_UP, is_async=is_async, runner=runner)
        gc.collect()
        if collector == "off":
            gc.disable()
        objects, memory, start = len(gc.get_objects()), resident(), time.monotonic()
        done = most = 0
        while done < calls and most < MOST:
            make(call, STEP, is_async=is_async, runner=runner)
            done += STEP
            most = max(most, resident() - memory)
        took = time.monotonic() - start
        grown = resident() - memory
        more = len(gc.get_objects()) - objects
    print(
        f"{name:21} collector {collector:3} {done:9,} calls {took:6.0f} s   "
        f"{grown / 2**20:7.1f} MB more ({most / 2**20:7.1f} at most), {more:7,} objects more",
        flush=True,
    )
    return more < 100 and most < 2**24


def main() -> None:
    if len(sys.argv) == 4:
        sys.exit(0 if measure(sys.argv[1], int(sys.argv[2]), sys.argv[3]) else 1)
    calls = sys.argv[1] if len(sys.argv) > 1 else "1000000"
    for name in CASES:
        for collector in ("off", "on"):
            done = subprocess.run([sys.executable, __file__, name, calls, collector], check=False)
            if done.returncode == 0:
                break


if __name__ == "__main__":
    main()
