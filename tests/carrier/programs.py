"""Random bodies and random drivers: what a generator or coroutine does, what is done to it, and the trace of both."""

from __future__ import annotations

import contextlib
import gc
import inspect
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .kinds import suspend

Log = list[Any]

ERRORS = (ValueError, StopIteration, StopAsyncIteration, GeneratorExit, KeyboardInterrupt, RuntimeError)
REACTIONS = ("raise", "swallow", "return", "translate", "replace", "stop", "stop async", "again")


@dataclass(frozen=True)
class Step:
    """One thing a body does."""

    action: str  # yield, suspend, raise, return, delegate
    value: Any = None
    reaction: str = "raise"  # to an exception that is thrown in at a yield or a suspension


@dataclass(frozen=True)
class Op:
    """One thing a driver does to what a call returned; `inner` drives the awaitable of an async generator's method."""

    action: str  # next, send, throw, throw type, close
    value: Any = None
    handling: bool = False  # done while the driver handles an exception of its own
    inner: tuple[Op, ...] = ()


def bodies(*actions: str) -> st.SearchStrategy[list[Step]]:
    """Bodies made of the given actions, nested up to two deep."""

    def layer(inside: st.SearchStrategy[list[Step]] | None) -> st.SearchStrategy[list[Step]]:
        pauses = st.builds(Step, st.sampled_from(actions), st.integers(0, 9), st.sampled_from(REACTIONS))
        ends = st.one_of(
            st.builds(Step, st.just("raise"), st.sampled_from(ERRORS)),
            st.builds(Step, st.just("return"), st.integers(0, 9)),
        )
        choices = [pauses, pauses, pauses, ends]
        if inside is not None:
            choices.append(st.builds(Step, st.just("delegate"), inside))
        return st.lists(st.one_of(choices), max_size=5)

    return layer(layer(None))


def drivers(*, nested: bool = False) -> st.SearchStrategy[list[Op]]:
    """Sequences of operations; for an async generator, each with operations on its awaitable."""
    inner = st.lists(_ops(st.just(())), max_size=3).map(tuple) if nested else st.just(())
    return st.lists(_ops(inner), max_size=8)


def _ops(inner: Any) -> st.SearchStrategy[Op]:
    booleans = st.booleans()
    return st.one_of(
        st.builds(Op, st.just("next"), st.none(), booleans, inner),
        st.builds(Op, st.just("send"), st.integers(10, 19), booleans, inner),
        st.builds(Op, st.just("throw"), st.sampled_from(ERRORS), booleans, inner),
        st.builds(Op, st.just("throw type"), st.sampled_from(ERRORS), booleans, inner),
        st.builds(Op, st.just("close"), st.none(), booleans, inner),
    )


def describe(error: BaseException | None, depth: int = 6) -> Any:
    """An exception with everything that is chained to it."""
    if error is None or depth == 0:
        return None
    return (
        type(error).__name__,
        str(error),
        getattr(error, "value", None) if isinstance(error, StopIteration) else None,
        error.__suppress_context__,
        describe(error.__cause__, depth - 1),
        describe(error.__context__, depth - 1),
        getattr(error, "__notes__", None),
    )


def _react(step: Step, error: BaseException, log: Log) -> str:
    log.append(("caught", describe(error)))
    match step.reaction:
        case "raise":
            raise error
        case "translate":
            raise KeyError(step.value) from error
        case "replace":
            raise LookupError(step.value)
        case "stop":
            raise StopIteration(step.value)
        case "stop async":
            raise StopAsyncIteration(step.value)
    return step.reaction


def _received(value: Any) -> Any:
    return ("received", value, type(sys.exception()).__name__)


def generator_body(steps: list[Step], log: Log) -> Generator[Any, Any, Any]:
    """Does the steps as a generator."""
    try:
        for step in steps:
            match step.action:
                case "yield":
                    try:
                        log.append(_received((yield step.value)))
                    except BaseException as error:
                        match _react(step, error, log):
                            case "return":
                                return step.value
                            case "again":
                                log.append(_received((yield "again")))
                case "raise":
                    raise step.value("raised inside")
                case "return":
                    return step.value
                case "delegate":
                    log.append(("delegated", (yield from generator_body(step.value, log))))
    finally:
        log.append("finally")


