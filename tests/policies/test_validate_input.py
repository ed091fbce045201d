"""`validate_input`: what each expectation lets through, how a failure is told, fallbacks, and what it refuses."""

from __future__ import annotations

import array
import asyncio
import enum
import functools
import gc
import pickle
import re
import sys
import threading
import time
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cladding
from cladding import Array, ConfigurationError, Keys, Range, ValidationError, validate_input

from .kinds import KINDS, Kind

np = pytest.importorskip("numpy")
hnp = pytest.importorskip("hypothesis.extra.numpy")

all_kinds = pytest.mark.parametrize("kind", KINDS, ids=str)


def checked(expectation: Any) -> Callable[[Any], bool]:
    """Whether an argument passes."""

    @validate_input(x=expectation)
    def take(x: Any) -> bool:
        return True

    def passes(value: Any) -> bool:
        try:
            return take(value)
        except ValidationError:
            return False

    return passes


def failure_of(expectation: Any, value: Any) -> ValidationError:
    @validate_input(x=expectation)
    def take(x: Any) -> None:
        raise AssertionError("the call was let through")

    with pytest.raises(ValidationError) as caught:
        take(value)
    return caught.value


# ------------------------------------------------------------------------------------------------------ numbers


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 9


@pytest.mark.parametrize(
    "value",
    [0, 5, 0.0, 4.999, 5.0, -0.0, Level.LOW, np.float32(2), np.int8(5), Decimal("4.9"), Fraction(9, 2), np.float64(0)],
)
def test_numbers_in_a_range_pass(value: Any) -> None:
    assert checked(Range(0, 5))(value)


NO_NUMBERS = [
    True,
    np.True_,
    "3",
    b"3",
    None,
    3j,
    [3],
    np.array(3),
    float("nan"),
    np.float32("nan"),
    Decimal("nan"),
    Decimal("sNaN"),
]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
@pytest.mark.parametrize("expectation", [Range(0, 5), Range(min=0), Range(max=5), Range()], ids=repr)
def test_what_is_no_number_is_refused(value: Any, expectation: Range) -> None:
    assert not checked(expectation)(value)


@pytest.mark.parametrize(
    "value", [-1, 6, 5.0000001, -1e-300, 2**70, -(2**70), 1e300, Level.HIGH, np.int64(6), Decimal("5.01")]
)
def test_numbers_outside_a_range_are_refused(value: Any) -> None:
    assert not checked(Range(0, 5))(value)


def test_infinity_is_beyond_every_bound_and_no_other() -> None:
    infinity = float("inf")
    assert checked(Range(min=0))(infinity)
    assert checked(Range(max=0))(-infinity)
    assert checked(Range())(infinity)
    assert not checked(Range(max=1e308))(infinity)
    assert checked(Range(max=infinity))(infinity)


bounds = st.one_of(st.none(), st.integers(-(2**80), 2**80), st.floats(allow_nan=False), st.integers(-9, 9))
numbers = st.one_of(
    st.integers(-(2**80), 2**80),
    st.floats(),
    st.integers(-9, 9),
    st.sampled_from([2**53, 2**53 + 1, 2**63, 2**63 - 1, -(2**63)]),
)


@given(bounds, bounds, numbers)
def test_ranges_compare_exactly(low: Any, high: Any, value: Any) -> None:
    if low is not None and high is not None and low > high:
        low, high = high, low
    expected = value == value and (low is None or low <= value) and (high is None or value <= high)
    assert checked(Range(low, high))(value) is expected


# ------------------------------------------------------------------------------------------------------ mappings


@pytest.mark.parametrize(
    "make", [dict, OrderedDict, types.MappingProxyType, lambda items: __import__("collections").ChainMap(items)]
)
def test_keys_are_looked_for_in_any_mapping(make: Any) -> None:
    passes = checked(Keys("a", "b"))
    assert passes(make({"a": 1, "b": 2, "c": 3}))
    assert not passes(make({"a": 1}))


@pytest.mark.parametrize("value", [["a", "b"], "ab", {"a", "b"}, None, 3], ids=repr)
def test_what_is_no_mapping_has_no_keys(value: Any) -> None:
    assert not checked(Keys("a"))(value)


# -------------------------------------------------------------------------------------------------------- arrays

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


# --------------------------------------------------------------------------------------- arguments are found


