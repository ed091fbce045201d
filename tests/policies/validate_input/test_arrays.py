"""`Array`: which dtypes, shapes and elements it lets through, in every layout of memory."""

from __future__ import annotations

import array
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import Array, ValidationError, validate_input

from .helpers import checked, failure_of

np = pytest.importorskip("numpy")
hnp = pytest.importorskip("hypothesis.extra.numpy")


# --------------------------------------------------------------------------------------------------------------- dtypes


NAMES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
NAMES += ["float16", "float32", "float64", "complex64", "complex128"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrap", [lambda a: a, memoryview], ids=["numpy", "memoryview"])
def test_every_dtype_is_known_by_its_name_alone(name: str, wrap: Any) -> None:
    value = wrap(np.ones((2, 3), name))
    assert [other for other in NAMES if checked(Array(dtype=other))(value)] == [name]
    assert checked(Array(dtype=("float32", name) if name != "float32" else name))(value)


@pytest.mark.parametrize("dtype", ["O", "S3", "U3", "M8[s]", "V8", "g", [("a", "f4")]], ids=str)
def test_other_dtypes_have_a_shape_but_no_numbers(dtype: Any) -> None:
    value = np.zeros((2, 3), dtype)
    assert checked(Array((2, 3)))(value)
    assert not checked(Array((3, 2)))(value)
    assert not checked(Array(dtype="float64"))(value)
    assert not checked(Array(finite=True))(value)
    assert not checked(Array(min=0))(value)


def test_the_other_byte_order_is_another_dtype_but_can_be_read() -> None:
    swapped = np.dtype("f4").newbyteorder()
    value = np.array([1.0, 2.0, np.nan], swapped)
    error = failure_of(Array(dtype="float32"), value)
    assert "float32 in the other byte order" in str(error)
    assert failure_of(Array(finite=True), value).path == "x[2]"
    assert checked(Array(min=1, max=2))(value[:2])


@pytest.mark.parametrize("value", [[1.0], "text", None, 3, object()], ids=["list", "str", "None", "int", "object"])
def test_what_has_no_buffer_is_no_array(value: Any) -> None:
    assert "buffer protocol" in str(failure_of(Array(), value))


def test_other_exporters_of_buffers_are_arrays() -> None:
    assert checked(Array((3,), dtype="float64", min=1, max=3))(array.array("d", [1, 2, 3]))
    assert not checked(Array(max=2))(array.array("i", [1, 2, 3]))
    assert checked(Array((3,), dtype="uint8"))(b"abc")
    assert checked(Array((2, 2), dtype="uint8"))(memoryview(b"abcd").cast("B", (2, 2)))
    assert checked(Array((), dtype="float64", finite=True))(np.array(1.0))
    released = memoryview(b"abc")
    released.release()
    assert not checked(Array())(released)


# --------------------------------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("shape", "expected", "fits"),
    [
        ((), (), True),
        ((3,), (), False),
        ((3, 4), (3, 4), True),
        ((3, 4), (4, 3), False),
        ((3, 4), (None, 4), True),
        ((3, 4), (3,), False),
        ((3, 4), (3, 4, 1), False),
        ((3, 3), ("n", "n"), True),
        ((3, 4), ("n", "n"), False),
        ((3, 4), ("n", "m"), True),
        ((0, 4), (0, 4), True),
    ],
)
@pytest.mark.parametrize("wrap", [lambda a: a, memoryview], ids=["numpy", "memoryview"])
def test_shapes(shape: Any, expected: Any, fits: bool, wrap: Any) -> None:
    assert checked(Array(expected))(wrap(np.zeros(shape))) is fits


def test_names_are_shared_between_the_arguments_of_one_call() -> None:
    @validate_input(x=Array(("n", "m")), y=Array(("n",)), z=Array(("m", None)))
    def take(x: Any, y: Any, z: Any = None) -> str:
        return "ok"

    assert take(np.zeros((3, 4)), np.zeros(3)) == "ok"
    assert take(np.zeros((5, 4)), np.zeros(5), z=np.zeros((4, 9))) == "ok"
    with pytest.raises(
        ValidationError, match=r"`y` must be an array of shape \(n,\) with n = 3 as in `x`, got .*\(5,\)"
    ):
        take(np.zeros((3, 4)), np.zeros(5))
    with pytest.raises(ValidationError, match=r"`z` .*\(m, any\) with m = 4 as in `x`"):
        take(np.zeros((3, 4)), np.zeros(3), np.zeros((3, 3)))


def test_many_names() -> None:
    names = tuple(f"n{i}" for i in range(12))
    passes = checked(Array(names + names))
    assert passes(np.zeros((1,) * 24))
    assert not passes(np.zeros((1,) * 23 + (2,)))


# ------------------------------------------------------------------------------------------------------------- elements


# The layouts that an array of the same elements can have.
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "backwards": lambda a: a[tuple(slice(None, None, -1) for _ in a.shape)],
    "every other": lambda a: np.repeat(a, 2, axis=0)[::2] if a.ndim else a,
    "unaligned": lambda a: _unaligned(a),
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "broadcast": lambda a: np.broadcast_to(a, (2, *a.shape)),
    "transposed": lambda a: a.T,
}


def _unaligned(values: Any) -> Any:
    room = np.zeros(values.nbytes + 1, np.uint8)[1:]
    shifted = room.view(values.dtype).reshape(values.shape)
    shifted[...] = values
    return shifted


element_types = st.one_of(
    hnp.integer_dtypes(endianness="="),
    hnp.unsigned_integer_dtypes(endianness="="),
    hnp.floating_dtypes(endianness="=", sizes=(16, 32, 64)),
)
arrays = element_types.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=6)))


