"""What arguments without a hash are made of, for ``cache_result``'s keys: each kind of object is taken apart once.

No library is imported here: an object of one can only come where it is imported already.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Parts = tuple[Any, ...]


def taken_apart(value: Any) -> Parts | None:
    """A tuple of what an object is made of, beginning with its class; None if nothing is known of that.

    The parts are of the language's own types, plain arrays, objects that have a hash, or are taken apart in their turn.
    Two objects with equal parts are one key.
    """
    cls = type(value)
    if (own := getattr(cls, "__cladding_key__", None)) is not None:
        return cls, own(value)
    for base in cls.__mro__:
        if found := _KNOWN.get((_package(base), base.__qualname__)):
            parts = found(value)
            return None if parts is None else (cls, *parts)
    return _by_shape(cls, value)


def _package(cls: type) -> str:
    return str(cls.__module__).partition(".")[0]


def _by_shape(cls: type, value: Any) -> Parts | None:
    """Classes of the user's own, known by what made them."""
    if hasattr(cls, "__dataclass_fields__"):
        import dataclasses

        return cls, *(getattr(value, field.name) for field in dataclasses.fields(value) if field.compare)
    if (attributes := getattr(cls, "__attrs_attrs__", None)) is not None:
        return cls, *(getattr(value, each.name) for each in attributes if each.eq)
    return None


# ---------------------------------------------------------------------------------------------------- the language's own


def _state(value: Any) -> Any:
    """What an object of a derived class has besides."""
    return getattr(value, "__dict__", None) or None


def _sequence(value: Any) -> Parts:
    return tuple(type(value).__iter__(value)), _state(value)


def _set(value: Any) -> Parts:
    return set(value), _state(value)


def _dict(value: Any) -> Parts:
    return dict(value.items()), _state(value)


def _ordered_dict(value: Any) -> Parts:
    return tuple(value.items()), _state(value)


def _default_dict(value: Any) -> Parts:
    return dict(value), value.default_factory, _state(value)


def _deque(value: Any) -> Parts:
    return tuple(value), value.maxlen, _state(value)


def _array(value: Any) -> Parts:
    return (memoryview(value),)


def _bytearray(value: Any) -> Parts:
    return memoryview(value), _state(value)


def _slice(value: slice) -> Parts:
    return value.start, value.stop, value.step


def _namespace(value: Any) -> Parts:
    return (vars(value),)


# ------------------------------------------------------------------------------------------------------------ libraries


def _model(value: Any) -> Parts:
    """A pydantic model, by what it compares."""
    return value.__dict__, value.__pydantic_private__, value.__pydantic_extra__


def _ndarray(value: Any) -> Parts | None:
    numpy: Any = sys.modules["numpy"]
    if type(value) is not numpy.ndarray:
        # What a class of somebody else's adds to an array is not known.
        plain = type(value) in (numpy.memmap, numpy.matrix, numpy.recarray)
        return (value.view(value.dtype, numpy.ndarray),) if plain else None
    kind = value.dtype.kind
    if kind in "OT":
        return value.dtype.str, value.shape, value.tolist()
    if kind in "mM":
        return value.dtype.str, value.view("i8")
    if value.dtype.hasobject:
        return None
    if kind in "biufc" and value.dtype.itemsize <= 16 and value.dtype.char not in "gG":
        return (memoryview(value),)
    return repr(value.dtype), value.shape, value.tobytes()


def _masked_array(value: Any) -> Parts:
    numpy: Any = sys.modules["numpy"]
    mask = numpy.ma.getmaskarray(value)
    data = numpy.array(value.data, copy=True, subok=False)
    data[mask] = numpy.zeros((), value.dtype)
    return data, mask, repr(value.fill_value)


def _tensor(value: Any) -> Parts | None:
    torch: Any = sys.modules["torch"]
    about = str(value.dtype), tuple(value.shape), str(value.device), value.requires_grad, str(value.layout)
    value = value.detach()
    if value.layout is torch.sparse_coo:
        value = value.coalesce()
        return about, value.indices(), value.values()
    if value.layout is not torch.strided or value.is_quantized:
        return None
    flat = value.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return about, flat.view(torch.uint8).numpy()


def _image(value: Any) -> Parts:
    """A PIL image, by what it compares."""
    return value.mode, value.size, value.info, value.getpalette(), value.tobytes()


def _pandas_frame(value: Any) -> Parts:
    columns = [_pandas_values(value.iloc[:, place].array) for place in range(value.shape[1])]
    return value.columns, value.index, columns, value.attrs