def test_arguments_by_position_and_by_keyword() -> None:
    @validate_input(a=Range(0, 1), b=Range(0, 1), c=Range(0, 1), d=Range(0, 1))
    def f(a: float, /, b: float, c: float = 0.5, *args: float, d: float = 0.5, **more: float) -> str:
        return "ok"

    assert f(0, 1, 1, 99, d=0, e=7) == f(0, b=1, c=0) == "ok"
    for args, kwargs, name in [
        ((2, 0), {}, "a"),
        ((0, 2), {}, "b"),
        ((0,), {"b": 2}, "b"),
        ((0, 0), {"c": 2}, "c"),
        ((0, 0, 2), {}, "c"),
        ((0, 0), {"d": 2}, "d"),
    ]:
        with pytest.raises(ValidationError) as caught:
            f(*args, **kwargs)
        assert caught.value.argument == name

    @validate_input(a=Range(0, 1))
    def g(a: float = 0.5, /, **more: float) -> dict[str, float]:
        return more

    # A keyword of a positional-only parameter's name is one of `more`, and not that parameter.
    assert f(0, 0, a=5) == "ok"
    assert g(a=5) == {"a": 5}


def test_further_keywords_are_found() -> None:
    @validate_input(rate=Range(0, 1))
    def f(**options: float) -> dict[str, float]:
        return options

    assert f(rate=1, other=9) == {"rate": 1, "other": 9}
    assert f() == {}
    with pytest.raises(ValidationError, match="`rate`"):
        f(rate=2)


def test_parameters_with_the_decorators_own_names() -> None:
    @validate_input({"fallback": Range(0, 1), "enabled": Range(0, 1), "expectations": Range(0, 1)}, self=Range(0, 1))
    def f(fallback: float, enabled: float, expectations: float, self: float) -> str:
        return "ok"

    assert f(0, 0, 0, 0) == "ok"
    for place in range(4):
        with pytest.raises(ValidationError):
            f(*[2 if i == place else 0 for i in range(4)])


def test_defaults_are_the_authors_own() -> None:
    @validate_input(y=Array())
    def f(x: Any, y: Any = None) -> Any:
        return "ok"

    @validate_input(y=Array())
    async def g(x: Any, y: Any = None) -> Any:
        return "ok"

    assert f(1) == f(1, None) == asyncio.run(g(1)) == asyncio.run(g(1, y=None)) == "ok"
    with pytest.raises(ValidationError):
        asyncio.run(g(1, 2))
    with pytest.raises(ValidationError):
        f(1, 2)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((9, 9, 9), {}), ((9,), {"x": 9}), ((9,), {"q": 1}), ((), {"y": 9}), ((9, 9), {"y": 9})],
)
def test_a_wrong_call_is_the_functions_own_type_error(args: Any, kwargs: Any) -> None:
    def f(x: float, y: float = 0) -> None: ...

    decorated = validate_input(x=Range(0, 1), y=Range(0, 1), fallback=1)(f)
    with pytest.raises(TypeError) as bare:
        f(*args, **kwargs)
    with pytest.raises(TypeError) as caught:
        decorated(*args, **kwargs)
    assert str(caught.value) == str(bare.value)
    assert decorated.cladding.validate_input.stats["rejected"] == 0


# -------------------------------------------------------------------------------- every kind, everywhere


@all_kinds
def test_every_kind_of_call_is_checked_before_it_runs(kind: Kind) -> None:
    ran: list[Any] = []
    f = validate_input(x=Range(0, 1))(kind.make(lambda x: ran.append(x)))
    kind.run(f, x=1)
    assert ran == [1]
    with pytest.raises(ValidationError) as caught:
        kind.run(f, x=2)
    assert ran == [1]
    assert (caught.value.argument, caught.value.got) == ("x", "2")
    assert f.cladding.validate_input.stats == {"checked": 2, "rejected": 1, "fallbacks": 0}


def test_methods_of_each_sort() -> None:
    expectation = validate_input(x=Range(0, 1))

    class Model:
        @expectation
        def method(self, x: float) -> float:
            return x

        @classmethod
        @expectation
        def below(cls, x: float) -> float:
            return x

        @expectation
        @classmethod
        def above(cls, x: float) -> float:
            return x

        @expectation
        @staticmethod
        def static(x: float) -> float:
            return x

    model = Model()
    for call in (
        model.method,
        Model.below,
        Model.above,
        model.above,
        Model.static,
        model.static,
        functools.partial(Model.method, model),
    ):
        assert call(1) == call(x=0.5) * 2 == 1
        with pytest.raises(ValidationError, match="`x`"):
            call(2)
        with pytest.raises(ValidationError, match="`x`"):
            call(x=2)


