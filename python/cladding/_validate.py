"""The typed face of ``validate_input``, its expectations, and how a failure is worded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from cladding._errors import ConfigurationError, ValidationError
from cladding._native import Policy
from cladding._policy import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)


def _wrong(owner: str, parameter: str, allowed: str, value: object) -> ConfigurationError:
    return ConfigurationError(f"{owner}: `{parameter}` must be {allowed}, got {value!r}")


def _bound(owner: str, parameter: str, value: Any) -> int | float | None:
    """A bound as an ``int`` or a ``float``, whatever kind of number it was given as."""
    number = value
    if hasattr(value, "__index__") and not isinstance(value, bool):
        number = value.__index__()
    elif not isinstance(value, float) and hasattr(value, "dtype") and hasattr(value, "__float__"):
        number = float(value)
    is_number = number is None or (isinstance(number, int | float) and not isinstance(number, bool))
    if not is_number or (isinstance(number, float) and math.isnan(number)):
        raise _wrong(owner, parameter, "a number (not NaN) or None", value)
    if isinstance(number, int) and not -(1 << 126) <= number <= 1 << 126:
        raise _wrong(owner, parameter, "between -2**126 and 2**126 if it is an int", value)
    return float(number) if isinstance(number, float) else number


def _bounds(owner: str, low: Any, high: Any) -> tuple[int | float | None, int | float | None]:
    low, high = _bound(owner, "min", low), _bound(owner, "max", high)
    if low is not None and high is not None and low > high:
        raise _wrong(owner, "min", f"at most `max` (which is {high!r})", low)
    return low, high


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("Array", "finite", "a bool", value)
    return value


def _shape(value: Any) -> tuple[int | str | None, ...] | None:
    if value is None:
        return None
    allowed = "a tuple with an int of at least 0, a name, or None for each dimension, or None"
    if not isinstance(value, tuple | list):
        raise _wrong("Array", "shape", allowed, value)
    for length in value:
        is_length = isinstance(length, int) and not isinstance(length, bool) and 0 <= length < 1 << 63
        if not (is_length or length is None or (isinstance(length, str) and length.isidentifier())):
            raise _wrong("Array", "shape", allowed, value)
    return tuple(value)


def _dtype_name(value: Any) -> str | None:
    """The name of a dtype given as a string, as numpy's ``dtype`` or as one of its scalar types."""
    if isinstance(value, str):
        return value
    if isinstance(value, type):
        return value.__name__
    if getattr(value, "isnative", False):
        return getattr(value, "name", None)
    return None


def _dtypes(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    several = value if isinstance(value, tuple | list) else (value,)
    names = tuple(_dtype_name(each) for each in several)
    if not names or len(set(names)) < len(names) or not set(names) <= set(DTYPES):
        raise _wrong("Array", "dtype", f"one or several of {', '.join(DTYPES)}, in this machine's byte order", value)
    return tuple(name for name in names if name is not None)


def _names(values: tuple[object, ...]) -> tuple[str, ...]:
    names = tuple(value for value in values if isinstance(value, str) and value)
    if not names or len(names) < len(values) or len(set(names)) < len(names):
        raise _wrong("Keys", "names", "different strings that are not empty, one at least", values)
    return names


def _show(name: str, *positional: object, **named: object) -> str:
    shown = [repr(value) for value in positional]
    shown += [f"{key}={value!r}" for key, value in named.items() if value is not None and value is not False]
    return f"{name}({', '.join(shown)})"


class _Expectation:
    """A record of a few fields that cannot be changed; importing ``dataclasses`` would cost more than all of cladding."""

    __slots__: tuple[str, ...] = ()

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _fields(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __setattr__(self, name: str, value: object) -> None:
        message = f"a {type(self).__name__} cannot be changed ({name!r})"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)

    def __eq__(self, other: object) -> bool:
        return self._fields() == other._fields() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *self._fields()))

    def __getstate__(self) -> dict[str, object]:
        return dict(zip(self.__slots__, self._fields(), strict=True))

    def __setstate__(self, state: dict[str, object]) -> None:
        self._set(**state)


