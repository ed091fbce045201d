"""`cache_result`: results as bytes and back: what comes back is exactly what it was, or is refused."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import json
import marshal
import pathlib
import pickle
import sys
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import ConfigurationError
from cladding._native import CacheWire
from cladding._wire import SigningKey

from .portable import back, leaves, nested, plain_keys, plain_leaves, target, wire

KEY = "a key of 16 bytes"


def same(one: Any, other: Any) -> bool:
    """Whether two objects are alike to the last bit, types and order included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(map(same, one.items(), other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dt.datetime | dt.time):
        return one.fold == other.fold and repr(one) == repr(other)
    return repr(one) == repr(other) or bool(one == other)


@given(nested(plain_leaves, plain_keys))
def test_what_is_written_comes_back(value: Any) -> None:
    assert same(back(value), value)


@given(st.integers(0, 300).flatmap(lambda bits: st.sampled_from([2**bits, 2**bits - 1, -(2**bits), -(2**bits) - 1])))
def test_whole_numbers_of_any_size(number: int) -> None:
    assert same(back(number), number)


@pytest.mark.parametrize("length", [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536])
def test_lengths_of_every_form(length: int) -> None:
    for value in ("x" * length, b"x" * length, bytearray(length), [None] * length, (1,) * length, set(range(length))):
        assert same(back(value), value)
    assert same(back(dict.fromkeys(range(length))), dict.fromkeys(range(length)))


def test_others_of_the_standard_library() -> None:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    values = [
        ...,
        berlin,
        dt.timezone.utc,
        dt.timezone(dt.timedelta(hours=1)),
        dt.datetime(2024, 10, 27, 2, 30, tzinfo=berlin, fold=1),
        decimal.Decimal("sNaN123"),
        decimal.Decimal("-0.00"),
        fractions.Fraction(-1, 3),
        uuid.uuid4(),
        range(10, 0, -3),
        pathlib.Path("a/b"),
        pathlib.PureWindowsPath("c:/a"),
    ]
    assert same(back(values), values)
    assert back(berlin) is berlin
    assert back(dt.timezone.utc) is dt.timezone.utc


def test_it_is_messagepack() -> None:
    msgpack = pytest.importorskip("msgpack")
    value = {"a": [1, -1, 2**40, 1.5, None, True], "b": b"bytes", "c" * 40: {}}
    record = wire().seal(b"", value)
    assert msgpack.unpackb(record[34:-16]) == value


def test_dictionaries_keep_their_order() -> None:
    assert list(back({"b": 1, "a": 2, 3: 4})) == ["b", "a", 3]


# ---------------------------------------------------------------------------------------------------------- what is refused


class Number(enum.IntEnum):
    ONE = 1


class Pair(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Point:
    x: int


class Text(str):
    pass


class Date(dt.date):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Number.ONE,
        Pair(1, 2),
        Point(1),
        Text("a"),
        collections.OrderedDict(a=1),
        collections.defaultdict(int),
        collections.Counter("a"),
        types.SimpleNamespace(),
        object(),
        int,
        len,
        memoryview(b"a"),
        Date(2024, 1, 2),
        KeyError(1),
        sys,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_would_come_back_as_something_else(value: Any) -> None:
    kind = type(value).__qualname__
    message = (
        rf"cache_result: what {target().module}.anything\(\) returned cannot be kept where other processes read it: "
        rf"result\[3\]\['a'\]\[0\] is a {kind}, which would not come back as one; use serializer=\"pickle\" with a "
        r"`signing_key`, or give as `serializer` an object with dumps\(\) and loads\(\)"
    )
    with pytest.raises(TypeError, match=message):
        wire().seal(b"", [0, 1, 2, {"a": (value,)}])


def test_paths_to_what_is_refused() -> None:
    for value, path in [
        (object(), "result is a object"),
        ({1: {(2, "x"): object()}}, r"result\[1\]\[\(2, 'x'\)\] is a object"),
        ({(1, Number.ONE): 2}, r"result, key \(1, <Number.ONE: 1>\)\[1\] is a Number"),
        ({Number.ONE}, "result, an item is a Number"),
        ({"x" * 100: object()}, r"result\['x{36}\.\.\.\] is a object"),
    ]:
        with pytest.raises(TypeError, match=path):
            wire().seal(b"", value)


@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: (inner,), lambda inner: {"a": inner}])
def test_how_deep_it_goes(make: Callable[[Any], Any]) -> None:
    value: Any = None
    for _ in range(200):
        value = make(value)
    assert repr(back(value)) == repr(value)
    with pytest.raises(TypeError, match=r"\.\.\. is nested deeper than 200 levels, or contains itself"):
        wire().seal(b"", make(value))


