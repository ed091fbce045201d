"""Keys that have been seen, bounded in number."""

from __future__ import annotations

import inspect
import sys
import types
from collections import OrderedDict
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cladding._gallery import _steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from cladding._gallery._wrapping import Subject


LIMIT = 4096
"""How many keys are remembered; beyond it the one that was asked for least recently is forgotten."""


class Seen:
    """Remembers keys, and says of each whether it is new."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._keys: OrderedDict[Any, None] = OrderedDict()
        # Re-entrant, because the hash or equality of somebody's key may ask again.
        self._lock = RLock()

    def first(self, key: Any) -> bool:
        """Whether a key is asked for the first time. One that cannot be hashed goes by its ``repr``."""
        key = _hashable(key)
        with self._lock:
            try:
                self._keys.move_to_end(key)
            except KeyError:
                self._keys[key] = None
            else:
                return False
            if len(self._keys) > self._limit:
                self._keys.popitem(last=False)
            return True

    def forget(self, key: Any) -> None:
        """Makes a key new again."""
        key = _hashable(key)
        with self._lock:
            self._keys.pop(key, None)

    def clear(self) -> None:
        """Forgets every key."""
        with self._lock:
            self._keys.clear()


def _hashable(key: Any) -> Any:
    try:
        hash(key)
    except TypeError:
        return repr(key)
    return key


class Place(NamedTuple):
    """Where a call was made."""

    file: str
    line: int
    function: str
    module: str
    names: dict[str, Any]
    """The module's globals."""


def place_of_call(subject: Subject, frame: FrameType | None) -> Place:
    """The place that called a decorated function, seen from a frame inside of the call.

    Frames of cladding do not count, nor do those of carriers, which have the name, file and first line of their
    function, but not its code. Where an event loop began the call, its function's definition stands for the caller.
    """
    function = inspect.unwrap(subject.target) if isinstance(subject.target, types.FunctionType) else None
    code = getattr(function, "__code__", None)
    own = None if code is None else (code.co_filename, code.co_firstlineno, code.co_name)
    while frame is not None:
        found, module = frame.f_code, str(frame.f_globals.get("__name__", "<unknown>"))
        package = module.partition(".")[0]
        is_carrier = found is not code and (found.co_filename, found.co_firstlineno, found.co_name) == own
        if package in ("asyncio", "trio") and code is not None and function is not None:
            return Place(code.co_filename, code.co_firstlineno, code.co_name, function.__module__, function.__globals__)
        if package != "cladding" and not is_carrier and found.co_filename != "<cladding>":
            return Place(found.co_filename, frame.f_lineno, found.co_name, module, frame.f_globals)
        frame = frame.f_back
    return Place("<unknown>", 0, subject.name, "<unknown>", {})


class Owner(Protocol):
    """``warn_once`` or ``log_once``, which is pickled by its name, whatever it has seen."""

    seen: Seen


class Once:
    """A decorator's work on one function: says something before a call that is the first, or the first for its key."""

    def __init__(self, owner: Owner, subject: Subject, key: Any, say: Callable[[Place], bool]) -> None:
        self._owner = owner
        # Stands for the function among the keys, without keeping it alive.
        self._token = object()
        self._subject = subject
        self._key = key
        self._say = say

    def before(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Says it, if it was not said yet for this call's key."""
        if self._key is None:
            key: Any = self._token
        else:
            key = (self._token, self._key(*args, **kwargs)) if callable(self._key) else (Once, self._key)
        seen = self._owner.seen
        if seen.first(key):
            said = False
            try:
                said = self._say(place_of_call(self._subject, sys._getframe()))
            finally:
                if not said:
                    seen.forget(key)

    def caller(self) -> Callable[..., Any]:
        """What is called for each call."""
        return _steps.beginning_with(self._subject.kind, self.before)