async def coroutine_body(steps: list[Step], log: Log) -> Any:
    """Does the steps as a coroutine."""
    try:
        for step in steps:
            match step.action:
                case "suspend":
                    try:
                        log.append(_received(await suspend(step.value)))
                    except BaseException as error:
                        match _react(step, error, log):
                            case "return":
                                return step.value
                            case "again":
                                log.append(_received(await suspend("again")))
                case "raise":
                    raise step.value("raised inside")
                case "return":
                    return step.value
                case "delegate":
                    log.append(("delegated", await coroutine_body(step.value, log)))
    finally:
        log.append("finally")


async def async_generator_body(steps: list[Step], log: Log) -> AsyncGenerator[Any, Any]:
    """Does the steps as an async generator."""
    try:
        for step in steps:
            match step.action:
                case "yield" | "suspend":
                    try:
                        if step.action == "yield":
                            log.append(_received((yield step.value)))
                        else:
                            log.append(_received(await suspend(step.value)))
                    except BaseException as error:
                        match _react(step, error, log):
                            case "return":
                                return
                            case "again":
                                log.append(_received((yield "again")))
                case "raise":
                    raise step.value("raised inside")
                case "return":
                    return
                case "delegate":
                    async for item in async_generator_body(step.value, log):
                        log.append(_received((yield item)))
    finally:
        log.append("finally")
        if steps and steps[0].action == "suspend":
            log.append(_received(await suspend("in finally")))


def outcome(call: Callable[[], Any], *, handling: bool = False) -> Any:
    """What a step came to: a value or an exception with its chain."""
    try:
        if not handling:
            return ("value", call())
        try:
            raise OSError("the driver's own")
        except OSError:
            return ("value", call())
    except BaseException as error:
        return ("error", describe(error))


def apply(target: Any, op: Op) -> Callable[[], Any]:
    """The operation, on a generator or a coroutine."""
    match op.action:
        case "next":
            return lambda: target.send(None)
        case "send":
            return lambda: target.send(op.value)
        case "throw":
            return lambda: target.throw(op.value("thrown"))
        case "throw type":
            return lambda: target.throw(op.value)
        case _:
            return target.close


def apply_async(target: Any, op: Op) -> Callable[[], Any]:
    """The operation, on an async generator: it gives an awaitable."""
    match op.action:
        case "next":
            return lambda: target.__anext__()
        case "send":
            return lambda: target.asend(op.value)
        case "throw":
            return lambda: target.athrow(op.value("thrown"))
        case "throw type":
            return lambda: target.athrow(op.value)
        case _:
            return lambda: target.aclose()


@contextlib.contextmanager
def _unraisable(log: Log) -> Iterator[None]:
    previous = sys.unraisablehook
    sys.unraisablehook = lambda report: log.append(
        ("unraisable", type(report.exc_value).__name__, str(report.exc_value))
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.unraisablehook = previous


STATES = {
    "generator": (inspect.getgeneratorstate, "gi_frame", "gi_running"),
    "coroutine": (inspect.getcoroutinestate, "cr_frame", "cr_running"),
}


def trace(function: Callable[..., Any], steps: list[Step], ops: list[Op], kind: str) -> Log:
    """All that is seen inside and outside while a generator or coroutine is driven, then dropped."""
    log: Log = []
    state, frame, running = STATES[kind]
    with _unraisable(log):
        target = function(steps, log)
        for op in ops:
            log.append(outcome(apply(target, op), handling=op.handling))
            log.append((state(target), getattr(target, frame) is None, getattr(target, running)))
        log.append("dropped")
        target = None
        gc.collect(0)
    return _until_it_refuses_to_end(log)


def _until_it_refuses_to_end(log: Log) -> Log:
    """The log up to the report of a body that goes on although it is being collected.

    What then happens to a body behind any delegation (`yield from`, `await`) differs: the interpreter drops a bare frame
    without a further word, and asks a delegated one to end a second time.
    """
    for index, entry in enumerate(log):
        if entry[0] == "unraisable" and "ignored GeneratorExit" in entry[2]:
            return log[: index + 1]
    return log


def trace_async(function: Callable[..., Any], steps: list[Step], ops: list[Op]) -> Log:
    """All that is seen inside and outside while an async generator is driven, then closed."""
    log: Log = []
    with _unraisable(log):
        target = function(steps, log)
        for op in (*ops, Op("close")):
            made = outcome(apply_async(target, op))
            if made[0] == "error":
                log.append(made)
                continue
            steps_of_one = iter(op.inner)
            while True:
                inner = next(steps_of_one, Op("next"))
                inner = inner if inner.action != "close" else Op("next")
                came = outcome(apply(made[1], inner), handling=inner.handling)
                log.append(came)
                if came[0] == "error":
                    break
            log.append((target.ag_frame is None, target.ag_running))
    return log
