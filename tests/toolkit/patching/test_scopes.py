"""Patches for the time of a block or of a call, whatever kind of call."""

from __future__ import annotations

import asyncio
import inspect
import types
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._patching import (
    WrapperNotFoundError,
    scoped_function_wrapper,
    transient_function_wrapper,
    wrap_function_wrapper,
)

pytestmark = pytest.mark.usefixtures("cladding")

PATCHED, BARE = ("patched", (1, 0)), (1, 0)


def mark(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return "patched", wrapped(*args, **kwargs)


def test_a_block(module: types.ModuleType) -> None:
    original = module.function
    with scoped_function_wrapper("patched_here", "function", mark) as nothing:
        assert nothing is None
        assert module.function(1) == PATCHED
    assert module.function is original
    with pytest.raises(ZeroDivisionError), scoped_function_wrapper(module, "function", mark):
        1 / 0
    assert module.function is original


def test_blocks_that_overlap(module: types.ModuleType) -> None:
    """As those of two tasks do: the first to begin is the first to end."""
    original = module.function
    first = scoped_function_wrapper(module, "function", mark)
    second = scoped_function_wrapper(module, "function", mark)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert module.function(1) == PATCHED
    second.__exit__(None, None, None)
    assert module.function is original


def test_what_is_put_on_top_stays(module: types.ModuleType) -> None:
    with scoped_function_wrapper(module, "function", mark):
        wrap_function_wrapper(module, "function", lambda wrapped, instance, args, kwargs: ["top", wrapped(*args)])
    assert module.function(1) == ["top", BARE]


def test_a_patch_that_was_replaced(module: types.ModuleType) -> None:
    with pytest.raises(WrapperNotFoundError) as caught, scoped_function_wrapper(module, "function", mark):
        module.function = None
        raise KeyError("meanwhile")
    assert isinstance(caught.value.__context__, KeyError)


def test_a_call(module: types.ModuleType) -> None:
    patch = transient_function_wrapper(module, "function")(mark)

    @patch
    def call(x: int) -> Any:
        return module.function(x)

    class Caller:
        @patch
        def method(self, x: int) -> Any:
            return self, module.function(x)

        @patch
        @classmethod
        def made(cls, x: int) -> Any:
            return cls, module.function(x)

    caller = Caller()
    assert call(1) == PATCHED
    assert caller.method(1) == (caller, PATCHED)
    assert Caller.made(1) == (Caller, PATCHED)
    assert module.function(1) == BARE
    with pytest.raises(TypeError):
        call()
    assert module.function(1) == BARE


def test_a_wrapper_function_with_an_instance(module: types.ModuleType) -> None:
    class Patcher:
        def __init__(self, name: str) -> None:
            self.name = name

        @transient_function_wrapper("patched_here", "function")
        def patch(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            return self.name, wrapped(*args, **kwargs)

    assert Patcher("here").patch(lambda: module.function(1))() == ("here", (1, 0))


def test_a_coroutine_has_it_until_it_ends(module: types.ModuleType) -> None:
    @transient_function_wrapper(module, "function")
    def patch(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return "patched", wrapped(*args, **kwargs)

    @patch
    async def call() -> Any:
        await asyncio.sleep(0)
        return module.function(1)

    async def twice() -> None:
        assert module.function(1) == BARE
        both = [await task for task in [asyncio.create_task(call()), asyncio.create_task(call())]]
        assert {str(result).count("patched") for result in both} <= {1, 2}

    assert inspect.iscoroutinefunction(call)
    begun = call()
    assert module.function(1) == BARE
    assert asyncio.run(begun) == PATCHED
    asyncio.run(twice())
    assert module.function(1) == BARE


def test_a_generator_has_it_until_it_ends(module: types.ModuleType) -> None:
    @transient_function_wrapper(module, "function")(mark)
    def items() -> Iterator[Any]:
        sent = yield module.function(1)
        yield sent, module.function(1)

    assert inspect.isgeneratorfunction(items)
    generator = items()
    assert module.function(1) == BARE
    assert next(generator) == PATCHED
    assert generator.send("sent") == ("sent", PATCHED)
    assert list(generator) == []
    assert module.function(1) == BARE
    generator = items()
    next(generator)
    generator.close()
    assert module.function(1) == BARE


def test_an_async_generator_has_it_until_it_ends(module: types.ModuleType) -> None:
    closed = []

    @transient_function_wrapper(module, "function")(mark)
    async def items() -> AsyncIterator[Any]:
        sent: Any = None
        try:
            while True:
                try:
                    sent = yield sent, module.function(1)
                except KeyError:
                    sent = "thrown"
                if sent == "stop":
                    return
        finally:
            closed.append(module.function(1))

    async def run() -> None:
        generator: Any = items()
        assert module.function(1) == BARE
        assert await anext(generator) == (None, PATCHED)
        assert await generator.asend("sent") == ("sent", PATCHED)
        assert await generator.athrow(KeyError()) == ("thrown", PATCHED)
        assert await generator.asend("again") == ("again", PATCHED)
        with pytest.raises(StopAsyncIteration):
            await generator.asend("stop")
        assert module.function(1) == BARE
        generator = items()
        await anext(generator)
        await generator.aclose()
        assert module.function(1) == BARE

    assert inspect.isasyncgenfunction(items)
    asyncio.run(run())
    assert closed == [PATCHED, PATCHED]


def test_no_waiting_for_imports() -> None:
    for refused in (
        lambda: scoped_function_wrapper("patched_here?", "function", mark),
        lambda: transient_function_wrapper("patched_here?", "function"),
    ):
        with pytest.raises(ConfigurationError, match="target must not wait for an import here, got 'patched_here\\?'"):
            refused()