def test_classes_partials_and_callable_objects() -> None:
    @validate_input(x=Range(0, 1))
    class Point:
        def __init__(self, x: float) -> None:
            self.x = x

    assert Point(1).x == 1
    with pytest.raises(ValidationError):
        Point(2)

    def f(a: float, x: float) -> float:
        return a + x

    part = validate_input(x=Range(0, 1))(functools.partial(f, 10))
    assert part(1) == part(x=1) == 11
    with pytest.raises(ValidationError):
        part(2)

    class Adds:
        def __call__(self, x: float) -> float:
            return x + 1

    adds = validate_input(x=Range(0, 1))(Adds())
    assert adds(1) == 2
    with pytest.raises(ValidationError):
        adds(2)

    with pytest.raises(ConfigurationError, match=r"parameters of .*dict.* are not known"):
        validate_input(x=Range(0, 1))(dict)


def test_stacked_each_checks_its_own() -> None:
    @validate_input(x=Range(0, 10))
    @cladding.memory_guard
    @validate_input(x=Range(5, 20))
    def f(x: float) -> float:
        return x

    assert f(7) == 7
    with pytest.raises(ValidationError, match="from 0 to 10"):
        f(11)
    with pytest.raises(ValidationError, match="from 5 to 20"):
        f(4)
    outer, _, inner = f.cladding.policies
    assert (outer.stats["checked"], inner.stats["checked"]) == (3, 2)


# ----------------------------------------------------------------------------------------------- fallbacks


def test_a_fallback_value_and_a_fallback_function() -> None:
    @validate_input(x=Range(0, 1), fallback=None)
    def value(x: float) -> float | None:
        return x

    @validate_input(x=Range(0, 1), fallback=lambda x, *, scale=1: -x * scale)
    def function(x: float, *, scale: float = 1) -> float:
        return x

    assert (value(1), value(2), function(1), function(2), function(x=2, scale=3)) == (1, None, 1, -2, -6)
    assert function.cladding.validate_input.stats == {"checked": 3, "rejected": 2, "fallbacks": 2}


def test_a_fallback_of_a_coroutine_is_what_it_gives_when_awaited() -> None:
    @validate_input(x=Range(0, 1), fallback=lambda x: ("bad", x))
    async def f(x: float) -> Any:
        return x

    assert asyncio.run(f(1)) == 1
    assert asyncio.run(f(2)) == ("bad", 2)


def test_a_fallback_that_fails_is_heard() -> None:
    @validate_input(x=Range(0, 1), fallback=lambda x: 1 / 0)
    def f(x: float) -> float:
        return x

    with pytest.raises(ZeroDivisionError):
        f(2)


def test_fallbacks_that_make_no_sense_are_refused() -> None:
    async def other(x: float) -> float:
        return x

    policy = validate_input(x=Range(0, 1), fallback=other)
    with pytest.raises(ConfigurationError, match=r"`fallback` of .* must not be a coroutine function"):
        policy(other)

    def items(x: float):
        yield x

    async def async_items(x: float):
        yield x

    for generator in (items, async_items):
        with pytest.raises(ConfigurationError, match=r"`fallback` cannot be used on .*generator"):
            validate_input(x=Range(0, 1), fallback=[])(generator)


# ------------------------------------------------------------------------------------------------- failures


def test_an_error_names_function_argument_path_expectation_and_what_came() -> None:
    expectation = Array(shape=("n", 6), dtype="float32", finite=True)

    @validate_input(x=expectation)
    def predict(x: Any) -> None: ...

    values = np.ones((4, 6), np.float32)
    values[3, 5] = np.nan
    with pytest.raises(ValidationError, match=r"predict: `x\[3, 5\]` must be finite, got nan$") as caught:
        predict(values)
    error = caught.value
    assert isinstance(error, ValueError)
    assert isinstance(error, cladding.CladdingError)
    assert error.function.endswith("predict")
    assert (error.argument, error.path, error.expectation, error.got) == ("x", "x[3, 5]", expectation, "nan")
    again = pickle.loads(pickle.dumps(error))
    assert vars(again) == vars(error)
    assert str(again) == str(error)


