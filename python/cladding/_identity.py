"""Shared objects that stay one object: within a process, all copies and unpickled ones of a breaker or budget are it."""

from __future__ import annotations

import uuid
import weakref
from typing import TYPE_CHECKING, Any

from cladding._forks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

_lock = ForkSafeLock()
_live: weakref.WeakValueDictionary[str, Shared] = weakref.WeakValueDictionary()


class Shared:
    """What is shared by reference: a copy is the object itself, and so is what was pickled, where the object still lives.

    In another process the first copy that is unpickled is a new object with the same parameters, and the others are that.
    """

    __slots__ = ()  # beside a native base no other may have any, so it is the object's class that has `_key`

    _key: str

    def _made_of(self) -> tuple[Callable[..., Self], dict[str, Any]]:
        """What makes an object with the same parameters."""
        raise NotImplementedError

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        with _lock:
            if not hasattr(self, "_key"):
                self._key = uuid.uuid4().hex  # type: ignore[misc]
                _live[self._key] = self
        return restored, (self._key, *self._made_of())


def restored(key: str, make: Callable[..., Shared], parameters: dict[str, Any]) -> Shared:
    """The object that was pickled under a key."""
    with _lock:
        known = _live.get(key)
        if known is None:
            known = make(**parameters)
            known._key = key  # type: ignore[misc]
            _live[key] = known
        return known
