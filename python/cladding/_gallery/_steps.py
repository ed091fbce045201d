"""Running a generator or async generator to its end, step by step, while something looks on."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
    from contextlib import AbstractContextManager

    Before = Callable[[tuple[Any, ...], dict[str, Any]], None]
    AsyncBefore = Callable[[tuple[Any, ...], dict[str, Any]], Awaitable[None]]


class Watcher(Protocol):
    """What looks on: it is told everything that happens to one call, and must not raise."""

    def step(self) -> AbstractContextManager[None]:
        """Something that each step of the call runs inside of."""
        ...

    def item(self, value: Any) -> None:
        """The generator has yielded."""
        ...

    def returned(self, value: Any) -> None:
        """The call is over."""
        ...

    def closed(self) -> None:
        """The generator was closed before its end."""
        ...

    def raised(self, error: BaseException) -> None:
        """The call has raised."""
        ...


def generator(inner: Generator[Any, Any, Any], watcher: Watcher) -> Generator[Any, Any, Any]:
    """Does what ``yield from inner`` does (PEP 380)."""
    step: Callable[[], Any] = partial(next, inner)
    closing = False
    try:
        while True:
            with watcher.step():
                item = step()
            watcher.item(item)
            try:
                sent = yield item
            except GeneratorExit:
                closing = True
                with watcher.step():
                    inner.close()
                raise
            except BaseException as thrown:  # noqa: BLE001 - it is the inner generator's
                step = partial(inner.throw, thrown)
            else:
                step = partial(inner.send, sent)
    except StopIteration as stop:
        watcher.returned(stop.value)
        return stop.value
    except BaseException as error:
        if closing and isinstance(error, GeneratorExit):
            watcher.closed()
        else:
            watcher.raised(error)
        raise


class Unwatched:
    """A watcher that does nothing."""

    def step(self) -> AbstractContextManager[None]:
        return nullcontext()

    def item(self, value: Any) -> None: ...

    def returned(self, value: Any) -> None: ...

    def closed(self) -> None: ...

    def raised(self, error: BaseException) -> None: ...


async def async_generator(
    inner: AsyncGenerator[Any, Any], watcher: Watcher, before: Callable[[], Awaitable[None]] | None = None
) -> AsyncGenerator[Any, Any]:
    """The same for an async generator. ``before`` is awaited before its first step."""
    step: Callable[[], Any] = partial(anext, inner)
    closing = False
    try:
        if before is not None:
            await before()
        while True:
            with watcher.step():
                item = await step()
            watcher.item(item)
            try:
                sent = yield item
            except GeneratorExit:
                closing = True
                with watcher.step():
                    await inner.aclose()
                raise
            except BaseException as thrown:  # noqa: BLE001 - it is the inner generator's
                step = partial(inner.athrow, thrown)
            else:
                step = partial(inner.asend, sent)
    except StopAsyncIteration:
        watcher.returned(None)
    except BaseException as error:
        if closing and isinstance(error, GeneratorExit):
            watcher.closed()
        else:
            watcher.raised(error)
        raise


def beginning_with(kind: str, before: Before, before_async: AsyncBefore | None = None) -> Callable[..., Any]:
    """A caller that does something with a call's arguments when the call begins to run.

    For coroutines, generators and async generators that is when their own code would begin, at the first step.
    """

    async def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if before_async is None:
            before(args, kwargs)
        else:
            await before_async(args, kwargs)

    async def coroutine(func: Any, /, *args: Any, **kw: Any) -> Any:
        await begin(args, kw)
        return await func(*args, **kw)

    def begun(inner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        before(args, kwargs)
        return (yield from inner)

    def items(func: Any, /, *args: Any, **kw: Any) -> Any:
        return begun(func(*args, **kw), args, kw)

    def async_items(func: Any, /, *args: Any, **kw: Any) -> Any:
        return async_generator(func(*args, **kw), Unwatched(), partial(begin, args, kw))

    def function(func: Any, /, *args: Any, **kw: Any) -> Any:
        before(args, kw)
        return func(*args, **kw)

    callers: dict[str, Callable[..., Any]] = {
        "coroutine": coroutine,
        "generator": items,
        "async_generator": async_items,
    }
    return callers.get(kind, function)
