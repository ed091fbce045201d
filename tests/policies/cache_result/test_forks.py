"""`cache_result` in a process that forks while a result is being computed."""

from __future__ import annotations

import os
import signal

import pytest

from cladding import cache_result

from .helpers import Gate, in_threads, joined, stats, until


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_wait_for_threads_it_does_not_have() -> None:
    gate = Gate()
    f = cache_result(lambda: os.getpid() if os.getpid() != parent else gate())
    parent = os.getpid()
    threads = in_threads(3, f)
    until(lambda: stats(f)["waits"] == 2)
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)
            os._exit(0 if f() == f() == os.getpid() else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    gate.open.set()
    joined(threads)
    assert f() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_inside_a_computation() -> None:
    @cache_result
    def f() -> int:
        return os.fork()

    child = f()
    if child == 0:
        os._exit(0 if f() == 0 and f.cache_info().currsize == 1 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert f() == child
