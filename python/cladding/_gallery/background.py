"""``background``: a call returns at once with a handle, and runs elsewhere."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, overload

from cladding._decorating import decorator
from cladding._errors import ConfigurationError
from cladding._gallery import _executors
from cladding._gallery._handles import Channel, Handle, Outcome, Stream, report
from cladding._kinds import kind_of
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterator
    from concurrent.futures import Executor

P = ParamSpec("P")
T = TypeVar("T")


class _Submits(Protocol):
    """All that is asked of an executor."""

    @property
    def submit(self) -> Callable[..., Any]: ...


class _Options(Protocol):
    """``background`` with its options given."""

    @overload
    def __call__(self, target: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, Handle[T]]: ...
    @overload
    def __call__(self, target: Callable[P, Generator[T, Any, Any]], /) -> Callable[P, Stream[T]]: ...
    @overload
    def __call__(self, target: Callable[P, Iterator[T]], /) -> Callable[P, Stream[T]]: ...
    @overload
    def __call__(self, target: Callable[P, T], /) -> Callable[P, Handle[T]]: ...


@overload
def background(target: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, Handle[T]]: ...
@overload
def background(target: Callable[P, Generator[T, Any, Any]], /) -> Callable[P, Stream[T]]: ...
@overload
def background(target: Callable[P, Iterator[T]], /) -> Callable[P, Stream[T]]: ...
@overload
def background(target: Callable[P, T], /) -> Callable[P, Handle[T]]: ...
@overload
def background(
    *,
    executor: Literal["thread", "process"] | _Submits | Callable[[], _Submits] = "thread",
    on_success: Callable[[Any], object] | None = None,
    on_failure: Callable[[BaseException], object] | None = None,
    on_closing: Callable[[], object] | None = None,
    buffer: int = 16,
) -> _Options: ...
def background(
    target: Any = MISSING,
    /,
    *,
    executor: Any = "thread",
    on_success: Any = None,
    on_failure: Any = None,
    on_closing: Any = None,
    buffer: Any = 16,
) -> Any:
    """Makes calls return at once with a handle, while the work runs elsewhere.

    * A plain function runs in a thread of a pool that all background calls share (as many as ``ThreadPoolExecutor`` takes
      unless told), with the caller's context variables.
    * A coroutine function runs as a task of the event loop that runs in the caller's thread; where there is none, or an
      executor is named, in a thread or process with an event loop of its own.
    * A generator function runs in a thread of its own, ahead of its consumer by at most ``buffer`` items; the handle is
      a stream of them.

    With ``"process"`` the work runs in a pool of processes that all such calls share, started by ``spawn``; give a
    ``ProcessPoolExecutor`` for another method. The function is found there by its name.

    A handle has ``result(timeout)``, ``exception(timeout)``, ``done()``, ``cancel()``, ``add_done_callback(f)``, and can be
    awaited under asyncio and trio. An exception that nobody asks for is given to ``threading.excepthook`` once the handle is
    gone. At its end the program waits for the calls that are running or queued, as with any ``ThreadPoolExecutor``.

    A call that is made within another in the shared threads, and waited for there, runs at once if no thread has taken it
    yet, so that a full pool does not wait for itself.

    Args:
        target: what to decorate, when used without parentheses.
        executor: ``"thread"``, ``"process"``, an executor (of which only ``submit`` is used, so that of a Dask or Ray cluster
            will do), or a callable that makes one at the first call.
        on_success: called with the result of each call that succeeds.
        on_failure: called with the exception of each that fails, which counts as asked for then.
        on_closing: called after that, and for calls that were cancelled. All three are called where the call ran, or where
            its executor says that it is over; what they raise goes to ``threading.excepthook``.
        buffer: how many items of a generator wait for their consumer, at least 1.

    Raises:
        ConfigurationError: a parameter is of the wrong kind; at decoration.
        TypeError: ``target`` is a class or an async generator function; a generator function with an executor other than
            threads; a function inside another, which no process can find by its name, with ``"process"``.
    """
    for name, callback in (("on_success", on_success), ("on_failure", on_failure), ("on_closing", on_closing)):
        if callback is not None and not callable(callback):
            message = f"background: `{name}` must be callable or None, got {callback!r}"
            raise ConfigurationError(message)
    if not isinstance(buffer, int) or isinstance(buffer, bool) or buffer < 1:
        message = f"background: `buffer` must be an int of at least 1, got {buffer!r}"
        raise ConfigurationError(message)
    starter = _Starter(_executors.Place(executor), on_success, on_failure, on_closing, buffer)
    return starter.decorate if target is MISSING else starter.decorate(target)


Async = background


class _Starter:
    """Starts the calls of a function."""

    def __init__(
        self,
        place: _executors.Place,
        on_success: Callable[[Any], object] | None,
        on_failure: Callable[[BaseException], object] | None,
        on_closing: Callable[[], object] | None,
        buffer: int,
    ) -> None:
        self._place = place
        self._on_success = on_success
        self._on_failure = on_failure
        self._on_closing = on_closing
        self._buffer = buffer

    def decorate(self, target: Any) -> Any:
        kind = kind_of(target)
        inner = target
        while isinstance(inner, classmethod | staticmethod):
            inner = inner.__func__
        reason = None
        if kind in ("class", "async_generator"):
            reason = (
                f"it is {'a class' if kind == 'class' else 'an async generator function'}, which has no single result"
            )
        elif kind == "generator" and not self._place.is_default:
            reason = 'generators run on executor="thread", from where their items can be handed over'
        elif self._place.is_process and "<" in getattr(inner, "__qualname__", "<"):
            reason = (
                "a process finds functions by their names, and it can find none that is inside another, nor a lambda"
            )
        if reason is not None:
            message = f"background cannot decorate {target!r}: {reason}"
            raise TypeError(message)
        start = {"coroutine": self._start_coroutine, "generator": self._start_stream}.get(kind, self._start)

        def begin(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
            return start(func, args, kw)

        made = decorator(kind="function")(begin)(target)
        carrier = made
        while isinstance(carrier, classmethod | staticmethod):
            carrier = carrier.__func__
        carrier.__dict__[_executors.MARK] = True
        return made

    def _outcome(self) -> Outcome[Any]:
        outcome: Outcome[Any] = Outcome()
        if self._on_success or self._on_failure or self._on_closing:
            outcome.add_done_callback(self._tell)
        return outcome

    def _tell(self, future: Any) -> None:
        outcome: Outcome[Any] = future
        if not outcome.cancelled() and not outcome.stopped:
            error = outcome.exception()
            if error is None and self._on_success is not None:
                _call(self._on_success, outcome.result())
            elif error is not None and self._on_failure is not None:
                outcome.seen = True
                _call(self._on_failure, error)
        if self._on_closing is not None:
            _call(self._on_closing)

    def _start(self, func: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any]) -> Handle[Any]:
        outcome = self._outcome()
        executor = self._place.executor()
        if not _executors.in_this_process(executor):
            _elsewhere(self._place, executor, outcome, func, args, kw)
            return Handle(outcome, _nowhere)
        context = contextvars.copy_context()
        work = _Work(outcome, lambda: context.run(_executors.run, func, args, kw))
        self._place.submit(executor, work.run)
        return Handle(outcome, work.run_if_in_pool if self._place.is_default else _nowhere)

    def _start_coroutine(self, func: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any]) -> Handle[Any]:
        import asyncio

        try:
            loop = asyncio.get_running_loop() if self._place.is_default else None
        except RuntimeError:
            loop = None
        if loop is None:
            return self._start(func, args, kw)
        outcome = self._outcome()
        task = loop.create_task(func(*args, **kw))
        outcome.set_running_or_notify_cancel()
        _tasks.add(task)
        task.add_done_callback(lambda task: _task_ended(task, outcome))

        def stop() -> bool:
            if task.done():
                return False
            loop.call_soon_threadsafe(task.cancel)
            return True

        outcome.stop = stop

        def runs_here() -> bool:
            try:
                return asyncio.get_running_loop() is loop
            except RuntimeError:
                return False

        return Handle(outcome, runs_here)

    def _start_stream(self, func: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any]) -> Stream[Any]:
        outcome = self._outcome()
        channel: Channel[Any] = Channel(self._buffer)

        def stop() -> bool:
            channel.close()
            return not outcome.done()

        outcome.stop = stop
        context = contextvars.copy_context()
        work = _Work(outcome, lambda: context.run(_produce, func, args, kw, channel), channel.end)
        outcome.set_running_or_notify_cancel()
        threading.Thread(target=work.run_begun, name=f"cladding-background-{func.__name__}").start()
        return Stream(outcome, _nowhere, channel)


_tasks: set[Any] = set()
"""Tasks that run: event loops keep only weak references to theirs."""


def _nowhere() -> bool:
    return False


def _call(callback: Callable[..., object], *args: Any) -> None:
    try:
        callback(*args)
    except BaseException as error:  # noqa: BLE001 - nobody could catch it
        report(error)


def _task_ended(task: Any, outcome: Outcome[Any]) -> None:
    _tasks.discard(task)
    if task.cancelled():
        outcome.end_stopped()
    elif task.exception() is not None:
        outcome.set_exception(task.exception())
    else:
        outcome.set_result(task.result())


class _Work:
    """A call that one thread runs once: one of the pool's, or the one that waits for it."""

    def __init__(
        self, outcome: Outcome[Any], call: Callable[[], Any], finally_: Callable[[], object] | None = None
    ) -> None:
        self._outcome: Outcome[Any] | None = outcome
        self._call = call
        self._finally = finally_
        self._lock = threading.Lock()

    def run(self) -> None:
        """Runs it, unless somebody has, or it was cancelled."""
        with self._lock:
            taken = [] if self._outcome is None else [self._outcome]
            self._outcome = None
        if taken and taken[0].set_running_or_notify_cancel():
            _end(taken, self._call, self._finally)

    def run_begun(self) -> None:
        """Runs what was said to run already."""
        assert self._outcome is not None
        taken, self._outcome = [self._outcome], None
        _end(taken, self._call, self._finally)

    def run_if_in_pool(self) -> bool:
        """Runs it if a thread of the shared pool waits for it. The wait is then over."""
        if getattr(_pool_thread, "is_one", False):
            self.run()
        return False


