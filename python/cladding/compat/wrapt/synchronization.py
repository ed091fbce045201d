"""wrapt's ``synchronized``, the marks of what is synchronous and what is not, and the bridges between the two.

``synchronized`` keeps its locks as attributes of the objects, and asyncio's locks are not re-entrant, as users of wrapt
may rely on. :func:`cladding.synchronized` does neither.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

from .__wrapt__ import BoundFunctionWrapper, CallableObjectProxy, FunctionWrapper
from .decorators import decorator

if TYPE_CHECKING:
    from collections.abc import Callable

_ASYNCHRONOUS = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE


def _sync_flags(flags: int, generator: bool | None) -> int:
    """A code object's flags without what says asynchronous, as a generator's if that is asked for or was one of any sort."""
    if generator is None:
        generator = bool(flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR))
    return flags & ~(_ASYNCHRONOUS | inspect.CO_GENERATOR) | (inspect.CO_GENERATOR if generator else 0)


def _async_flags(flags: int, generator: bool | None) -> int:
    """A code object's flags as those of a coroutine function or, where asked for or found, an async generator function."""
    if generator is None:
        generator = bool(flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR))
    kind = inspect.CO_ASYNC_GENERATOR if generator else inspect.CO_COROUTINE
    return flags & ~(_ASYNCHRONOUS | inspect.CO_GENERATOR) | kind


class _Code(CallableObjectProxy):
    """A code object with other flags."""

    def __init__(self, code: Any, flags: int) -> None:
        super().__init__(code)
        self._self_flags = flags

    @property
    def co_flags(self) -> int:
        return self._self_flags


class _Function(CallableObjectProxy):
    """A function whose code has other flags: what a bound method says is behind it."""

    def __init__(self, function: Any, code: _Code) -> None:
        super().__init__(function)
        self._self_code = code

    @property
    def __code__(self) -> Any:
        return self._self_code


class _BoundMarked(BoundFunctionWrapper):
    @property
    def __func__(self) -> Any:
        function = self.__wrapped__.__func__
        return _Function(function, self._self_parent._self_marked(function.__code__))


class _BoundMarkedSync(_BoundMarked):
    _self_is_not_coroutine = True


class _Marked(FunctionWrapper):
    """Calls what it wraps as a wrapper says, and reports another kind of function."""

    __bound_function_wrapper__ = _BoundMarked

    _self_flags_of = staticmethod(_async_flags)

    def __init__(self, wrapped: Any, wrapper: Any, generator: bool | None) -> None:
        super().__init__(wrapped, wrapper)
        self._self_generator = generator

    def _self_marked(self, code: Any) -> _Code:
        return _Code(code, self._self_flags_of(code.co_flags, self._self_generator))

    @property
    def __code__(self) -> Any:
        return self._self_marked(self.__wrapped__.__code__)


class _MarkedSync(_Marked):
    __bound_function_wrapper__ = _BoundMarkedSync

    _self_flags_of = staticmethod(_sync_flags)
    _self_is_not_coroutine = True


