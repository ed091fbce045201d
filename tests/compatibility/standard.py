"""Rows of the matrix for consumers in the standard library."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import copy
import dataclasses
import doctest
import enum
import functools
import inspect
import multiprocessing
import pickle
import threading
import typing
import warnings
import weakref
from typing import Any
from unittest import mock

from . import subjects
from .rows import row
from .subjects import (
    ASYNC_GENERATOR,
    COROUTINE,
    FUNCTION,
    GENERATOR,
    METHOD,
    Subject,
    assert_worked_elsewhere,
    call_elsewhere,
    complete,
    counting,
    decorate,
)


@row("pickle, by name")
def pickle_by_name(subject: Subject) -> None:
    again = pickle.loads(pickle.dumps(subject.decorated))
    assert getattr(again, "__func__", again) is subject.function
    with counting(subject.decorated):
        assert complete(again(3, 4)) == 12


@row("copy, deepcopy")
def copies(subject: Subject) -> None:
    decorated = subject.decorated_local()
    for duplicate in (copy.copy, copy.deepcopy):
        again = duplicate(decorated)
        assert getattr(again, "__func__", again) is getattr(decorated, "__func__", decorated)
        with counting(decorated):
            assert complete(again(3, 4)) == 12


@functools.cache
def _process_pool(method: str) -> concurrent.futures.ProcessPoolExecutor:
    return concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context(method))


def shut_down_pools() -> None:
    """Ends the processes that the rows below have shared."""
    for method in ("spawn", "fork"):
        _process_pool(method).shutdown()
    _process_pool.cache_clear()


@row("multiprocessing, spawn")
def spawned(subject: Subject) -> None:
    answer = _process_pool("spawn").submit(call_elsewhere, subject.decorated, 3, 4)
    assert_worked_elsewhere(answer.result(50), 12)


@row("multiprocessing, fork")
def forked(subject: Subject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        answer = _process_pool("fork").submit(call_elsewhere, subject.decorated, 3, 4)
        assert_worked_elsewhere(answer.result(50), 12)


@row("concurrent.futures, process pool as the target", FUNCTION, METHOD)
def process_pool_target(subject: Subject) -> None:
    assert list(_process_pool("spawn").map(subject.decorated, [1, 2], [3, 4])) == [3, 8]


@row("concurrent.futures, thread pool")
def thread_pool(subject: Subject) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool, counting(subject.decorated, 3):
        assert [complete(result) for result in pool.map(subject.decorated, [1, 2, 3])] == [2, 4, 6]


@row("threading.Thread", FUNCTION, METHOD)
def thread(subject: Subject) -> None:
    with counting(subject.decorated):
        worker = threading.Thread(target=subject.decorated, args=(1,), kwargs={"y": 2})
        worker.start()
        worker.join()


@row("asyncio.to_thread, run_in_executor", FUNCTION, METHOD)
def to_thread(subject: Subject) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        return [
            await asyncio.to_thread(subject.decorated, 3, y=4),
            await loop.run_in_executor(None, subject.decorated, 5),
        ]

    with counting(subject.decorated, 2):
        assert asyncio.run(main()) == [12, 10]


@row("asyncio.run, gather, create_task", COROUTINE)
def asyncio_(subject: Subject) -> None:
    async def main() -> Any:
        task = asyncio.create_task(subject.decorated(1))
        return await asyncio.gather(subject.decorated(2), task)

    with counting(subject.decorated, 2):
        assert asyncio.run(main()) == [4, 2]


@row("functools.wraps around it")
def wraps_around(subject: Subject) -> None:
    decorated = subject.decorated_local()

    @functools.wraps(decorated)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return decorated(*args, **kwargs)

    assert inspect.signature(outer) == inspect.signature(decorated)
    assert outer.__wrapped__ == decorated
    assert outer.__name__ == "local"
    with counting(decorated):
        assert complete(outer(3, y=4)) == 12


@row("functools.wraps inside it")
def wraps_inside(subject: Subject) -> None:
    bare = subject.local()

    @functools.wraps(bare)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return bare(*args, **kwargs)

    decorated = decorate(inner)
    assert inspect.signature(decorated) == inspect.signature(bare)
    args = (object(), 3) if subject is METHOD else (3,)
    with counting(decorated):
        assert complete(decorated(*args, y=4)) == 12


@row("functools.partial")
def partial(subject: Subject) -> None:
    narrowed = functools.partial(subject.decorated, 3, y=5)
    assert inspect.iscoroutinefunction(narrowed) == (subject is COROUTINE)
    assert str(inspect.signature(narrowed)).startswith("(*, y: 'int' = 5)")
    with counting(subject.decorated):
        assert complete(narrowed()) == 15


@row("functools.partialmethod", METHOD)
def partial_method(subject: Subject) -> None:
    class Narrowed(subjects.Holder):
        narrowed = functools.partialmethod(subject.function, 3, y=5)

    with counting(subject.function):
        assert Narrowed().narrowed() == 15


@row("functools.singledispatch")
def single_dispatch(subject: Subject) -> None:
    if subject is METHOD:

        class Dispatch:
            show = functools.singledispatchmethod(lambda self, x, y=2: "other")
            show.register(subject.function)

        show = Dispatch().show
    else:
        show = functools.singledispatch(lambda x, y=2: "other")
        show.register(subject.decorated)  # by its annotation
    with counting(subject.function):
        assert complete(show(3, 4)) == 12
    assert show("text") == "other"


@row("functools.cache", FUNCTION, METHOD)
def cache(subject: Subject) -> None:
    cached = functools.cache(subject.decorated)
    with counting(subject.decorated):
        assert [cached(3), cached(3)] == [6, 6]


@row("unittest.mock.create_autospec")
def autospec(subject: Subject) -> None:
    double = mock.create_autospec(subject.decorated, return_value=7)
    assert asyncio.iscoroutinefunction(double) == (subject is COROUTINE)
    assert complete(double(1, y=2)) == 7
    double.assert_called_once_with(1, y=2)
    for args, kwargs in (((), {}), ((1, 2, 3), {}), ((1,), {"z": 2})):
        try:
            complete(double(*args, **kwargs))
        except TypeError:
            continue
        raise AssertionError("a wrong call was accepted")


@row("unittest.mock.patch.object with autospec")
def patch(subject: Subject) -> None:
    owner, name = (subjects.Holder, "method") if subject is METHOD else (subjects, subject.function.__name__)
    with mock.patch.object(owner, name, autospec=True) as double:
        double.return_value = 7
        target = getattr(owner() if subject is METHOD else owner, name)
        assert complete(target(1)) == 7
    assert getattr(owner, name) is subject.function


@row("doctest, found and run")
def doctest_(subject: Subject) -> None:
    name = f"{subjects.__name__}.{subject.function.__qualname__}"
    found = {test.name: test for test in doctest.DocTestFinder(exclude_empty=True).find(subjects)}
    with counting(subject.function):
        result = doctest.DocTestRunner(verbose=False).run(found[name])
    assert (result.failed, result.attempted) == (0, 1)


@row("typing.get_type_hints")
def type_hints(subject: Subject) -> None:
    hints = typing.get_type_hints(subject.decorated)
    assert hints["x"] is hints["y"] is int
    assert set(hints) == {"x", "y", "return"}


@row("typing.get_overloads", FUNCTION)
def overloads(subject: Subject) -> None:
    assert len(typing.get_overloads(subjects.overloaded)) == 2
    assert subjects.overloaded("x") == "x"


@row("dataclass, as a method")
def dataclass(subject: Subject) -> None:
    bare = _as_method(subject)

    @dataclasses.dataclass(frozen=True, order=True, slots=True)
    class Data:
        factor: int
        method_: Any = dataclasses.field(default=None, compare=False)
        method = decorate(bare)

    assert [field.name for field in dataclasses.fields(Data)] == ["factor", "method_"]
    with counting(Data.method):
        assert complete(Data(1).method(3, 4)) == 12


@row("Enum, as a method")
def enum_(subject: Subject) -> None:
    class Colour(enum.Enum):
        RED = 1
        method = decorate(_as_method(subject))

    assert list(Colour) == [Colour.RED]
    with counting(Colour.method):
        assert complete(Colour.RED.method(3, 4)) == 12


def _as_method(subject: Subject) -> Any:
    """The subject's source with a leading `self`."""
    if subject is METHOD:
        return subject.local()
    names: dict[str, Any] = {"__name__": __name__}
    exec(subject.source.replace("local(", "local(self, "), names)
    return names["local"]