@pytest.mark.parametrize(
    ("expectation", "value", "text"),
    [
        (Range(0, 1), 2, "`x` must be a number from 0 to 1, got 2"),
        (Range(min=0.5), "a", "`x` must be a number of at least 0.5, got 'a'"),
        (Range(max=2), Level.HIGH, "`x` must be a number of at most 2, got Level"),
        (Range(), None, "`x` must be a number, got None"),
        (Range(0, 1), [2], "`x` must be a number from 0 to 1, got list [2]"),
        (Range(0, 1), np.ones((2, 3)), "got ndarray of dtype float64 and shape (2, 3)"),
        (
            Keys("a", "b"),
            {"a": 1, "z": 2},
            "`x['b']` must be there, with the keys 'a', 'b', got dict with the keys 'a', 'z'",
        ),
        (Keys("a"), {}, "`x['a']` must be there, got an empty dict"),
        (Keys("a"), [1], "`x` must be a mapping with the key 'a', got list [1]"),
        (
            Array(dtype="float32"),
            np.ones((2, 3)),
            "`x` must be an array of dtype float32, got ndarray of dtype float64 and shape (2, 3)",
        ),
        (
            Array((2, None)),
            np.ones(3),
            "`x` must be an array of shape (2, any), got ndarray of dtype float64 and shape (3,)",
        ),
        (Array(("n", "n")), np.ones((2, 3)), "`x` must be an array of shape (n, n) with n = 2, got"),
        (Array(max=5), np.array([[1, 2], [9, 0]]), "`x[1, 0]` must be a number of at most 5, got 9"),
        (Array(min=0, max=1), np.array(-1.5), "`x[()]` must be a number from 0 to 1, got -1.5"),
    ],
)
def test_texts(expectation: Any, value: Any, text: str) -> None:
    assert text in str(failure_of(expectation, value))


def test_what_came_is_told_in_few_words() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    assert len(str(failure_of(Range(), "x" * 10_000))) < 300
    assert len(str(failure_of(Range(), list(range(10_000))))) < 300
    assert len(str(failure_of(Keys("a"), {f"key{i}": i for i in range(10_000)}))) < 300
    assert len(str(failure_of(Range(max=0), 10**5000))) < 300
    assert "Odd" in str(failure_of(Range(), Odd()))


def test_what_an_argument_raises_while_it_is_looked_at_is_heard() -> None:
    class Stops(dict):
        def __contains__(self, key: object) -> bool:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checked(Keys("a"))(Stops())


def test_the_metrics_count_rejections_by_argument() -> None:
    @validate_input(x=Range(0, 1), y=Keys("a"))
    def counted_here(x: Any, y: Any) -> None: ...

    for args in [(2, {}), (3, {}), (1, {}), (1, {"a": 1})]:
        try:
            counted_here(*args)
        except ValidationError:
            pass
    name = f"{__name__}.test_the_metrics_count_rejections_by_argument.<locals>.counted_here"
    text = cladding.metrics_text()
    assert f'cladding_rejected_inputs_total{{function="{name}",argument="x"}} 2\n' in text
    assert f'cladding_rejected_inputs_total{{function="{name}",argument="y"}} 1\n' in text


