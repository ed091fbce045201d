"""Patches for the time of a block or of a call."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import TYPE_CHECKING, Any

from cladding._errors import ConfigurationError
from cladding._native import FunctionWrapper
from cladding._patching._deferred import deferred_module
from cladding._patching._functions import check_wrapper, decorator_of
from cladding._patching._install import install
from cladding._patching._remove import remove

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from contextlib import AbstractContextManager


def scoped_function_wrapper(target: Any, name: str, wrapper: Callable[..., Any]) -> AbstractContextManager[None]:
    """Puts a wrapper function around a function for the time of a ``with`` block.

    The patch is seen by the whole process. It is taken off with :func:`unwrap_object`: proxies put on top of it meanwhile
    stay, and so blocks of several threads or tasks may overlap in any order.

    Args:
        target: a module, class or instance. A string is the name of a module, imported if need be.
        name: the path of the function, such as ``"Session.request"``.
        wrapper: called as ``wrapper(wrapped, instance, args, kwargs)`` in the place of the function.

    Raises:
        WrapperNotFoundError: at the end of the block, the wrapper is no longer there.
        WrapperNotOutermostError: at the end of the block, what lies above the wrapper is no proxy.
        TargetModuleNotFoundError: ``target`` names a module that cannot be found.
        PathResolutionError: the path leads nowhere.
        ConfigurationError: a parameter is wrong; ``target`` ends in ``?``, for which a block cannot wait.
    """
    _check_target(target)
    check_wrapper(wrapper)
    return scope(target, name, wrapper, FunctionWrapper)


def transient_function_wrapper(target: Any, name: str) -> Callable[[Callable[..., Any]], Any]:
    """Makes a decorator of a wrapper function, for functions during whose calls it is to be around another function.

    A call of a coroutine function, generator or async generator function lasts until what it returned is finished or
    closed. See :func:`scoped_function_wrapper` for what happens to the patch.

    Args:
        target: a module, class or instance. A string is the name of a module, imported if need be.
        name: the path of the function, such as ``"Session.request"``.

    Raises:
        ConfigurationError: a parameter is wrong; ``target`` ends in ``?``, for which a call cannot wait.
    """
    _check_target(target)

    def decorator(wrapper: Callable[..., Any]) -> Any:
        check_wrapper(wrapper)
        return transient(target, name, wrapper, FunctionWrapper)

    return decorator


def _check_target(target: Any) -> None:
    if deferred_module(target) is not None:
        raise ConfigurationError(f"target must not wait for an import here, got {target!r}")


@contextlib.contextmanager
def scope(target: Any, name: str, wrapper: Any, kind: Callable[[Any, Any], Any]) -> Generator[None]:
    """Has a function wrapper of a type in place for the time of a block."""
    handle = install(target, name, lambda original: kind(original, wrapper))
    try:
        yield
    finally:
        remove(target, name, lambda entry: entry is handle, handle)


def transient(target: Any, name: str, wrapper: Any, kind: Callable[[Any, Any], Any]) -> Any:
    """A decorator for functions during whose calls a function wrapper of a type is to be in place."""

    def decorate(function: Any, bound: Any) -> Any:
        run = _runner(function)

        def execute(wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return run(lambda: scope(target, name, bound, kind), functools.partial(wrapped, *args, **kwargs))

        return kind(function, execute)

    return decorator_of(wrapper, kind, decorate)


# ------------------------------------------------------------------------------------------- calls of each kind in a scope


def _runner(function: Any) -> Callable[[Callable[[], AbstractContextManager[None]], Callable[[], Any]], Any]:
    function = getattr(function, "__func__", function)  # what classmethod and staticmethod hold
    if inspect.iscoroutinefunction(function):
        return _run_coroutine
    if inspect.isgeneratorfunction(function):
        return _run_generator
    if inspect.isasyncgenfunction(function):
        return _run_async_generator
    return _run


def _run(scope: Callable[[], AbstractContextManager[None]], call: Callable[[], Any]) -> Any:
    with scope():
        return call()


async def _run_coroutine(scope: Callable[[], AbstractContextManager[None]], call: Callable[[], Any]) -> Any:
    with scope():
        return await call()


def _run_generator(
    scope: Callable[[], AbstractContextManager[None]], call: Callable[[], Any]
) -> Generator[Any, Any, Any]:
    with scope():
        return (yield from call())


async def _run_async_generator(
    scope: Callable[[], AbstractContextManager[None]], call: Callable[[], Any]
) -> AsyncGenerator[Any, Any]:
    with scope():
        items = call()
        step, value = items.asend, None
        try:
            while True:
                item = await step(value)
                try:
                    value = yield item
                    step = items.asend
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001 - it is the wrapped generator's to handle
                    step, value = items.athrow, error
        except StopAsyncIteration:
            return
        finally:
            await items.aclose()
