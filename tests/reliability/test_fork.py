"""A fork while other threads are inside calls leaves a child that works, its counts and its caches included."""

from __future__ import annotations

import sys

import pytest

from .kinds import stand_in
from .scripts import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no fork"),
]

# Threads hammer the stack in the parent; each child must be able to use all of it, whoever held which lock.
FORK = """
    import os, sys, threading, time, warnings
    warnings.simplefilter("ignore")
    sys.setswitchinterval(1e-5)
    stop = threading.Event()
    SETUP
    def hammer():
        x = 0
        while not stop.is_set():
            x += 1
            use(x % 50)
    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    failed = 0
    for _ in range(20):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for x in range(200):
                    use(x)
                check()
                status = 0
            finally:
                os._exit(status)
        deadline = time.monotonic() + 20
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                failed += status != 0
                break
            if time.monotonic() > deadline:
                os.kill(child, 9)
                os.waitpid(child, 0)
                failed += 1
                break
            time.sleep(0.001)
        if failed:
            break
    stop.set()
    for thread in threads:
        thread.join()
    use(1)
    print("failed", failed)
"""

FIDELITY = """
    @decorate
    def function(x):
        return x
    @decorate
    def items(x):
        yield x
    @decorate
    async def work(x):
        return x
    def use(x):
        assert function(x) == x
        assert list(items(x)) == [x]
        try:
            work(x).send(None)
        except StopIteration as stop:
            assert stop.value == x
    def check():
        decorate(lambda: 1)()
"""

POLICIES = """
    @cladding.timer
    @cladding.monitor
    @cladding.memory_guard(threshold=0.999999)
    @cladding.validate_input(x=cladding.Range(0, 1000))
    @cladding.cache_result(ttl=600, max_entries=20)
    @cladding.circuit_breaker
    @cladding.retry(max_retries=2, initial_delay=0.0)
    def use(x):
        return x
    def check():
        before = use.cladding.policies[0].stats["calls"]
        use(1)
        assert use.cladding.policies[0].stats["calls"] == before + 1
        assert "cladding_calls_total" in cladding.metrics_text()
"""


def _program(setup: str) -> str:
    return FORK.replace("    SETUP\n", setup)


def test_fork_during_calls() -> None:
    ended = run(_program(FIDELITY), decorated=True)
    assert (ended.status, ended.output, ended.errors) == (0, "failed 0\n", "")


@pytest.mark.skipif(stand_in(), reason="the policies themselves have no stand-in")
def test_fork_during_calls_of_every_policy() -> None:
    ended = run(_program(POLICIES), decorated=True)
    assert (ended.status, ended.output, ended.errors) == (0, "failed 0\n", "")


@pytest.mark.skipif(stand_in(), reason="the policies themselves have no stand-in")
def test_fork_while_a_key_is_being_computed() -> None:
    # The thread that computes does not exist in the child: the child must compute for itself, not wait for ever.
    ended = run(
        """
        import os, threading, warnings
        warnings.simplefilter("ignore")
        parent = os.getpid()
        inside, go = threading.Event(), threading.Event()
        @cladding.cache_result(ttl=600)
        def compute(x):
            if os.getpid() == parent:
                inside.set()
                go.wait()
            return os.getpid()
        computing = threading.Thread(target=compute, args=(1,))
        computing.start()
        inside.wait()
        child = os.fork()
        if child == 0:
            import signal
            signal.alarm(20)
            os._exit(0 if compute(1) == os.getpid() else 1)
        _, status = os.waitpid(child, 0)
        go.set()
        computing.join()
        print(status, compute(1) == parent)
        """,
        decorated=True,
    )
    assert (ended.status, ended.output, ended.errors) == (0, "0 True\n", "")
