"""Saying what kind of function something is, and bridges between plain and coroutine functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast, overload

from cladding._decorating import decorator
from cladding._errors import ConfigurationError
from cladding._kinds import kind_of
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound="Callable[..., Any] | classmethod[Any, Any, Any] | staticmethod[Any, Any]")


class _Marking(Protocol):
    """A mark with its options given."""

    def __call__(self, target: F, /) -> F: ...


def _pass_on(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    return func(*args, **kw)


_AS = {kind: decorator(kind=kind)(_pass_on) for kind in ("function", "coroutine", "generator", "async_generator")}


def _mark(name: str, target: Any, generator: Any, kinds: tuple[str, str]) -> Any:
    if generator is not None and not isinstance(generator, bool):
        message = f"{name}: `generator` must be True, False or None, got {generator!r}"
        raise ConfigurationError(message)
    if target is MISSING:
        return lambda target: _mark(name, target, generator, kinds)
    if isinstance(target, type) or not (callable(target) or isinstance(target, classmethod | staticmethod)):
        message = f"{name} cannot mark {target!r}: a function, a method or another callable that is no class is wanted"
        raise TypeError(message)
    is_generator = kind_of(target).endswith("generator") if generator is None else generator
    return _AS[kinds[is_generator]](target)


@overload
def mark_as_sync(target: F, /, *, generator: bool | None = None) -> F: ...
@overload
def mark_as_sync(*, generator: bool | None = None) -> _Marking: ...
def mark_as_sync(target: Any = MISSING, /, *, generator: bool | None = None) -> Any:
    """Makes a function that reports to be a plain one, for wrappers that look asynchronous and are not.

    Its calls give what the function gives: nothing is awaited or run. The type that checkers see stays that of ``target``.

    Args:
        target: a function, method or other callable.
        generator: whether it reports to be a generator function: ``None`` for what ``target`` is, of either sort.

    Raises:
        TypeError: ``target`` is a class, or cannot be called.
        ConfigurationError: ``generator`` is none of the three.
    """
    return _mark("mark_as_sync", target, generator, ("function", "generator"))


@overload
def mark_as_async(target: F, /, *, generator: bool | None = None) -> F: ...
@overload
def mark_as_async(*, generator: bool | None = None) -> _Marking: ...
def mark_as_async(target: Any = MISSING, /, *, generator: bool | None = None) -> Any:
    """Makes a function that reports to be a coroutine function, for a plain one whose calls give something to await.

    Args:
        target: a function, method or other callable.
        generator: whether it reports to be an async generator function rather than a coroutine function: ``None`` for
            whether ``target`` is a generator function, of either sort.

    Raises:
        TypeError: ``target`` is a class, or cannot be called.
        ConfigurationError: ``generator`` is none of the three.
    """
    return _mark("mark_as_async", target, generator, ("coroutine", "async_generator"))


def _check(name: str, target: Any, wanted: str, hint: str) -> None:
    kind = kind_of(target)
    if kind != wanted:
        what = f"a {kind.replace('_', ' ')}" if kind == "class" else f"a {kind.replace('_', ' ')} function"
        message = (
            f"{name} cannot decorate {target!r}: it is {'a plain function' if kind == 'function' else what}; {hint}"
        )
        raise TypeError(message)


def async_to_sync(target: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, T]:
    """Makes a coroutine function callable without ``await``: each call runs to its end in an event loop of its own.

    Args:
        target: a coroutine function, a method or a descriptor around one.

    Raises:
        TypeError: ``target`` is no coroutine function.
        RuntimeError: from a call, where an event loop runs in this thread already.
    """
    hint = "if its calls give coroutines, put mark_as_async on it first"
    _check("async_to_sync", target, "coroutine", hint)
    return cast("Callable[P, T]", _run_to_end(target))


def _run_in_loop(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_awaited(func, args, kw))
    name = getattr(func, "__qualname__", func)
    message = f"async_to_sync: {name}() was called where an event loop runs, which would stand still: await the function itself"
    raise RuntimeError(message)


_run_to_end = decorator(kind="function")(_run_in_loop)


async def _awaited(func: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
    return await func(*args, **kw)


def sync_to_async(target: Callable[P, T], /) -> Callable[P, Awaitable[T]]:
    """Makes a plain function awaitable: each call runs in a thread of the event loop's, under asyncio or trio.

    Context variables are those of the caller. A call that is cancelled is no longer waited for, but runs to its end.

    Args:
        target: a plain function, a method or a descriptor around one.

    Raises:
        TypeError: ``target`` is a coroutine function, a generator function of either sort, or a class.
        RuntimeError: from a call, where the function raises ``StopIteration``, which no coroutine can.
    """
    hint = "if its calls give plain results, put mark_as_sync on it first"
    if kind_of(target).endswith("generator"):
        hint = "its items would still be made in the event loop"
    _check("sync_to_async", target, "function", hint)
    return cast("Callable[P, Awaitable[T]]", _run_in_threads(target))


async def _run_in_thread(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    from cladding import _waits

    def call() -> Any:
        try:
            return func(*args, **kw)
        except StopIteration as stop:
            message = "a function that sync_to_async runs raised StopIteration"
            raise RuntimeError(message) from stop

    if _waits.under_trio():
        import trio

        return await trio.to_thread.run_sync(call)
    import asyncio

    return await asyncio.to_thread(call)


_run_in_threads = decorator(kind="coroutine")(_run_in_thread)
