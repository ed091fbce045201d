"""SPEC A7: a traceback shows the caller and the function, with nothing between, however the exception travels."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
import traceback
import types
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .kinds import KINDS, Kind, collect, finish, suspend

Decorate = Callable[[Any], Any]
HERE = Path(__file__).name


def frames(error: BaseException) -> list[tuple[str, str, int | None]]:
    """File, function and line of each entry of the exception's traceback, the caller's own first."""
    return [
        (Path(entry.filename).name, entry.name, entry.lineno) for entry in traceback.extract_tb(error.__traceback__)
    ]


def names(error: BaseException) -> list[str]:
    """The functions in the exception's traceback."""
    return [entry[1] for entry in frames(error)]


def raised(call: Callable[[], Any]) -> BaseException:
    """The exception that `call` raises; the first frame is this one, the same for every caller."""
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def text(error: BaseException) -> str:
    """The formatted traceback, causes and groups included."""
    return "".join(traceback.format_exception(error))


def same_traceback(bare: Callable[[], Any], decorated: Callable[[], Any]) -> BaseException:
    """Asserts that both raise with the same traceback, chained ones included, and returns the bare one's exception."""
    expected, error = raised(bare), raised(decorated)
    assert frames(error) == frames(expected)
    assert text(error) == text(expected)
    return expected


def test_function(decorate: Decorate) -> None:
    def fails() -> None:
        raise ValueError("inside")

    error = raised(decorate(fails))
    assert names(error) == ["raised", "fails"]
    same_traceback(fails, decorate(fails))
    same_traceback(fails, decorate(decorate(decorate(fails))))


def test_method(decorate: Decorate) -> None:
    class C:
        def fails(self, x: int) -> None:
            raise ValueError("inside")

        decorated = decorate(fails)

    assert names(raised(lambda: C().decorated(1))) == ["raised", "<lambda>", "fails"]
    assert names(raised(lambda: C().decorated(x=1))) == ["raised", "<lambda>", "fails"]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("times", [1, 3])
def test_each_kind(decorate: Decorate, kind: Kind, times: int) -> None:
    def boom() -> None:
        raise ValueError("inside")

    bare = kind.build("x", "boom()", boom=boom)
    decorated = bare
    for _ in range(times):
        decorated = decorate(decorated)

    def run(function: Any) -> Callable[[], Any]:
        return lambda: kind.run(function, 1)

    error = same_traceback(run(bare), run(decorated))
    assert names(error)[-2:] == ["f", "boom"]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_wrong_calls_show_the_caller_alone(decorate: Decorate, kind: Kind) -> None:
    error = raised(decorate(kind.build("x", "x")))
    assert type(error) is TypeError
    assert names(error) == ["raised"]


def test_after_several_steps(decorate: Decorate) -> None:
    def generator() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("inside")

    async def coroutine() -> None:
        await suspend(1)
        await suspend(2)
        raise ValueError("inside")

    async def async_generator() -> AsyncIterator[int]:
        yield 1
        await suspend(2)
        yield 3
        raise ValueError("inside")

    for bare, run in (
        (generator, list),
        (coroutine, finish),
        (async_generator, lambda items: finish(collect(items))),
    ):

        def drive(function: Any, run: Any = run) -> Callable[[], Any]:
            return lambda: run(function())

        same_traceback(drive(bare), drive(decorate(bare)))


def test_thrown_in(decorate: Decorate) -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def coroutine() -> None:
        await suspend(1)

    def throw(function: Any, error: Any) -> Callable[[], Any]:
        def run() -> None:
            target = function()
            target.send(None)
            target.throw(error() if isinstance(error, type) else error)

        return run

    def used() -> ValueError:
        error = raised(lambda: int("no number"))
        assert isinstance(error, ValueError)
        return error

    for bare in (generator, coroutine):
        same_traceback(throw(bare, ValueError), throw(decorate(bare), ValueError))
        same_traceback(throw(bare, used()), throw(decorate(bare), used()))

    async def async_generator() -> AsyncIterator[int]:
        yield 1

    def athrow(function: Any) -> Callable[[], Any]:
        async def run() -> None:
            items = function()
            await anext(items)
            await items.athrow(ValueError("thrown"))

        return lambda: finish(run())

    same_traceback(athrow(async_generator), athrow(decorate(async_generator)))


def test_through_yield_from_and_await(decorate: Decorate) -> None:
    def pair(wrap: Decorate) -> list[Callable[[], Any]]:
        @wrap
        def inner() -> Iterator[int]:
            yield 1
            raise ValueError("inside")

        @wrap
        def outer() -> Iterator[int]:
            yield from inner()

        @wrap
        async def leaf() -> None:
            await suspend(1)
            raise ValueError("inside")

        @wrap
        async def branch() -> None:
            await leaf()

        @wrap
        async def items() -> AsyncIterator[int]:
            yield 1
            await branch()

        return [
            lambda: list(outer()),
            lambda: finish(branch()),
            lambda: finish(collect(items())),
        ]

    for bare, decorated in zip(pair(lambda f: f), pair(decorate), strict=True):
        same_traceback(bare, decorated)


def test_recursion_and_callbacks(decorate: Decorate) -> None:
    def pair(wrap: Decorate) -> list[Callable[[], Any]]:
        @wrap
        def descend(depth: int) -> int:
            return 1 // depth + descend(depth - 1)

        @wrap
        def call(function: Any) -> Any:
            return function()

        return [lambda: descend(5), lambda: call(lambda: call(lambda: descend(1))), lambda: sorted([2, 1], key=descend)]

    for bare, decorated in zip(pair(lambda f: f), pair(decorate), strict=True):
        same_traceback(bare, decorated)


