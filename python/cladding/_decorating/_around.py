"""Running a call inside a generator or async generator that stands around it like a context manager.

A *span* is the generator while the call runs. It has to yield once; the call runs there, and the generator is sent its
result or thrown its exception. When it swallows the exception, what it returns is the call's result. The rules are those
of ``contextlib.contextmanager`` (PEP 343 and PEP 479), to which the result is added.
"""

# ruff: noqa: BLE001 - whatever the call raises goes through the generator that stands around it

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._native import strip_handled

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator


class Span:
    """The generator of a caller, around one call."""

    __slots__ = ("_generator", "result")

    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        self._generator = generator
        self.result: Any = None

    def enter(self) -> None:
        """Runs it up to its ``yield``."""
        try:
            next(self._generator)
        except StopIteration:
            raise _never_yielded(self._generator) from None

    def leave(self, result: Any) -> None:
        """Tells it the result."""
        try:
            self._generator.send(result)
        except StopIteration:
            return
        self._generator.close()
        raise _yielded_twice(self._generator)

    def failed(self, raised: BaseException) -> bool:
        """Throws it the exception. True when it swallows that; what it returns then is the call's result."""
        traceback = raised.__traceback__
        try:
            self._generator.throw(raised)
        except StopIteration as stop:
            if stop is not raised:
                self.result = stop.value
                return True
        except BaseException as error:
            if not _is_the_same(error, raised):
                strip_handled()
                raise
        else:
            self._generator.close()
            raise _yielded_twice(self._generator)
        raised.__traceback__ = traceback
        return False


class AsyncSpan:
    """The async generator of a caller, around one call."""

    __slots__ = ("_generator", "result")

    def __init__(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._generator = generator
        self.result: Any = None

    async def enter(self) -> None:
        """Runs it up to its ``yield``."""
        try:
            await anext(self._generator)
        except StopAsyncIteration:
            raise _never_yielded(self._generator) from None

    async def leave(self, result: Any) -> None:
        """Tells it the result."""
        try:
            await self._generator.asend(result)
        except StopAsyncIteration:
            return
        await self._generator.aclose()
        raise _yielded_twice(self._generator)

    async def failed(self, raised: BaseException) -> bool:
        """Throws it the exception. True when it swallows that; async generators return nothing."""
        traceback = raised.__traceback__
        try:
            await self._generator.athrow(raised)
        except StopAsyncIteration as stop:
            if stop is not raised:
                return True
        except BaseException as error:
            if not _is_the_same(error, raised):
                strip_handled()
                raise
        else:
            await self._generator.aclose()
            raise _yielded_twice(self._generator)
        raised.__traceback__ = traceback
        return False


def _is_the_same(error: BaseException, raised: BaseException) -> bool:
    """Whether a generator let through what it was thrown, even if PEP 479 made another exception of it on the way."""
    stop = isinstance(raised, StopIteration | StopAsyncIteration)
    return error is raised or (stop and isinstance(error, RuntimeError) and error.__cause__ is raised)


def _never_yielded(generator: Any) -> RuntimeError:
    return RuntimeError(f"the caller {generator.__qualname__} ended without a yield, which is where the call runs")


def _yielded_twice(generator: Any) -> RuntimeError:
    return RuntimeError(f"the caller {generator.__qualname__} yielded again; a call runs only once")


def function(span: Span, func: Callable[..., Any], args: Any, kw: Any) -> Any:
    """A plain function inside a generator."""
    try:
        span.enter()
        try:
            result = func(*args, **kw)
        except BaseException as raised:
            if span.failed(raised):
                return span.result
            raise
        span.leave(result)
    except:
        strip_handled()
        raise
    return result


async def coroutine(span: Span, func: Callable[..., Awaitable[Any]], args: Any, kw: Any) -> Any:
    """A coroutine function inside a generator."""
    try:
        span.enter()
        try:
            result = await func(*args, **kw)
        except BaseException as raised:
            if span.failed(raised):
                return span.result
            raise
        span.leave(result)
    except:
        strip_handled()
        raise
    return result


def generator(
    span: Span, func: Callable[..., Generator[Any, Any, Any]], args: Any, kw: Any
) -> Generator[Any, Any, Any]:
    """The whole life of a generator inside another."""
    try:
        span.enter()
        try:
            result = yield from func(*args, **kw)
        except BaseException as raised:
            if span.failed(raised):
                return span.result
            raise
        span.leave(result)
    except:
        strip_handled()
        raise
    return result


async def async_generator(
    span: Span | AsyncSpan, func: Callable[..., AsyncGenerator[Any, Any]], args: Any, kw: Any
) -> AsyncGenerator[Any, Any]:
    """The whole life of an async generator inside a generator of either kind."""
    try:
        await _now(span.enter())
        try:
            items = func(*args, **kw)
            try:
                item = await anext(items)
                while True:
                    try:
                        sent = yield item
                    except GeneratorExit:
                        await items.aclose()
                        raise
                    except BaseException as thrown:
                        item = await items.athrow(thrown)
                    else:
                        item = await items.asend(sent)
            except StopAsyncIteration:
                pass
        except BaseException as raised:
            if not await _now(span.failed(raised)):
                raise
        else:
            await _now(span.leave(None))
    except:
        strip_handled()
        raise


async def _now(value: Coroutine[Any, Any, Any] | bool | None) -> Any:
    """What an async span's method comes to; a plain one's is there already."""
    return value if value is None or isinstance(value, bool) else await value


async def async_function(span: AsyncSpan, func: Callable[..., Any], args: Any, kw: Any) -> Any:
    """A function or coroutine function inside an async generator."""
    try:
        await span.enter()
        try:
            result = func(*args, **kw)
            if hasattr(result, "__await__"):
                result = await result
        except BaseException as raised:
            if await span.failed(raised):
                return span.result
            raise
        await span.leave(result)
    except:
        strip_handled()
        raise
    return result


# What runs a call of a kind inside a generator, and inside an async generator.
IN_GENERATOR: dict[str, Callable[..., Any]] = {
    "function": function,
    "class": function,
    "coroutine": coroutine,
    "generator": generator,
    "async_generator": async_generator,
}
IN_ASYNC_GENERATOR: dict[str, Callable[..., Any]] = {
    "function": async_function,
    "coroutine": async_function,
    "async_generator": async_generator,
}
