"""Cached generators: items that are shared while they are made, and given again once they are all there."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

from cladding._waits import current_task, under_trio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable

    Copy = Callable[[Any], Any] | None

_forks = 0


def _forked() -> None:
    global _forks  # noqa: PLW0603 - counts the forks between a source and this process
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Recording(Protocol):
    """The cache's side of a generator that is recorded."""

    led: bool
    """Whether it has its place in the cache."""

    def done(self, recorded: Recorded, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> None: ...
    def gave_up(self, too_long: bool, ended: bool, /) -> None: ...


class Recorded:
    """The items of a generator that has ended, and what it returned. Calling it gives a generator of them."""

    __slots__ = ("_copy", "items", "result")

    def __init__(self, items: tuple[Any, ...], result: object, copy: Copy) -> None:
        self.items = items
        self.result = result
        self._copy = copy

    def shown(self) -> tuple[Any, ...]:
        """The items as they are handed out."""
        return self.items if self._copy is None else tuple(map(self._copy, self.items))

    def __call__(self, _rest: object, /, *_args: object, **_kwargs: object) -> object:
        return _replay(self.items, self.result) if self._copy is None else _replay_copies(self, self._copy)


class AsyncRecorded(Recorded):
    """The same of an async generator."""

    __slots__ = ()

    def __call__(self, _rest: object, /, *_args: object, **_kwargs: object) -> object:
        return _replay_async(self.items, self._copy)


def recorded(items: Iterable[object], bound: int, copy: Copy, awaits: bool) -> Recorded:
    """Items that were not recorded but given, as if they had been."""
    made = tuple(items)
    if len(made) > bound:
        message = f"`generators` is {bound}, so {len(made)} items cannot be kept"
        raise ValueError(message)
    return (AsyncRecorded if awaits else Recorded)(made, None, copy)


def _refuse(sent: object) -> None:
    message = f"a generator that is cached takes no values, and was sent {sent!r}"
    raise TypeError(message)


def _replay(items: tuple[Any, ...], result: object) -> Generator[Any, Any, Any]:
    for item in items:
        sent = yield item
        if sent is not None:
            _refuse(sent)
    return result


def _replay_copies(recorded: Recorded, copy: Callable[[Any], Any]) -> Generator[Any, Any, Any]:
    for item in recorded.items:
        sent = yield copy(item)
        if sent is not None:
            _refuse(sent)
    return recorded.result if recorded.result is None else copy(recorded.result)


async def _replay_async(items: tuple[Any, ...], copy: Copy) -> AsyncGenerator[Any, Any]:
    for item in items:
        sent = yield item if copy is None else copy(item)
        if sent is not None:
            _refuse(sent)


class _Link:
    """One item, and the one after it. Who still needs an item holds the link before it; nobody else does."""

    __slots__ = ("index", "item", "next")

    def __init__(self, index: int, item: object) -> None:
        self.index = index
        """How many items there have been with this one."""
        self.item = item
        self.next: _Link | None = None


class _Consumer:
    """How far one generator object has come, and how it would make the items by itself."""

    __slots__ = ("args", "at", "behind", "kwargs", "rest")

    def __init__(self, rest: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.rest = rest
        self.args = args
        self.kwargs = kwargs
        self.at = 0
        """How many items it has had."""
        self.behind: _Link | None = None
        """The link of the last of them; ``None`` for one that is on its own, because it has fallen too far behind."""


class _Source:
    """One run of a generator, for all who want its items: whoever needs the next one makes it, one at a time.

    The state is changed by the one whose turn it is, in single steps, and may be read at any time: no lock is held but the
    turn, so that a finaliser that comes in between can do what it likes.
    """

    def __init__(self, recording: Recording | None, bound: int, copy: Copy, made: int = 0) -> None:
        self._recording = recording
        self._bound = bound
        self._copy = copy
        # As many as there have been already are passed over where the generator has to begin (again).
        self._first = self._last = _Link(made, None)
        self._record: list[Any] | None = None if recording is None else []
        self._running: Any = None
        self._over = False
        self._left = False
        self._result: object = None
        self._error: tuple[Exception, Any] | None = None
        self._consumers: dict[int, _Consumer] = {}
        self._forks = _forks

    def _join(self, consumer: _Consumer) -> None:
        self._consumers[id(consumer)] = consumer
        first = self._first
        if first.index == consumer.at and not self._left:
            consumer.behind = first

    def _is_left_by(self, consumer: _Consumer) -> bool:
        """Takes a consumer out. True if it was the last one; from then on nobody joins."""
        consumer.behind = None
        if self._consumers.pop(id(consumer), None) is None or self._consumers:
            return False
        self._left = True
        if self._consumers:  # Somebody has come in between, and may not have seen it.
            self._left = False
            return False
        self._error = None
        if not self._over:
            self._give_up()
        return True

    def _add(self, item: object) -> None:
        last = self._last
        while last.next is not None:  # An interrupt came before it was noted.
            last = last.next
        link = _Link(last.index + 1, item)
        record = self._record
        if record is not None:
            if len(record) < self._bound:
                record.append(item)
            else:
                self._give_up(too_long=True)
                record = None
        if record is None:
            if len(self._consumers) > 1:
                self._cut_off(link.index)
            self._first = link
        last.next = link
        self._last = link

    def _cut_off(self, made: int) -> None:
        """Leaves those to themselves who would have it all kept for them."""
        for consumer in tuple(self._consumers.values()):
            if made - consumer.at > self._bound:
                consumer.behind = None

    def _give_up(self, *, too_long: bool = False, ended: bool = False) -> None:
        """Keeps nothing of this run. Newcomers begin another one."""
        self._record = None
        self._first = self._last
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.gave_up(too_long, ended)

    def _end(self, result: object, consumer: _Consumer, made: type[Recorded]) -> None:
        self._running = None
        record, recording = self._record, self._recording
        if record is not None and recording is not None:
            self._recording = None
            try:
                recording.done(made(tuple(record), result, self._copy), consumer.args, consumer.kwargs)
            except Exception as error:  # noqa: BLE001 - everybody gets it, as they would what the generator raises
                self._fail(error)
        self._result = result
        self._over = True

    def _fail(self, error: Exception) -> None:
        self._running = None
        # Without the entry of the function here that it went through.
        self._error = error, error.__traceback__ and error.__traceback__.tb_next
        self._give_up(ended=True)
        self._over = True

    def _break(self) -> None:
        """An interrupt or a cancellation has ended the generator. It is of one consumer, and another one may begin again."""
        self._running = None
        self._give_up()

    def _failure(self) -> Exception | None:
        """What everybody gets in the end, with the traceback that it came with."""
        if self._error is None:
            return None
        error, traceback = self._error
        return error.with_traceback(traceback)

    def _handed(self, item: object) -> object:
        return item if self._copy is None else self._copy(item)


class Source(_Source):
    """A generator. Calling it gives a consumer."""

    def __init__(self, recording: Recording | None, bound: int, copy: Copy, made: int = 0) -> None:
        super().__init__(recording, bound, copy, made)
        self._turn = threading.Lock()
        self._holder: int | None = None

    def admits(self) -> bool | None:
        """Whether who asks can share it. ``None`` if it will never go on."""
        if self._is_lost():
            return None
        return self._recording is not None and self._recording.led

    def _is_lost(self) -> bool:
        """Whether a thread has the turn that a fork has left behind."""
        return self._forks != _forks and self._holder not in {None, threading.get_ident()}

    def __call__(self, rest: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        return self._consume(_Consumer(rest, args, kwargs))

    def _consume(self, me: _Consumer) -> Generator[Any, Any, Any]:
        source = self
        source._join(me)
        try:
            while True:
                behind = me.behind
                link = behind and behind.next
                if link is None:
                    if behind is None or not source._advance(me, behind):
                        source._leave(me)
                        source = Source(None, source._bound, source._copy, me.at)
                        source._join(me)
                    elif source._over and behind.next is None:
                        break
                    continue
                me.behind = link
                me.at += 1
                item = link.item
                del behind, link
                sent = yield (item if source._copy is None else source._copy(item))
                if sent is not None:
                    _refuse(sent)
                del item
            failure = source._failure()
            if failure is not None:
                raise failure
            return None if source._result is None else source._handed(source._result)
        finally:
            failure = None
            source._leave(me)

    def _advance(self, me: _Consumer, behind: _Link) -> bool:
        """Sees to it that there is one more item, or that all is over. False if that cannot be hoped for here."""
        if self._holder is not None and (self._holder == threading.get_ident() or self._is_lost()):
            return False
        with self._turn:
            if behind.next is None and not self._over:
                self._holder, self._forks = threading.get_ident(), _forks
                try:
                    self._step(me)
                except BaseException:
                    self._break()
                    raise
                finally:
                    self._holder = None
        return True

    def _step(self, me: _Consumer) -> None:
        try:
            if self._running is None:
                self._running = iter(me.rest(*me.args, **me.kwargs))
                for _ in range(self._last.index):
                    next(self._running)
            item = next(self._running)
        except StopIteration as stop:
            self._end(stop.value, me, Recorded)
        except Exception as error:  # noqa: BLE001 - everybody gets it
            self._fail(error)
        else:
            self._add(item)

    def _leave(self, me: _Consumer) -> None:
        """Ends the run if nobody else wants it."""
        if self._is_left_by(me):
            running, self._running = self._running, None
            close = getattr(running, "close", None)
            if close is not None:
                close()


def _here() -> tuple[object, object]:
    """The task that runs now and its event loop."""
    return current_task() or (None, None)


class AsyncSource(_Source):
    """An async generator. Calling it gives a consumer."""

    def __init__(self, recording: Recording | None, bound: int, copy: Copy, made: int = 0) -> None:
        super().__init__(recording, bound, copy, made)
        self._loop = _here()[1]
        self._holder: object = None
        self._waiters: list[Callable[[], None]] = []

    def admits(self) -> bool | None:
        """Whether who asks can share it. ``None`` if it will never go on."""
        task, loop = _here()
        closed = getattr(self._loop, "is_closed", None)
        if self._forks != _forks or (closed is not None and closed()):
            return None
        if self._recording is None or not self._recording.led or task is None:
            return False
        return self._loop is loop

    def __call__(self, rest: Callable[..., Any], /, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        return self._consume(_Consumer(rest, args, kwargs))

    async def _consume(self, me: _Consumer) -> AsyncGenerator[Any, Any]:
        source = self
        source._join(me)
        try:
            while True:
                behind = me.behind
                link = behind and behind.next
                if link is None:
                    if behind is None or not await source._advance(me, behind):
                        await source._leave(me)
                        source = AsyncSource(None, source._bound, source._copy, me.at)
                        source._join(me)
                    elif source._over and behind.next is None:
                        break
                    continue
                me.behind = link
                me.at += 1
                item = link.item
                del behind, link
                sent = yield (item if source._copy is None else source._copy(item))
                if sent is not None:
                    _refuse(sent)
                del item
            failure = source._failure()
            if failure is not None:
                raise failure
        finally:
            failure = None
            await source._leave(me)

    async def _advance(self, me: _Consumer, behind: _Link) -> bool:
        """Sees to it that there is one more item, or that all is over. False if that cannot be hoped for here."""
        task, loop = _here()
        if self._loop is not loop or self._forks != _forks:
            return False
        while behind.next is None and not self._over:
            if self._holder is None:
                self._holder = task or self
                try:
                    await self._step(me)
                except BaseException:
                    self._break()
                    raise
                finally:
                    self._holder = None
                    self._wake()
            elif self._holder is task or task is None:
                return False
            else:
                await self._wait()
        return True

    async def _wait(self) -> None:
        event: Any
        if under_trio():
            import trio

            event = trio.Event()
        else:
            import asyncio

            event = asyncio.Event()
        self._waiters.append(event.set)
        await event.wait()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for wake in waiters:
            wake()

    async def _step(self, me: _Consumer) -> None:
        try:
            if self._running is None:
                self._running = aiter(me.rest(*me.args, **me.kwargs))
                for _ in range(self._last.index):
                    await anext(self._running)
            item = await anext(self._running)
        except StopAsyncIteration:
            self._end(None, me, AsyncRecorded)
        except Exception as error:  # noqa: BLE001 - everybody gets it
            self._fail(error)
        else:
            self._add(item)

    async def _leave(self, me: _Consumer) -> None:
        """Ends the run if nobody else wants it."""
        if self._is_left_by(me):
            running, self._running = self._running, None
            close = getattr(running, "aclose", None)
            if close is not None:
                await close()