class Array(_Expectation):
    """Expects an array: anything with the buffer protocol (numpy arrays of any layout, memoryviews, ``array.array``).

    ``min``, ``max`` and ``finite`` speak of every element. They need numbers: integers, floats of 16, 32 or 64 bits, and
    for ``finite`` complex numbers of 64 or 128 bits. For an array of another dtype, booleans included, they fail. Bounds
    are rounded to the precision of a float array, as numpy does when it compares.

    Args:
        shape: for each dimension an ``int`` that its length has to be, a name, or ``None`` for any length. Equal names in
            the expectations of one ``validate_input`` have to be equal lengths in each call. ``None``: any shape.
        dtype: numpy's name for the type of the elements such as ``"float32"``, numpy's dtype or scalar type itself, or
            several of them, in this machine's byte order. ``None``: any type.
        finite: refuse NaN and infinities.
        min: the smallest value allowed. NaN is refused whenever there is a bound.
        max: the largest value allowed.

    Raises:
        ConfigurationError: a length below 0, an empty name, a dtype that is not known, a bound that is no number, ``min``
            above ``max``, or bounds for a dtype that has no order.
    """

    __slots__ = ("shape", "dtype", "finite", "min", "max")  # noqa: RUF023 - the order of the parameters

    shape: tuple[int | str | None, ...] | None
    dtype: tuple[str, ...] | None
    finite: bool
    min: int | float | None
    max: int | float | None

    def __init__(
        self,
        shape: Iterable[int | str | None] | None = None,
        *,
        dtype: Any = None,
        finite: bool = False,
        min: float | None = None,  # noqa: A002 - the words of the field
        max: float | None = None,  # noqa: A002
    ) -> None:
        low, high = _bounds("Array", min, max)
        names = _dtypes(dtype)
        for name in names or ():
            if (low is not None or high is not None) and name.startswith(("bool", "complex")):
                raise _wrong(
                    "Array", "min" if low is not None else "max", f"None for {name}", low if high is None else high
                )
        self._set(shape=_shape(shape), dtype=names, finite=_flag(finite), min=low, max=high)

    def __repr__(self) -> str:
        dtype = self.dtype[0] if self.dtype is not None and len(self.dtype) == 1 else self.dtype
        return _show("Array", shape=self.shape, dtype=dtype, finite=self.finite, min=self.min, max=self.max)


class Range(_Expectation):
    """Expects a number between two bounds, both included. Booleans, NaN and numbers written as text are refused.

    Args:
        min: the smallest value allowed; ``None``: no bound, so that minus infinity passes.
        max: the largest value allowed; ``None``: no bound, so that infinity passes.

    Raises:
        ConfigurationError: a bound that is no number, or ``min`` above ``max``.
    """

    __slots__ = ("min", "max")  # noqa: RUF023

    min: int | float | None
    max: int | float | None

    def __init__(self, min: float | None = None, max: float | None = None) -> None:  # noqa: A002
        low, high = _bounds("Range", min, max)
        self._set(min=low, max=high)

    def __repr__(self) -> str:
        return _show("Range", min=self.min, max=self.max)


class Keys(_Expectation):
    """Expects a mapping that has these keys. It may have more.

    Args:
        names: the keys, each a string.

    Raises:
        ConfigurationError: no name at all, an empty or a repeated one, or something else than strings.
    """

    __slots__ = ("names",)

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        self._set(names=_names(names))

    def __repr__(self) -> str:
        return _show("Keys", *self.names)


Expectation: TypeAlias = Array | Range | Keys


class Expectations(Mapping[str, Expectation]):
    """What is expected of which parameter, in the order of the checks. Immutable."""

    __slots__ = ("_items",)

    _items: dict[str, Expectation]

    def __init__(self, items: Mapping[str, Expectation]) -> None:
        object.__setattr__(self, "_items", dict(items))

    def __setattr__(self, name: str, value: object) -> None:
        message = f"expectations cannot be changed ({name!r})"
        raise AttributeError(message)

    def __getitem__(self, name: str) -> Expectation:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[type[Expectations], tuple[dict[str, Expectation]]]:
        return (Expectations, (self._items,))


