"""Arrays, tensors, frames, tables and images as parts that can be written down: buffers, safetensors and Arrow's format.

Everything comes back as what it was, or is refused with a reason. Memory is copied once on each way.
"""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any, Literal

from cladding._wire import Pieces

if TYPE_CHECKING:
    from collections.abc import Callable

    from cladding._wire import Parts, Readers

    Writer = Callable[[Any], Parts | str | None]


def _library(name: str) -> Any:
    return importlib.import_module(name)


def parts_of(package: str, value: Any) -> Parts | str | None:
    """As `cladding._wire.parts_of`, for an object whose class is of a library that is known."""
    if found := _WRITERS.get((package, type(value).__qualname__)):
        return found(value)
    if package == "numpy" and isinstance(value, _library("numpy").generic):
        return _scalar(value)
    if package == "pyarrow" and isinstance(value, _library("pyarrow").Array):
        return _arrow_column(value)
    return None


# ---------------------------------------------------------------------------------------------------------------- numpy


def _array(value: Any) -> Parts | str | None:
    dtype = value.dtype
    if dtype.kind == "O":
        return "objects", value.shape, value.ravel().tolist()
    if dtype.hasobject or dtype.kind not in "biufcmMSUV":
        return f"of dtype {dtype}, which is not written"
    described: Any = dtype.str
    if dtype.fields is not None:
        described = _library("numpy").lib.format.dtype_to_descr(dtype)
        if _dtype(described) != dtype:
            return "of records that cannot be described"
    order: Literal["C", "F"] = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    return "ndarray", described, value.shape, order, _bytes(value, order)


def _bytes(value: Any, order: Literal["C", "F"]) -> memoryview:
    flat = value.ravel(order=order)
    # Nothing has no bytes to look at it by.
    return memoryview(flat.view("u1") if flat.nbytes else b"")


def _dtype(described: Any) -> Any:
    import numpy as np

    return np.dtype(described) if isinstance(described, str) else np.lib.format.descr_to_dtype(described)


def array_of(dtype: str, shape: tuple[int, ...], memory: bytearray, order: Literal["C", "F"] = "C") -> Any:
    """An array that lies in this memory, all of it."""
    import numpy as np

    array: Any = np.ndarray(shape, dtype, memory, order=order)
    if array.nbytes != len(memory):
        raise ValueError("an array is not as large as it should be")
    return array


def _read_array(described: Any, shape: tuple[int, ...], order: Literal["C", "F"], memory: bytearray) -> Any:
    dtype = _dtype(described)
    if dtype.hasobject:
        raise ValueError("memory is no objects")
    return array_of(dtype, shape, memory, order)


def _read_objects(shape: tuple[int, ...], items: list[Any]) -> Any:
    import numpy as np

    if math.prod(shape) != len(items):
        raise ValueError("an array is not as large as it should be")
    array = np.empty(len(items), object)
    for at, item in enumerate(items):
        array[at] = item
    return array.reshape(shape)


def _scalar(value: Any) -> Parts | str | None:
    np = _library("numpy")
    # An array would lose zeros at the end of these, and item() does.
    if type(value) is np.str_:
        return "numpy.str_", str.__getitem__(value, slice(None))
    if type(value) is np.bytes_:
        return "numpy.bytes_", bytes.__getitem__(value, slice(None))
    return ("scalar", np.asarray(value)) if not value.dtype.hasobject else None


def _read_scalar(name: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        import numpy as np

        return getattr(np, name)(value)

    return read


# ---------------------------------------------------------------------------------------------------------------- torch

_TENSORS = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}
"""The names that safetensors has for torch's types of elements."""