def test_what_contains_itself() -> None:
    endless: list[Any] = []
    endless.append({"a": endless})
    with pytest.raises(TypeError, match=r"result\[0\]\['a'\]\[0\].*contains itself"):
        wire().seal(b"", endless)


def test_a_list_that_changes_meanwhile() -> None:
    items: list[Any] = []

    class Shrinking(pathlib.PurePosixPath):
        def __str__(self) -> str:
            items.clear()
            return "a"

    Shrinking.__module__, Shrinking.__qualname__ = "pathlib", "PurePosixPath"
    items += [Shrinking("a"), 1, 2]
    with pytest.raises((RuntimeError, IndexError)):
        wire().seal(b"", items)


# --------------------------------------------------------------------------------------------------------- what is known of it


@given(
    st.none() | st.floats(0, allow_nan=False),
    st.none() | st.floats(0, allow_nan=False),
    st.floats(0, 1e9),
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4),
    leaves,
)
def test_notes_come_back(fresh: float | None, served: float | None, took: float, tags: list[str], value: Any) -> None:
    made = wire(serializer="pickle", signing_key=KEY)
    record = made.seal(b"name", value, False, fresh, served, took, tags)
    assert made.open(b"name", record)[1:] == (False, fresh, served, took, tuple(tags))


# ---------------------------------------------------------------------------------------------------------------- exceptions


class Failure(LookupError):
    """Its arguments are not those of its class."""

    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


class Holds(LookupError):
    pass