# -------------------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: validate_input(), "expectations are needed"),
        (lambda: validate_input({}), "expectations are needed"),
        (lambda: validate_input(lambda x: x), "cannot be used bare"),  # type: ignore[arg-type]
        (lambda: validate_input(x=int), "`x` must be an Array, a Range or Keys"),  # type: ignore[arg-type]
        (lambda: validate_input({"x": Range()}, x=Range()), "`x` must be given once"),
        (lambda: validate_input(x=Range(), enabled=3), "`enabled`"),  # type: ignore[arg-type]
        (lambda: Range(2, 1), "`min` must be at most `max`"),
        (lambda: Range(min=float("nan")), "`min` must be a number"),
        (lambda: Range(max=True), "`max` must be a number"),
        (lambda: Range(max="1"), "`max` must be a number"),  # type: ignore[arg-type]
        (lambda: Range(max=2**127), "`max`"),
        (lambda: Keys(), "`names`"),
        (lambda: Keys(""), "`names`"),
        (lambda: Keys("a", "a"), "`names`"),
        (lambda: Keys(1), "`names`"),  # type: ignore[arg-type]
        (lambda: Array(5), "`shape`"),  # type: ignore[arg-type]
        (lambda: Array("n"), "`shape`"),
        (lambda: Array((-1,)), "`shape`"),
        (lambda: Array((True,)), "`shape`"),
        (lambda: Array(("",)), "`shape`"),
        (lambda: Array((1.5,)), "`shape`"),  # type: ignore[arg-type]
        (lambda: Array((...,)), "`shape`"),  # type: ignore[arg-type]
        (lambda: Array(dtype="float33"), "`dtype`"),
        (lambda: Array(dtype=()), "`dtype`"),
        (lambda: Array(dtype=("int8", "int8")), "`dtype`"),
        (lambda: Array(dtype=np.dtype("f4").newbyteorder()), "`dtype`"),
        (lambda: Array(dtype=object), "`dtype`"),
        (lambda: Array(finite=1), "`finite`"),  # type: ignore[arg-type]
        (lambda: Array(min=2, max=1), "`min`"),
        (lambda: Array(max=float("nan")), "`max`"),
        (lambda: Array(dtype="bool", max=1), "`max` must be None for bool"),
        (lambda: Array(dtype="complex64", min=1), "`min` must be None for complex64"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(text)):
        make()


def test_a_parameter_that_is_not_there_is_refused_at_decoration() -> None:
    def f(a: int, *args: int, b: int = 0) -> None: ...

    for name in ("c", "args"):
        with pytest.raises(ConfigurationError, match=f"`{name}` must be a parameter of .*f, which has a, b"):
            validate_input({name: Range()})(f)


def test_dtypes_can_be_numpys_own() -> None:
    assert Array(dtype=np.float32) == Array(dtype=np.dtype("float32")) == Array(dtype="float32")
    assert Array(dtype=np.float32).dtype == ("float32",)
    assert Array(min=np.float32(0.5)).min == 0.5
    assert Range(np.int64(1), np.float64(2)) == Range(1, 2.0)


EXPECTATIONS = [
    Array(shape=("n", 64, None), dtype="float32", finite=True, min=0, max=1.5),
    Array(),
    Array(dtype=("float32", "float64")),
    Range(0, 1),
    Range(max=2.5),
    Keys("a", "b"),
]


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=repr)
def test_expectations_are_values(expectation: Any) -> None:
    again = pickle.loads(pickle.dumps(expectation))
    assert again == expectation
    assert hash(again) == hash(expectation)
    assert eval(repr(expectation)) == expectation
    assert [other == expectation for other in EXPECTATIONS].count(True) == 1
    with pytest.raises(AttributeError):
        expectation.min = 3


def test_policies_are_values() -> None:
    policy = validate_input(x=Range(0, 1), y=Keys("a"), fallback=None)
    same = validate_input({"y": Keys("a"), "x": Range(0, 1)}, fallback=None)
    assert policy == same
    assert hash(policy) == hash(same)
    assert policy != validate_input(x=Range(0, 1), y=Keys("a"))
    assert policy == pickle.loads(pickle.dumps(policy))
    assert repr(policy) == "validate_input(expectations={'x': Range(min=0, max=1), 'y': Keys('a')}, fallback=None)"
    assert policy.expectations["x"] == Range(0, 1)
    with pytest.raises(TypeError):
        policy.expectations["x"] = Range()
    assert cladding.stack(policy).policies == (policy,)


def test_switched_off_nothing_is_checked() -> None:
    def f(x: float) -> float:
        return x

    assert validate_input(x=Range(0, 1), enabled=False)(f) is f
    decorated = validate_input(x=Range(0, 1))(f)
    with cladding.disabled("validate_input"):
        assert decorated(2) == 2
    with pytest.raises(ValidationError):
        decorated(2)
    asked = validate_input(x=Range(0, 1), enabled=lambda: False)(f)
    assert asked(2) == 2


def test_a_default_that_leads_back_to_the_function_is_collected() -> None:
    class Box:
        function: Any = None

    def make() -> weakref.ref[Box]:
        box = Box()

        @validate_input(x=Range(), fallback=box)
        def f(x: float, b: Any = box) -> None: ...

        box.function = f
        return weakref.ref(box)

    found = make()
    gc.collect()
    assert found() is None
