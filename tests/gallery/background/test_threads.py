"""Calls on the shared threads: handles, callbacks, errors, cancellation."""

from __future__ import annotations

import contextvars
import functools
import gc
import inspect
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import pytest

from cladding import ConfigurationError, timer
from cladding._gallery._handles import Handle
from cladding._gallery.background import Async, background

from .work import Failure

LONG = 20


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException]]:
    """What was given to `threading.excepthook`."""
    errors: list[BaseException] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: errors.append(args.exc_value))
    yield errors
    gc.collect()


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(LONG * 100):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError


@background
def add(x: int, y: int = 1) -> int:
    return x + y


def test_a_call_returns_at_once_with_a_handle() -> None:
    go = threading.Event()

    @background
    def wait() -> str:
        assert go.wait(LONG)
        return threading.current_thread().name

    handle = wait()
    assert isinstance(handle, Handle)
    assert not handle.done()
    with pytest.raises(TimeoutError):
        handle.result(0.001)
    go.set()
    assert handle.result(LONG).startswith("cladding-background")
    assert handle.done()
    assert not handle.running()
    assert handle.exception() is None


def test_what_is_decorated_keeps_its_face() -> None:
    assert inspect.isfunction(add)
    assert str(inspect.signature(add)) == "(x: 'int', y: 'int' = 1) -> 'int'"
    assert pickle.loads(pickle.dumps(add)) is add
    assert Async is background
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        add().result()  # type: ignore[call-arg]


def test_methods() -> None:
    class Thing:
        x = 1

        @background
        def method(self, y: int) -> int:
            return self.x + y

        @background
        @classmethod
        def of_class(cls, y: int) -> int:
            return cls.x + y

        @staticmethod
        @background
        def static(y: int) -> int:
            return y

    assert [Thing().method(1).result(), Thing.of_class(2).result(), Thing.static(3).result()] == [2, 3, 3]


def test_context_variables_are_the_callers() -> None:
    variable = contextvars.ContextVar("variable", default=0)

    @background
    def read() -> int:
        found = variable.get()
        variable.set(9)
        return found

    token = variable.set(5)
    assert read().result(LONG) == 5
    assert variable.get() == 5
    variable.reset(token)


def test_errors_are_the_functions_own() -> None:
    @background
    def fail() -> None:
        raise Failure("mine")

    handle = fail()
    with pytest.raises(Failure, match="mine"):
        handle.result(LONG)
    assert isinstance(handle.exception(), Failure)


def test_an_error_that_nobody_asks_for_is_reported_once(reported: list[BaseException]) -> None:
    @background
    def fail(go: threading.Event) -> None:
        go.wait(LONG)
        raise Failure

    ready = threading.Event()
    ready.set()
    kept = fail(ready)
    wait_for(kept.done)
    assert reported == []
    del kept
    wait_for(lambda: reported)
    later = threading.Event()
    fail(later)  # dropped before it fails
    later.set()
    wait_for(lambda: len(reported) == 2)
    asked = fail(ready)
    assert isinstance(asked.exception(LONG), Failure)
    del asked
    gc.collect()
    assert [type(error) for error in reported] == [Failure, Failure]


def test_callbacks(reported: list[BaseException]) -> None:
    calls: list[Any] = []
    closed = threading.Semaphore(0)

    def closing() -> None:
        calls.append("closing")
        closed.release()

    @background(on_success=calls.append, on_failure=lambda error: calls.append(type(error)), on_closing=closing)
    def divide(x: int) -> float:
        return 1 / x

    assert divide(1).result(LONG) == 1
    assert closed.acquire(timeout=LONG)
    assert calls == [1.0, "closing"]
    divide(0)
    assert closed.acquire(timeout=LONG)
    assert calls[2:] == [ZeroDivisionError, "closing"]
    gc.collect()
    assert reported == []


def test_callbacks_that_fail_are_reported(reported: list[BaseException]) -> None:
    def fail(*_: object) -> None:
        raise Failure

    assert background(on_success=fail, on_closing=fail)(lambda: 1)().result(LONG) == 1
    wait_for(lambda: len(reported) == 2)
    handle = add(1)
    handle.add_done_callback(fail)
    wait_for(lambda: len(reported) == 3)
    got: list[Any] = []
    handle.add_done_callback(got.append)
    assert got == [handle]


def test_cancel() -> None:
    go, began, closed, ran = threading.Event(), threading.Event(), threading.Event(), []

    with ThreadPoolExecutor(1) as pool:

        @background(executor=pool, on_closing=closed.set, on_success=ran.append)
        def wait() -> None:
            began.set()
            assert go.wait(LONG)

        first, second = wait(), wait()
        assert began.wait(LONG)
        assert first.cancel() is False
        assert second.cancel() is True
        assert second.cancelled()
        assert closed.is_set()
        with pytest.raises(CancelledError):
            second.result()
        go.set()
        assert first.result(LONG) is None
    assert ran == [None]


def test_calls_within_calls_do_not_wait_for_themselves() -> None:
    @background
    def fibonacci(n: int) -> int:
        if n < 2:
            return n
        one, two = fibonacci(n - 1), fibonacci(n - 2)
        return one.result(LONG) + two.result(LONG)

    assert fibonacci(12).result(LONG) == 144


def test_many_calls_from_many_threads() -> None:
    results: list[int] = []

    def call() -> None:
        results.extend(handle.result(LONG) for handle in [add(x) for x in range(100)])

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(list(range(1, 101)) * 5)


def test_an_executor_of_ones_own_or_something_that_makes_one() -> None:
    made: list[ThreadPoolExecutor] = []

    def make() -> ThreadPoolExecutor:
        made.append(ThreadPoolExecutor(1, "mine"))
        return made[-1]

    @background(executor=make)
    def name() -> str:
        return threading.current_thread().name

    assert made == []
    assert name().result(LONG).startswith("mine")
    assert name().result(LONG).startswith("mine")
    assert len(made) == 1
    made[0].shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        name()


def test_between_other_decorators() -> None:
    @timer
    @background
    @timer
    def work() -> int:
        return 1

    assert work().result(LONG) == 1


def test_interrupts_reach_the_waiter() -> None:
    import signal

    go = threading.Event()

    @background
    def wait() -> None:
        go.wait(LONG)

    handle = wait()
    threading.Timer(0.05, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        handle.result()
    go.set()
    assert handle.result(LONG) is None


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("executor", "fiber"),
        ("executor", 3),
        ("on_success", 1),
        ("on_failure", 1),
        ("on_closing", 1),
        ("buffer", 0),
        ("buffer", True),
    ],
)
def test_wrong_parameters(parameter: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"`{parameter}`"):
        background(**{parameter: value})


async def async_items() -> Any:
    yield 1


def items() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({}, int),
        ({}, async_items),
        ({"executor": "process"}, items),
        ({"executor": "process"}, lambda: 1),
        ({"executor": "process"}, functools.partial(len)),
        ({}, 1),
    ],
)
def test_wrong_targets(options: Any, target: Any) -> None:
    with pytest.raises(TypeError):
        background(**options)(target)
