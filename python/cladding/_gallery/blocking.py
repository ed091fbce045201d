"""``blocking``: the caller is told to come back, until the result is there."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from cladding._decorating import decorator
from cladding._errors import ConfigurationError
from cladding._gallery.background import background
from cladding._kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from cladding._gallery._handles import Handle

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)


class _Blocking(Protocol[M_co]):
    """``blocking`` with its message."""

    def __call__(self, target: Callable[P, T], /) -> Callable[P, T | M_co]: ...


def blocking(busy_message: M, *, max_pending: int = 1024) -> _Blocking[M]:
    """Makes a function that would block answer at once: with a message, until its result is there.

    The first call starts the work in the background and returns the message, and so does every call with equal arguments,
    of a method on the same instance, until the work is over. The next call returns the result, or raises the exception,
    and the one after that starts the work anew. The work runs in the threads of :func:`background`.

    >>> import threading
    >>> from cladding import blocking
    >>> ready = threading.Event()
    >>> @blocking("please wait")
    ... def read_data():
    ...     ready.wait()
    ...     return "some data"
    >>> read_data(), read_data()
    ('please wait', 'please wait')
    >>> ready.set()
    >>> while (answer := read_data()) == "please wait":
    ...     pass
    >>> answer
    'some data'

    Args:
        busy_message: what is returned meanwhile; anything that is not callable.
        max_pending: how many calls with different arguments are kept, at least 1; 1,024 unless told. Beyond that the oldest
            result that nobody has come back for is forgotten; while all are still running, further calls get the message
            and start nothing.

    Raises:
        ConfigurationError: ``max_pending`` is no int of at least 1.
        TypeError: the message is callable, which looks like a decorator without its message; the target is a class, a
            coroutine function or a generator function; from a call, an argument is not hashable.
    """
    if callable(busy_message):
        message = f'blocking: `busy_message` must be told, as in @blocking("please wait"), got {busy_message!r}'
        raise TypeError(message)
    limit: Any = max_pending
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        message = f"blocking: `max_pending` must be an int of at least 1, got {limit!r}"
        raise ConfigurationError(message)

    def decorate(target: Any) -> Any:
        kind = kind_of(target)
        if kind != "function":
            what = "a class" if kind == "class" else f"a {kind.replace('_', ' ')} function"
            message = f"blocking cannot decorate {target!r}: it is {what}, and a plain function is wanted"
            raise TypeError(message)
        inner = target
        while isinstance(inner, classmethod | staticmethod):
            inner = inner.__func__
        pending = _Pending(busy_message, max_pending, _is_in_class(inner) and not isinstance(target, staticmethod))

        def call(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
            return pending.ask(func, args, kw)

        return decorator(call)(target)

    return decorate


def _is_in_class(function: Any) -> bool:
    owner = getattr(function, "__qualname__", "").rpartition(".")[0]
    return bool(owner) and not owner.endswith("<locals>")


class _Same:
    """An instance as part of a key: equal to nothing but itself, hashable or not."""

    __slots__ = ("_instance",)

    def __init__(self, instance: object) -> None:
        self._instance = instance

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._instance is self._instance

    def __hash__(self) -> int:
        return id(self._instance)


def _call(func: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
    return func(*args, **kw)


_run: Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Handle[Any]] = background(_call)


class _Pending:
    """The calls of one function that are running, or over and not fetched."""

    def __init__(self, message: Any, limit: int, is_method: bool) -> None:
        self._message = message
        self._limit = limit
        self._is_method = is_method
        self._handles: OrderedDict[Hashable, Handle[Any]] = OrderedDict()
        # Re-entrant, because the equality of somebody's argument may call the function.
        self._lock = threading.RLock()
        _all.add(self)

    def forget(self) -> None:
        """In the child of a fork nobody runs what the parent has begun."""
        self._lock = threading.RLock()
        self._handles.clear()

    def ask(self, func: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        """The message, or what a call came to."""
        first = (_Same(args[0]), *args[1:]) if self._is_method and args else args
        key = (first, tuple(sorted(kw.items(), key=lambda item: item[0])))
        with self._lock:
            handle = self._handles.get(key)
            if handle is None:
                if self._has_room():
                    self._handles[key] = _run(func, args, kw)
                return self._message
            if not handle.done():
                return self._message
            del self._handles[key]
        return handle.result()

    def _has_room(self) -> bool:
        if len(self._handles) < self._limit:
            return True
        oldest = next((key for key, handle in self._handles.items() if handle.done()), None)
        if oldest is None:
            return False
        del self._handles[oldest]
        return True


_all: weakref.WeakSet[_Pending] = weakref.WeakSet()


def _forked() -> None:
    for pending in list(_all):
        pending.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
