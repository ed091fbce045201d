"""What the gallery leaves behind, and what can be done to what it has made: collecting, pickling, copying."""

from __future__ import annotations

import asyncio
import copy
import gc
import io
import logging
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cladding
from cladding._gallery.accepts import accepts
from cladding._gallery.log_once import log_once
from cladding._gallery.requires import requires
from cladding._gallery.returns import returns
from cladding._gallery.tail_recursive import tail_recursive
from cladding._gallery.trace import trace
from cladding._gallery.warn_once import warn_once

QUIET = "cladding.tests.quiet"

DECORATORS: dict[str, Callable[[Any], Any]] = {
    "trace": trace(to=QUIET, level="critical", entry=True, items=True),
    "accepts": accepts(int),
    "accepts by annotation": accepts(),
    "returns": returns(int),
    "requires": requires(lambda n: n >= 0),
    "log_once": log_once.at_call(QUIET, "debug", "called"),
    "warn_once": warn_once.at_call("cladding.tests.quiet"),
    "tail_recursive": tail_recursive,
}
all_decorators = pytest.mark.parametrize("decorator", DECORATORS.values(), ids=list(DECORATORS))
pytestmark = pytest.mark.filterwarnings("ignore:cladding.tests.quiet:DeprecationWarning")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger = logging.getLogger(QUIET)
    logger.propagate = False
    logger.addHandler(handler := logging.NullHandler())
    yield
    logger.removeHandler(handler)


def make(decorator: Callable[[Any], Any]) -> Any:
    @decorator
    def countdown(n: int) -> int:
        return n if n <= 0 else countdown(n - 1)

    return countdown


@all_decorators
def test_a_decorated_function_is_collected(decorator: Any) -> None:
    function = make(decorator)
    assert function(5) == 0
    dead = weakref.ref(function)
    del function
    gc.collect()
    assert dead() is None


@all_decorators
def test_calls_leave_nothing_behind(decorator: Any) -> None:
    function = make(decorator)

    class Number(int):
        def __del__(self) -> None:
            collected.append(1)

    collected: list[int] = []
    number = Number(2)
    assert function(number) == 0
    with pytest.raises(TypeError):
        function()
    del number
    gc.collect()
    assert collected == [1]


@all_decorators
def test_pickles_by_value(decorator: Any) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    function = make(decorator)
    again = pickle.loads(cloudpickle.dumps(function))
    assert again is not function
    assert (again(5), again.__name__) == (0, "countdown")


def test_tail_calls_after_a_pickle() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    assert pickle.loads(cloudpickle.dumps(make(tail_recursive)))(5000) == 0


def test_checks_after_a_pickle() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    again = pickle.loads(cloudpickle.dumps(make(accepts(int))))
    with pytest.raises(TypeError, match="must be int"):
        again("3")


@DECORATORS["trace"]
@accepts(int)
@returns(int)
def by_name(n: int) -> int:
    return n


def test_pickles_and_copies_by_name() -> None:
    for again in (pickle.loads(pickle.dumps(by_name)), copy.copy(by_name), copy.deepcopy(by_name)):
        assert again is by_name


def test_errors_pickle() -> None:
    with pytest.raises(TypeError) as caught:
        by_name("3")  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert (again.argument, again.expected) == ("n", "int")


@all_decorators
def test_threads(decorator: Any) -> None:
    function = make(decorator)
    results: list[int] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        for n in range(30):
            results.append(function(n))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 120


def test_a_sink_and_a_repr_that_are_traced() -> None:
    lines: list[str] = []

    @trace(to=lambda line: sink(line))
    def sink(line: str) -> None:
        lines.append(line)

    class Value:
        @trace(to=sink)
        def __repr__(self) -> str:
            return "value"

    @trace(to=sink)
    def f(x: Any) -> Any:
        return x

    f(Value())
    assert lines == [f"{f.__qualname__}(x=value) -> value"]


def test_closing_a_generator_in_another_context() -> None:
    import contextvars

    lines: list[str] = []

    @trace(to=lines.append)
    def items() -> Iterator[int]:
        yield 1
        yield 2

    generator: Any = contextvars.copy_context().run(lambda: (g := items(), next(g))[0])
    generator.close()
    assert lines[0].endswith("closed after 1 item")


def test_async_generators_that_are_left_are_closed_by_the_loop() -> None:
    lines: list[str] = []

    @trace(to=lines.append)
    async def items() -> Any:
        yield 1
        yield 2

    async def main() -> None:
        async for _ in items():
            break
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert len(lines) == 1
    assert lines[0].endswith("closed after 1 item")


def test_a_stream_that_is_closed_breaks_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    function = trace(to=stream)(lambda x: x)
    logging.getLogger("cladding.trace").disabled = True
    try:
        assert function(3) == 3
    finally:
        logging.getLogger("cladding.trace").disabled = False
    assert function.tracing.failures == 1  # type: ignore[attr-defined]


def test_below_policies_after_a_pickle() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    again = pickle.loads(cloudpickle.dumps(cladding.timer(make(accepts(int)))))
    assert again(2) == 0
    # One for the call itself; the calls inside go to what the closure holds, which is the function below the timer.
    assert again.cladding.timer.stats["calls"] == 1
