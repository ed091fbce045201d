"""`memory_guard`: the steps it takes under pressure."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import threading
import time
from typing import Any

import pytest

from cladding import MemoryPressureError, memory_guard
from policies.kinds import Kind, all_kinds

from .helpers import MIB, TINY, body, in_new_process, linux_only, memory, resident, stats

pytestmark = linux_only


# ----------------------------------------------------------------------------------------------- collecting and warning


def test_garbage_is_collected_and_the_call_runs() -> None:
    out = in_new_process("""
import functools
MIB = 1 << 20
class Cycle:
    def __init__(self):
        self.itself = self
        self.held = bytearray(384 * MIB)
        self.held[::4096] = bytes(384 * MIB // 4096)
gc.disable()
guard = functools.partial(cladding.memory_guard, 1.0, on_pressure=("collect", "raise"), interval=0)
g, h = guard(limit=640 * MIB)(f), guard(limit=256 * MIB)(f)
kept = Cycle()
Cycle()
print(g(1))
del kept  # garbage at once, while to make more takes time
try:
    h(2)  # too soon for another collection
except MemoryError:
    print("refused")
print(g.cladding.memory_guard.stats, h.cladding.memory_guard.stats)
""")
    assert out.splitlines()[:2] == ["1", "refused"]
    assert re.findall(r"'collections': (\d+),", out) == ["1", "0"]


def test_collections_are_no_more_than_one_a_second() -> None:
    out = in_new_process("""
gc.disable()
collected = []
gc.callbacks.append(lambda phase, info: collected.append(phase))
g, h = (cladding.memory_guard(limit="1MiB", on_pressure=("collect",), interval=0)(f) for _ in range(2))
for _ in range(100):
    g(1), h(1)
print(collected)
print(g.cladding.memory_guard.stats["collections"], h.cladding.memory_guard.stats["collections"])
""")
    assert out.splitlines() == ["['start', 'stop']", "1 0"]


def test_a_warning_is_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    f = memory_guard(limit=TINY, on_pressure=("warn",))(body)
    with caplog.at_level(logging.WARNING, "cladding"):
        assert [f(i) for i in range(5)] == list(range(5))
    [record] = caplog.records
    assert (record.name, record.levelname) == ("cladding", "WARNING")
    assert "body: memory in use is" in record.getMessage()
    assert stats(f) == {"checks": 5, "warnings": 1}


def test_a_handler_that_fails_breaks_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(logging.getLogger("cladding"), "warning", fail)
    f = memory_guard(limit=TINY, on_pressure=("warn",))(body)
    assert f(1) == 1


def test_an_interrupt_in_a_handler_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(logging.getLogger("cladding"), "warning", interrupt)
    f = memory_guard(limit=TINY, on_pressure=("warn",))(body)
    with pytest.raises(KeyboardInterrupt):
        f(1)


# -------------------------------------------------------------------------------------------------------------- waiting


@all_kinds
def test_a_wait_ends_when_there_is_memory_again(kind: Kind, waits: list[float]) -> None:
    limit = resident() + 128 * MIB
    held = [memory(256 * MIB)]
    f = memory_guard(threshold=1.0, limit=limit, on_pressure=("wait", "raise"), wait=30, interval=0.02)(kind.make(body))
    timer = threading.Timer(0.1, held.clear)
    timer.start()
    begun = time.monotonic()
    assert kind.run(f, 1) == 1
    assert 0.05 < time.monotonic() - begun < 10
    timer.join()
    assert stats(f) == {"checks": 1, "waits": 1}
    assert len(waits) > 1
    assert max(waits) <= 0.02


@all_kinds
def test_a_wait_in_vain_is_over_in_time(kind: Kind, waits: list[float]) -> None:
    f = memory_guard(limit=TINY, on_pressure=("wait", "raise"), wait=0.1, interval=0.03)(kind.make(body))
    begun = time.monotonic()
    with pytest.raises(MemoryPressureError):
        kind.run(f)
    assert 0.09 < time.monotonic() - begun < 5
    assert stats(f) == {"checks": 1, "waits": 1, "rejected": 1}
    assert len(waits) >= 3


def test_no_wait_is_no_wait(waits: list[float]) -> None:
    f = memory_guard(limit=TINY, on_pressure=("wait",), wait=0)(body)
    assert f(1) == 1
    assert waits == []
    assert stats(f) == {"checks": 1}


def test_waiting_tasks_leave_the_event_loop_alone() -> None:
    @memory_guard(limit=TINY, on_pressure=("wait",), wait=0.15, interval=0.05)
    async def f(x: int) -> int:
        return x

    async def main() -> tuple[list[int], int]:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0.005)

        heart = asyncio.create_task(beat())
        results = await asyncio.gather(*(f(i) for i in range(20)))
        heart.cancel()
        return results, beats

    results, beats = asyncio.run(main())
    assert results == list(range(20))
    assert beats > 5


def test_a_waiting_task_can_be_cancelled() -> None:
    ran: list[int] = []

    @memory_guard(limit=TINY, on_pressure=("wait",), wait=60)
    async def f() -> None:
        ran.append(1)

    async def main() -> None:
        task = asyncio.create_task(f())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ran == []


def test_a_wait_can_be_interrupted_and_lets_other_threads_run() -> None:
    f = memory_guard(limit=TINY, on_pressure=("wait",), wait=60)(body)
    timer = threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        f()
    assert time.monotonic() - begun < 10
    timer.join()


# ---------------------------------------------------------------------------------------------------- one after another


def test_the_steps_come_in_the_order_that_was_chosen(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    order: list[str] = []
    f = memory_guard(limit=TINY, on_pressure=("wait", "warn"), wait=0.02, interval=0)(body)
    handler = logging.Handler()
    handler.emit = lambda record: order.append(f"warned after {len(waits)} waits")  # type: ignore[method-assign]
    logging.getLogger("cladding").addHandler(handler)
    try:
        assert f(1) == 1
    finally:
        logging.getLogger("cladding").removeHandler(handler)
    assert order == [f"warned after {len(waits)} waits"]
    assert waits
    assert stats(f) == {"checks": 1, "waits": 1, "warnings": 1}

    raises_first = memory_guard(limit=TINY, on_pressure=("raise", "warn"))(body)
    with pytest.raises(MemoryPressureError):
        raises_first()
    assert stats(raises_first) == {"checks": 1, "rejected": 1}


def test_steps_that_end_without_an_error_let_the_call_run(caplog: pytest.LogCaptureFixture) -> None:
    f = memory_guard(limit=TINY, on_pressure=("collect", "warn", "wait"), wait=0.01)(body)
    assert f(1) == 1