@row("NamedTuple and Protocol, as a method")
def named_tuple(subject: Subject) -> None:
    class Point(typing.NamedTuple):
        x: int
        method = decorate(_as_method(subject))

    @typing.runtime_checkable
    class Multiplies(typing.Protocol):
        def method(self, x: int, y: int = 2) -> Any: ...

    with counting(Point.method):
        assert complete(Point(1).method(3, 4)) == 12
    assert isinstance(Point(1), Multiplies)


@row("contextlib.contextmanager", GENERATOR)
def context_manager(subject: Subject) -> None:
    managed = contextlib.contextmanager(subject.decorated)
    with counting(subject.decorated, 2):
        with managed(3, y=4) as value:
            assert value == 12
        with contextlib.suppress(KeyError), managed(1):
            raise KeyError
    assert managed.__name__ == "generator"

    decorated = decorate(contextlib.contextmanager(subject.local()))
    with decorated(3, 4) as value:
        assert value == 12

    @managed(2)
    def inside() -> str:
        return "inside"

    assert inside() == "inside"


@row("contextlib.asynccontextmanager", ASYNC_GENERATOR)
def async_context_manager(subject: Subject) -> None:
    managed = contextlib.asynccontextmanager(subject.decorated)

    async def main() -> None:
        async with managed(3, y=4) as value:
            assert value == 12
        with contextlib.suppress(KeyError):
            async with managed(1):
                raise KeyError
        async with contextlib.AsyncExitStack() as stack:
            assert await stack.enter_async_context(managed(5)) == 10

    with counting(subject.decorated, 3):
        asyncio.run(main())


@row("weakref.ref, WeakMethod, finalize")
def weak(subject: Subject) -> None:
    decorated = subject.decorated_local()
    died: list[int] = []
    weakref.finalize(getattr(decorated, "__func__", decorated), died.append, 1)
    reference = (weakref.WeakMethod if subject is METHOD else weakref.ref)(decorated)
    with counting(decorated):
        assert complete(reference()(3)) == 6
    assert died == []
