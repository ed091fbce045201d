"""`cache_result`: frames, tables, images and tensors as keys, where their libraries are installed."""

from __future__ import annotations

from typing import Any

import pytest

from cladding import cache_result

from .test_content import distinct, one_key

np: Any = pytest.importorskip("numpy")


def changed(make: Any, *changes: Any) -> bool:
    """Whether equal content is one key, and each change another."""
    return one_key(make(), make()) and distinct(make(), *changes)


def test_attrs() -> None:
    attr = pytest.importorskip("attr")
    cls = attr.make_class("Point", {"x": attr.ib(), "note": attr.ib(default=None, eq=False)}, eq=True)
    assert one_key(cls([1]), cls([1.0], note="other"))
    assert distinct(cls([1]), cls([2]), [[1]])


def test_pydantic_models() -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", name=(str, ...), values=(list[float], ...))
    other = pydantic.create_model("Model", name=(str, ...), values=(list[float], ...))
    make = {"name": "a", "values": [1]}
    assert one_key(model(**make), model(name="a", values=[1.0]))
    assert distinct(model(**make), model(name="b", values=[1]), model(name="a", values=[2]), other(**make), make)


def test_pandas_frames() -> None:
    pd = pytest.importorskip("pandas")

    def make(**replaced: Any) -> Any:
        columns: dict[str, Any] = {
            "i": [1, 2, 3],
            "f": [1.0, np.nan, 3.0],
            "s": ["a", None, "c"],
            "b": [True, False, True],
            "t": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
            "z": pd.to_datetime(["2024-01-01"] * 3).tz_localize("UTC"),
            "d": pd.to_timedelta([1, 2, 3], "s"),
            "n": pd.array([1, None, 3], "Int64"),
            "c": pd.Categorical(["x", "y", "x"]),
            "p": pd.period_range("2024-01", periods=3, freq="M"),
            "v": pd.interval_range(0, 3),
            "o": np.array([1, "a", (2,)], object),
            "l": [[1], [2], []],
        }
        return pd.DataFrame({**columns, **replaced})

    assert changed(
        make,
        make(i=[1, 2, 4]),
        make(i=[1.0, 2, 3]),
        make(f=[1.0, 2.0, 3.0]),
        make(s=["a", "b", "c"]),
        make(b=[True, True, True]),
        make(z=pd.to_datetime(["2024-01-01"] * 3).tz_localize("Europe/Paris")),
        make(d=pd.to_timedelta([1, 2, 4], "s")),
        make(n=pd.array([1, 2, 3], "Int64")),
        make(n=pd.array([1, None, 3], "Int32")),
        make(c=pd.Categorical(["x", "y", "y"])),
        make(c=pd.Categorical(["x", "y", "x"], ordered=True)),
        make(p=pd.period_range("2024-02", periods=3, freq="M")),
        make(v=pd.interval_range(1, 4)),
        make(o=np.array([1, "a", (3,)], object)),
        make(l=[[1], [3], []]),
        make().rename(columns={"i": "j"}),
        make().set_index("i"),
        make().iloc[:2],
        make()[::-1],
        make()["i"],
    )
    assert one_key(make(), make()[::-1][::-1])


def test_pandas_series_and_indices() -> None:
    pd = pytest.importorskip("pandas")
    series = pd.Series([1, 2], name="a")
    assert one_key(series, series.copy(), pd.Series([1, 0, 2, 0], name="a")[::2].reset_index(drop=True))
    assert distinct(
        series, series.rename("b"), pd.Series([1, 2], [1, 2], name="a"), pd.Series([1, 3], name="a"), pd.Index([1, 2])
    )
    multi = pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])
    assert one_key(multi, multi.copy())
    assert distinct(multi, pd.MultiIndex.from_tuples([(1, "a"), (2, "c")]), multi.set_names(["x", "y"]))
    assert distinct(pd.RangeIndex(3), pd.RangeIndex(4), pd.date_range("2024", periods=3))


