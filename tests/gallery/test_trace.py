"""`trace`: what its lines say, for each kind of call, and that nothing of it reaches the caller."""

from __future__ import annotations

import asyncio
import functools
import io
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import cladding
from cladding._gallery.trace import trace


@pytest.fixture
def lines() -> list[str]:
    return []


def test_a_line_for_a_call(lines: list[str]) -> None:
    @trace(to=lines.append)
    def f(x: int, *rest: int, scale: float = 1.0, **more: Any) -> float:
        return x * scale

    assert f(3, 4, scale=2.0, other="o") == 6.0
    [line] = lines
    assert line == "test_a_line_for_a_call.<locals>.f(x=3, 4, scale=2.0, other='o') -> 6.0"


def test_an_exception(lines: list[str]) -> None:
    @trace(to=lines.append)
    def f(x: int) -> None:
        raise ValueError(x)

    with pytest.raises(ValueError):
        f(3)
    assert lines[0].endswith("f(x=3) raised ValueError(3)")


def test_interrupts_pass_and_are_shown(lines: list[str]) -> None:
    @trace(to=lines.append)
    def f() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        f()
    assert lines[0].endswith("f() raised KeyboardInterrupt()")


def test_depth(lines: list[str]) -> None:
    @trace(to=lines.append, entry=True)
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    fib(2)
    short = [line.replace("test_depth.<locals>.", "") for line in lines]
    assert short == [
        "fib(n=2)", "  fib(n=1)", "  fib(n=1) -> 1", "  fib(n=0)", "  fib(n=0) -> 0", "fib(n=2) -> 1",
    ]  # fmt: skip


def test_depth_is_each_threads_own(lines: list[str]) -> None:
    inside, go_on = threading.Event(), threading.Event()

    @trace(to=lines.append)
    def outer() -> None:
        inside.set()
        assert go_on.wait(10)

    @trace(to=lines.append)
    def other() -> None: ...

    thread = threading.Thread(target=outer)
    thread.start()
    assert inside.wait(10)
    other()
    go_on.set()
    thread.join()
    assert not any(line.startswith(" ") for line in lines)


def test_arguments_are_shown_as_they_came(lines: list[str]) -> None:
    @trace(to=lines.append)
    def f(x: list[int]) -> None:
        x.clear()

    f([1, 2])
    assert lines[0].endswith("f(x=[1, 2]) -> None")


class Service:
    seen: list[str] = []

    @trace(to=seen.append)
    def method(self, x: int) -> int:
        return x

    @trace(to=seen.append)
    @classmethod
    def of_class(cls, x: int) -> int:
        return x

    @staticmethod
    @trace(to=seen.append)
    def static(x: int) -> int:
        return x

    @trace(to=seen.append)
    @property
    def prop(self) -> int:
        return 7


def test_methods() -> None:
    Service.seen.clear()
    service = Service()
    assert (service.method(1), service.of_class(2), Service.static(3), service.prop) == (1, 2, 3, 7)
    assert Service.seen == [
        "Service.method(x=1) -> 1", "Service.of_class(x=2) -> 2", "Service.static(x=3) -> 3", "Service.prop() -> 7",
    ]  # fmt: skip


def test_classes_stay_classes(lines: list[str]) -> None:
    @trace(to=lines.append)
    class Point:
        def __init__(self, x: int) -> None:
            self.x = x

    assert isinstance(Point(3), Point)
    assert "Point(x=3) -> <" in lines[0]


@pytest.mark.parametrize("target", [max, functools.partial(int, base=2), len], ids=["max", "partial", "len"])
def test_other_callables(target: Any, lines: list[str]) -> None:
    argument: Any = "101" if isinstance(target, functools.partial) else [1, 5]
    assert trace(to=lines.append)(target)(argument) == target(argument)
    assert len(lines) == 1


def test_coroutine_until_it_is_done(lines: list[str]) -> None:
    @trace(to=lines.append)
    async def f(x: int) -> int:
        await asyncio.sleep(0)
        lines.append("inside")
        return x + 1

    coroutine = f(1)
    assert lines == []
    assert asyncio.run(coroutine) == 2
    assert lines[0] == "inside"
    assert lines[1].endswith("f(x=1) -> 2")


