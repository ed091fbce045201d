"""What the native side of ``cache_result`` asks of Python: sizes, copies of exceptions, and work in the background."""

from __future__ import annotations

import contextvars
import copy
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol

from cladding._waits import under_trio

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine

LOGGER = "cladding"


class Refresh(Protocol):
    """A computation in the background, of a result that is still handed out."""

    def begin(self, awaits: bool, /) -> None: ...
    def done(self, value: object, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> None: ...
    def failed(self, error: BaseException, /) -> None: ...


async def finished(result: object) -> object:
    """A coroutine that is over as soon as it is begun."""
    return result


def fresh(error: BaseException) -> BaseException:
    """An exception like another one, without its traceback, to be raised again and again.

    Where it cannot be copied it is the same one, which then has no more than the traceback of where it was raised last.
    """
    try:
        made = copy.copy(error)
    except Exception:  # noqa: BLE001 - a constructor of anybody's; what cannot be copied is raised as it is
        made = error
    if type(made) is not type(error) or made.args != error.args:
        made = error
    if made is not error:
        made.__cause__, made.__suppress_context__ = None, True
    else:
        made.__context__ = None
    return made.with_traceback(None)


def size_of(value: object) -> int:
    """The size of a result in bytes.

    Arrays, tensors and frames say it themselves (``nbytes``, ``memory_usage``, ``estimated_size``), with what they show
    rather than what they own; other objects by ``sys.getsizeof``, containers with their items, one level deep.
    """
    size = _told(value)
    if isinstance(value, dict):
        size += sum(_told(key) + _told(item) for key, item in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        size += sum(map(_told, value))
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        size += sum(map(_told, vars(value).values()))
    return size


def _told(value: object) -> int:
    own = sys.getsizeof(value, 0)
    for name in ("nbytes", "memory_usage", "estimated_size"):
        told: Any = getattr(type(value), name, None)
        if told is None:
            continue
        told = getattr(value, name)
        if name == "memory_usage" and callable(told):
            told = told(deep=True)
            told = told.sum() if hasattr(told, "sum") else told
        elif callable(told):
            told = told()
        # What owns its buffer may have counted it already.
        return max(own, int(told))
    return own


def in_thread(refresh: Refresh, value: object, function: str) -> Callable[..., object]:
    """What answers with the old result, and has the rest of the stack called in a thread of its own."""

    def run(rest: Callable[..., object], /, *args: Any, **kwargs: Any) -> object:
        def compute() -> None:
            refresh.begin(False)
            try:
                result = rest(*args, **kwargs)
            except BaseException as error:
                refresh.failed(error)
                if not isinstance(error, Exception):
                    raise
                _log(function, error)
            else:
                _land(refresh, result, args, kwargs, function)

        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(compute,), name=f"refresh of {function}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # No thread can be started, now or because the interpreter ends.
            refresh.failed(error)
            _log(function, error)
        return value

    return run


_tasks: set[asyncio.Task[None]] = set()


def in_task(refresh: Refresh, value: object, function: str) -> Callable[..., Coroutine[Any, Any, object]]:
    """The same for coroutines: a task of the event loop that runs."""

    async def run(rest: Callable[..., Awaitable[object]], /, *args: Any, **kwargs: Any) -> object:
        async def compute() -> None:
            refresh.begin(True)
            try:
                result = await rest(*args, **kwargs)
            except BaseException as error:
                refresh.failed(error)
                if not isinstance(error, Exception):
                    raise
                _log(function, error)
            else:
                _land(refresh, result, args, kwargs, function)

        if under_trio():
            import trio

            trio.lowlevel.spawn_system_task(compute)
        else:
            import asyncio

            task = asyncio.get_running_loop().create_task(compute())
            # An event loop holds its tasks weakly.
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)
        return value

    return run


def log_store(kind: str, url: str, function: str, reason: str) -> None:
    """Says what has happened to a store, each thing once."""
    logger = logging.getLogger(LOGGER)
    if kind == "failed":
        logger.warning(
            "the store %s of cached results is down, calls go on without it: %s (seen by %s())", url, reason, function
        )
    elif kind == "refused":
        logger.warning("the store %s of cached results refuses: %s (seen by %s())", url, reason, function)
    else:
        logger.warning("the store %s of cached results works again (seen by %s())", url, function)


def _land(refresh: Refresh, result: object, args: tuple[Any, ...], kwargs: dict[str, Any], function: str) -> None:
    try:
        refresh.done(result, args, kwargs)
    except Exception as error:  # noqa: BLE001 - nobody waits who could handle it
        _log(function, error)


def _log(function: str, error: Exception) -> None:
    logging.getLogger(LOGGER).warning("refreshing a result of %s() has failed: %r", function, error, exc_info=error)
