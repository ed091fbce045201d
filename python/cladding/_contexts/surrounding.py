"""Running a call inside a context, for all of its life: one way for each kind of call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    Surround: TypeAlias = Callable[[Callable[..., Any], Callable[[], Any]], Callable[..., Any]]
    ByKind: TypeAlias = Mapping[str, Surround]


def _function(func: Callable[..., Any], context: Callable[[], AbstractContextManager[Any]]) -> Callable[..., Any]:
    def inside(*args: Any, **kwargs: Any) -> Any:
        with context():
            return func(*args, **kwargs)

    return inside


def _coroutine(func: Callable[..., Any], context: Callable[[], AbstractContextManager[Any]]) -> Callable[..., Any]:
    async def inside(*args: Any, **kwargs: Any) -> Any:
        with context():
            return await func(*args, **kwargs)

    return inside


def _generator(func: Callable[..., Any], context: Callable[[], AbstractContextManager[Any]]) -> Callable[..., Any]:
    def inside(*args: Any, **kwargs: Any) -> Any:
        with context():
            return (yield from func(*args, **kwargs))

    return inside


def _async_generator(
    func: Callable[..., Any], context: Callable[[], AbstractContextManager[Any]]
) -> Callable[..., Any]:
    return _async_generator_in_async(func, lambda: _NeverWaits(context()))


def _coroutine_in_async(
    func: Callable[..., Any], context: Callable[[], AbstractAsyncContextManager[Any]]
) -> Callable[..., Any]:
    async def inside(*args: Any, **kwargs: Any) -> Any:
        async with context():
            return await func(*args, **kwargs)

    return inside


def _async_generator_in_async(
    func: Callable[..., Any], context: Callable[[], AbstractAsyncContextManager[Any]]
) -> Callable[..., Any]:
    async def inside(*args: Any, **kwargs: Any) -> Any:
        async with context():
            inner = func(*args, **kwargs)
            step = inner.__anext__()
            while True:
                try:
                    item = await step
                except StopAsyncIteration:
                    return
                try:
                    sent = yield item
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as thrown:  # noqa: BLE001 - handed on to the generator that it is meant for
                    step = inner.athrow(thrown)
                else:
                    step = inner.asend(sent)

    return inside


class _NeverWaits:
    """A context manager as an async one."""

    __slots__ = ("_context",)

    def __init__(self, context: AbstractContextManager[Any]) -> None:
        self._context = context

    async def __aenter__(self) -> Any:
        return self._context.__enter__()

    async def __aexit__(self, *raised: Any) -> bool | None:  # noqa: PYI036 - three, which the context manager names
        return self._context.__exit__(*raised)


BY_KIND: ByKind = {
    "function": _function,
    "coroutine": _coroutine,
    "generator": _generator,
    "async_generator": _async_generator,
}
ASYNC_BY_KIND: ByKind = {"coroutine": _coroutine_in_async, "async_generator": _async_generator_in_async}
