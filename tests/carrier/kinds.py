"""The seven kinds of call, how to make a function of each, and how to run a call of each to its end."""

from __future__ import annotations

import textwrap
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any


@types.coroutine
def suspend(value: Any) -> Generator[Any, Any, Any]:
    """Gives `value` to whatever drives the coroutine, and returns what is sent back."""
    return (yield value)


def finish(awaitable: Awaitable[Any]) -> Any:
    """Drives an awaitable to its result without an event loop, sending None at each suspension."""
    steps = awaitable.__await__()
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


async def collect(items: AsyncIterator[Any]) -> list[Any]:
    """All items of an async iterator."""
    return [item async for item in items]


def _run_generator(generator: Generator[Any, Any, Any]) -> tuple[list[Any], Any]:
    items: list[Any] = []

    def delegate() -> Generator[Any, Any, Any]:
        return (yield from generator)

    steps = delegate()
    while True:
        try:
            items.append(next(steps))
        except StopIteration as stop:
            return items, stop.value


@dataclass(frozen=True)
class Kind:
    """A kind of call: `source` is a function of that kind, `complete` runs what its call returned to the end."""

    name: str
    source: str
    complete: Callable[[Any], Any]
    lazy: bool

    def __str__(self) -> str:
        return self.name

    def build(self, parameters: str, body: str = "locals()", *, name: str = "f", **names: Any) -> Any:
        """Makes `name(parameters)` of this kind, whose outcome is that of the expression `body`."""
        text = self.source.replace("NAME", name).replace("PARAMETERS", parameters).replace("BODY", body)
        namespace = {"__name__": "made", **names}
        exec(compile(text, f"<{self.name}>", "exec"), namespace)
        return namespace[name]

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls and completes the call."""
        return self.complete(function(*args, **kwargs))


def _kind(name: str, source: str, complete: Callable[[Any], Any], *, lazy: bool = True) -> Kind:
    return Kind(name, textwrap.dedent(source), complete, lazy)


FUNCTION = _kind("function", "def NAME(PARAMETERS):\n    return BODY\n", lambda result: result, lazy=False)
COROUTINE = _kind("coroutine", "async def NAME(PARAMETERS):\n    return BODY\n", finish)
GENERATOR = _kind(
    "generator",
    """
    def NAME(PARAMETERS):
        item = BODY
        yield item
        return item
    """,
    _run_generator,
)
ASYNC_GENERATOR = _kind(
    "async generator",
    """
    async def NAME(PARAMETERS):
        yield BODY
    """,
    lambda items: finish(collect(items)),
)
RETURNS_COROUTINE = _kind(
    "returns coroutine",
    """
    def NAME(PARAMETERS):
        item = BODY
        async def inside():
            return item
        return inside()
    """,
    finish,
    lazy=False,
)
RETURNS_GENERATOR = _kind(
    "returns generator",
    """
    def NAME(PARAMETERS):
        item = BODY
        def inside():
            yield item
            return item
        return inside()
    """,
    _run_generator,
    lazy=False,
)
RETURNS_ASYNC_GENERATOR = _kind(
    "returns async generator",
    """
    def NAME(PARAMETERS):
        item = BODY
        async def inside():
            yield item
        return inside()
    """,
    lambda items: finish(collect(items)),
    lazy=False,
)

KINDS = (
    FUNCTION,
    COROUTINE,
    GENERATOR,
    ASYNC_GENERATOR,
    RETURNS_COROUTINE,
    RETURNS_GENERATOR,
    RETURNS_ASYNC_GENERATOR,
)


@dataclass(frozen=True)
class Outcome:
    """What came of a call: a value, or an exception by type, text and notes."""

    value: Any = None
    error: str = ""

    @classmethod
    def of(cls, call: Callable[[], Any]) -> Outcome:
        """The outcome of calling `call`."""
        try:
            return cls(value=call())
        except Exception as error:
            return cls(error=f"{type(error).__qualname__}: {error} {getattr(error, '__notes__', '')}")