def test_tasks_do_not_nest_in_each_other(lines: list[str]) -> None:
    @trace(to=lines.append)
    async def f(x: int) -> int:
        await asyncio.sleep(0)
        return x

    async def main() -> None:
        await asyncio.gather(f(1), f(2), f(3))

    asyncio.run(main())
    assert len(lines) == 3
    assert not any(line.startswith(" ") for line in lines)


def test_cancellation_is_seen_and_passes(lines: list[str]) -> None:
    @trace(to=lines.append)
    async def f() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.ensure_future(f())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert lines[0].endswith("f() raised CancelledError()")


def test_generator_for_its_whole_life(lines: list[str]) -> None:
    @trace(to=lines.append)
    def inner() -> None: ...

    @trace(to=lines.append, items=True)
    def f(n: int) -> Iterator[Any]:
        try:
            got = yield n
            inner()
            yield got
        except KeyError:
            yield "caught"
        return "over"

    generator: Any = f(1)
    assert next(generator) == 1
    inner()
    assert generator.send("sent") == "sent"
    assert generator.throw(KeyError) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "over"
    here = "test_generator_for_its_whole_life.<locals>."
    assert [line.replace(here, "") for line in lines] == [
        "f(n=1) yields 1",
        "inner() -> None",
        "  inner() -> None",
        "f(n=1) yields 'sent'",
        "f(n=1) yields 'caught'",
        "f(n=1) -> 3 items, then 'over'",
    ]


def test_generator_that_is_closed_or_raises(lines: list[str]) -> None:
    @trace(to=lines.append)
    def f(error: BaseException | None = None) -> Iterator[int]:
        yield 1
        if error is not None:
            raise error
        yield 2

    generator: Any = f()
    next(generator)
    generator.close()
    with pytest.raises(ValueError):
        list(f(ValueError("no")))
    assert lines[0].endswith("f() closed after 1 item")
    assert lines[1].endswith("raised ValueError('no') after 1 item")


def test_closing_runs_what_the_generator_has_left_to_do(lines: list[str]) -> None:
    @trace(to=lines.append)
    def cleaned() -> None: ...

    @trace(to=lines.append)
    def f() -> Iterator[int]:
        try:
            yield 1
        finally:
            cleaned()

    generator: Any = f()
    next(generator)
    generator.close()
    assert [line.rpartition(".")[2] for line in lines] == ["cleaned() -> None", "f() closed after 1 item"]
    assert lines[0].startswith("  ")


def test_generator_that_is_never_begun_has_no_line(lines: list[str]) -> None:
    @trace(to=lines.append)
    def f() -> Iterator[int]:
        yield 1

    f()
    assert lines == []


def test_async_generator(lines: list[str]) -> None:
    @trace(to=lines.append)
    async def f(n: int) -> AsyncIterator[Any]:
        try:
            got = yield n
            yield got
        except KeyError:
            yield "caught"

    async def main() -> list[Any]:
        items: Any = f(1)
        got = [await anext(items), await items.asend("sent"), await items.athrow(KeyError)]
        with pytest.raises(StopAsyncIteration):
            await anext(items)
        other: Any = f(2)
        await anext(other)
        await other.aclose()
        return got

    assert asyncio.run(main()) == [1, "sent", "caught"]
    assert lines[0].endswith("f(n=1) -> 3 items")
    assert lines[1].endswith("f(n=2) closed after 1 item")


# ------------------------------------------------------------------------------------------------------------- secrets


def test_hidden_arguments(lines: list[str]) -> None:
    @trace(to=lines.append, hidden=("text",))
    def f(text: str, n: int, **more: Any) -> None: ...

    f("secret", 1, text2="shown", password="secret")
    f(text="secret", n=1)
    f(n=1, text="secret")
    assert not any("secret" in line for line in lines)
    assert lines[0].endswith("f(text=***, n=1, text2='shown', password=***) -> None")


def test_passwords_are_hidden_without_being_told(lines: list[str]) -> None:
    @trace(to=lines.append)
    def f(**more: Any) -> None: ...

    f(password="secret", api_key="secret", secret="secret")
    assert "'secret'" not in lines[0]


