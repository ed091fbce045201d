"""`cache_result`: keys that are the same in every process, and never those of other arguments."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import functools
import math
import pathlib
import re
import sys
import types
import uuid
import zoneinfo
from typing import Any

import pytest
from hypothesis import given

from .portable import (
    ByIdentity,
    Color,
    Frozen,
    Keyed,
    Odd,
    Open,
    Pair,
    Size,
    Text,
    anything,
    digest,
    keys,
    leaves,
    nested,
    numbers,
    texts,
)
from .test_content import one_key

UTC = dt.timezone.utc
values = nested(leaves, leaves)


def same(*values: Any, **parameters: Any) -> bool:
    return len({digest(value, **parameters) for value in values}) == 1


def apart(*values: Any, **parameters: Any) -> bool:
    return len({digest(value, **parameters) for value in values}) == len(values)


# ------------------------------------------------------------------------------------------------------------ by content


@given(nested(numbers | texts, numbers | texts), nested(numbers | texts, numbers | texts))
def test_one_digest_is_one_key_in_memory_and_the_other_way_round(one: Any, other: Any) -> None:
    assert same(one, other) == one_key(one, other)


@given(values, values)
def test_what_differs_in_memory_differs(one: Any, other: Any) -> None:
    assert one_key(one, other) or apart(one, other)
    assert one_key([one], [other]) or apart([one], [other])


@given(values)
def test_what_holds_differs_from_what_is_held(value: Any) -> None:
    assert apart(value, [value], (value,), [[value]], {"x": value}, Frozen(value), Open(value))


@given(numbers, numbers)
def test_types_can_matter(one: Any, other: Any) -> None:
    is_one = type(one) is type(other) and one == other
    assert same(one, other, typed=True) == is_one
    assert same([one], [other], typed=True) == is_one


def test_numbers_that_are_equal() -> None:
    half = (0.5, decimal.Decimal("0.50"), fractions.Fraction(1, 2), 0.5 + 0j)
    assert same(*half)
    assert apart(*half, typed=True)
    assert same(1, True, 1.0, decimal.Decimal("1.00"), fractions.Fraction(1), decimal.Decimal("10E-1"))
    assert same(0, 0.0, -0.0, decimal.Decimal("-0.00"))
    assert same(10**30, (1e30).__trunc__(), decimal.Decimal(10**30)) is (10**30 == (1e30).__trunc__())
    assert same(math.inf, decimal.Decimal("Infinity"))
    assert same(math.nan, -math.nan)
    assert apart(0.1, decimal.Decimal("0.1"), fractions.Fraction(1, 10), math.nan, decimal.Decimal("NaN"), "nan")
    assert apart(decimal.Decimal("1E+999999"), decimal.Decimal("1E+999998"), decimal.Decimal("1E-999999"), 0)
    assert apart(fractions.Fraction(10**400, 3), fractions.Fraction(10**400, 7), 0)


def test_traps_of_the_decimal_context() -> None:
    with decimal.localcontext() as context:
        context.prec = 2
        context.traps[decimal.FloatOperation] = context.traps[decimal.Inexact] = True
        assert apart(decimal.Decimal("1.2345"), decimal.Decimal("1.2346"), decimal.Decimal("1.2"))


def test_texts() -> None:
    assert same("a", Text("a"))
    assert apart("a", Text("a"), typed=True)
    assert apart("a", b"a", bytearray(b"a"), ["a"], "", b"", "\ud800", "\ud801", "a\0")
    with pytest.raises(TypeError, match="is of type Odd, which another process could not know again"):
        digest(Odd("a"))


def test_dates_and_zones() -> None:
    noon = dt.datetime.fromisoformat("2024-05-06T12:00")
    berlin, paris = zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("Europe/Paris")
    east = dt.timezone(dt.timedelta(hours=2))
    zoned = [noon.replace(tzinfo=zone) for zone in (UTC, berlin, paris, east)]
    assert apart(noon, noon.date(), noon.time(), noon.replace(fold=1), *zoned, *(zone.timetz() for zone in zoned))
    assert apart(berlin, paris, UTC, east, dt.timedelta(hours=2), dt.timedelta(hours=3), "Europe/Berlin")
    assert same(UTC, dt.timezone(dt.timedelta(0)), dt.timezone(dt.timedelta(0), "Z"))
    assert same(noon, dt.datetime.combine(dt.date(2024, 5, 6), dt.time(12)))
    with pytest.raises(TypeError, match="ZoneInfo, which another process"):
        digest(zoneinfo.ZoneInfo.from_file(_zone_file()))


def _zone_file() -> Any:
    import importlib.resources
    import io

    for directory in map(pathlib.Path, zoneinfo.TZPATH):
        if (directory / "UTC").exists():
            return io.BytesIO((directory / "UTC").read_bytes())
    return importlib.resources.files("tzdata.zoneinfo").joinpath("UTC").open("rb")


def test_others_of_the_standard_library() -> None:
    assert same(range(0), range(5, 5), range(3, 0))
    assert same(range(0, 3, 2), range(0, 4, 2))
    assert apart(range(3), range(4), range(1, 3), [0, 1, 2], slice(3), slice(0, 3), ..., NotImplemented)
    number = uuid.uuid4()
    assert same(number, uuid.UUID(str(number)))
    assert apart(number, number.int, str(number), uuid.uuid4())
    assert apart(pathlib.Path("a"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"), pathlib.Path("b"), "a")
    assert same(pathlib.PureWindowsPath("A"), pathlib.PureWindowsPath("a"))
    assert same(re.compile("a"), re.compile("a"))
    assert apart(re.compile("a"), re.compile("a", re.I), re.compile("b"), re.compile(b"a"), "a")
    assert same(collections.Counter("aab"), collections.Counter("aba"))
    assert apart(
        {"a": 1},
        collections.Counter("a"),
        collections.OrderedDict(a=1),
        collections.defaultdict(int, a=1),
        collections.defaultdict(list, a=1),
        collections.deque(["a"]),
        types.SimpleNamespace(a=1),
    )


def test_names() -> None:
    assert apart(Color.RED, Color.BLUE, Size.SMALL, Size.LARGE, Size.SMALL | Size.LARGE, Size(0), Color, Size, 1)
    assert apart(len, max, math.sin, anything, test_names, int, Frozen, Frozen(1).__eq__, None, type(None), "len")
    assert apart(list[int], list[str], list, dict[str, int])
    assert apart(functools.partial(max, 1), functools.partial(max, 2), functools.partial(min, 1), max)
    assert same(functools.partial(max, 1, key=len), functools.partial(max, 1.0, key=len))


def test_classes_of_the_user() -> None:
    assert same(Frozen(1), Frozen(1.0, note="other"))
    assert apart(Frozen(1), Frozen(2), Open(1), Pair(1, 1), (1, 1), Keyed(1), 1)
    assert same(Keyed([1, "a"]), Keyed([1.0, "a"]))
    attr = pytest.importorskip("attr")
    point = attr.make_class("Point", {"x": attr.ib(), "note": attr.ib(default=None, eq=False)}, frozen=True)
    point.__module__ = __name__
    globals()["Point"] = point
    assert same(point(1), point(1.0, note=2))
    assert apart(point(1), point(2), Frozen(1))


def test_models_of_pydantic() -> None:
    pydantic = pytest.importorskip("pydantic")
    config = pydantic.ConfigDict(frozen=True)
    model = pydantic.create_model("Pydantic", __config__=config, __module__=__name__, x=(int, ...))
    globals()["Pydantic"] = model
    assert same(model(x=1), model(x=True))
    assert apart(model(x=1), model(x=2), Frozen(1), {"x": 1})


def test_arrays() -> None:
    np = pytest.importorskip("numpy")
    plane = np.arange(6.0).reshape(2, 3)
    assert same(plane, np.asfortranarray(plane), np.repeat(plane, 2, axis=1)[:, ::2])
    assert apart(plane, plane.T, plane.astype("f4"), plane.astype(">f8"), plane.tolist(), plane.reshape(6))
    assert same(1, np.int8(1), np.uint64(1), np.float32(1), np.bool_(True), np.complex64(1))
    assert apart(1, np.int8(1), np.int16(1), np.float32(1), typed=True)
    assert same("a", np.str_("a"))
    assert apart("a", np.str_("a\0"), b"a", np.bytes_(b"a\0"))
    assert apart(np.float32(0.1), 0.1, np.float16(0.1))
    assert apart(
        *(np.datetime64(when) for when in ("2024", "2024-01", "2025")),
        np.datetime64("NaT", "s"),
        np.timedelta64(1, "s"),
        2024,
    )
    assert same(np.dtype("i8"), np.dtype(np.int64))
    assert apart(np.dtype("i8"), np.dtype("i4"), np.dtype([("a", "i4")]), np.dtype([("b", "i4")]), np.int64, np.add)


def test_frames() -> None:
    pl = pytest.importorskip("polars")
    assert same(pl.DataFrame({"a": [1, None]}), pl.DataFrame({"a": [1, None]}))
    assert apart(pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]}), pl.DataFrame({"b": [1]}), pl.Series("a", [1]))


def test_pandas() -> None:
    pd = pytest.importorskip("pandas")

    def make(last: Any) -> Any:
        return pd.DataFrame({"a": [1, 2], "b": ["x", last]}, index=pd.date_range("2024", periods=2))

    assert same(make("y"), make("y"))
    assert apart(make("y"), make("z"), make("y")["a"], make("y").index, make("y").T)
    assert apart(pd.Timestamp("2024"), pd.Timestamp("2024", tz="UTC"), pd.Timestamp("2024-01-01 00:00:00.000000001"))
    assert apart(pd.Timedelta("1s"), pd.Timedelta("1ns"), pd.NaT, pd.NA, pd.Period("2024"), pd.Interval(0, 1))


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    assert same(torch.arange(3), torch.arange(6)[::2] // 2)
    assert apart(torch.arange(3), torch.arange(3.0), torch.arange(4), torch.float32, torch.device("cpu"), torch.nn.ReLU)


# ---------------------------------------------------------------------------------------------------------- what cannot be


def local() -> type:
    class Local:
        pass

    return Local


def broken() -> Any:
    class Broken:
        def __cladding_key__(self) -> Any:
            raise ValueError("no key today")

    return Broken()


@pytest.mark.parametrize(
    "value",
    [lambda: 0, object(), local(), local()(), ByIdentity(1), iter([]), sys, [].append, sys.stdout, Odd("a")],
    ids=lambda value: type(value).__name__,
)
def test_what_only_this_process_knows(value: Any) -> None:
    kind = type(value).__qualname__
    with pytest.raises(TypeError, match=rf"argument 'x' of .*anything\(\) is of type {re.escape(kind)}, which another"):
        digest(value)
    with pytest.raises(TypeError, match=rf"is of type list and holds a {re.escape(kind)}, which another process could"):
        digest([[value]])


def test_names_that_lead_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    digest(Frozen(1))
    monkeypatch.setattr(sys.modules[Frozen.__module__], "Frozen", Open)
    with pytest.raises(TypeError, match="Frozen, which another process could not know again"):
        digest(Frozen(1))


def test_errors_on_the_way_come_out() -> None:
    with pytest.raises(ValueError, match="no key today"):
        digest(broken())
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(RecursionError, match="contains itself"):
        digest(endless)


def test_errors_name_the_argument() -> None:
    def f(first: Any, /, *rest: Any, named: Any = None, **others: Any) -> None: ...

    made = keys(f, namespace="f")
    for arguments, keywords, name in [
        ((lambda: 0,), {}, "argument 'first'"),
        ((1, 2, lambda: 0), {}, "positional argument 3"),
        ((1, 2), {"named": lambda: 0}, "argument 'named'"),
        ((1, 2), {"other": lambda: 0}, "argument 'other'"),
    ]:
        with pytest.raises(TypeError, match=name):
            made.digest(*arguments, **keywords)


# --------------------------------------------------------------------------------------------------------------- arguments


def test_arguments_in_one_order() -> None:
    def f(a: Any, b: Any = 2, *rest: Any, c: Any = 3, **others: Any) -> None: ...

    made = keys(f, namespace="f")
    one = [((1,), {}), ((1, 2), {}), ((), {"a": 1}), ((), {"b": 2, "a": 1}), ((1,), {"c": 3})]
    assert len({made.digest(*args, **kwargs) for args, kwargs in one}) == 1
    other: list[Any] = [
        ((1, 2, 3), {}),
        ((1, 3), {}),
        ((1,), {"c": 4}),
        ((1,), {"d": 3}),
        ((1,), {"d": 4}),
        ((1, 2, 3, 3), {}),
    ]
    assert len({made.digest(*args, **kwargs) for args, kwargs in one[:1] + other}) == 7
    assert made.digest(1, d=1, e=2) == made.digest(1, e=2, d=1)
    assert made.digest(1, d=1, e=2) != made.digest(1, e=1, d=2)
    with pytest.raises(ValueError, match="given twice"):
        made.digest(1, a=1)


def test_defaults_that_cannot_be_written() -> None:
    nothing = object()

    def f(a: Any, b: Any = nothing, *, c: Any = nothing) -> None: ...

    made = keys(f, namespace="f")
    assert made.digest(1) == made.digest(1, nothing) == made.digest(1, c=nothing)
    assert made.digest(1) != made.digest(1, None)
    with pytest.raises(TypeError, match="argument 'a'"):
        made.digest(nothing)
    with pytest.raises(TypeError, match="argument 'b'"):
        made.digest(1, object())


def test_ignored_arguments_and_made_keys() -> None:
    def f(a: Any, log: Any = None) -> None: ...

    made = keys(f, namespace="f", ignore=("log",))
    assert made.digest(1, object()) == made.digest(1, log=object()) == made.digest(1)
    made = keys(f, namespace="f", key=lambda a, log=None: (a, "x"))
    assert made.digest(1, object()) == made.digest(1)
    assert made.digest(1) != made.digest(2)
    with pytest.raises(TypeError, match=r"what the `key` function .*<lambda>\(\) made of .* is of type object, which"):
        keys(f, namespace="f", key=lambda a, log=None: object()).digest(1)


class Model:
    def __init__(self, state: Any) -> None:
        self.state = state

    def predict(self, x: int) -> None: ...

    @classmethod
    def load(cls, x: int) -> None: ...


class KeyedModel(Model):
    def __cladding_key__(self) -> Any:
        return self.state


class Other(Model):
    pass


def test_instances_of_methods() -> None:
    made = keys(Model.predict)
    assert made.digest(KeyedModel(1), 5) == made.digest(KeyedModel(1), 5)
    assert len({made.digest(KeyedModel(state), x) for state in (1, 2) for x in (1, 2)}) == 4
    with pytest.raises(
        TypeError,
        match=r"Model.predict\(\) was called on a Model, which another process could not know again; give it a method "
        r"__cladding_key__\(\), or use ignore=\('self',\)",
    ):
        made.digest(Model(1), 5)
    with pytest.raises(TypeError, match="was called on a KeyedModel and holds a object"):
        made.digest(KeyedModel(object()), 5)
    regardless = keys(Model.predict, ignore=("self",))
    assert regardless.digest(Model(1), 5) == regardless.digest(Model(2), x=5)


def test_classes_of_class_methods() -> None:
    made = keys(vars(Model)["load"].__func__)
    assert len({made.digest(cls, 1) for cls in (Model, KeyedModel, Other)}) == 3