def test_polars_frames() -> None:
    pl = pytest.importorskip("polars")
    import datetime as dt
    import decimal

    def make(**replaced: Any) -> Any:
        columns: dict[str, Any] = {
            "i": [1, None, 3],
            "f": [1.0, None, 3.0],
            "s": ["a", None, "c"],
            "b": [True, None, False],
            "t": [
                dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc),
                None,
                dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc),
            ],
            "d": [dt.date(2024, 1, 1), None, dt.date(2024, 1, 2)],
            "m": [decimal.Decimal("1.5"), None, decimal.Decimal("2.5")],
            "y": [b"a", None, b"b"],
            "l": [[1], None, [2, 3]],
            "r": [{"a": 1}, None, {"a": 2}],
            "c": pl.Series(["x", None, "y"], dtype=pl.Categorical),
        }
        return pl.DataFrame({**columns, **replaced})

    assert changed(
        make,
        make(i=[1, 0, 3]),
        make(i=[1.0, None, 3.0]),
        make(f=[1.0, 0.0, 3.0]),
        make(s=["a", "", "c"]),
        make(b=[True, False, False]),
        make(t=[dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), None, None]),
        make(d=[dt.date(2024, 1, 1), None, dt.date(2024, 1, 3)]),
        make(m=[decimal.Decimal("1.5"), None, decimal.Decimal("2.6")]),
        make(y=[b"a", None, b"c"]),
        make(l=[[1], None, [2, 4]]),
        make(r=[{"a": 1}, None, {"a": 3}]),
        make(c=pl.Series(["x", None, "z"], dtype=pl.Categorical)),
        make().rename({"i": "j"}),
        make().select(make().columns[::-1]),
        make()[:2],
        make()["i"],
    )
    assert one_key(make(), pl.concat([make()[:1], make()[1:]], rechunk=False), make()[::-1][::-1])
    assert distinct(pl.Series("a", [1]), pl.Series("b", [1]), pl.Series("a", [1], dtype=pl.Int8), pl.Series("a", [2]))


def test_arrow_tables() -> None:
    pa = pytest.importorskip("pyarrow")

    def make(**replaced: Any) -> Any:
        columns = {
            "i": [1, None, 3],
            "f": [1.0, 2.0, 3.0],
            "s": ["a", None, "c"],
            "b": [True, None, False],
            "l": [[1], None, []],
        }
        return pa.table({**columns, **replaced})

    assert changed(
        make,
        make(i=[1, 0, 3]),
        make(f=[1.0, 2.0, 4.0]),
        make(s=["a", "", "c"]),
        make(b=[True, False, False]),
        make(l=[[1], None, [2]]),
        make(i=pa.array([1, None, 3], pa.int8())),
        make().rename_columns(["j", "f", "s", "b", "l"]),
        make().slice(0, 2),
        make().replace_schema_metadata({"a": "b"}),
        make().column("i"),
    )
    assert one_key(make(), pa.concat_tables([make().slice(0, 1), make().slice(1)]))
    assert one_key(pa.array([1, 2]), pa.array([0, 1, 2])[1:], pa.array([1, 2]))
    assert distinct(pa.array([1, 2]), pa.array([1, None]), pa.array([1, 2], pa.int32()), make().to_batches()[0])


def test_images() -> None:
    image: Any = pytest.importorskip("PIL.Image")

    def make(mode: str = "RGB", size: tuple[int, int] = (3, 2), color: Any = 0) -> Any:
        return image.new(mode, size, color)

    dotted = make()
    dotted.putpixel((1, 1), (0, 0, 1))
    assert changed(make, dotted, make(size=(2, 3)), make("L"), make(color=5))
    assert distinct(make("P"), make("P", color=1))


def test_tensors() -> None:
    torch = pytest.importorskip("torch")

    def make() -> Any:
        return torch.arange(6, dtype=torch.float32).reshape(2, 3)

    assert one_key(make(), make().clone(), make().t().contiguous().t(), torch.arange(12.0).reshape(2, 6)[:, ::2] // 2)
    assert distinct(
        make(),
        make() + 1,
        make().double(),
        make().bfloat16(),
        make().reshape(3, 2),
        make().requires_grad_(),
        torch.nn.Parameter(make()),
        make().to_sparse(),
        make().numpy(),
        make()[0, 0],
        make()[:0],
    )
    assert one_key((make(), 1), (make(), 1))
    assert one_key([make()], [make()])
    assert one_key(make().to(torch.complex64).conj(), make().to(torch.complex64).conj())
    f = cache_result(lambda x: x)
    tensor = make()
    f(tensor)
    tensor[0, 0] = 5
    assert f.cache_info().misses == 1
    f(tensor)
    assert f.cache_info().misses == 2
