"""`cache_result`: arrays, tensors, frames, tables and images as bytes and back, where their libraries are installed."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding._wire_data import parts_of

from .portable import back, wire

np: Any = pytest.importorskip("numpy")


def refused(value: Any, match: str) -> None:
    with pytest.raises(TypeError, match=match):
        wire().seal(b"", value)


def same_array(one: Any, other: Any) -> bool:
    assert type(one) is type(other) is np.ndarray
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    assert one.flags.writeable
    assert one.flags.aligned
    if other.flags.contiguous or other.flags.f_contiguous:
        assert (one.flags.c_contiguous, one.flags.f_contiguous) == (other.flags.c_contiguous, other.flags.f_contiguous)
    return bool(one.tobytes() == other.tobytes())


@pytest.mark.parametrize(
    "dtype", [*"?bBhHiIlLqQefdgFDG", ">i4", ">f8", ">c16", "M8[D]", ">m8[us]", "S3", "U5", ">U2", "V7"]
)
def test_arrays_of_every_type_and_layout(dtype: str) -> None:
    plane = (
        np.arange(24).reshape(4, 6).astype("S" if dtype == "V7" else np.dtype(dtype).newbyteorder("=")).astype(dtype)
    )
    for array in (
        plane,
        np.asfortranarray(plane),
        plane[::2],
        plane[:, ::-3],
        plane.T,
        plane[1, 2:3].reshape(()),
        plane[:0],
        plane[1],
        plane.reshape(2, 2, 3, 2).transpose(2, 0, 3, 1),
        np.broadcast_to(plane[0], (3, 6)),
    ):
        assert same_array(back(array), array)
        assert same_array(back({"a": [array]})["a"][0], array)


def test_arrays_that_cannot_be_written_to() -> None:
    array = np.arange(3)
    array.flags.writeable = False
    assert same_array(back(array), array)


@given(st.lists(st.floats(), max_size=50), st.booleans())
def test_floats_bit_by_bit(items: list[float], swapped: bool) -> None:
    array = np.array(items, ">f8" if swapped else "<f8")
    assert same_array(back(array), array)


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1])
def test_large_arrays(size: int) -> None:
    array = np.arange(size, dtype="f4")
    for each in (array, np.asfortranarray(array.reshape(size // 2 if size % 2 == 0 else size, -1)), array[::2]):
        assert same_array(back(each), each)


@pytest.mark.parametrize(
    "dtype",
    [
        [("a", "i4"), ("b", "f8")],
        [("a", ">i2", (2, 3)), ("b", [("c", "U3"), ("d", "M8[s]")])],
        np.dtype([("a", "i1"), ("b", "f8")], align=True),
        np.dtype({"names": ["x", "y"], "formats": ["i2", "i2"], "offsets": [0, 6], "itemsize": 10}),
    ],
)
def test_records(dtype: Any) -> None:
    array = np.zeros((2, 3), dtype)
    array[1] = array[0]
    assert same_array(back(array), array)
    scalar = array[0, 0]
    assert type(back(scalar)) is np.void
    assert back(scalar).dtype == scalar.dtype
    assert back(scalar) == scalar


def test_arrays_of_objects_are_written_item_by_item() -> None:
    for array in (
        np.array([1, "a", None, [1], (2,)], object),
        np.array([[[1], [2]], [[3], [4]]], object),
        np.array([[1, 2], [3, 4]], object).T,
        np.array(5, object),
        np.empty((0, 3), object),
    ):
        copy = back(array)
        assert copy.dtype == object
        assert copy.shape == array.shape
        assert copy.tolist() == array.tolist()
    refused(np.array([1, object()], object), r"result.* is a object, which would not come back")


@pytest.mark.parametrize(
    "value",
    [
        *(np.array([1], letter)[0] for letter in "?bBhHiIlLefdgFDG"),
        np.datetime64("2024-01-02"),
        np.datetime64("NaT", "ns"),
        np.timedelta64(3, "s"),
        np.str_("a\0"),
        np.bytes_(b"a\0"),
        np.void(b"abc"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_scalars(value: Any) -> None:
    copy = back(value)
    assert type(copy) is type(value)
    assert copy.dtype == value.dtype
    assert copy == value or (copy != copy and value != value)


def test_arrays_that_are_refused() -> None:
    class Own(np.ndarray):
        pass

    refused(np.zeros(2).view(Own), r"is a .*Own, which would not come back as one")
    refused(np.ma.array([1]), "is a MaskedArray, which would not")
    refused(np.zeros((1, 1)).view(np.matrix), "is a matrix, which would not")
    refused(np.zeros(1, [("a", object)]), "which is not written")
    refused(np.add, "is a ufunc")


def test_memory_is_that_of_the_result_alone() -> None:
    array = np.zeros(10)
    record = wire().seal(b"", array)
    one, other = (wire().open(b"", record)[0] for _ in range(2))
    one[:] = 1
    assert other.sum() == 0
    assert array.sum() == 0


def test_frames_of_polars() -> None:
    pl = pytest.importorskip("polars")
    from polars.testing import assert_frame_equal, assert_series_equal

    frame = pl.DataFrame(
        {
            "i": [1, None, 3],
            "s": ["a", None, "c"],
            "t": [dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)] * 3,
            "d": [dt.date(2024, 1, 1)] * 3,
            "l": [[1], [], None],
            "r": [{"x": 1}, {"x": None}, {"x": 3}],
            "c": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
            "e": pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b"])),
            "n": pl.Series([None] * 3),
        }
    )
    assert_frame_equal(back([frame])[0], frame)
    assert_frame_equal(back(frame[:0]), frame[:0])
    assert_frame_equal(back(pl.DataFrame()), pl.DataFrame())
    for name in frame.columns:
        assert_series_equal(back(frame[name]), frame[name])
    refused(pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}), r"DataFrame with a column of objects \('o'\)")
    refused(frame.lazy(), "is a LazyFrame")


def test_frames_of_pandas() -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow", reason="pandas is written by pyarrow")
    frame = pd.DataFrame(
        {
            "i": [1, 2],
            "f": [1.0, np.nan],
            "s": ["a", None],
            "t": pd.to_datetime(["2024-01-01", None]),
            "z": pd.to_datetime(["2024-01-01"] * 2).tz_localize("UTC"),
            "n": pd.array([1, None], "Int64"),
            "c": pd.Categorical(["x", "y"], ordered=True),
            "p": pd.period_range("2024", periods=2, freq="M"),
            "v": pd.interval_range(0, 2),
        }
    )
    frame.attrs["note"] = [1]
    dated = frame.set_index(pd.date_range("2024", periods=2, freq="D"))
    for each in (
        frame,
        dated,
        frame[:0].drop(columns="c"),
        frame[["i", "f"]].rename(columns={"i": 1, "f": 2}),
        frame.set_index(["s", "c"]),
        pd.DataFrame(np.arange(4).reshape(2, 2)),
        pd.DataFrame({("a", "b"): [1]}),
        pd.DataFrame({"a": [1]}, index=pd.period_range("2024", periods=1, freq="M")),
        pd.DataFrame(),
    ):
        copy = back({"frame": each})["frame"]
        pd.testing.assert_frame_equal(copy, each, check_exact=True, check_freq=True)
        assert copy.attrs == each.attrs
    for name in ("i", ("a", 1), None):
        series = dated["f"].rename(name)
        pd.testing.assert_series_equal(back(series), series, check_freq=True)
    for column in ([1, "a"], [1, 2], ["a", float("nan")], [object()], [[1], [2]]):
        refused(
            pd.DataFrame({"o": pd.Series(column, dtype=object)}),
            "is a DataFrame that would not come back as what it is",
        )
    refused(pd.DataFrame([[1, 2]], columns=["a", "a"]), "is a DataFrame that would not come back")


def test_pandas_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    pd = pytest.importorskip("pandas")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    refused(pd.DataFrame({"a": [1]}), "is a DataFrame and is written by pyarrow, which is not installed")


def test_tables_of_arrow() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": [1, None], "b": ["x", None]}).replace_schema_metadata({"k": "v"})
    assert back(table).equals(table, check_metadata=True)
    assert back(table[:0]).equals(table[:0])
    (batch,) = table.to_batches()
    assert type(back(batch)) is pa.RecordBatch
    assert back(batch).equals(batch, check_metadata=True)
    for values in (
        pa.array([1, None]),
        pa.array(["a"]),
        pa.array([], pa.int8()),
        pa.array(["a", "b"]).dictionary_encode(),
        pa.chunked_array([[1], [2, 3]]),
        pa.chunked_array([], pa.int8()),
        pa.array([[1], None]),
    ):
        assert type(back(values)) is type(values)
        assert back(values).equals(values)


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    plane = torch.arange(6.0).reshape(2, 3)
    names = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float8_e4m3fn float8_e5m2 float16 bfloat16 float32"
    for dtype in (getattr(torch, name) for name in f"{names} float64 complex64".split()):
        whole = plane.to(dtype)
        for tensor in (whole, whole.T, whole[:, ::2], whole[0, 1], whole[:0], torch.empty((0, 3), dtype=dtype)):
            copy = back({"weights": [tensor]})["weights"][0]
            assert type(copy) is torch.Tensor
            assert (copy.dtype, copy.shape, copy.requires_grad) == (dtype, tensor.shape, False)
            assert copy.tolist() == tensor.tolist()
            copy.zero_()


def test_tensors_are_files_of_safetensors() -> None:
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    parts = parts_of("torch", torch.arange(3))
    assert isinstance(parts, tuple)
    name, pieces = parts
    assert name == "safetensors"
    assert safetensors.load(b"".join(pieces))["tensor"].tolist() == [0, 1, 2]


def test_tensors_that_are_refused() -> None:
    torch = pytest.importorskip("torch")
    refused(torch.zeros(2, requires_grad=True), r"a Tensor that requires a gradient, .*; return tensor.detach\(\)")
    refused(torch.nn.Parameter(torch.zeros(2)), "a Parameter, which would not come back as one")
    refused(torch.zeros(2, dtype=torch.complex128), "a Tensor of torch.complex128, for which safetensors has no word")
    refused(torch.eye(2).to_sparse(), "a Tensor that is not dense")
    refused(torch.zeros(2, device="meta"), "a Tensor that is not dense")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "I;16"])
def test_images(mode: str) -> None:
    library = pytest.importorskip("PIL.Image")
    image = library.new(mode, (9, 5))
    image.putpixel((1, 1), image.getpixel((0, 0)))
    image.info["dpi"] = (72, 72)
    copy = back(image)
    assert type(copy) is type(image)
    assert copy == image
    assert copy.info == image.info
    palette = library.new("RGB", (9, 9), "blue").quantize(4)
    assert back(palette).convert("RGB").tobytes() == palette.convert("RGB").tobytes()
