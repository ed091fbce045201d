"""What a background call gives its caller: a handle on the result, or a stream of items."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cladding import _waits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType
    from typing import Self

T = TypeVar("T")


def report(error: BaseException) -> None:
    """Gives an exception that nobody else will see to ``threading.excepthook``, as a thread that fails does."""
    threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, None)))


class Outcome(Future[T]):
    """The future of one call. An exception that nobody has asked for is reported once, when the future is collected."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = False
        """Whether somebody has asked how the call ended."""
        self.stopped = False
        """Whether the call was cancelled after it had begun, which futures have no state for."""
        self.stop: Callable[[], bool] | None = None
        """Asks a call that has begun to stop; False where that cannot be asked."""
        self._subscribers: list[Callable[[], object]] = []
        self._subscribing = threading.RLock()
        self.add_done_callback(Outcome._wake)

    @staticmethod
    def _wake(future: Future[Any]) -> None:
        assert isinstance(future, Outcome)
        with future._subscribing:
            subscribers, future._subscribers = future._subscribers, []
        for wake in subscribers:
            wake()

    def subscribe(self, callback: Callable[[], object]) -> bool:
        """Asks for a call of ``callback`` when the call is over. False, and no call, if it is already."""
        with self._subscribing:
            if not self.done():
                self._subscribers.append(callback)
                return True
        return False

    def unsubscribe(self, callback: Callable[[], object]) -> None:
        """Takes a subscription back."""
        with self._subscribing:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

    def end(self, ended: tuple[bool, Any]) -> None:
        """Ends the call with a result, or with an exception."""
        succeeded, value = ended
        if succeeded:
            self.set_result(value)
        else:
            self.set_exception(value)

    def end_stopped(self) -> None:
        """Ends a call that was cancelled on its way."""
        self.seen = self.stopped = True
        self.set_exception(CancelledError())

    def __del__(self) -> None:
        if not self.seen and self.done() and not self.cancelled():
            error = super().exception()
            if error is not None:
                report(error)


class Handle(Generic[T]):
    """A call that runs in the background.

    ``await handle`` waits for it under asyncio or trio without blocking; a task that is cancelled while it waits leaves the
    call running. An exception that nobody asks for, by any of the methods here, by ``await`` or by ``on_failure``, is given
    to ``threading.excepthook`` once the handle is gone.
    """

    __module__ = "cladding"
    __slots__ = ("__weakref__", "_outcome", "_runs_here")

    def __init__(self, outcome: Outcome[T], runs_here: Callable[[], bool]) -> None:
        self._outcome = outcome
        self._runs_here = runs_here

    def result(self, timeout: float | None = None) -> T:
        """The call's result, waiting for it if need be.

        Args:
            timeout: how long to wait, in seconds; for ever unless told.

        Raises:
            TimeoutError: it is not there by then.
            CancelledError: the call was cancelled.
            RuntimeError: the wait would never end, because the call runs in the event loop that waits for it.
            BaseException: whatever the call raised.
        """
        self.exception(timeout)
        return self._outcome.result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """The exception that ended the call, waiting for its end if need be; None if it succeeded. As ``result`` else."""
        self._wait()
        error = self._outcome.exception(timeout)
        self._outcome.seen = True
        return error

    def _wait(self) -> None:
        if not self._outcome.done() and self._runs_here() and not self._outcome.done():
            message = "the call runs in this event loop, which would stand still: use `await handle`"
            raise RuntimeError(message)

    def done(self) -> bool:
        """Whether the call is over, or cancelled."""
        return self._outcome.done()

    def running(self) -> bool:
        """Whether the call has begun and is not over."""
        return self._outcome.running()

    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        return self._outcome.cancelled() or self._outcome.stopped

    def cancel(self) -> bool:
        """Cancels a call that has not begun, and asks a coroutine or stream that has to stop. False if that cannot be."""
        return self._outcome.cancel() or (self._outcome.stop is not None and self._outcome.stop())

    def add_done_callback(self, callback: Callable[[Self], object]) -> None:
        """Calls ``callback`` with the handle when the call is over, at once if it is; in the thread where the call ran.

        What it raises goes to ``threading.excepthook``.
        """

        def call(_: Future[Any]) -> None:
            try:
                callback(self)
            except BaseException as error:  # noqa: BLE001 - nobody could catch it
                report(error)

        self._outcome.add_done_callback(call)

    def __await__(self) -> Generator[Any, Any, T]:
        return self._awaited().__await__()

    async def _awaited(self) -> T:
        if not self._outcome.done():
            await _waits.join_async(self._outcome)
        return self.result()

    def __repr__(self) -> str:
        if self.cancelled():
            state = "cancelled"
        elif self.done():
            state = "failed" if Future.exception(self._outcome) else "done"
        else:
            state = "running" if self.running() else "waiting"
        return f"<{type(self).__name__} {state}>"


class Channel(Generic[T]):
    """Items on their way from a thread to its consumer, bounded in number."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: list[T] = []
        self._closed = False
        self._ended = False
        self._changed = threading.Condition()

    def put(self, item: T) -> bool:
        """Waits for a place. False if nobody wants more."""
        with self._changed:
            while len(self._items) >= self._size and not self._closed:
                # In slices, because a stream that is still referred to at the program's end would hold it up for ever.
                if not self._changed.wait(_waits.SLICE) and not threading.main_thread().is_alive():
                    self._closed = True
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def end(self) -> None:
        """No more items come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """No more items are wanted."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def get(self) -> T:
        """The next item.

        Raises:
            StopIteration: there is none.
        """
        with self._changed:
            while not self._items and not self._ended and not self._closed:
                self._changed.wait()
            if not self._items:
                raise StopIteration
            item = self._items.pop(0)
            self._changed.notify_all()
            return item


class Stream(Handle[Any], Generic[T]):
    """A generator that runs in the background; iterate over it to get its items, in their order.

    The generator runs ahead of its consumer by a bounded number of items. It is closed by ``close``, at the end of a
    ``with`` block, or when nobody refers to the stream any more. What it raises is raised by the iteration, after the items
    before it; what it returns is ``result()``.
    """

    __module__ = "cladding"
    __slots__ = ("_channel", "_finalizer")

    def __init__(self, outcome: Outcome[Any], runs_here: Callable[[], bool], channel: Channel[T]) -> None:
        super().__init__(outcome, runs_here)
        self._channel = channel
        self._finalizer = weakref.finalize(self, channel.close)
        self._finalizer.atexit = False

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            return self._channel.get()
        except StopIteration:
            if self._outcome.done() and not self.cancelled():
                self._outcome.seen = True
                error = Future.exception(self._outcome)
                if error is not None:
                    raise error from None
            raise

    def close(self) -> None:
        """Closes the generator; items that have not been taken are dropped. It may still run up to its next item."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