def _tensor(value: Any) -> Parts | str:
    """A file of safetensors with one tensor: https://github.com/huggingface/safetensors#format."""
    import json

    torch = _library("torch")
    if value.requires_grad:
        return "that requires a gradient, which it would lose; return tensor.detach()"
    if value.layout is not torch.strided or value.is_quantized or value.is_meta:
        return f"that is not dense ({value.layout}, {value.dtype}, {value.device})"
    word = next((word for word, name in _TENSORS.items() if getattr(torch, name, None) is value.dtype), None)
    if word is None:
        return f"of {value.dtype}, for which safetensors has no word"
    flat = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    data = memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b"")
    about = {"tensor": {"dtype": word, "shape": list(value.shape), "data_offsets": [0, data.nbytes]}}
    head = json.dumps(about, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return "safetensors", Pieces((len(head).to_bytes(8, "little"), head, data))


def _read_tensor(file: bytearray) -> Any:
    import json

    torch = _library("torch")

    start = 8 + int.from_bytes(file[:8], "little")
    if start > len(file):
        raise ValueError("a tensor is not as large as it should be")
    about = json.loads(file[8:start])["tensor"]
    dtype, shape = getattr(torch, _TENSORS[about["dtype"]]), about["shape"]
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(file) - start:
        raise ValueError("a tensor is not as large as it should be")
    flat = torch.frombuffer(file, dtype=dtype, offset=start) if count else torch.empty(0, dtype=dtype)
    return flat.reshape(shape)


# --------------------------------------------------------------------------------------------------- frames and tables


def _arrow(table: Any) -> memoryview:
    """A table or record batch in Arrow's format for streams."""
    pa = _library("pyarrow")

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return memoryview(sink.getvalue())


def _read_arrow(data: bytearray) -> Any:
    pa = _library("pyarrow")

    table = pa.ipc.open_stream(pa.py_buffer(data)).read_all()
    table.validate(full=True)
    return table


def _arrow_column(values: Any) -> Parts:
    pa = _library("pyarrow")

    return f"pyarrow.{'ChunkedArray' if hasattr(values, 'chunks') else 'Array'}", _arrow(pa.table({"": values}))


def _read_arrow_column(data: bytearray) -> Any:
    return _read_arrow(data).column(0)


def _read_arrow_array(data: bytearray) -> Any:
    column = _read_arrow(data).column(0)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _read_arrow_batch(data: bytearray) -> Any:
    pa = _library("pyarrow")

    batch = pa.ipc.open_stream(pa.py_buffer(data)).read_next_batch()
    batch.validate(full=True)
    return batch


def _pandas_frame(value: Any) -> Parts | str:
    try:
        pa = _library("pyarrow")
    except ImportError:
        return "and is written by pyarrow, which is not installed"
    pd = _library("pandas")

    try:
        data = _arrow(pa.Table.from_pandas(value))
        # Arrow knows nothing of the frequency of dates.
        has_frequency = isinstance(value.index, pd.DatetimeIndex | pd.TimedeltaIndex)
        about = value.index.freqstr if has_frequency else None, dict(value.attrs)
        back = _read_pandas_frame(bytearray(data), *about)
        pd.testing.assert_frame_equal(value, back, check_exact=True)
        if any(_classes(value.iloc[:, place]) != _classes(back.iloc[:, place]) for place in range(value.shape[1])):
            return "with a column whose objects would not come back as what they are"
    except (pa.ArrowException, AssertionError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        return f"that would not come back as what it is ({reason})"
    return "pandas.DataFrame", data, *about


def _classes(column: Any) -> list[type] | None:
    """What is in a column of any objects."""
    return [type(item) for item in column.array] if column.dtype == object else None


def _read_pandas_frame(data: bytearray, frequency: str | None, attributes: dict[Any, Any]) -> Any:
    frame = _read_arrow(data).to_pandas()
    if frequency is not None:
        frame.index.freq = frequency
    frame.attrs.update(attributes)
    return frame


def _pandas_series(value: Any) -> Parts | str:
    parts = _pandas_frame(value.to_frame("values"))
    return parts if isinstance(parts, str) else ("pandas.Series", value.name, *parts[1:])


def _read_pandas_series(name: Any, *parts: Any) -> Any:
    frame = _read_pandas_frame(*parts)
    series = frame["values"].rename(name)
    series.attrs.update(frame.attrs)
    return series


def _polars_frame(value: Any) -> Parts | str:
    pl = _library("polars")
    for name, dtype in value.schema.items():
        if dtype == pl.Object:
            return f"with a column of objects ({name!r})"
    return "polars.DataFrame", value.write_ipc(None).getbuffer()


def _read_polars_frame(data: bytearray) -> Any:
    import io

    pl = _library("polars")

    return pl.read_ipc(io.BytesIO(data))


def _polars_series(value: Any) -> Parts | str:
    parts = _polars_frame(value.to_frame())
    return parts if isinstance(parts, str) else ("polars.Series", *parts[1:])


# --------------------------------------------------------------------------------------------------------------- images


def _image(value: Any) -> Parts:
    palette = None
    if value.palette is not None:
        mode = "RGBA" if value.palette.mode == "RGBA" else "RGB"
        palette = mode, bytes(value.getpalette(mode))
    return "PIL.Image", value.mode, value.size, memoryview(value.tobytes()), palette, dict(value.info)


def _read_image(
    mode: str, size: tuple[int, int], data: bytearray, palette: tuple[str, bytes] | None, info: dict[Any, Any]
) -> Any:
    library = _library("PIL.Image")

    # No mode has less than a bit for each pixel.
    if math.prod(size) > 8 * len(data):
        raise ValueError("an image is not as large as it should be")
    image = library.frombytes(mode, tuple(size), bytes(data))
    if palette is not None:
        image.putpalette(palette[1], palette[0])
    image.info.update(info)
    return image


_WRITERS: dict[tuple[str, str], Writer] = {
    ("numpy", "ndarray"): _array,
    ("torch", "Tensor"): _tensor,
    ("pandas", "DataFrame"): _pandas_frame,
    ("pandas", "Series"): _pandas_series,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Table"): lambda value: ("pyarrow.Table", _arrow(value)),
    ("pyarrow", "RecordBatch"): lambda value: ("pyarrow.RecordBatch", _arrow(value)),
    ("pyarrow", "ChunkedArray"): _arrow_column,
    ("PIL", "Image"): _image,
}

READERS: Readers = {
    "ndarray": _read_array,
    "objects": _read_objects,
    "scalar": lambda array: array[()],
    "numpy.str_": _read_scalar("str_"),
    "numpy.bytes_": _read_scalar("bytes_"),
    "safetensors": _read_tensor,
    "pandas.DataFrame": _read_pandas_frame,
    "pandas.Series": _read_pandas_series,
    "polars.DataFrame": _read_polars_frame,
    "polars.Series": lambda data: _read_polars_frame(data).to_series(0),
    "pyarrow.Table": _read_arrow,
    "pyarrow.RecordBatch": _read_arrow_batch,
    "pyarrow.ChunkedArray": _read_arrow_column,
    "pyarrow.Array": _read_arrow_array,
    "PIL.Image": _read_image,
}