_pool_thread = threading.local()


def _end(taken: list[Outcome[Any]], call: Callable[[], Any], finally_: Callable[[], object] | None) -> None:
    """Runs a call and tells its outcome, which is taken out of the list: an exception's traceback keeps these frames alive."""
    before = getattr(_pool_thread, "is_one", False)
    _pool_thread.is_one = True
    try:
        ended = _tried(call)
        taken.pop().end(ended)
        del ended
    finally:
        _pool_thread.is_one = before
        if finally_ is not None:
            finally_()


def _tried(call: Callable[[], Any]) -> tuple[bool, Any]:
    try:
        return True, call()
    except BaseException as error:  # noqa: BLE001 - raised again by the handle
        return False, error


def _produce(func: Callable[..., Any], args: Any, kw: Any, channel: Channel[Any]) -> Any:
    items = func(*args, **kw)
    try:
        while True:
            try:
                item = next(items)
            except StopIteration as stop:
                return stop.value
            if not channel.put(item):
                return None
    finally:
        items.close()


def _elsewhere(
    place: _executors.Place,
    executor: Executor,
    outcome: Outcome[Any],
    func: Callable[..., Any],
    args: tuple[Any, ...],
    kw: dict[str, Any],
) -> None:
    """Runs a call on an executor of which only ``submit`` is known, and that it returns a future."""
    theirs = place.submit(executor, _executors.run, _executors.portable(executor, func), args, kw)

    outcome.set_running_or_notify_cancel()
    outcome.stop = theirs.cancel

    def ended(theirs: Any) -> None:
        outcome.stop = None
        if theirs.cancelled():
            outcome.end_stopped()
        elif (error := theirs.exception()) is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(theirs.result())

    theirs.add_done_callback(ended)