def _pass_on(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    del instance
    return wrapped(*args, **kwargs)


def mark_as_sync(wrapped: Any = None, /, *, generator: bool | None = None) -> Any:
    """Makes a callable report that it is synchronous; its calls are left as they are.

    Args:
        wrapped: the callable. Without it a decorator is made.
        generator: whether it reports to be a generator function: ``None`` for what it is, of either sort.
    """
    if wrapped is None:
        return functools.partial(mark_as_sync, generator=generator)
    return _MarkedSync(wrapped, _pass_on, generator)


def mark_as_async(wrapped: Any = None, /, *, generator: bool | None = None) -> Any:
    """Makes a callable report that it is asynchronous; its calls are left as they are.

    Args:
        wrapped: the callable. Without it a decorator is made.
        generator: whether it reports to be an async generator function rather than a coroutine function: ``None`` for
            whether it is a generator function of either sort.
    """
    if wrapped is None:
        return functools.partial(mark_as_async, generator=generator)
    return _Marked(wrapped, _pass_on, generator)


def _refuse(asked: str, wrapped: Any, kinds: dict[Callable[[Any], bool], str]) -> None:
    for is_kind, reason in kinds.items():
        if is_kind(wrapped):
            message = f"{asked}: {wrapped!r} is {reason}"
            raise TypeError(message)


def async_to_sync(wrapped: Any) -> Any:
    """Makes a coroutine function callable without ``await``: each call runs to its end in an event loop of its own.

    Raises:
        TypeError: a generator function, of either sort.
    """
    _refuse(
        "async_to_sync",
        wrapped,
        {
            inspect.isasyncgenfunction: "an async generator function, which no event loop can run to an end",
            inspect.isgeneratorfunction: "a generator function; if its calls give coroutines, use mark_as_async first",
        },
    )
    if not inspect.iscoroutinefunction(wrapped):
        warnings.warn(
            f"async_to_sync: {wrapped!r} does not report to be a coroutine function; if its calls give coroutines, use "
            f"mark_as_async first",
            UserWarning,
            stacklevel=2,
        )

    def run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        del instance
        return asyncio.run(wrapped(*args, **kwargs))

    return _MarkedSync(wrapped, run, generator=False)


def sync_to_async(wrapped: Any) -> Any:
    """Makes a plain function awaitable: each call runs in the event loop's default executor.

    Raises:
        TypeError: a coroutine function, or a generator function of either sort.
    """
    asynchronous = "asynchronous already; if its calls give plain results, use mark_as_sync first"
    _refuse(
        "sync_to_async",
        wrapped,
        {
            inspect.iscoroutinefunction: asynchronous,
            inspect.isasyncgenfunction: asynchronous,
            inspect.isgeneratorfunction: "a generator function, whose items would still be made in the event loop",
        },
    )

    async def run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        del instance
        call = functools.partial(wrapped, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(None, call)

    return _Marked(wrapped, run, generator=False)


def _synchronized_is_async_lock(lock: Any) -> bool:
    return inspect.iscoroutinefunction(getattr(lock, "acquire", None))


def _synchronized_is_async_callable(obj: Any) -> bool:
    """Whether a callable, or one below it that no mark hides, is a coroutine function.

    Raises:
        ValueError: the chain of ``__wrapped__`` has no end.
    """
    seen: set[int] = set()
    target = obj
    while id(target) not in seen and len(seen) < sys.getrecursionlimit():
        seen.add(id(target))
        if isinstance(target, classmethod | staticmethod):
            target = getattr(target, "__wrapped__", target.__func__)
            continue
        if getattr(target, "_self_is_not_coroutine", False):
            return False
        if inspect.iscoroutinefunction(target):
            return True
        below = getattr(target, "__wrapped__", None)
        if below is None or below is target:
            return False
        target = below
    message = f"wrapper loop when unwrapping {obj!r}"
    raise ValueError(message)


# Guards the making of locks. Re-entrant, because making one may collect garbage, which may call anything.
_making = threading.RLock()


def _lock_on(context: Any, name: str, make: Callable[[], Any]) -> Any:
    """The lock that is kept on an object, made if it has none of its own."""
    lock = vars(context).get(name)
    if lock is None:
        with _making:
            lock = vars(context).get(name)
            if lock is None:
                lock = make()
                setattr(context, name, lock)
    return lock


def _thread_lock(context: Any) -> Any:
    return _lock_on(context, "_synchronized_lock", threading.RLock)


def _task_lock(context: Any) -> Any:
    return _lock_on(context, "_synchronized_async_lock", asyncio.Lock)


def _hold(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    with _thread_lock(wrapped if instance is None else instance):
        return wrapped(*args, **kwargs)


async def _hold_async(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    async with _task_lock(wrapped if instance is None else instance):
        return await wrapped(*args, **kwargs)


class _Synchronized(FunctionWrapper):
    """A synchronized callable, or a context manager over any object; either takes the lock that is kept on the object."""

    def __enter__(self) -> Any:
        lock = _thread_lock(self.__wrapped__)
        lock.acquire()
        return lock

    def __exit__(self, *error: object) -> None:
        _thread_lock(self.__wrapped__).release()

    async def __aenter__(self) -> Any:
        lock = _task_lock(self.__wrapped__)
        await lock.acquire()
        return lock

    async def __aexit__(self, *error: object) -> None:
        _task_lock(self.__wrapped__).release()


class _Given(CallableObjectProxy):
    """A lock that was given, as a decorator and as a context manager."""

    def __init__(self, decorate: Any, lock: Any) -> None:
        super().__init__(decorate)
        self._self_lock = lock


class _GivenThreads(_Given):
    def __enter__(self) -> Any:
        self._self_lock.acquire()
        return self._self_lock

    def __exit__(self, *error: object) -> None:
        self._self_lock.release()


class _GivenTasks(_Given):
    async def __aenter__(self) -> Any:
        await self._self_lock.acquire()
        return self._self_lock

    async def __aexit__(self, *error: object) -> None:
        self._self_lock.release()


def _given(lock: Any) -> _Given:
    if _synchronized_is_async_lock(lock):

        @decorator
        async def hold_async(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            del instance
            async with lock:
                return await wrapped(*args, **kwargs)

        return _GivenTasks(hold_async, lock)

    @decorator
    def hold(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        del instance
        with lock:
            return wrapped(*args, **kwargs)

    return _GivenThreads(hold, lock)


def synchronized(wrapped: Any) -> Any:
    """Synchronizes a callable, or gives a context manager over any other object.

    What has ``acquire`` and ``release`` is taken for the lock itself, for a decorator or a block. Otherwise the lock is
    one that is kept as an attribute: of the instance, of the class for class methods, else of the function or object.
    Coroutine functions and ``async with`` take an :class:`asyncio.Lock` of their own, which is not re-entrant.
    """
    if hasattr(wrapped, "acquire") and hasattr(wrapped, "release"):
        return _given(wrapped)
    return _Synchronized(wrapped, _hold_async if _synchronized_is_async_callable(wrapped) else _hold)
