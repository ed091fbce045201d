"""What arguments are made of where a key is for other processes: a name for their class, and parts that can be written down.

Two objects that are equal are written the same, or miss each other's results; two that differ are never written the same.
What can be told by identity alone is not written at all.
"""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from cladding._content import _KNOWN as _CONTENT
from cladding._content import _by_shape, _package

if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import partial
    from typing import TypeAlias

    Parts: TypeAlias = tuple[Any, ...]
    Known: TypeAlias = dict[tuple[str, str], Callable[[Any], Parts | None]]

MAINS = ("__main__", "__mp_main__")
"""What the program itself is called as a module, in processes that it starts too."""


def parts_of(value: Any, typed: bool) -> Parts | list[Any] | None:
    """A tuple of parts that begins with a name; or, in a list, a plain object that it is equal to; or None.

    With ``typed`` an object is never the same as one of another class.
    """
    cls = type(value)
    if (own := getattr(cls, "__cladding_key__", None)) is not None:
        return f"={cls.__module__}:{cls.__qualname__}", own(value)
    if issubclass(cls, enum.Enum):
        return _of_class(cls, (value.value if issubclass(cls, enum.Flag) else value.name,))
    for base in cls.__mro__:
        known = (_package(base), base.__qualname__)
        if known in _EQUAL:
            if cls.__eq__ is base.__eq__ or known == _SCALAR:
                return _equal(cls, known, base, value, typed)
            if _package(cls) != "numpy":  # whose scalars can be a str or a float as well
                return None
        if found := _LEAVES.get(known):
            return _of_base(cls, base, found(value)) if cls.__eq__ is base.__eq__ else None
        if found := _CONTENT.get(known):
            return _of_base(cls, base, found(value))
    if callable(value) and (name := found_by_name(value)) is not None:
        return "a name", name
    return _of_class(cls, _fields(cls, value))


def _equal(cls: type, known: tuple[str, str], base: type, value: Any, typed: bool) -> Parts | list[Any] | None:
    """What a number or a text of another class is equal to."""
    parts = _EQUAL[known](value)
    if type(parts) is tuple:
        return _of_base(cls, base, parts)
    return _of_base(cls, base, (parts,)) if typed else [parts]


def _of_base(cls: type, base: type, parts: Parts | None) -> Parts | None:
    """With the name of a class that is known, which is the same wherever its library keeps it."""
    package = _package(base)
    if parts is not None and (cls is base or (package == "numpy" and base.__qualname__ == "dtype")):
        return f"{package}.{base.__qualname__}", *parts
    return _of_class(cls, parts)


def _of_class(cls: type, parts: Parts | None) -> Parts | None:
    name = None if parts is None else _name_of_class(cls)
    return None if name is None or parts is None else (name, *parts)


def _name_of_class(cls: type) -> str | None:
    name = found_by_name(cls)
    return None if name is None else f"={name}"


def _fields(cls: type, value: Any) -> Parts | None:
    """What a dataclass or a class of attrs compares, if it is these that its objects are compared by."""
    owner = next(base for base in cls.__mro__ if "__eq__" in vars(base))
    by_dataclass = "__dataclass_fields__" in vars(owner) and owner.__dataclass_params__.eq  # type: ignore[attr-defined]
    if not by_dataclass and "__attrs_attrs__" not in vars(owner):
        return None
    parts = _by_shape(cls, value)
    return None if parts is None else parts[1:]


# -------------------------------------------------------------------------------------------------------------- by name


def found_by_name(value: Any) -> str | None:
    """The name by which any process finds this class or function, if there is one and it leads here.

    A name of the program itself can lead to something else in another program, so a hash of the source goes with it.
    """
    if value is type(None):
        return "types:NoneType"
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(name, str):
        name = getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not value:
        return None
    if module not in MAINS:
        return f"{module}:{name}"
    source = _source_of(value)
    return source and f"__main__:{name}:{source}"


_SOURCES: WeakKeyDictionary[Any, str | None] = WeakKeyDictionary()


def _source_of(value: Any) -> str | None:
    from cladding._errors import ConfigurationError
    from cladding._source import version_of

    try:
        if value not in _SOURCES:
            _SOURCES[value] = version_of(value)
        return _SOURCES[value]
    except (ConfigurationError, TypeError):
        return None


# ---------------------------------------------------------------------------------------------- numbers, dates and such


def _decimal(value: Any) -> Any:
    if value.is_infinite():
        return float(value)
    if not value.is_finite():
        return (str(value),)
    sign, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    exponent += len(digits) - len(text)
    if not text:
        return 0
    if 0 <= exponent <= _LONGEST_WHOLE:
        return int(value)
    near = float(value)
    return near if type(value).from_float(near) == value else (sign, text, exponent)