def test_results_can_be_left_out(lines: list[str]) -> None:
    @trace(to=lines.append, result=False)
    def f(fail: bool) -> str:
        if fail:
            raise ValueError("secret")
        return "secret"

    f(False)
    with pytest.raises(ValueError):
        f(True)
    assert [line.partition(")")[2] for line in lines] == [" -> <str>", " raised ValueError"]


def test_values_are_cut(lines: list[str]) -> None:
    @trace(to=lines.append, max_items=2, max_length=20)
    def f(*args: Any) -> None: ...

    class Wide:
        def __repr__(self) -> str:
            return "<" + "x" * 10_000 + ">"

    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    f(list(range(10**6)), "s" * 10**6, Wide(), deep, 10**5000, dict.fromkeys(range(10**5)))
    assert len(lines[0]) < 300
    assert "[0, 1, ...]" in lines[0]


def test_arrays_are_told_by_their_shape(lines: list[str]) -> None:
    numpy = pytest.importorskip("numpy")
    trace(to=lines.append)(lambda x: None)(numpy.zeros((3, 4), "float32"))
    assert "<ndarray float32 (3, 4)>" in lines[0]


# ----------------------------------------------------------------------------------------------------------- the sinks


def test_logger(caplog: pytest.LogCaptureFixture) -> None:
    @trace
    def f(x: int) -> int:
        return x

    f(1)
    assert caplog.records == []
    with caplog.at_level(logging.DEBUG, "cladding.trace"):
        f(2)
    [record] = caplog.records
    assert (record.name, record.levelname) == ("cladding.trace", "DEBUG")
    assert record.getMessage().endswith("f(x=2) -> 2")
    assert record.pathname == __file__
    assert record.lineno == f.__code__.co_firstlineno


@pytest.mark.parametrize("to", ["its.own", logging.getLogger("its.own")], ids=["name", "logger"])
@pytest.mark.parametrize("level", ["warning", "WARNING", logging.WARNING, 31])
def test_logger_and_level(to: Any, level: Any, caplog: pytest.LogCaptureFixture) -> None:
    trace(to=to, level=level)(lambda x: "100%")("%s")
    [record] = caplog.records
    assert record.name == "its.own"
    assert record.levelno in (30, 31)
    assert "-> '100%'" in record.getMessage()


def test_stream() -> None:
    stream = io.StringIO()
    trace(to=stream)(abs)(-1)
    assert stream.getvalue() == "abs(x=-1) -> 1\n"


def test_failures_are_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def fails(line: str) -> None:
        raise OSError("the disk is full")

    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    @trace(to=fails)
    def f(x: Any) -> Any:
        return x

    value = Silent()
    assert f(value) is value
    assert f(1) == 1
    # A repr of the argument, one of the result and two lines.
    assert f.tracing.failures == 4  # type: ignore[attr-defined]
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


def test_a_repr_that_fails_is_named(lines: list[str]) -> None:
    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    trace(to=lines.append)(lambda x: None)(Silent())
    assert "Silent whose repr fails>" in lines[0]


# ------------------------------------------------------------------------------------------------------- configuration


def test_enabled(lines: list[str]) -> None:
    on = [False]

    def f(x: int) -> int:
        return x

    assert trace(to=lines.append, enabled=False)(f) is f
    switched = trace(to=lines.append, enabled=lambda: on[0])(f)
    switched(1)
    on[0] = True
    switched(2)
    assert len(lines) == 1
    assert "x=2" in lines[0]


@pytest.mark.parametrize(
    "parameter, value",
    [
        ("to", 3),
        ("level", "loud"),
        ("level", True),
        ("hidden", "password"),
        ("hidden", (3,)),
        ("hidden", 3),
        ("result", 1),
        ("entry", "yes"),
        ("items", None),
        ("max_items", 0),
        ("max_length", 7),
        ("max_length", 8.0),
        ("enabled", "no"),
    ],
)
def test_wrong_parameters(parameter: str, value: Any) -> None:
    with pytest.raises(cladding.ConfigurationError, match=f"trace: `{parameter}` must be"):
        trace(**{parameter: value})


def test_wrong_target() -> None:
    with pytest.raises(TypeError, match="trace cannot decorate 3"):
        trace()(3)  # type: ignore[type-var]
