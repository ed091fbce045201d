"""Protocols that a proxy has only if what it wraps has them: callable, iterable, awaitable, path, descriptor.

The special methods are looked up on classes, so a proxy that takes part in a protocol is of a subclass, a *variant* of the
class that was asked for. Variants are made once for each class and set of protocols, and shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._forks import ForkSafeLock

if TYPE_CHECKING:
    from collections.abc import Callable


def _call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    return self.__wrapped__(*args, **kwargs)


def _iter(self: Any) -> Any:
    return iter(self.__wrapped__)


def _next(self: Any) -> Any:
    return next(self.__wrapped__)


def _aiter(self: Any) -> Any:
    return aiter(self.__wrapped__)


def _anext(self: Any) -> Any:
    return self.__wrapped__.__anext__()


def _length_hint(self: Any) -> Any:
    return self.__wrapped__.__length_hint__()


def _fspath(self: Any) -> Any:
    return self.__wrapped__.__fspath__()


def _await(self: Any) -> Any:
    return self.__wrapped__.__await__()


def _get(self: Any, instance: Any, owner: Any = None) -> Any:
    return self.__wrapped__.__get__(instance, owner)


def _set(self: Any, instance: Any, value: Any) -> None:
    self.__wrapped__.__set__(instance, value)


def _delete(self: Any, instance: Any) -> None:
    self.__wrapped__.__delete__(instance)


def _set_name(self: Any, owner: Any, name: str) -> None:
    self.__wrapped__.__set_name__(owner, name)


PROTOCOLS: dict[str, Callable[..., Any]] = {
    "__call__": _call,
    "__iter__": _iter,
    "__next__": _next,
    "__aiter__": _aiter,
    "__anext__": _anext,
    "__length_hint__": _length_hint,
    "__fspath__": _fspath,
    "__await__": _await,
    "__get__": _get,
    "__set__": _set,
    "__delete__": _delete,
    "__set_name__": _set_name,
}
"""The special methods that make up the protocols, each handing on to the wrapped object."""

_lock = ForkSafeLock()
_set_class = vars(object)["__class__"].__set__


def declared(cls: type) -> type:
    """The class that was asked for, of a variant or of itself."""
    found: type = vars(cls).get("_self_variant_of", cls)
    return found


def variant(cls: type, of: type) -> type:
    """The subclass of ``cls`` with the protocols that instances of ``of`` have and ``cls`` does not define."""
    cls = declared(cls)
    names = frozenset(name for name in PROTOCOLS if _defines(of, name) and not _has(cls, name))
    if not names:
        return cls
    with _lock:
        # On the class itself, so that they go with it.
        made: dict[frozenset[str], type] | None = vars(cls).get("_self_variants")
        if made is None:
            made = {}
            type.__setattr__(cls, "_self_variants", made)
        if names not in made:
            namespace: dict[str, Any] = {name: PROTOCOLS[name] for name in names}
            namespace.update(
                __slots__=(), __module__=cls.__module__, __qualname__=cls.__qualname__, _self_variant_of=cls
            )
            made[names] = type(cls)(cls.__name__, (cls,), namespace)
        return made[names]


def become(proxy: Any, cls: type) -> None:
    """Changes the class of a proxy itself; ``proxy.__class__`` is that of what it wraps."""
    if type(proxy) is not cls:
        _set_class(proxy, cls)


def _has(cls: type, name: str) -> bool:
    return any(name in vars(base) for base in cls.__mro__)


def _defines(cls: type, name: str) -> bool:
    """Whether instances of a class have a special method: neither what its metaclass has, nor a ``None``, counts."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name] is not None
    return False