def validate_input(
    expectations: Mapping[str, Expectation] | None = None,
    /,
    *,
    fallback: Any = MISSING,
    enabled: bool | Callable[[], bool] = True,
    **more: Expectation,
) -> Policy:
    """Checks arguments before the function sees them.

    A parameter's default is the author's own and never checked, whether it is left out or passed. A call with wrong
    arguments (one missing, one too many) raises the function's own ``TypeError``. Arrays are looked at, not copied: what
    another thread writes into one during or after the check is not seen.

    ``f.cladding.validate_input.stats`` has ``checked`` (calls), ``rejected`` (calls with an argument that failed) and
    ``fallbacks`` (those of them that were answered by the fallback).

    Args:
        expectations: an :class:`Array`, :class:`Range` or :class:`Keys` for each parameter, by name. A mapping is needed
            only for parameters that are called ``fallback`` or ``enabled``; others can be keywords.
        fallback: what the call gives when an argument fails, in place of raising: a value, or something callable that is
            called with the call's own arguments, some perhaps by position that came by keyword: let it have the same
            parameters. A coroutine function gives it when awaited, so the callable must not be one itself, nor for a plain
            function. Generators have no one result, and refuse a fallback.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.
        more: expectations as keywords.

    Raises:
        ConfigurationError: no expectation at all, one that is none of the three kinds, one for a parameter that the
            function does not have, or a fallback that this kind of function cannot have.
        ValidationError: at a call, when an argument fails and there is no fallback.
    """
    given = {} if expectations is None else _mapping(expectations)
    if twice := sorted(set(given) & set(more)):
        raise _wrong("validate_input", twice[0], "given once", given[twice[0]])
    parameters: dict[str, Any] = {"expectations": Expectations({**given, **more})}
    if fallback is not MISSING:
        parameters["fallback"] = fallback
    if enabled is not True:
        parameters["enabled"] = enabled
    return Policy("validate_input", parameters)


def _mapping(value: object) -> dict[str, Expectation]:
    if isinstance(value, Mapping):
        return dict(value)
    message = (
        f"validate_input: expectations are needed, such as @validate_input(x=Range(0, 1)); it cannot be used bare, "
        f"got {describe(value)}"
    )
    raise ConfigurationError(message)


def in_range(value: Any, low: float | None, high: float | None) -> bool:
    """Whether any kind of number is between two bounds, compared exactly: what the native check does not decide."""
    from decimal import Decimal
    from numbers import Integral, Rational, Real

    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return False
    if isinstance(value, Decimal):
        if value.is_nan():
            return False
    elif isinstance(value, Integral):
        value = int(value)
    elif not isinstance(value, Rational):
        value = float(value)
        if math.isnan(value):
            return False
    number: Any = value
    return bool((low is None or low <= number) and (high is None or number <= high))


def describe(value: Any) -> str:
    """What came, in few words: numbers and text themselves, arrays by type and shape, the rest by type and a short repr."""
    import reprlib

    kind = type(value).__name__
    if value is None or isinstance(value, bool | int | float | str):
        try:
            shown = reprlib.repr(value)
        except Exception:  # noqa: BLE001 - somebody's own repr; or an int of too many digits
            return f"a value of type {kind}"
        return shown if type(value) in {bool, int, float, str, type(None)} else f"{kind} {shown}"
    if isinstance(value, Mapping):
        names = reprlib.repr([*map(str, _first(value, 6))])
        return f"{kind} with the keys {names[1:-1]}" if names != "[]" else f"an empty {kind}"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and dtype is not None:
        return f"{kind} of dtype {dtype} and shape {shape}"
    return f"{kind} {reprlib.repr(value)}"


def _first(values: Iterable[object], count: int) -> list[object]:
    from itertools import islice

    return list(islice(values, count))


def failure(function: str, argument: str, path: str, expectation: Expectation, wrong: str, got: str) -> ValidationError:
    """The error for an argument that failed."""
    error = ValidationError(f"{function}: {wrong}, got {got}")
    error.function, error.argument, error.path = function, argument, path
    error.expectation, error.got = expectation, got
    return error
