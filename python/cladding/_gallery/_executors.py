"""Where background calls run: threads and processes that are shared, executors that are given, event loops."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
import threading
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cladding._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "__cladding_background__"
"""The attribute of functions that start background calls, by which a process finds the function below."""


class _Shared:
    """An executor that is made when it is first used, and again in the child of a fork or when it is broken."""

    def __init__(self, make: Callable[[], Executor]) -> None:
        self._make = make
        self._made: Executor | None = None
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._made = None

    def get(self) -> Executor:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def renew(self, broken: Executor) -> Executor:
        """Another in place of one that is broken."""
        with self._lock:
            if self._made is broken:
                self._made = self._make()
            assert self._made is not None
            return self._made


def _make_threads() -> Executor:
    return ThreadPoolExecutor(thread_name_prefix="cladding-background")


def _make_processes() -> Executor:
    import multiprocessing

    # Whatever the default of the system is: a fork copies the locks that other threads hold, and here there are some.
    return ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))


_SHARED = {"thread": _Shared(_make_threads), "process": _Shared(_make_processes)}


class Place:
    """Where the calls of one function run."""

    def __init__(self, executor: Any) -> None:
        self._shared: _Shared | None = None
        self.is_default = executor == "thread"
        if isinstance(executor, str):
            self._shared = _SHARED.get(executor)
        elif callable(getattr(executor, "submit", None)) and not isinstance(executor, type):
            self._shared = _Shared(lambda: executor)
        elif callable(executor):
            make: Any = executor
            self._shared = _Shared(make)
        if self._shared is None:
            message = (
                f'background: `executor` must be "thread", "process", an object with submit() as executors have it, or a '
                f"callable that makes one, got {executor!r}"
            )
            raise ConfigurationError(message)
        self.is_process = executor == "process"

    def executor(self) -> Executor:
        """The executor, made now if it is not there yet."""
        assert self._shared is not None
        return self._shared.get()

    def submit(self, executor: Executor, call: Callable[..., Any], *args: Any) -> Any:
        """Hands a call over. A shared executor that a worker's death has broken is replaced."""
        try:
            return executor.submit(call, *args)
        except BrokenExecutor:
            if not self.is_default and not self.is_process:
                raise
            assert self._shared is not None
            return self._shared.renew(executor).submit(call, *args)


def in_this_process(executor: Executor) -> bool:
    """Whether calls run in threads of this interpreter, so that they can be given anything."""
    if not isinstance(executor, ThreadPoolExecutor):
        return False
    interpreters: Any = getattr(sys.modules.get("concurrent.futures"), "InterpreterPoolExecutor", ())
    return not isinstance(executor, interpreters)


def run(func: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
    """Calls a function to its end, in an event loop of its own if it is a coroutine function."""
    result = func(*args, **kw)
    if inspect.iscoroutine(result):
        import asyncio

        return asyncio.run(result)
    return result


def portable(executor: Executor, func: Any) -> Callable[..., Any]:
    """The function as another process can get it.

    Its name leads to the decorated function, so pickle would refuse the one below. A pool of this machine's processes finds
    the decorated one by its name and goes down from there. Of executors that are told nothing of, a cluster's say, only
    importable functions are found so; others are left to the executor's own pickler.
    """
    name = _Named(func.__module__, func.__qualname__)
    if isinstance(executor, ProcessPoolExecutor):
        return name
    return name if func.__module__ != "__main__" and "<locals>" not in func.__qualname__ else func


class _Named:
    """The function below the background decorator, found by the name of the decorated one where it is called."""

    def __init__(self, module: str, qualname: str) -> None:
        self._module = module
        self._qualname = qualname

    def __call__(self, *args: Any, **kw: Any) -> Any:
        return self._found()(*args, **kw)

    def _found(self) -> Callable[..., Any]:
        found: Any = sys.modules.get(self._module) or importlib.import_module(self._module)
        for part in self._qualname.split("."):
            found = inspect.getattr_static(found, part, None)
        while found is not None:
            if isinstance(found, classmethod | staticmethod | functools.partialmethod):
                found = getattr(found, "__func__", None) or getattr(found, "func", None)
            below = getattr(found, "__wrapped__", None)
            if getattr(found, "__dict__", {}).get(MARK) is not None and below is not None and MARK not in vars(below):
                return below  # type: ignore[no-any-return]
            found = below
        message = (
            f"background: this process finds no decorated function {self._module}.{self._qualname}; it has to be in a module "
            f"that can be imported, not in an interactive session"
        )
        raise LookupError(message)
