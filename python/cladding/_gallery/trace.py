"""``trace``: a line for each call."""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Iterable
from contextvars import ContextVar
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from cladding._gallery import _steps
from cladding._gallery._checks import check_enabled, check_flag, check_number, level_number, wrong
from cladding._gallery._wrapping import Subject, around
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Protocol

    from cladding._policy import Target

    F = TypeVar("F", bound=Target)

    class _Stream(Protocol):
        def write(self, text: str, /) -> object: ...

    Sink = logging.Logger | str | _Stream | Callable[[str], object]

LOGGER = "cladding.trace"
# Nobody wants to read these in a log; names such as ``token`` mean something else in this field.
HIDDEN = ("access_token", "api_key", "credentials", "passwd", "password", "secret")

_counting = RLock()
# The depth while a line is made and written: calls that this makes are not traced.
_WRITING = -1
_depth: ContextVar[int] = ContextVar("cladding.trace.depth", default=0)


@overload
def trace(target: F, /) -> F: ...
@overload
def trace(
    *,
    to: Sink = LOGGER,
    level: int | str = "debug",
    hidden: Iterable[str] = (),
    result: bool = True,
    entry: bool = False,
    items: bool = False,
    max_items: int = 6,
    max_length: int = 60,
    enabled: bool | Callable[[], bool] = True,
) -> Callable[[F], F]: ...
def trace(
    target: Any = MISSING,
    /,
    *,
    to: Sink = LOGGER,
    level: int | str = "debug",
    hidden: Iterable[str] = (),
    result: bool = True,
    entry: bool = False,
    items: bool = False,
    max_items: int = 6,
    max_length: int = 60,
    enabled: bool | Callable[[], bool] = True,
) -> Any:
    """Writes a line for each call: its name, its arguments, and its result or exception.

    The line is written when the call is over: a coroutine when it is done, a generator when it is exhausted or closed.
    Calls of traced functions that it made come before it, each level two spaces further in. ``self`` and ``cls`` are left out.
    Calls that making and writing a line takes are not traced.

    What fails in a ``repr`` or while a line is written never reaches the caller: it is counted in ``f.tracing.failures``,
    and the first failure of each function is logged as an error by the logger ``cladding.trace``.

    Args:
        target: what to decorate, when used without parentheses.
        to: where lines go: a logger or its name, a text stream, or a callable that is given the line.
        level: the level of the lines, for a logger: a number or a name such as ``"info"``. Where the logger takes none of
            that level, a call is not traced at all.
        hidden: the names of arguments whose values are shown as ``***``, besides those that are always hidden:
            ``access_token``, ``api_key``, ``credentials``, ``passwd``, ``password`` and ``secret``. Further keyword arguments
            and parameters alike.
        result: whether results, and the messages of exceptions, are shown; their types are in any case.
        entry: whether a line is written as well when a call begins.
        items: whether a line is written for each item of a generator.
        max_items: how many items of a container are shown.
        max_length: how many characters of any other value are shown, 8 or more.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: a parameter is of the wrong kind or out of its range.
        TypeError: ``target`` cannot be decorated.
    """
    names = _names(hidden)
    for name, value, least in (("max_items", max_items, 1), ("max_length", max_length, 8)):
        check_number("trace", name, value, least)
    for name, flag in (("result", result), ("entry", entry), ("items", items)):
        check_flag("trace", name, flag)
    check_enabled("trace", enabled)
    number, write = level_number("trace", level), _writer(to)
    options = _Options(_Shown(max_items, max_length), names, result, entry, items)

    def decorate(target: Any) -> Any:
        def make(subject: Subject) -> Callable[..., Any]:
            subject.attributes["tracing"] = tracing = Tracing(subject, write, number, options)
            return _CALLERS[subject.kind](tracing)

        return around(target, make, name="trace", enabled=enabled)

    return decorate if target is MISSING else decorate(target)


