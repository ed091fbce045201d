"""Real work in other processes, and on executors of which only `submit` is known."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

import pytest

from cladding._gallery.background import background

from . import work

LONG = 40
METHODS = [method for method in ("spawn", "fork", "forkserver") if method in multiprocessing.get_all_start_methods()]


def test_work_is_done_in_another_process() -> None:
    handles = [work.squares(n) for n in range(20)]
    assert [handle.result(LONG) for handle in handles] == [[x * x for x in range(n)] for n in range(20)]
    assert work.pid().result(LONG) != os.getpid()


def test_methods_and_coroutines() -> None:
    assert work.Thing(1).method(2).result(LONG) == 3
    assert work.Thing.of_class(2).result(LONG) == ("Thing", 2)
    assert work.Thing.static(4).result(LONG) == 4
    assert work.asynchronous(1).result(LONG) == 2


def test_errors() -> None:
    with pytest.raises(work.Failure, match="mine"):
        work.fail("mine").result(LONG)
    with pytest.raises(Exception, match=r"pickle|local object"):
        work.not_picklable(1).result(LONG)
    with pytest.raises(Exception, match=r"pickle|local object"):
        work.squares(lambda: 1).result(LONG)  # type: ignore[arg-type]


def test_a_worker_that_dies_fails_its_calls_and_no_later_ones() -> None:
    from concurrent.futures.process import BrokenProcessPool

    with pytest.raises(BrokenProcessPool):
        work.die().result(LONG)
    assert work.squares(3).result(LONG) == [0, 1, 4]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_pool_of_ones_own(method: str) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        run = background(executor=pool)(work.pid.__wrapped__.__wrapped__)  # type: ignore[attr-defined]
        assert run().result(LONG) != os.getpid()


class Inline:
    """An executor that runs everything at once, as a cluster's client would elsewhere."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        self.given.append(args[0])
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def test_any_executor() -> None:
    inline = Inline()
    outer = 5

    @background(executor=inline)
    def local(x: int) -> int:
        return x + outer

    assert local(1).result(LONG) == 6
    assert inline.given == [local.__wrapped__]  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        local("x").result(LONG)  # type: ignore[arg-type]


def test_on_a_dask_cluster() -> None:
    distributed = pytest.importorskip("distributed", reason="distributed (Dask) is not installed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        outer = 5

        @background(executor=client.get_executor())
        def local(x: int) -> tuple[int, int]:
            import os as other

            return x + outer, other.getpid()

        value, pid = local(1).result(LONG)
        assert value == 6
        assert pid != os.getpid()


SCRIPT = """
import sys, time, threading
from cladding._gallery.background import background

@background
def slow(x):
    time.sleep(0.1)
    print("done", x, flush=True)

@background(buffer=1)
def items():
    while True:
        yield 1

@background(executor="process")
def elsewhere(x):
    return x + 1

if __name__ == "__main__":
    print(elsewhere(1).result(30), flush=True)
    stream = items()
    next(stream)
    slow(1)
    print("last line", flush=True)
"""


def test_the_end_of_a_program_waits_for_calls_and_for_no_stream(tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=LONG, check=True)
    assert done.stdout.splitlines() == ["2", "last line", "done 1"]
    assert done.stderr == ""
