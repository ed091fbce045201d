"""``singleton``: a class that has one instance."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from cladding._decorating import decorator
from cladding._locks import synchronized

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", bound=type)

_KEY = "__cladding_singleton__"


class _One:
    """The one instance of a class, once it is there."""

    def __init__(self) -> None:
        self.instance: Any = None
        self.made = False
        self.maker: tuple[int, int] | None = None
        """The process and thread that is making it; a fork's child has the note, but only one of the threads."""

    def get(self, make: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any], name: str) -> Any:
        if not self.made:
            # Of this object rather than of the class, whose own lock its `__init__` may take in another thread.
            with synchronized(on=self):
                if not self.made:
                    return self._make(make, args, kw, name)
        if args or kw:
            message = f"{name} has its one instance already, so its later calls take no arguments"
            raise TypeError(message)
        return self.instance

    def _make(self, make: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any], name: str) -> Any:
        here = (os.getpid(), threading.get_ident())
        if self.maker == here:
            message = f"{name} is being made, and asks for itself on the way"
            raise RuntimeError(message)
        self.maker = here
        try:
            self.instance = make(*args, **kw)
            self.made = True
        finally:
            self.maker = None
        return self.instance


class _Singleton:
    """Makes a class have one instance: the first call makes it, later ones return it.

    The class stays the class. Its instance is made by one thread while others wait for it; if making it fails, the next call
    tries again. Copying, deep copying and unpickling give the instance of the process, without the state that was pickled.
    A class that has a ``__reduce__`` or ``__reduce_ex__`` of its own keeps it.

    It covers exactly this class: a subclass makes instances as usual, unless it is decorated itself.

    >>> from cladding import singleton
    >>> @singleton
    ... class Settings:
    ...     def __init__(self, path="settings.toml"):
    ...         self.path = path
    >>> Settings("other.toml").path
    'other.toml'
    >>> Settings() is Settings()
    True

    Args:
        cls: the class.

    Raises:
        TypeError: ``cls`` is no class, or one that cannot be decorated; from a call, where arguments are given although the
            instance is there.
        RuntimeError: from a call, by the class's own ``__init__`` or what that calls.
    """

    __name__ = "singleton"
    __qualname__ = "singleton"

    def __call__(self, cls: C, /) -> C:
        target: Any = cls
        if not isinstance(target, type):
            message = f"singleton cannot decorate {target!r}: a class is wanted"
            raise TypeError(message)
        one = _One()

        def make(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
            return one.get(func, args, kw, cls.__qualname__)

        decorated: C = decorator(make)(cls)
        type.__setattr__(cls, _KEY, one)
        by_extension: Any = (object.__reduce_ex__, _reduce_ex)
        plainly: Any = object.__reduce__
        if target.__reduce_ex__ in by_extension and target.__reduce__ is plainly:
            type.__setattr__(cls, "__reduce_ex__", _reduce_ex)
        return decorated

    def reset(self, cls: Any, /) -> None:
        """Forgets a class's instance, so that the next call makes another. For tests.

        Raises:
            TypeError: ``cls`` is no singleton.
        """
        one = vars(cls).get(_KEY) if isinstance(cls, type) else None
        if one is None:
            message = f"{cls!r} is no singleton"
            raise TypeError(message)
        with synchronized(on=one):
            one.made, one.instance = False, None

    def __repr__(self) -> str:
        return "<singleton>"


def _reduce_ex(self: Any, protocol: Any) -> Any:
    """By the class alone, for its own instance; a subclass's goes the usual way."""
    cls = type(self)
    if _KEY in vars(cls):
        return cls, ()
    owner: Any = next(base for base in cls.__mro__ if vars(base).get("__reduce_ex__") is _reduce_ex)
    return super(owner, self).__reduce_ex__(protocol)


singleton = _Singleton()