def _names(hidden: Any) -> frozenset[str]:
    if isinstance(hidden, str) or not isinstance(hidden, Iterable):
        raise wrong("trace", "hidden", "names of arguments, as a tuple or set", hidden)
    names: tuple[Any, ...] = tuple(hidden)
    if not all(isinstance(name, str) for name in names):
        raise wrong("trace", "hidden", "names of arguments, as a tuple or set", hidden)
    return frozenset((*HIDDEN, *names))


def _writer(to: Any) -> Any:
    """The logger, or something to call with a line."""
    if isinstance(to, str):
        return logging.getLogger(to)
    if isinstance(to, logging.Logger):
        return to
    if hasattr(to, "write"):
        return lambda line: to.write(line + "\n")
    if callable(to):
        return to
    raise wrong("trace", "to", "a logger, the name of one, a text stream or a callable", to)


class _Shown(reprlib.Repr):
    """A short ``repr`` of anything."""

    def __init__(self, max_items: int, max_length: int) -> None:
        super().__init__()
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = self.maxfrozenset = max_items
        self.maxdeque = self.maxarray = max_items
        self.maxstring = self.maxlong = self.maxother = max_length
        self.maxlevel = 4

    def repr_instance(self, x: Any, level: int) -> str:
        """An array by type and shape, which costs nothing; anything else by its ``repr``, cut in the middle."""
        del level
        shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
        if isinstance(shape, tuple) and shape and dtype is not None:
            return f"<{type(x).__name__} {dtype} {tuple(shape)}>"
        text = repr(x)
        if len(text) <= self.maxother:
            return text
        head = (self.maxother - 3) // 2
        return f"{text[:head]}...{text[len(text) - (self.maxother - 3 - head) :]}"


class _Deeper:
    """One step of a traced call: calls made meanwhile are a level further in.

    A context variable keeps the depth, but its tokens are not used: a generator may be closed in another context than the one
    that it was begun in.
    """

    __slots__ = ("_depth", "_outer")

    def __init__(self, depth: int) -> None:
        self._depth = depth

    def __enter__(self) -> None:
        self._outer = _depth.get()
        _depth.set(self._depth)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _depth.set(self._outer)


class Tracing:
    """What ``trace`` does on one function, reachable as ``f.tracing``."""

    def __init__(self, subject: Subject, write: Any, level: int, options: _Options) -> None:
        self.subject = subject
        self.options = options
        self.failures = 0
        """How often a ``repr`` or the writing of a line has failed."""
        self._write = write
        self._level = level
        code = getattr(subject.target, "__code__", None)
        self._place: tuple[str, int] = (
            (code.co_filename, code.co_firstlineno) if code is not None else ("(unknown file)", 0)
        )

    def wanted(self) -> bool:
        """Whether lines would be written now."""
        if _depth.get() == _WRITING:
            return False
        return not isinstance(self._write, logging.Logger) or self._write.isEnabledFor(self._level)

    def line(self, depth: int, make: Callable[[], str]) -> None:
        """Writes a line."""
        try:
            with _Deeper(_WRITING):
                text = "  " * depth + make()
                if isinstance(self._write, logging.Logger):
                    name = self.subject.name
                    record = logging.LogRecord(self._write.name, self._level, *self._place, text, (), None, name)
                    self._write.handle(record)
                else:
                    self._write(text)
        except Exception as error:  # noqa: BLE001 - somebody's own sink
            self.failed(error)

    def show(self, value: Any) -> str:
        """A value, shortly."""
        try:
            with _Deeper(_WRITING):
                return self.options.shown.repr(value)
        except Exception as error:  # noqa: BLE001 - somebody's own repr
            self.failed(error)
            return f"<{type(value).__qualname__} whose repr fails>"

    def failed(self, error: Exception) -> None:
        """Counts a failure, and logs the first."""
        with _counting:
            self.failures += 1
            first = self.failures == 1
        if first:
            try:
                logging.getLogger(LOGGER).error("tracing %s has failed: %r", self.subject.name, error, exc_info=error)
            except Exception:  # noqa: BLE001 - the log itself fails, and the count tells so
                return


