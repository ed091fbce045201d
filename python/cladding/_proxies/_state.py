"""Taking proxies that adapt to their object apart, for pickling and copying, and putting them together again."""

from __future__ import annotations

from typing import Any

from cladding._native import BaseObjectProxy
from cladding._proxies._protocols import declared


def own_attributes(proxy: Any, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a proxy keeps for itself."""
    return {name: value for name, value in proxy.__self_dict__.items() if name not in without}


def reduce_proxy(proxy: Any, own: dict[str, Any]) -> Any:
    """What ``__reduce_ex__`` returns: the class that was asked for, and what is to be put into a proxy of it."""
    # What is put in comes after the proxy, so that an object which refers back to it finds it.
    return empty, (declared(type(proxy)),), (proxy.__wrapped__, own), None, None, fill


def empty(cls: type[Any]) -> Any:
    """A proxy that wraps nothing yet, made without asking ``__new__`` and ``__init__``, which may want arguments."""
    return BaseObjectProxy.__new__(cls)


def fill(proxy: Any, held: tuple[Any, dict[str, Any]]) -> Any:
    """Puts into an empty proxy what another one held."""
    wrapped, own = held
    BaseObjectProxy.__init__(proxy, wrapped)
    for name, value in own.items():
        proxy.__self_setattr__(name, value)
    proxy.__wrapped__ = wrapped  # which adapts it
    return proxy
