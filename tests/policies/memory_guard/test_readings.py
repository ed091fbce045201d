"""`memory_guard`: what it sees, what it tells of it, and what it does when it sees nothing."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

import cladding
from cladding import MemoryPressureError, memory_guard
from policies.kinds import Kind, all_kinds

from .helpers import HUGE, MIB, TINY, body, in_new_process, linux_only, memory, resident, stats

pytestmark = linux_only


# --------------------------------------------------------------------------------------------------------- what it sees


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
    assert re.search(r"%, limit of the (machine|container)\), the guard's threshold is 1e-07%$", str(error))


def test_the_error_tells_what_was_seen() -> None:
    @memory_guard(threshold=0.5, limit=4 * MIB, on_pressure=("raise",))
    def f() -> None: ...

    with pytest.raises(
        MemoryPressureError,
        match=r"f: memory in use is [\d,]+ of 4,194,304 bytes \([\d,]+%, the guard's own limit for this process\), "
        r"the guard's threshold is 50%",
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


# ------------------------------------------------------------------------------------------------- when it sees nothing


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


def test_where_memory_cannot_be_read_a_program_is_decorated_and_told_once() -> None:
    out = in_new_process("""
go_blind()
own = cladding.memory_guard(limit="1MiB", on_pressure=("raise",), interval=0)(f)
lived_under = cladding.memory_guard(threshold=1e-9, on_pressure=("raise",), interval=0)(f)
print([g(i) for g in (own, lived_under) for i in range(3)])
print([g.cladding.memory_guard.stats["failed_readings"] for g in (own, lived_under)])
see_again()
for g in (own, lived_under):
    try:
        g(1)
    except MemoryError:
        print("seen")
""")
    lines = out.splitlines()
    told = "memory_guard: memory in use cannot be read on this system, so guards let every call pass: "
    assert lines[0].startswith(told)
    assert lines[1] == "[0, 1, 2, 0, 1, 2]"
    # The one at decoration, and one at each call.
    assert lines[2:] == ["[4, 4]", "seen", "seen"]