@given(arrays, st.sampled_from(sorted(LAYOUTS)), st.booleans(), st.booleans(), st.data())
def test_elements_as_numpy_sees_them(
    values: Any, layout: str, finite: bool, bounded: bool, data: st.DataObject
) -> None:
    values = LAYOUTS[layout](values)
    low, high = None, None
    if bounded:
        # Bounds among the elements themselves, so that both answers come up.
        pool = [each for each in values.ravel().tolist() if each == each] or [0]
        low = data.draw(st.sampled_from([min(pool), *pool]))
        high = data.draw(st.sampled_from([max(pool), *(each for each in pool if each >= low)]))
    odd = np.zeros(values.shape, bool)
    if finite:
        odd |= ~np.isfinite(values)
    if bounded:
        odd |= ~((values >= values.dtype.type(low)) & (values <= values.dtype.type(high)))
    expectation = Array(finite=finite, min=low, max=high)
    assert checked(expectation)(values) == (not odd.any())
    if odd.any():
        index = tuple(int(each) for each in np.argwhere(odd)[0])
        place = ", ".join(map(str, index)) or "()"
        assert failure_of(expectation, values).path == f"x[{place}]"


@given(hnp.arrays(np.complex64, hnp.array_shapes(max_side=5)), st.sampled_from(sorted(LAYOUTS)))
def test_complex_numbers_are_finite_in_both_parts(values: Any, layout: str) -> None:
    values = LAYOUTS[layout](values)
    odd = ~np.isfinite(values)
    assert checked(Array(finite=True))(values) == (not odd.any())
    if odd.any():
        place = ", ".join(str(int(each)) for each in np.argwhere(odd)[0])
        assert failure_of(Array(finite=True), values).path == f"x[{place}]"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "uint8"])
@pytest.mark.parametrize("make", [lambda a: a, lambda a: np.repeat(a, 2)[::2]], ids=["whole", "strided"])
def test_one_odd_element_in_a_large_array_is_found(dtype: str, make: Any) -> None:
    values = np.ones(300_001, dtype)
    values[299_998] = 7
    assert not checked(Array(max=6))(make(values))
    assert failure_of(Array(max=6), make(values)).path == "x[299998]"
    assert checked(Array(min=1, max=7, finite=True))(make(values))


def test_every_float16_is_read_as_numpy_reads_it() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    for value in every[::37]:
        single = np.array([value])
        assert checked(Array(finite=True))(single) is bool(np.isfinite(value))
        if not np.isnan(value):
            assert checked(Array(min=float(value), max=float(value)))(single)


@given(st.floats(allow_nan=False, width=64), st.sampled_from([np.float16, np.float32, np.float64]))
def test_bounds_are_rounded_to_the_array_as_numpy_does(bound: float, kind: Any) -> None:
    with np.errstate(over="ignore", under="ignore"):
        rounded = kind(bound)
        below = np.nextafter(rounded, kind(-np.inf))
    if np.isfinite(rounded):
        assert checked(Array(min=bound, max=bound))(np.array([rounded]))
        assert not checked(Array(min=bound))(np.array([below]))


def test_integers_are_compared_exactly() -> None:
    assert not checked(Array(max=2**63 - 2))(np.array([2**63 - 1]))
    assert checked(Array(max=2**63 - 1))(np.array([2**63 - 1]))
    assert not checked(Array(min=2**64 - 1))(np.array([2**64 - 2], np.uint64))
    assert checked(Array(min=-(2**126), max=2**126))(np.array([2**64 - 1], np.uint64))
    assert checked(Array(min=0.5, max=1.5))(np.array([1]))
    assert not checked(Array(min=0.5))(np.array([0]))


def test_nan_is_within_no_bounds_but_passes_without_them() -> None:
    values = np.array([1.0, np.nan])
    assert checked(Array())(values)
    assert not checked(Array(min=0))(values)
    assert not checked(Array(max=2))(values)
    assert checked(Array(min=0))(np.array([np.inf]))


def test_booleans_have_no_bounds_and_are_finite() -> None:
    assert checked(Array(finite=True))(np.ones(3, bool))
    assert "integers" in str(failure_of(Array(min=0), np.ones(3, bool)))
    assert "integers" in str(failure_of(Array(max=0), np.ones(3, complex)))


def test_large_arrays_are_scanned_with_the_interpreter_free() -> None:
    """Another thread gets on while this one scans: it can only if the scan lets the lock go."""
    values = np.ones(40_000_000, np.float32)
    passes = checked(Array(finite=True))
    started, stop, counted = threading.Event(), threading.Event(), [0]

    def count() -> None:
        started.set()
        while not stop.is_set():
            counted[0] += 1
            time.sleep(0)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # nobody is interrupted: only who lets go is overtaken
    thread = threading.Thread(target=count)
    try:
        thread.start()
        started.wait()
        before = counted[0]
        assert passes(values)
        after = counted[0]
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        thread.join()
    assert after > before


@pytest.mark.parametrize("value", [np.datetime64("2020"), np.timedelta64(5, "s")], ids=repr)
@pytest.mark.parametrize(
    "expectation", [Array(), Array(dtype="uint8", shape=(8,)), Array(min=0), Array(finite=True)], ids=repr
)
def test_a_date_is_no_array_of_its_bytes(value: Any, expectation: Array) -> None:
    text = str(failure_of(expectation, value))
    assert f"must be an array (something with the buffer protocol), got {type(value).__name__}" in text
    assert checked(expectation)(bytes(8))
    assert checked(expectation)(np.zeros(8, np.uint8))