def _pandas_series(value: Any) -> Parts:
    return value.name, value.index, _pandas_values(value.array), value.attrs


def _pandas_index(value: Any) -> Parts:
    if hasattr(value, "levels"):
        levels = [_pandas_values(value.get_level_values(place).array) for place in range(value.nlevels)]
        return tuple(value.names), levels
    return value.name, _pandas_values(value.array)


def _pandas_range(value: Any) -> Parts:
    return value.name, value.start, value.stop, value.step


def _pandas_values(values: Any) -> Parts:
    """An extension array, or a wrapper around one of numpy's."""
    dtype, cls = values.dtype, type(values).__name__
    if cls in ("NumpyExtensionArray", "PandasArray"):
        return str(dtype), values.to_numpy()
    if cls == "Categorical":
        return str(dtype), values.codes, values.categories, values.ordered
    if hasattr(values, "asi8"):
        return str(dtype), values.asi8
    if cls == "IntervalArray":
        return str(dtype), values.closed, values.left, values.right
    missing = values.isna()
    if hasattr(dtype, "numpy_dtype") and hasattr(values, "_mask"):
        return str(dtype), missing, values.to_numpy(dtype.numpy_dtype, na_value=0)
    kept = values[~missing]
    return str(dtype), missing, [item.item() if hasattr(item, "item") else item for item in kept]


def _polars_frame(value: Any) -> Parts:
    return (tuple((name, _polars_values(value[name])) for name in value.columns),)


def _polars_series(value: Any) -> Parts:
    return value.name, _polars_values(value)


def _polars_values(values: Any) -> Parts:
    dtype = values.dtype
    about = repr(dtype)
    if dtype.is_numeric() or dtype.is_temporal() or about == "Boolean":
        if not dtype.is_decimal():
            numbers, missing = values.to_physical(), values.is_null()
            if missing.any():
                numbers = numbers.fill_null(False if about == "Boolean" else 0)
                return about, numbers.to_numpy(), missing.to_numpy()
            return about, numbers.to_numpy(), None
        return about, [None if item is None else str(item) for item in values.to_list()]
    return about, values.to_list()


def _arrow_table(value: Any) -> Parts:
    columns = [_arrow_values(value.column(place)) for place in range(value.num_columns)]
    return _arrow_schema(value.schema), value.num_rows, columns


def _arrow_schema(schema: Any) -> Parts:
    fields = [(field.name, str(field.type), field.nullable, field.metadata) for field in schema]
    return fields, schema.metadata


def _arrow_values(values: Any) -> Parts:
    """An array or a chunked one; how it is divided does not matter."""
    kind: Any = sys.modules["pyarrow"].types
    about = str(values.type)
    if kind.is_integer(values.type) or kind.is_floating(values.type):
        missing = values.is_null() if values.null_count else None
        numbers = values if missing is None else values.fill_null(0)
        plain = _arrow_numpy(numbers)
        return about, plain, missing if missing is None else _arrow_numpy(missing)
    return about, values.to_pylist()


def _arrow_numpy(values: Any) -> Any:
    # Of a chunked array there is one way, of an array another.
    return values.to_numpy() if hasattr(values, "chunks") else values.to_numpy(zero_copy_only=False)


_KNOWN: dict[tuple[str, str], Callable[[Any], Parts | None]] = {
    ("builtins", "list"): _sequence,
    ("builtins", "tuple"): _sequence,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
    ("collections", "OrderedDict"): _ordered_dict,
    ("collections", "defaultdict"): _default_dict,
    ("collections", "deque"): _deque,
    ("builtins", "dict"): _dict,
    ("builtins", "bytearray"): _bytearray,
    ("builtins", "slice"): _slice,
    ("types", "SimpleNamespace"): _namespace,
    ("array", "array"): _array,
    ("pydantic", "BaseModel"): _model,
    ("numpy", "MaskedArray"): _masked_array,
    ("numpy", "ndarray"): _ndarray,
    ("torch", "Tensor"): _tensor,
    ("PIL", "Image"): _image,
    ("pandas", "DataFrame"): _pandas_frame,
    ("pandas", "Series"): _pandas_series,
    ("pandas", "RangeIndex"): _pandas_range,
    ("pandas", "Index"): _pandas_index,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Table"): _arrow_table,
    ("pyarrow", "RecordBatch"): _arrow_table,
    ("pyarrow", "Array"): _arrow_values,
    ("pyarrow", "ChunkedArray"): _arrow_values,
}