def _fraction(value: Any) -> Any:
    if value.denominator == 1:
        return value.numerator
    try:
        near = float(value)
    except OverflowError:
        return value.numerator, value.denominator
    return near if type(value).from_float(near) == value else (value.numerator, value.denominator)


def _text_of(value: str | bytes) -> str | bytes:
    base = str if isinstance(value, str) else bytes
    exact: str | bytes = base.__getitem__(value, slice(None))  # type: ignore[index]
    return exact


def _scalar(value: Any) -> Any:
    dtype = value.dtype
    if dtype.kind in "mM":
        return dtype.str, int(value.view("i8"))
    # Of a text, item() would leave out zeros at its end.
    plain = _text_of(value) if dtype.kind in "SU" else value.item()
    if type(plain) in (bool, int, float, complex, str, bytes):
        return plain
    return repr(dtype), value.tobytes()


_LONGEST_WHOLE = 400
"""Of a decimal with more zeros behind it there is no float, and an int would take long to make."""

_SCALAR = ("numpy", "generic")

_EQUAL: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("builtins", "int"): int.__pos__,
    ("builtins", "float"): float.__pos__,
    ("builtins", "complex"): complex.__pos__,
    ("builtins", "str"): _text_of,
    ("builtins", "bytes"): _text_of,
    ("decimal", "Decimal"): _decimal,
    ("fractions", "Fraction"): _fraction,
    _SCALAR: _scalar,
}
"""What a number or a text of another class is equal to, or else its parts."""


def _alone(_value: Any) -> Parts:
    """The only object of its class."""
    return ()


def _datetime(value: Any) -> Parts:
    time = value.hour, value.minute, value.second, value.microsecond
    return value.year, value.month, value.day, *time, value.fold, value.tzinfo


def _time(value: Any) -> Parts:
    return value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo


def _zone(value: Any) -> Parts | None:
    return None if value.key is None else (value.key,)


def _range(value: range) -> Parts:
    return len(value), value.start if value else 0, value.step if len(value) > 1 else 0


def _partial(value: partial[Any]) -> Parts:
    return value.func, value.args, value.keywords


def _timestamp(value: Any) -> Parts:
    return value.isoformat(), value.fold, value.tzinfo


def _text(value: Any) -> Parts:
    return (str(value),)


_LEAVES: Known = {
    ("builtins", "ellipsis"): _alone,
    ("builtins", "NotImplementedType"): _alone,
    ("builtins", "range"): _range,
    ("builtins", "slice"): lambda value: (value.start, value.stop, value.step),
    ("builtins", "method"): lambda value: (value.__func__, value.__self__),
    ("types", "GenericAlias"): lambda value: (value.__origin__, value.__args__),
    ("functools", "partial"): _partial,
    ("datetime", "datetime"): _datetime,
    ("datetime", "date"): lambda value: (value.year, value.month, value.day),
    ("datetime", "time"): _time,
    ("datetime", "timedelta"): lambda value: (value.days, value.seconds, value.microseconds),
    ("datetime", "timezone"): lambda value: (value.utcoffset(None),),
    ("zoneinfo", "ZoneInfo"): _zone,
    ("uuid", "UUID"): lambda value: (value.int,),
    ("pathlib", "PosixPath"): _text,
    ("pathlib", "WindowsPath"): lambda value: (str(value).lower(),),
    ("pathlib", "PurePosixPath"): _text,
    ("pathlib", "PureWindowsPath"): lambda value: (str(value).lower(),),
    ("ipaddress", "IPv4Address"): lambda value: (int(value),),
    ("ipaddress", "IPv6Address"): _text,
    ("ipaddress", "IPv4Network"): _text,
    ("ipaddress", "IPv6Network"): _text,
    ("re", "Pattern"): lambda value: (value.pattern, value.flags),
    ("numpy", "dtype"): lambda value: (repr(value),) if value.fields or value.metadata else (value.str,),
    ("torch", "dtype"): _text,
    ("torch", "device"): _text,
    ("torch", "layout"): _text,
    ("pandas", "Timestamp"): _timestamp,
    ("pandas", "Timedelta"): lambda value: (value.isoformat(),),
    ("pandas", "Period"): lambda value: (value.ordinal, value.freqstr),
    ("pandas", "Interval"): lambda value: (value.left, value.right, value.closed),
    ("pandas", "NaTType"): _alone,
    ("pandas", "NAType"): _alone,
}
