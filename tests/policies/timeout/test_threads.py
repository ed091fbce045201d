"""`timeout` on plain functions: a thread that is left to itself, and a caller who is not."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import sys
import threading
import time
import traceback
import warnings
import weakref
from typing import Any

import pytest

from .helpers import LONG, SHORT, Payload, eventually, held


def test_in_time(cladding: Any) -> None:
    @cladding.timeout(LONG)
    def f(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs, threading.current_thread()

    args, kwargs, thread = f(1, 2, seconds=3, call=4, tally=5)
    assert (args, kwargs) == ((1, 2), {"seconds": 3, "call": 4, "tally": 5})
    assert thread is not threading.current_thread()
    assert thread.daemon
    assert f.cladding.timeout.stats == {"calls": 1, "timed_out": 0, "abandoned": 0, "left_running": 0}


def test_too_long(cladding: Any) -> None:
    with held() as waits:
        f = cladding.timeout(SHORT)(waits)
        with pytest.raises(cladding.CallTimeoutError) as caught:
            f()
        name = f"{waits.__module__}.{waits.__qualname__}"
        assert str(caught.value) == f"{name} took longer than 0.02 s"
        assert (caught.value.function, caught.value.seconds) == (name, SHORT)
        assert caught.value.__context__ is caught.value.__cause__ is None
        assert [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)] == ["test_too_long"]
        assert f.cladding.timeout.stats == {"calls": 1, "timed_out": 1, "abandoned": 1, "left_running": 1}
        text = cladding.metrics_text()
        assert f'cladding_timeouts_total{{function="{name}"}} 1\n' in text
        assert f'cladding_timeout_threads{{function="{name}"}} 1\n' in text
    eventually(lambda: f.cladding.timeout.stats["left_running"] == 0)
    assert f.cladding.timeout.stats["abandoned"] == 1


@pytest.mark.parametrize(
    "error", [ValueError, TimeoutError, StopIteration, KeyboardInterrupt, SystemExit, GeneratorExit]
)
def test_what_it_raises_passes(cladding: Any, error: type[BaseException]) -> None:
    raised = error("its own")

    @cladding.timeout(LONG)
    def f() -> None:
        raise raised

    for _ in range(2):
        raised.__traceback__ = None
        with pytest.raises(error) as caught:
            f()
        assert caught.value is raised
        assert caught.value.__context__ is None
        names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert names == ["test_what_it_raises_passes", "f"]
    assert f.cladding.timeout.stats["timed_out"] == 0


def test_a_late_exception_is_dropped(cladding: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with held() as waits:

        @cladding.timeout(SHORT)
        def f() -> None:
            waits()
            raise ValueError

        with pytest.raises(cladding.CallTimeoutError):
            f()
    eventually(lambda: f.cladding.timeout.stats["left_running"] == 0)
    assert capfd.readouterr() == ("", "")


def test_context_variables_are_those_of_the_caller(cladding: Any) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    @cladding.timeout(LONG)
    def f() -> int:
        seen = variable.get()
        variable.set(9)
        return seen

    variable.set(3)
    assert f() == 3
    assert variable.get() == 3


def test_threads_are_used_again(cladding: Any) -> None:
    f = cladding.timeout(LONG)(threading.get_ident)
    assert len({f() for _ in range(200)}) <= 3


def test_calls_inside_calls(cladding: Any) -> None:
    @cladding.timeout(LONG)
    def f(n: int) -> int:
        return 0 if n == 0 else 1 + f(n - 1)

    assert f(40) == 40
    with held() as waits:
        inner = cladding.timeout(LONG)(waits)
        outer = cladding.timeout(SHORT)(lambda: inner())
        with pytest.raises(cladding.CallTimeoutError) as caught:
            outer()
        assert "lambda" in caught.value.function


def test_many_threads_at_once(cladding: Any) -> None:
    with held() as waits:
        f = cladding.timeout(0.5)(lambda x: waits() if x % 10 == 0 else x)
        failed: list[Any] = []

        def work(first: int) -> None:
            for x in range(first * 10, first * 10 + 10):
                try:
                    assert f(x) == x
                except cladding.CallTimeoutError:
                    failed.append(x)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(failed) == list(range(0, 200, 10))
        assert f.cladding.timeout.stats == {"calls": 200, "timed_out": 20, "abandoned": 20, "left_running": 20}
    eventually(lambda: f.cladding.timeout.stats["left_running"] == 0)


def test_an_interrupt_reaches_the_caller_at_once(cladding: Any) -> None:
    entered = threading.Event()
    with held() as waits:

        @cladding.timeout(LONG)
        def f() -> None:
            entered.set()
            waits()

        def interrupt() -> None:
            assert entered.wait(LONG)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        sender = threading.Thread(target=interrupt)
        sender.start()
        before = time.monotonic()
        with pytest.raises(KeyboardInterrupt) as caught:
            f()
        sender.join()
        assert time.monotonic() - before < 5
        names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert names == ["test_an_interrupt_reaches_the_caller_at_once"]
        assert f.cladding.timeout.stats == {"calls": 1, "timed_out": 0, "abandoned": 1, "left_running": 1}
    eventually(lambda: f.cladding.timeout.stats["left_running"] == 0)


def test_a_signal_handler_that_raises_shows_itself(cladding: Any) -> None:
    def handler(*_: object) -> None:
        raise ConnectionError

    signal.signal(signal.SIGINT, handler)
    with held() as waits:

        @cladding.timeout(LONG)
        def f() -> None:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            waits()

        with pytest.raises(ConnectionError) as caught:
            f()
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == ["test_a_signal_handler_that_raises_shows_itself", "handler"]


def test_on_a_class_and_on_methods(cladding: Any) -> None:
    with held() as waits:

        @cladding.timeout(SHORT)
        class Slow:
            def __init__(self, wait: bool) -> None:
                if wait:
                    waits()

            @cladding.timeout(SHORT)
            def method(self, wait: bool) -> Any:
                return waits() if wait else self

            @cladding.timeout(SHORT)
            @classmethod
            def of(cls) -> Any:
                return waits(cls)

        slow = Slow(False)
        assert type(slow) is Slow
        assert slow.method(False) is slow
        for call in (lambda: Slow(True), lambda: slow.method(wait=True), Slow.of):
            with pytest.raises(cladding.CallTimeoutError):
                call()


def test_stacked(cladding: Any) -> None:
    with held() as waits:
        calls: list[int] = []

        @cladding.cache_result(ttl=60)
        @cladding.retry(initial_delay=0)
        @cladding.timeout(SHORT)
        @cladding.monitor
        def f(x: int) -> int:
            calls.append(x)
            if len(calls) < 3:
                waits()
            return x

        assert f(7) == f(7) == 7
        assert len(calls) == 3
        assert f.cladding.timeout.stats["timed_out"] == 2
        assert f.cladding.monitor.stats["calls"] == 1

        @cladding.timeout(SHORT)
        @cladding.retry(initial_delay=LONG, jitter="none")
        def waits_to_retry() -> None:
            raise ConnectionError

        with pytest.raises(cladding.CallTimeoutError):
            waits_to_retry()


def test_switched_off(cladding: Any) -> None:
    f = cladding.timeout(SHORT)(threading.get_ident)
    with cladding.disabled("timeout"):
        assert f() == threading.get_ident()
    g = cladding.timeout(SHORT, enabled=lambda: False)(threading.get_ident)
    assert g() == threading.get_ident()
    assert cladding.timeout(SHORT, enabled=False)(threading.get_ident) is threading.get_ident


def test_nothing_is_left_for_the_collector(cladding: Any) -> None:
    references: list[Any] = []

    def remember() -> Payload:
        payload = Payload()
        references.append(weakref.ref(payload))
        return payload

    def f(argument: Any, error: type[Exception] | None, waits: Any) -> Any:
        local = remember()
        waits()
        if error:
            raise error
        return local

    gc.collect()
    gc.disable()
    try:
        quick, short = cladding.timeout(LONG)(f), cladding.timeout(SHORT)(f)
        quick(remember(), None, int)
        for _ in range(3):
            try:
                quick(remember(), ValueError, int)
            except ValueError:
                pass
        with held() as waits:
            for error in (None, ValueError):
                try:
                    short(remember(), error, waits)
                except TimeoutError:
                    pass
        eventually(lambda: short.cladding.timeout.stats["left_running"] == 0)
        assert len(references) == 12
        eventually(lambda: [reference() for reference in references] == [None] * 12)
    finally:
        gc.enable()


def test_a_function_that_returns_a_coroutine(cladding: Any) -> None:
    async def work(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @cladding.monitor
    @cladding.timeout(SHORT)
    @cladding.timer
    def f(seconds: float) -> Any:
        return work(seconds)

    async def main() -> None:
        assert await f(0) == "done"
        with pytest.raises(cladding.CallTimeoutError) as caught:
            await f(LONG)
        names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert names == ["main", "work", "sleep"]

    asyncio.run(main())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeError, match="runs in no task"):
            f(0).send(None)
    assert f.cladding.timeout.stats["timed_out"] == 1
    assert f.cladding.monitor.stats["calls"] == 3
    assert f.cladding.timer.stats["calls"] == 3


def test_a_function_that_returns_an_async_generator(cladding: Any) -> None:
    async def items(seconds: float) -> Any:
        await asyncio.sleep(seconds)
        yield 1
        await asyncio.sleep(2 * SHORT)
        yield 2

    @cladding.timeout(SHORT)
    def f(seconds: float) -> Any:
        return items(seconds)

    async def main() -> None:
        assert [item async for item in f(0)] == [1, 2]
        with pytest.raises(cladding.CallTimeoutError):
            await anext(f(LONG))

    asyncio.run(main())


def test_a_function_that_returns_a_generator_is_refused(cladding: Any) -> None:
    @cladding.monitor
    @cladding.timeout(SHORT)
    def f() -> Any:
        return (x for x in range(3))

    with pytest.raises(TypeError, match=r"timeout: \S+f\(\) is a plain function and has returned a generator"):
        f()
    assert f.cladding.monitor.stats["errors"] == {"TypeError": 1}


def test_a_late_coroutine_is_closed(cladding: Any) -> None:
    async def work() -> None:
        pytest.fail("it ran")

    with warnings.catch_warnings(), held() as waits:
        warnings.simplefilter("error")
        f = cladding.timeout(SHORT)(lambda: (waits(), work())[1])
        with pytest.raises(cladding.CallTimeoutError):
            f()
        waits.let_go()  # type: ignore[attr-defined]
        eventually(lambda: f.cladding.timeout.stats["left_running"] == 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_fork(cladding: Any) -> None:
    f = cladding.timeout(LONG)(lambda x: x)
    assert f(1) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os._exit(0 if [f(2), f(3)] == [2, 3] else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert f(4) == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_fork_in_a_worker_leaves_no_child_behind(cladding: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = cladding.timeout(LONG)(os.fork)()
    before = time.monotonic()
    eventually(lambda: os.waitpid(child, os.WNOHANG)[0] == child)
    assert time.monotonic() - before < 5


def test_the_interpreter_ends_with_calls_under_way(cladding: Any) -> None:
    import subprocess

    program = (
        "import cladding, time\n"
        "@cladding.timeout(0.01)\n"
        "def f(): time.sleep(60)\n"
        "@cladding.timeout(10)\n"
        "def g(): return 3\n"
        "g()\n"
        "try: f()\n"
        "except TimeoutError as error: print(error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "__main__.f took longer than 0.01 s\n", "")