@pytest.mark.parametrize(
    "parameters", [{}, {"signing_key": KEY}, {"serializer": "pickle", "signing_key": KEY}, {"serializer": json}]
)
@pytest.mark.parametrize(
    "error",
    [
        KeyError("a", 1),
        Failure(7),
        OSError(2, "gone", "name"),
        FileNotFoundError(2, "gone"),
        UnicodeDecodeError("utf-8", b"a", 0, 1, "no"),
        StopIteration(3),
        json.JSONDecodeError("no", "a", 0),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exceptions_come_back(error: BaseException, parameters: dict[str, Any]) -> None:
    made = wire(**parameters)
    error.add_note("a note")
    record = made.seal(b"name", error, True)
    found, failed, *_ = made.open(b"name", record, (ValueError, Exception))
    assert failed
    assert type(found) is type(error)
    assert (found.args, vars(found), str(found)) == (error.args, vars(error), str(error))
    assert (found.__traceback__, found.__cause__, found.__context__) == (None, None, None)
    assert getattr(found, "errno", None) == getattr(error, "errno", None)


def test_exceptions_are_of_the_classes_that_are_named() -> None:
    made = wire()
    record = made.seal(b"name", Failure(1), True)
    assert type(made.open(b"name", record, LookupError)[0]) is Failure
    for classes in (KeyError, (KeyError, OSError), ()):
        with pytest.raises(ValueError, match="of none of the classes"):
            made.open(b"name", record, classes)
    with pytest.raises(ValueError, match="this function keeps none"):
        made.open(b"name", record)


def test_no_module_is_imported_for_an_exception() -> None:
    made = wire()
    stranger = type("Stranger", (LookupError,), {"__module__": "colorsys"})
    record = made.seal(b"name", stranger("a"), True)
    del stranger
    sys.modules.pop("colorsys", None)
    import gc

    gc.collect()
    with pytest.raises(ValueError, match="of none of the classes"):
        made.open(b"name", record, LookupError)
    assert "colorsys" not in sys.modules


def test_exceptions_that_hold_what_cannot_be_written() -> None:
    error = Holds("a")
    error.held = object()  # type: ignore[attr-defined]
    for failure in (Holds(object()), error, ExceptionGroup("a", [KeyError(1)])):
        with pytest.raises(TypeError, match="the exception"):
            wire().seal(b"name", failure, True)


# --------------------------------------------------------------------------------------------------------------- serializers


class Json:
    @staticmethod
    def dumps(value: Any) -> bytes:
        return json.dumps(value).encode()

    @staticmethod
    def loads(data: bytes) -> Any:
        assert type(data) is bytes
        return json.loads(data)


def test_serializers() -> None:
    assert back({"a": [1, None]}, serializer=Json) == back({"a": [1, None]}, serializer=Json(), signing_key=KEY)
    assert back(Pair(1, 2), serializer=pickle, signing_key=KEY) == Pair(1, 2)
    assert back(Pair(1, 2), serializer="pickle", signing_key=KEY) == Pair(1, 2)
    assert back(Point(1), serializer="pickle", signing_key=KEY.encode()) == Point(1)
    assert back((1,), serializer="auto", signing_key=KEY) == (1,)


def test_serializers_that_make_no_bytes() -> None:
    with pytest.raises(
        TypeError, match=r"dumps\(\) of the `serializer` of .*anything\(\) returned a str; it has to return"
    ):
        back([1], serializer=json)


def test_errors_of_serializers() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        back(object(), serializer=Json)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        back(lambda: 0, serializer="pickle", signing_key=KEY)

    class Broken(Json):
        @staticmethod
        def loads(data: bytes) -> Any:
            raise LookupError("not today")

    class Interrupted(Json):
        @staticmethod
        def loads(data: bytes) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(ValueError, match="LookupError: not today"):
        back(1, serializer=Broken)
    with pytest.raises(KeyboardInterrupt):
        back(1, serializer=Interrupted)


@pytest.mark.parametrize(
    "wrong", ["json", "", None, 1, b"pickle", object(), types.SimpleNamespace(dumps=len, loads=None)]
)
def test_wrong_serializers(wrong: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"`serializer` must be \"auto\", \"pickle\" \(with a `signing_key`\), or an"
    ):
        wire(serializer=wrong)


def test_pickles_are_signed() -> None:
    with pytest.raises(
        ConfigurationError, match=r"`serializer` can be \"pickle\" only with a `signing_key` of at least 16"
    ):
        wire(serializer="pickle")
    for module in (pickle, marshal):
        with pytest.raises(
            ConfigurationError, match=f"`serializer` can be {module.__name__} only with a `signing_key`"
        ):
            wire(serializer=module)


@pytest.mark.parametrize("wrong", ["short", b"short", "", 1, bytearray(20), ["a" * 20], "\ud800" * 20])
def test_wrong_keys_are_not_shown(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="`signing_key` must be bytes or a str of at least 16 bytes") as raised:
        wire(signing_key=wrong)
    assert "short" not in str(raised.value)


def test_keys_do_not_show_themselves() -> None:
    parameters = {"signing_key": KEY}
    CacheWire(parameters, target())
    shown: Any = parameters["signing_key"]
    assert isinstance(shown, SigningKey)
    for text in (repr(parameters), str(shown), f"{shown}", f"{shown!r:>20}", f"{shown:>20}"):
        assert "a signing key" in text
        assert KEY not in text
    copy = pickle.loads(pickle.dumps(shown))
    assert type(copy) is SigningKey
    assert copy == KEY.encode()