class _Options(NamedTuple):
    shown: _Shown
    hidden: frozenset[str]
    result: bool
    entry: bool
    items: bool


class _Call:
    """One call that is traced."""

    __slots__ = ("_count", "_depth", "_text", "_tracing")

    def __init__(self, tracing: Tracing, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._tracing = tracing
        self._depth = _depth.get()
        self._count = 0
        # Made now, because the function may change what it is given.
        self._text = f"{tracing.subject.name}({', '.join(self._arguments(args, kwargs))})"
        if tracing.options.entry:
            tracing.line(self._depth, lambda: self._text)

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[str]:
        tracing = self._tracing
        named = tracing.subject.named(args, kwargs)
        for name, value in islice(named, 1, None) if tracing.subject.has_receiver else named:
            shown = "***" if name in tracing.options.hidden else tracing.show(value)
            yield shown if name is None else f"{name}={shown}"

    def step(self) -> _Deeper:
        return _Deeper(self._depth + 1)

    def item(self, value: Any) -> None:
        self._count += 1
        if self._tracing.options.items:
            self._end(lambda: f"yields {self._shown(value)}")

    def returned(self, value: Any) -> None:
        if self._tracing.subject.kind in ("generator", "async_generator"):
            self._end(lambda: f"-> {self._items()}" + ("" if value is None else f", then {self._shown(value)}"))
        else:
            self._end(lambda: f"-> {self._shown(value)}")

    def closed(self) -> None:
        self._end(lambda: f"closed after {self._items()}")

    def raised(self, error: BaseException) -> None:
        after = f" after {self._items()}" if self._count else ""
        shown = self._tracing.show(error) if self._tracing.options.result else type(error).__qualname__
        self._end(lambda: f"raised {shown}{after}")

    def _items(self) -> str:
        return f"{self._count} item{'' if self._count == 1 else 's'}"

    def _shown(self, value: Any) -> str:
        return self._tracing.show(value) if self._tracing.options.result else f"<{type(value).__qualname__}>"

    def _end(self, what: Callable[[], str]) -> None:
        self._tracing.line(self._depth, lambda: f"{self._text} {what()}")


def _function(tracing: Tracing) -> Callable[..., Any]:
    def caller(func: Any, /, *args: Any, **kw: Any) -> Any:
        if not tracing.wanted():
            return func(*args, **kw)
        call = _Call(tracing, args, kw)
        try:
            with call.step():
                result = func(*args, **kw)
        except BaseException as error:
            call.raised(error)
            raise
        call.returned(result)
        return result

    return caller


def _coroutine(tracing: Tracing) -> Callable[..., Any]:
    async def caller(func: Any, /, *args: Any, **kw: Any) -> Any:
        if not tracing.wanted():
            return await func(*args, **kw)
        call = _Call(tracing, args, kw)
        try:
            with call.step():
                result = await func(*args, **kw)
        except BaseException as error:
            call.raised(error)
            raise
        call.returned(result)
        return result

    return caller


def _items(run: Callable[[Any, _Call], Any]) -> Callable[[Tracing], Callable[..., Any]]:
    def make(tracing: Tracing) -> Callable[..., Any]:
        def caller(func: Any, /, *args: Any, **kw: Any) -> Any:
            items = func(*args, **kw)
            return run(items, _Call(tracing, args, kw)) if tracing.wanted() else items

        return caller

    return make


_CALLERS: dict[str, Callable[[Tracing], Callable[..., Any]]] = {
    "function": _function,
    "class": _function,
    "coroutine": _coroutine,
    "generator": _items(_steps.generator),
    "async_generator": _items(_steps.async_generator),
}
