"""`cache_result`: arrays as keys, by type, shape and content, whatever their layout."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import cache_result

from .helpers import in_threads, joined
from .test_content import distinct, one_key

np: Any = pytest.importorskip("numpy")
Array = Any


def layouts(array: Array) -> list[Array]:
    """The same content lying differently."""
    wide = np.zeros((*array.shape, 2), array.dtype)
    wide[..., 0] = array
    backwards = (*(slice(None, None, -1),) * array.ndim, ...)
    turned = array[backwards].copy()[backwards]
    shifted = np.frombuffer(b"x" + array.tobytes(), np.uint8)[1:].view(array.dtype).reshape(array.shape)
    read_only = array.copy()
    read_only.flags.writeable = False
    copies = [np.ascontiguousarray(array), np.asfortranarray(array), wide[..., 0], turned, shifted, read_only]
    return [copy.reshape(array.shape) if copy.shape != array.shape else copy for copy in copies]


@pytest.mark.parametrize(
    "dtype",
    "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 g c8 c16 G >i4 >f8 >c16 M8[s] m8[ns] U3 S3 i4,f8 O".split(),
)
@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4), (2, 3, 4), (0,), (3, 0)])
def test_layouts_do_not_matter(dtype: str, shape: tuple[int, ...]) -> None:
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    array = numbers.astype(dtype) if dtype != "i4,f8" else np.array(numbers.astype(float), dtype)
    assert one_key(array, array.copy(), *([] if dtype == "O" else layouts(array)))
    assert distinct(array, array.reshape(*shape, 1), [array])
    if array.size > 1:
        changed = array.copy()
        changed.flat[array.size - 1] = array.flat[0]
        assert distinct(array, changed)


def test_large_layouts_do_not_matter() -> None:
    array = np.arange(300_000, dtype=np.float64).reshape(300, 1000)
    assert one_key(*layouts(array), array.T.copy().T)
    changed = array.copy()
    changed[150, 500] += 1
    assert distinct(array, changed, array.T, array.astype(np.float32))
    assert distinct(array, np.asfortranarray(changed))


def test_types_and_shapes_matter() -> None:
    assert distinct(
        *(
            np.zeros(4, dtype)
            for dtype in ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
        ),
        *(
            np.zeros(4, dtype)
            for dtype in [">i2", ">f8", "M8[s]", "M8[D]", "m8[s]", "U1", "S1", "S2", "i4,f4", "O", "g"]
        ),
        np.zeros((4, 1)),
        np.zeros((1, 4)),
        np.zeros((2, 2)),
        np.zeros(3),
        [0.0] * 4,
        memoryview(np.zeros(4)),
    )
    assert one_key(np.zeros(4, np.int64), np.zeros(4, np.longlong), np.zeros(4, "q"), np.zeros(4, "l"))


def test_floats_in_arrays_are_told_by_their_bits() -> None:
    assert distinct(np.array([0.0]), np.array([-0.0]))
    assert one_key(np.array([np.nan]), np.array([np.nan]))


def test_numbers_of_numpy_are_compared_as_numbers() -> None:
    assert one_key(np.float64(1.5), 1.5, np.float32(1.5))
    assert one_key([np.int64(1)], [np.int64(1)])


def test_broadcast_arrays() -> None:
    assert one_key(np.broadcast_to(np.float32(1), (100, 100)), np.ones((100, 100), np.float32))


def test_objects_in_arrays() -> None:
    assert one_key(np.array(["a", None, 1], object), np.array(["a", None, 1.0], object))
    assert distinct(np.array(["a"], object), np.array(["b"], object), np.array(["a"]), ["a"])


def test_masked_arrays() -> None:
    masked = np.ma.array([1, 2, 3], mask=[0, 1, 0])
    assert one_key(masked, np.ma.array([1, 5, 3], mask=[0, 1, 0]))
    assert distinct(
        masked, np.ma.array([1, 2, 3], mask=[0, 0, 0]), np.array([1, 2, 3]), np.ma.array([1, 2, 4], mask=[0, 1, 0])
    )


def test_derived_arrays(tmp_path: Any) -> None:
    mapped = np.memmap(tmp_path / "numbers", np.int32, "w+", shape=(3,))
    assert one_key(mapped, mapped.copy())
    assert distinct(mapped, np.zeros(3, np.int32), np.zeros((1, 3), np.int32).view(np.matrix))

    class Quantity(np.ndarray):  # type: ignore[misc]
        unit: str

    f = cache_result(lambda x: x)
    with pytest.raises(
        TypeError, match=r"argument 'x' of .* is of type .*Quantity, which has neither a hash nor content"
    ):
        f(np.zeros(3).view(Quantity))


def test_a_change_of_an_array_makes_another_key() -> None:
    calls = []
    f = cache_result(lambda x: calls.append(1))
    array = np.zeros(10)
    f(array)
    array[5] = 1
    f(array)
    array[5] = 0
    f(array)
    assert len(calls) == 2
    array.resize(20)  # Nothing is held.


def test_arrays_among_other_content() -> None:
    ones, twos = np.ones((2, 2)), np.full((2, 2), 2.0)
    assert one_key([ones, {"a": twos}], [np.asfortranarray(ones), {"a": twos.T}])
    assert distinct([ones, twos], [twos, ones], (ones, twos), {"a": ones, "b": twos}, {"a": twos, "b": ones})


def test_large_arrays_let_other_threads_run() -> None:
    large = np.zeros(64_000_000, np.uint8)
    f = cache_result(ttl=None)(lambda x: 1)
    f(large)
    started, over, ticks = threading.Event(), threading.Event(), 0

    def count() -> None:
        nonlocal ticks
        started.set()
        while not over.is_set():
            ticks += 1

    threads = in_threads(1, count)
    started.wait(20)
    for _ in range(20):
        f(large)
    over.set()
    joined(threads)
    assert ticks > 0
    assert f.cache_info().hits == 20


numbers = st.sampled_from(["?", "i2", "u8", "f4", "c16", ">f8", "U2", "M8[s]"])
shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@given(numbers, shapes, numbers, shapes, st.integers(0, 2), st.integers(0, 2), st.data())
def test_keys_are_equal_where_arrays_are(
    one: str, its: tuple[int, ...], other: str, others: tuple[int, ...], seed: int, another: int, data: Any
) -> None:
    def made(dtype: str, shape: tuple[int, ...], start: int) -> Array:
        values = (np.arange(int(np.prod(shape))) // 2 + start).reshape(shape).astype(dtype)
        return data.draw(st.sampled_from(layouts(values)))

    left, right = made(one, its, seed), made(other, others, another)
    equal = left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
    assert one_key(left, right) == equal