def test_chains(decorate: Decorate) -> None:
    def pair(wrap: Decorate) -> list[Callable[[], Any]]:
        @wrap
        def first() -> None:
            raise KeyError("first")

        @wrap
        def cause() -> None:
            try:
                first()
            except KeyError as error:
                raise ValueError("second") from error

        @wrap
        def context() -> None:
            try:
                first()
            except KeyError:
                first()

        @wrap
        def again() -> None:
            try:
                first()
            except KeyError as error:
                error.add_note("seen")
                raise

        @wrap
        def stored() -> None:
            try:
                first()
            except KeyError as error:
                kept = error
            raise kept

        def outside() -> None:
            try:
                raise OSError("outside")
            except OSError:
                first()

        return [cause, context, again, stored, outside]

    for bare, decorated in zip(pair(lambda f: f), pair(decorate), strict=True):
        same_traceback(bare, decorated)


def test_the_same_exception_raised_twice(decorate: Decorate) -> None:
    def pair(wrap: Decorate) -> Callable[[], Any]:
        kept = ValueError("kept")

        @wrap
        def fails() -> None:
            raise kept

        def twice() -> None:
            try:
                fails()
            except ValueError:
                pass
            fails()

        return twice

    same_traceback(pair(lambda f: f), pair(decorate))


def test_exception_groups(decorate: Decorate) -> None:
    def pair(wrap: Decorate) -> list[Callable[[], Any]]:
        @wrap
        def one() -> None:
            raise ValueError("one")

        @wrap
        def group() -> None:
            errors = []
            for _ in range(2):
                try:
                    one()
                except ValueError as error:
                    errors.append(error)
            raise ExceptionGroup("several", errors)

        @wrap
        def partly() -> None:
            try:
                group()
            except* KeyError:
                raise AssertionError from None

        @wrap
        def anew() -> None:
            try:
                group()
            except* ValueError:
                raise KeyError("anew")

        return [group, partly, anew]

    for bare, decorated in zip(pair(lambda f: f), pair(decorate), strict=True):
        same_traceback(bare, decorated)


def test_task_group(decorate: Decorate) -> None:
    def run(wrap: Decorate) -> list[list[str]]:
        @wrap
        async def fails() -> None:
            await asyncio.sleep(0)
            raise ValueError("inside")

        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails())

        with pytest.raises(ExceptionGroup) as caught:
            asyncio.run(main())
        return [names(error) for error in caught.value.exceptions]

    assert run(decorate) == run(lambda f: f) == [["fails"]]


def test_builtin_and_class(decorate: Decorate) -> None:
    class C:
        def __init__(self) -> None:
            raise ValueError("inside")

    assert names(raised(decorate(int.from_bytes))) == ["raised"]
    assert names(raised(decorate(C))) == ["raised", "__init__"]


def test_logged_text(decorate: Decorate, caplog: pytest.LogCaptureFixture) -> None:
    @decorate
    def fails() -> None:
        raise ValueError("inside")

    try:
        fails()
    except ValueError:
        logging.getLogger("test").exception("failed")
    assert caplog.text.count('File "') == 2
    assert "cladding" not in caplog.text.split("Traceback")[1].replace(str(Path(__file__).parents[2]), "")


def test_exceptions_that_are_caught_inside_keep_their_frames(decorate: Decorate) -> None:
    seen: list[list[str]] = []

    @decorate
    def inner() -> None:
        raise ValueError("inside")

    @decorate
    def outer() -> str:
        try:
            inner()
        except ValueError as error:
            seen.append(names(error))
        return "fine"

    assert outer() == "fine"
    assert seen == [["outer", "inner"]]


def test_traceback_objects_are_real_and_their_frames_alive(decorate: Decorate) -> None:
    @decorate
    def fails(argument: str) -> None:
        local = argument * 2  # noqa: F841
        raise ValueError("inside")

    error = raised(lambda: fails("x"))
    entry = error.__traceback__
    while entry is not None and entry.tb_next is not None:
        entry = entry.tb_next
    assert isinstance(entry, types.TracebackType)
    assert entry.tb_frame.f_locals == {"argument": "x", "local": "xx"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 runs the trampoline in a frame of its own")
def test_stack_level_of_warnings_and_logs_is_the_callers(decorate: Decorate) -> None:
    @decorate
    def warn() -> str:
        warnings.warn("look", stacklevel=2)
        return sys._getframe(1).f_code.co_name

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        caller = warn()
    assert caller == "test_stack_level_of_warnings_and_logs_is_the_callers"
    assert (Path(caught[0].filename).name, caught[0].lineno) == (HERE, sys._getframe().f_lineno - 2)


@pytest.mark.parametrize("source", ["function", "generator", "coroutine"])
def test_endless_recursion_ends_in_a_recursion_error(cladding: Any, source: str) -> None:
    program = {
        "function": "def f(): return f()\ncall = f",
        "generator": "def f(): yield from f()\ncall = lambda: next(f())",
        "coroutine": "async def f(): await f()\ncall = lambda: f().send(None)",
    }[source]
    head, _, tail = program.partition("\n")
    script = f"import cladding\n@cladding.timer\n{head}\n{tail}\n" + textwrap.dedent(
        """
        for _ in range(3):
            try:
                call()
            except RecursionError:
                print("RecursionError")
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["RecursionError"] * 3), done.stderr[-2000:]
