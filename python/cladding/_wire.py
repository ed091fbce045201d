"""Results that are not the language's own, as parts that can be written down, and out of them again.

A library is imported here only to read what it made: what is written can only come where it is imported already.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, time, timezone
    from pathlib import PurePath
    from typing import TypeAlias

    Parts: TypeAlias = tuple[Any, ...]
    Writers: TypeAlias = dict[tuple[str, str], Callable[[Any], Parts | str | None]]
    Readers: TypeAlias = dict[str, Callable[..., Any]]


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
    """HMAC of SHA-256 (RFC 2104)."""
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


_HEAP = 1 << 9
"""The flag of classes that Python code made."""


def parts_of_exception(error: BaseException) -> Parts:
    """The class's module and name, the arguments, and the attributes."""
    cls = type(error)
    # Some of the language's own have arguments besides; a class's own way would be one to call it by.
    native = next(base for base in cls.__mro__ if "__reduce__" in vars(base))
    args = error.args if native.__flags__ & _HEAP else error.__reduce__()[1]
    return cls.__module__, cls.__qualname__, args, dict(vars(error))


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
    native: Any = next(base for base in cls.__mro__ if not base.__flags__ & _HEAP)
    error: Any = cls.__new__(cls, *args)
    native.__init__(error, *args)
    vars(error).update(attributes)
    return error if isinstance(error, BaseException) else None


def _and_derived(classes: list[type]) -> Iterator[type]:
    seen = set()
    while classes:
        if (cls := classes.pop()) not in seen:
            seen.add(cls)
            yield cls
            classes.extend(type.__subclasses__(cls))


# ------------------------------------------------------------------------------------------------------ other libraries


def parts_of(value: Any) -> Parts | str | None:
    """A tuple of parts that begins with a name; None for what is not known here; or why it cannot be written.

    Only objects of exactly a class that is known: one of a derived class would come back as something else. A memory view
    among the parts, or several as `Pieces`, comes back as a byte array.
    """
    cls = type(value)
    package = str(cls.__module__).partition(".")[0]
    if found := _WRITERS.get((package, cls.__qualname__)):
        return found(value)
    if package in _LIBRARIES:
        from cladding import _wire_data

        return _wire_data.parts_of(package, value)
    return None


def made_of(parts: Parts) -> Any:
    """What such parts were made of."""
    name, *rest = parts
    if found := _READERS.get(name):
        return found(*rest)
    from cladding import _wire_data

    return _wire_data.READERS[name](*rest)


_LIBRARIES = frozenset({"numpy", "torch", "pandas", "polars", "pyarrow", "PIL"})


def _datetime(value: datetime) -> Parts:
    day = value.year, value.month, value.day
    return "datetime", *day, value.hour, value.minute, value.second, value.microsecond, value.tzinfo, value.fold


def _time(value: time) -> Parts:
    return "time", value.hour, value.minute, value.second, value.microsecond, value.tzinfo, value.fold


def _timezone(value: timezone) -> Parts:
    arguments: Parts = value.__getinitargs__()  # type: ignore[attr-defined]
    return "timezone", *arguments


def _zone(value: Any) -> Parts | str:
    return "that has no key" if value.key is None else ("ZoneInfo", value.key)


def _path(value: PurePath) -> Parts:
    return type(value).__name__, str(value)


_WRITERS: Writers = {
    ("builtins", "ellipsis"): lambda _value: ("Ellipsis",),
    ("builtins", "range"): lambda value: ("range", value.start, value.stop, value.step),
    ("builtins", "slice"): lambda value: ("slice", value.start, value.stop, value.step),
    ("datetime", "date"): lambda value: ("date", value.year, value.month, value.day),
    ("datetime", "datetime"): _datetime,
    ("datetime", "time"): _time,
    ("datetime", "timedelta"): lambda value: ("timedelta", value.days, value.seconds, value.microseconds),
    ("datetime", "timezone"): _timezone,
    ("zoneinfo", "ZoneInfo"): _zone,
    ("decimal", "Decimal"): lambda value: ("Decimal", str(value)),
    ("fractions", "Fraction"): lambda value: ("Fraction", value.numerator, value.denominator),
    ("uuid", "UUID"): lambda value: ("UUID", value.bytes),
    ("pathlib", "PosixPath"): _path,
    ("pathlib", "WindowsPath"): _path,
    ("pathlib", "PurePosixPath"): _path,
    ("pathlib", "PureWindowsPath"): _path,
}


def _read_uuid(data: bytes) -> Any:
    import uuid

    return uuid.UUID(bytes=data)


def _of(module: str, name: str) -> Callable[..., Any]:
    """A class that is called with the parts."""

    def read(*parts: Any) -> Any:
        import importlib

        return getattr(importlib.import_module(module), name)(*parts)

    return read


def _folded(name: str) -> Callable[..., Any]:
    """The same for a time of day, whose last part says which of two equal ones it is."""
    make = _of("datetime", name)
    return lambda *parts: make(*parts[:-1]).replace(fold=parts[-1])


_READERS: Readers = {
    "Ellipsis": lambda: ...,
    "range": range,
    "slice": slice,
    "date": _of("datetime", "date"),
    "datetime": _folded("datetime"),
    "time": _folded("time"),
    "timedelta": _of("datetime", "timedelta"),
    "timezone": _of("datetime", "timezone"),
    "ZoneInfo": _of("zoneinfo", "ZoneInfo"),
    "Decimal": _of("decimal", "Decimal"),
    "Fraction": _of("fractions", "Fraction"),
    "UUID": _read_uuid,
    "PosixPath": _of("pathlib", "PosixPath"),
    "WindowsPath": _of("pathlib", "WindowsPath"),
    "PurePosixPath": _of("pathlib", "PurePosixPath"),
    "PureWindowsPath": _of("pathlib", "PureWindowsPath"),
}
