"""What other tools make of patched functions: inspect, pickle, copy, asyncio."""

from __future__ import annotations

import asyncio
import copy
import importlib
import inspect
import pickle
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cladding._patching import unwrap_object, wrap_function_wrapper

pytestmark = pytest.mark.usefixtures("cladding")


@pytest.fixture
def patched(write: Callable[[str, str], str]) -> Iterator[types.ModuleType]:
    """A module of functions of every kind, all patched with a wrapper function that changes nothing."""
    write(
        "patched_tools",
        """
def plain(x, /, y=1, *args, z, **more): return x
def generator(x): yield x
async def coroutine(x): return x
async def async_generator(x): yield x
class Owner:
    def method(self, x, /): return x
    async def coroutine(self, x): return x
    def __reduce__(self): return Owner, ()
""",
    )
    module = importlib.import_module("patched_tools")
    names = ["plain", "generator", "coroutine", "async_generator", "Owner.method", "Owner.coroutine"]
    handles = {name: wrap_function_wrapper(module, name, keep) for name in names}
    yield module
    for name, handle in handles.items():
        unwrap_object(module, name, handle)


def keep(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


def test_signatures(patched: types.ModuleType) -> None:
    assert str(inspect.signature(patched.plain)) == "(x, /, y=1, *args, z, **more)"
    assert str(inspect.signature(patched.Owner.method)) == "(self, x, /)"
    assert str(inspect.signature(patched.Owner().method)) == "(x, /)"


def test_kinds(patched: types.ModuleType) -> None:
    assert inspect.isgeneratorfunction(patched.generator)
    assert inspect.isasyncgenfunction(patched.async_generator)
    assert inspect.iscoroutinefunction(patched.coroutine)
    assert inspect.iscoroutinefunction(patched.Owner().coroutine)
    assert not inspect.iscoroutinefunction(patched.plain)
    assert asyncio.run(patched.coroutine(1)) == asyncio.run(patched.Owner().coroutine(1)) == 1
    assert list(patched.generator(1)) == [1]


def test_names(patched: types.ModuleType) -> None:
    assert (patched.plain.__name__, patched.plain.__module__) == ("plain", "patched_tools")
    assert patched.Owner.method.__qualname__ == "Owner.method"


def test_pickles_lead_to_the_patched_function(patched: types.ModuleType) -> None:
    assert pickle.loads(pickle.dumps(patched.plain)) is patched.plain
    assert copy.copy(patched.plain)(1, z=2) == copy.deepcopy(patched.plain)(1, z=2) == 1
    method = pickle.loads(pickle.dumps(patched.Owner().method))
    assert method(1) == 1


def test_annotations_are_not_read_early(module: types.ModuleType) -> None:
    """They are evaluated when they are read, from 3.14 on, and may name what is not there yet."""

    class Late:
        read = 0

        @property
        def __annotations__(self) -> Any:
            type(self).read += 1
            raise NameError

        def __call__(self, x: int) -> int:
            return x

    module.late = Late()
    handle = wrap_function_wrapper(module, "late", keep)
    assert module.late(1) == 1
    unwrap_object(module, "late", handle)
    assert Late.read == 0
