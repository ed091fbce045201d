"""`memory_guard`: what it sees, the steps it takes under pressure, and what it refuses."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import cladding
from cladding import ConfigurationError, MemoryPressureError, _waits, memory_guard

from .kinds import KINDS, Kind

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells memory in use")

all_kinds = pytest.mark.parametrize("kind", KINDS, ids=str)

MIB = 1 << 20
# A process needs more than that, and no machine has that much.
TINY, HUGE = "1MiB", "1000TiB"


def resident() -> int:
    """What this process uses, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def body(x: Any = None) -> Any:
    return x


def memory(size: int) -> bytearray:
    """So many bytes that are really there, since each page of them was written to."""
    held = bytearray(size)
    held[::4096] = bytes(len(range(0, size, 4096)))
    return held


def stats(function: Any) -> dict[str, int]:
    return {name: count for name, count in cladding.of(function).memory_guard.stats.items() if count}


PRELUDE = """
import logging, os, resource, sys
import cladding, gc, cladding._memory, inspect
logging.basicConfig(stream=sys.stdout, format="%(message)s")
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
def go_blind():  # a process that has no file descriptor left cannot read /proc
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
def see_again():
    while held:
        os.close(held.pop())
def f(x):
    return x
"""


def in_new_process(source: str) -> str:
    run = [sys.executable, "-c", PRELUDE + source]
    return subprocess.run(run, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of all calls, in seconds."""
    seen: list[float] = []
    sleep, sleep_async = _waits.sleep, _waits.sleep_async

    def note(seconds: float) -> None:
        seen.append(seconds)
        sleep(seconds)

    async def note_async(seconds: float) -> None:
        seen.append(seconds)
        await sleep_async(seconds)

    monkeypatch.setattr(_waits, "sleep", note)
    monkeypatch.setattr(_waits, "sleep_async", note_async)
    return seen


# ------------------------------------------------------------------------------------------------- what it sees


@all_kinds
def test_with_enough_left_calls_run(kind: Kind) -> None:
    f = memory_guard(limit=HUGE)(kind.make(body))
    assert [kind.run(f, 1), kind.run(f, x=2)] == [1, 2]
    assert stats(f) == {"checks": 2}


@all_kinds
def test_with_too_little_left_no_call_runs(kind: Kind) -> None:
    ran: list[Any] = []
    f = memory_guard(limit=TINY, on_pressure=("raise",))(kind.make(lambda x: ran.append(x)))
    with pytest.raises(MemoryPressureError):
        kind.run(f, 1)
    assert ran == []
    assert stats(f) == {"checks": 1, "rejected": 1}


def test_without_a_limit_of_its_own_it_sees_the_one_it_lives_under() -> None:
    @memory_guard(threshold=1e-9, on_pressure=("raise",))
    def f() -> None: ...

    with pytest.raises(MemoryPressureError) as caught:
        f()
    error = caught.value
    assert isinstance(error, MemoryError)
    assert isinstance(error, cladding.CladdingError)
    assert error.source in {"cgroup-v2", "cgroup-v1", "host"}
    assert 0 < error.used < error.limit
    assert error.fraction == error.used / error.limit
    assert error.threshold == 1e-9


def test_the_error_tells_what_was_seen() -> None:
    @memory_guard(threshold=0.5, limit=4 * MIB, on_pressure=("raise",))
    def f() -> None: ...

    with pytest.raises(
        MemoryPressureError, match=r"f: memory in use is [\d,]+ of 4,194,304 bytes .*limit of process.*50\.0%"
    ) as caught:
        f()
    error = caught.value
    assert error.limit == 4 * MIB
    assert error.source == "process"
    assert abs(error.used - resident()) < 64 * MIB
    again = pickle.loads(pickle.dumps(error))
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_the_threshold_is_a_share_of_the_limit() -> None:
    limit = resident() * 4
    low = memory_guard(threshold=0.05, limit=limit, on_pressure=("raise",), interval=0)(body)
    high = memory_guard(threshold=0.95, limit=limit, on_pressure=("raise",), interval=0)(body)
    assert high(1) == 1
    with pytest.raises(MemoryPressureError):
        low()


def test_readings_are_shared_until_they_are_too_old() -> None:
    """Memory that is taken after a reading is seen by the guard with no patience, and then by the other too."""
    limit = resident() + 256 * MIB
    patient = memory_guard(threshold=1.0, limit=limit, on_pressure=("warn",), interval=3600)(body)
    eager = memory_guard(threshold=1.0, limit=limit, on_pressure=("raise",), interval=0)(body)
    eager()
    patient()
    much = memory(512 * MIB)
    patient()
    assert "warnings" not in stats(patient)
    with pytest.raises(MemoryPressureError):
        eager()
    patient()
    assert stats(patient)["warnings"] == 1
    del much
    eager()


# ---------------------------------------------------------------------------------------------------- the steps


def test_garbage_is_collected_and_the_call_runs() -> None:
    out = in_new_process("""
MIB = 1 << 20
class Cycle:
    def __init__(self):
        self.itself = self
        self.held = bytearray(512 * MIB)
        self.held[::4096] = bytes(512 * MIB // 4096)
gc.disable()
g = cladding.memory_guard(1.0, limit=256 * MIB, on_pressure=("collect", "raise"), interval=0)(f)
Cycle()
print(g(1))
Cycle()
try:
    g(2)  # too soon for another collection
except MemoryError:
    print("refused")
print(g.cladding.memory_guard.stats)
""")
    assert out.splitlines()[:2] == ["1", "refused"]
    assert "'collections': 1," in out


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


# ------------------------------------------------------------------------------------------------- everywhere


def test_methods_and_classes() -> None:
    guard = memory_guard(limit=TINY, on_pressure=("raise",))

    class Model:
        @guard
        def method(self) -> None: ...

        @guard
        @classmethod
        def made(cls) -> None: ...

        @staticmethod
        @guard
        def static() -> None: ...

    @guard
    class Guarded: ...

    for call in (Model().method, Model.made, Model.static, Guarded):
        with pytest.raises(MemoryPressureError):
            call()


def test_bare_and_configured() -> None:
    bare = memory_guard(body)
    assert bare(3) == 3
    assert bare.cladding.memory_guard.parameters == memory_guard().parameters
    assert memory_guard(0.5) == memory_guard(threshold=0.5) != memory_guard()
    assert memory_guard(0.5, on_pressure=("warn",)) == pickle.loads(
        pickle.dumps(memory_guard(0.5, on_pressure=("warn",)))
    )
    assert memory_guard(wait=timedelta(seconds=1), interval=timedelta(0))(body)(1) == 1


def test_switched_off_nothing_is_read() -> None:
    f = memory_guard(limit=TINY, on_pressure=("raise",))(body)
    with cladding.disabled("memory_guard"):
        assert f(1) == 1
    assert stats(f) == {}
    assert memory_guard(enabled=False)(body) is body
    assert memory_guard(limit=TINY, on_pressure=("raise",), enabled=lambda: False)(body)(1) == 1


def test_the_metrics_show_use_limit_and_rejections() -> None:
    @memory_guard(limit=2 * MIB, on_pressure=("raise",))
    def seen_here() -> None: ...

    with pytest.raises(MemoryPressureError):
        seen_here()
    name = f"{__name__}.test_the_metrics_show_use_limit_and_rejections.<locals>.seen_here"
    text = cladding.metrics_text()
    assert f'cladding_memory_limit_bytes{{function="{name}",source="process"}} 2097152\n' in text
    assert f'cladding_memory_rejected_total{{function="{name}"}} 1\n' in text
    [used] = [line for line in text.splitlines() if line.startswith(f'cladding_memory_used_bytes{{function="{name}"')]
    assert int(used.rsplit(" ", 1)[1]) > 2 * MIB


def test_threads_share_one_guard() -> None:
    f = memory_guard(limit=HUGE, interval=0)(body)

    def hammer() -> None:
        for i in range(300):
            assert f(i) == i

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stats(f) == {"checks": 2400}


def test_a_guard_that_loses_sight_lets_calls_run_and_says_so_once() -> None:
    out = in_new_process("""
g = cladding.memory_guard(limit="1MiB", on_pressure=("raise",), interval=0)(f)
try:
    g(1)
except MemoryError:
    print("seen")
go_blind()
print([g(i) for i in range(3)])
see_again()
print(g.cladding.memory_guard.stats["failed_readings"] > 0)
try:
    g(1)
except MemoryError:
    print("seen")
""")
    lines = out.splitlines()
    assert lines[0] == "seen"
    assert lines[2:] == ["[0, 1, 2]", "True", "seen"]
    assert "memory in use cannot be read, calls are let through" in lines[1]


def test_a_guard_that_could_never_see_is_refused() -> None:
    out = in_new_process("""
policy = cladding.memory_guard(limit="1MiB")
go_blind()
try:
    policy(f)
except cladding.ConfigurationError as error:
    see_again()
    print(error)
""")
    assert out.startswith("memory_guard: memory in use cannot be read on this system: ")


# --------------------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": 1.01}, "threshold"),
        ({"threshold": -0.5}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"threshold": "85%"}, "threshold"),
        ({"on_pressure": ()}, "on_pressure"),
        ({"on_pressure": "raise"}, "on_pressure"),
        ({"on_pressure": ("raise", "raise")}, "on_pressure"),
        ({"on_pressure": ("retry",)}, "on_pressure"),
        ({"on_pressure": (1,)}, "on_pressure"),
        ({"on_pressure": None}, "on_pressure"),
        ({"wait": -1}, "wait"),
        ({"wait": None}, "wait"),
        ({"wait": float("inf")}, "wait"),
        ({"interval": -1}, "interval"),
        ({"interval": float("nan")}, "interval"),
        ({"interval": 1e10}, "interval"),
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": "0B"}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "2 apples"}, "limit"),
        ({"limit": 2**64}, "limit"),
        ({"enabled": 3}, "enabled"),
    ],
    ids=repr,
)
def test_a_wrong_configuration_is_refused_by_name(parameters: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"memory_guard: `{name}` must be .*, got ") as caught:
        memory_guard(**parameters)
    shown = repr(parameters[name]).replace("'", "").replace('"', "")
    assert shown in str(caught.value).replace("'", "").replace('"', "")
