"""`blocking`: a message until the result is there, for each set of arguments and each instance."""

from __future__ import annotations

import gc
import inspect
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._gallery.blocking import blocking

LONG = 20
BUSY = "please wait"


def fetched(function: Any, *args: Any, **kw: Any) -> Any:
    """What the function answers in the end."""
    for _ in range(LONG * 1000):
        answer = function(*args, **kw)
        if answer != BUSY:
            return answer
        threading.Event().wait(0.001)
    raise AssertionError


class Work:
    """A function that counts its calls and waits to be let go."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def run(self, *args: Any) -> Any:
        self.calls.append(args)
        self.begun.release()
        assert self.go.wait(LONG)
        return args


def test_a_message_then_the_result_once_then_anew() -> None:
    work = Work()

    @blocking(BUSY)
    def read(x: int, y: int = 1) -> Any:
        return work.run(x, y)

    assert str(inspect.signature(read)) == "(x: 'int', y: 'int' = 1) -> 'Any'"
    assert [read(1), read(1), read(1)] == [BUSY] * 3
    work.go.set()
    assert fetched(read, 1) == (1, 1)
    assert work.calls == [(1, 1)]
    assert read(1) == BUSY
    assert fetched(read, 1) == (1, 1)
    assert len(work.calls) == 2


def test_each_set_of_arguments_by_itself() -> None:
    work = Work()
    work.go.set()
    read = blocking(BUSY)(work.run)
    assert [read(1), read(2)] == [BUSY, BUSY]
    assert fetched(read, 2) == (2,)
    assert fetched(read, 1) == (1,)


def test_each_instance_by_itself_even_if_equal_or_not_hashable() -> None:
    class Thing:
        __hash__ = None  # type: ignore[assignment]

        def __init__(self, x: int) -> None:
            self.x = x

        def __eq__(self, other: object) -> bool:
            return True

        @blocking(BUSY)
        def read(self) -> int:
            return self.x

        @classmethod
        @blocking(BUSY)
        def of_class(cls) -> str:
            return cls.__name__

        @blocking(BUSY)
        @staticmethod
        def static(x: int) -> int:
            return x

    one, two = Thing(1), Thing(2)
    assert [one.read(), two.read()] == [BUSY, BUSY]
    assert [fetched(two.read), fetched(one.read)] == [2, 1]
    assert fetched(Thing.of_class) == "Thing"
    assert fetched(Thing.static, 3) == 3


def test_errors_are_raised_once_to_who_asks() -> None:
    fails = True

    @blocking(BUSY)
    def read() -> str:
        if fails:
            raise ValueError("mine")
        return "done"

    assert read() == BUSY
    with pytest.raises(ValueError, match="mine"):
        fetched(read)
    fails = False
    assert fetched(read) == "done"


def test_the_number_of_pending_calls_is_bounded() -> None:
    work = Work()
    read = blocking(BUSY, max_pending=2)(work.run)
    assert [read(x) for x in range(5)] == [BUSY] * 5
    assert work.begun.acquire(timeout=LONG)
    assert work.begun.acquire(timeout=LONG)
    work.go.set()
    assert fetched(read, 1) == (1,)
    assert sorted(work.calls) == [(0,), (1,)]
    assert fetched(read, 4) == (4,)  # takes the place of what nobody has fetched, or a free one


def test_many_threads_start_the_work_once() -> None:
    work = Work()
    read = blocking(BUSY)(work.run)
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(read(1))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work.go.set()
    assert answers == [BUSY] * 20
    assert fetched(read, 1) == (1,)
    assert work.calls == [(1,)]


def test_an_error_that_nobody_fetches_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)

    def fail() -> None:
        raise ValueError("mine")

    read = blocking(BUSY)(fail)
    assert read() == BUSY
    del read
    for _ in range(LONG * 100):
        gc.collect()
        if errors:
            break
        threading.Event().wait(0.01)
    assert str(errors[0].exc_value) == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_starts_anew() -> None:
    work = Work()
    read = blocking(BUSY)(work.run)
    assert read(1) == BUSY
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work.go.set()
            status = 0 if fetched(read, 1) == (1,) else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    work.go.set()
    assert status == 0
    assert fetched(read, 1) == (1,)


async def coroutine() -> None: ...


def generator() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize("target", [coroutine, generator, int, 1])
def test_wrong_targets(target: Any) -> None:
    with pytest.raises(TypeError):
        blocking(BUSY)(target)


def test_wrong_parameters() -> None:
    with pytest.raises(TypeError, match="must be told"):
        blocking(lambda: 1)
    for wrong in (0, True, "1"):
        with pytest.raises(ConfigurationError, match="`max_pending`"):
            blocking(BUSY, max_pending=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unhashable"):
        blocking(BUSY)(lambda x: x)([])
