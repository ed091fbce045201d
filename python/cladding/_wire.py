"""Results that are not the language's own, as parts that can be written down, and out of them again.

A library is imported here only to read what it made: what is written can only come where it is imported already.
"""

from __future__ import annotations

import hmac
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Parts: TypeAlias = tuple[Any, ...]


class SigningKey(bytes):
    """A key that does not show itself."""

    def __repr__(self) -> str:
        return "<a signing key>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class Pieces(tuple[Any, ...]):
    """Memory that is written as one byte array."""

    __slots__ = ()


def signature(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def is_signed(key: bytes, message: bytes, given: bytes) -> bool:
    return hmac.compare_digest(signature(key, message), given)


def pickled(value: Any) -> bytes:
    import pickle

    return pickle.dumps(value, protocol=5)


def unpickled(data: bytes) -> Any:
    """Called for what was signed with the function's key, and for nothing else."""
    import pickle

    return pickle.loads(data)  # noqa: S301 - signed, and the signature was looked at


def bytes_of_int(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)


def int_of_bytes(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def array_of(dtype: str, shape: tuple[int, ...], memory: bytearray) -> Any:
    import numpy as np

    array: Any = np.ndarray(shape, dtype, memory)
    if array.nbytes != len(memory):
        raise ValueError("an array is not as large as it should be")
    return array


def parts_of(value: Any) -> Parts | str | None:
    """A tuple of parts that begins with a name; None for what is not known here; or why it cannot be written."""
    return None


def made_of(parts: Parts) -> Any:
    raise ValueError(parts[0])


def parts_of_exception(error: BaseException) -> Parts:
    """The class's module and name, the arguments, and the attributes."""
    cls = type(error)
    return cls.__module__, cls.__qualname__, error.args, dict(vars(error))


def exception_of(classes: Any, parts: Parts) -> BaseException | None:
    """An exception of one of these classes, or of one derived from them; None if there is none of that name.

    Its class's ``__init__`` is not called, since it may want other arguments than the exception has.
    """
    module, qualname, args, attributes = parts
    pending = list(classes) if isinstance(classes, tuple) else [classes]
    for cls in _and_derived(pending):
        if (cls.__module__, cls.__qualname__) == (module, qualname):
            break
    else:
        return None
    native = next(base for base in cls.__mro__ if not base.__flags__ & _HEAP)
    error: BaseException = cls.__new__(cls, *args)
    native.__init__(error, *args)  # type: ignore[misc]
    vars(error).update(attributes)
    return error


_HEAP = 1 << 9
"""The flag of classes that Python code made."""


def _and_derived(classes: list[type]) -> Iterator[type]:
    seen = set()
    while classes:
        if (cls := classes.pop()) not in seen:
            seen.add(cls)
            yield cls
            classes.extend(type.__subclasses__(cls))
