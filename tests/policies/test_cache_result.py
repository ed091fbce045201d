"""`cache_result`: what is one key, what is kept and for how long, what is refused, and what the numbers say."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import gc
import inspect
import pickle
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import CladdingError, ConfigurationError, cache_result, metrics_text, monitor, of, retry, stack


class Counted:
    """A function's body that counts its runs."""

    def __init__(self) -> None:
        self.runs: list[Any] = []

    def __call__(self, *args: Any) -> int:
        self.runs.append(args)
        return len(self.runs)


@pytest.fixture
def body() -> Counted:
    return Counted()


def in_a_loop(test: Callable[..., Any]) -> Callable[..., None]:
    """Runs a coroutine test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def stats(function: Any) -> dict[str, int]:
    found: dict[str, int] = of(function).cache_result.stats
    return found


# ---- keys ----------------------------------------------------------------------------------------------------------


def test_one_key_however_the_call_is_written(body: Counted) -> None:
    @cache_result
    def f(x: int, y: int = 2, *, z: int = 3) -> int:
        return body(x, y, z)

    calls = [f(1), f(x=1), f(1, 2), f(1, y=2), f(y=2, x=1), f(1, z=3), f(z=3, y=2, x=1), f(1, 2, z=3)]
    assert calls == [1] * 8
    assert f(1, 3) == f(1, y=3) == f(y=3, x=1) == 2
    assert f(1, z=4) == f(1, 2, z=4) == 3
    assert body.runs == [(1, 2, 3), (1, 3, 3), (1, 2, 4)]


def test_one_key_for_functions_of_few_parameters(body: Counted) -> None:
    one = cache_result(lambda x: body())
    assert one(1) == one(x=1) == 1
    default = cache_result(lambda x=1: body())
    assert default() == default(1) == default(x=1) == 2
    keyword = cache_result(lambda *, k=1: body())
    assert keyword() == keyword(k=1) == 3
    any_keyword = cache_result(lambda **kwargs: body())
    assert any_keyword(a=1) == any_keyword(a=1) == 4
    assert any_keyword(b=1) == 5
    nothing = cache_result(lambda: body())
    assert nothing() == nothing() == 6


def test_var_arguments_are_kept_apart(body: Counted) -> None:
    @cache_result
    def f(a: int, *args: Any, k: int = 0, **kwargs: Any) -> int:
        return body()

    keys: list[Callable[[], int]] = [
        lambda: f(1),
        lambda: f(1, 2),
        lambda: f(1, 0, 2),
        lambda: f(1, k=2),
        lambda: f(1, 2, k=2),
        lambda: f(1, b=2),
        lambda: f(1, "b", 2),
        lambda: f(1, b=2, c=3),
        lambda: f(1, 2, b=2),
    ]
    assert [key() for key in keys] == list(range(1, len(keys) + 1))
    assert [key() for key in keys] == list(range(1, len(keys) + 1))
    assert f(1, c=3, b=2) == f(1, b=2, c=3)
    assert f(1, k=0) == f(1)


def test_positional_only_name_in_var_keywords(body: Counted) -> None:
    @cache_result
    def f(x: int, /, **kwargs: int) -> int:
        return body()

    assert [f(1), f(1, x=2), f(1, x=3), f(1, x=2)] == [1, 2, 3, 2]


@pytest.mark.parametrize("wrong", [lambda f: f(), lambda f: f(1, x=1), lambda f: f(1, bogus=1), lambda f: f(1, 2, 3)])
def test_wrong_calls_stay_wrong(wrong: Callable[[Any], Any]) -> None:
    def f(x: int, y: int = 2) -> int:
        return x

    cached = cache_result(f)
    cached(1)
    cached(1, 2)
    with pytest.raises(TypeError) as bare:
        wrong(f)
    for _ in range(2):
        with pytest.raises(TypeError) as error:
            wrong(cached)
        assert str(error.value) == str(bare.value)


def test_unknown_parameters_are_keys_as_they_come(body: Counted) -> None:
    cached: Any = cache_result(functools.partial(body, 1))
    assert [cached(2), cached(2), cached(3)] == [1, 1, 2]


def test_equal_as_in_a_dict(body: Counted) -> None:
    f = cache_result(lambda x: body(x))
    assert f(1) == f(1.0) == f(True) == f(1 + 0j) == 1
    assert f("1") == 2
    assert f(b"1") == 3
    assert f(None) == 4
    assert f(0.0) == f(-0.0) == f(0) == f(False) == 5
    assert f((1, "a")) == f((1.0, "a")) == 6
    assert f(("1", "a")) == 7
    assert f((b"1",)) == 8
    assert f(("1",)) == 9
    assert f("a b") == 10
    assert f(frozenset({1})) == f(frozenset({1.0})) == 11


def test_every_nan_is_one_key(body: Counted) -> None:
    f = cache_result(lambda x: body(x))
    assert f(float("nan")) == f(float("nan")) == f(-float("nan")) == f(float("inf") - float("inf")) == 1
    assert f(float("inf")) == 2


def test_minus_one_and_minus_two_have_one_hash(body: Counted) -> None:
    f = cache_result(lambda x: body(x))
    assert hash(-1) == hash(-2)
    assert [f(-1), f(-2), f(-1), f(-2)] == [1, 2, 1, 2]
    assert stats(f)["hits"] == 2


def test_order_and_number_of_arguments_matter(body: Counted) -> None:
    f = cache_result(lambda *args: body())
    assert [f(1, 2), f(2, 1), f(1), f(), f((1, 2)), f(1, 2)] == [1, 2, 3, 4, 5, 1]


def test_a_value_that_only_its_method_can_compare(body: Counted) -> None:
    class Celsius:
        def __init__(self, degrees: float) -> None:
            self.degrees = degrees

        def __hash__(self) -> int:
            return hash(self.degrees)

        def __eq__(self, other: object) -> bool:
            return self.degrees == (other.degrees if isinstance(other, Celsius) else other)

    f = cache_result(lambda x, y=0: body())
    assert f(Celsius(20)) == f(Celsius(20)) == f(20) == f(20.0) == f(Celsius(20), 0) == 1
    assert f(Celsius(21)) == 2
    assert f(Celsius(20), 1) == 3


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int


def test_frozen_dataclasses_are_keys(body: Counted) -> None:
    f = cache_result(lambda p: body())
    assert [f(Point(1, 2)), f(Point(1, 2)), f(Point(2, 1))] == [1, 1, 2]


@pytest.mark.parametrize(
    ("call", "argument", "kind"),
    [
        (lambda f: f([1]), "'x'", "list"),
        (lambda f: f(x=[1]), "'x'", "list"),
        (lambda f: f(1, {}), "positional argument 2", "dict"),
        (lambda f: f(1, 2, set()), "positional argument 3", "set"),
        (lambda f: f(1, k=bytearray()), "'k'", "bytearray"),
        (lambda f: f(1, other={}), "'other'", "dict"),
        (lambda f: f((1, [2])), "'x'", "tuple"),
    ],
)
def test_unhashable_arguments_are_named(call: Callable[[Any], Any], argument: str, kind: str) -> None:
    @cache_result
    def f(x: Any, *args: Any, k: Any = None, **kwargs: Any) -> Any:
        return x

    with pytest.raises(TypeError, match="has no hash") as error:
        call(f)
    assert argument in str(error.value)
    assert f"is of type {kind}," in str(error.value)
    assert "not supported yet" in str(error.value)
    assert "unhashable" in str(error.value.__cause__)
    assert f.cache_info().currsize == 0


def test_numpy_arrays_are_refused_as_keys() -> None:
    numpy = pytest.importorskip("numpy")
    f = cache_result(lambda x: x)
    with pytest.raises(TypeError, match="of type ndarray"):
        f(numpy.ones(3))
    assert f(numpy.float64(1.5)) == f(1.5)
    assert stats(f)["hits"] == 1


def test_an_unhashable_default_is_one_key(body: Counted) -> None:
    @cache_result
    def f(x: int, options: dict[str, int] = {}) -> int:
        return body()

    assert [f(1), f(1), f(x=1), f(2)] == [1, 1, 1, 2]
    with pytest.raises(TypeError, match="argument 'options'"):
        f(1, {})


@in_a_loop
async def test_an_unhashable_default_of_a_coroutine_function() -> None:
    runs = []

    @cache_result
    async def f(x: int, *, options: list[int] = []) -> int:
        runs.append(x)
        return x

    assert [await f(1), await f(1), await f(x=1)] == [1, 1, 1]
    assert runs == [1]


def test_an_error_in_hash_or_eq_reaches_the_caller() -> None:
    class Odd:
        def __init__(self, part: str) -> None:
            self.part = part

        def __hash__(self) -> int:
            if self.part == "hash":
                raise ArithmeticError("no hash today")
            return 1

        def __eq__(self, other: object) -> bool:
            raise ArithmeticError("no equality today")

    f = cache_result(lambda x: 5)
    with pytest.raises(ArithmeticError, match="no hash"):
        f(Odd("hash"))
    first = Odd("eq")
    assert f(first) == f(first) == 5
    with pytest.raises(ArithmeticError, match="no equality"):
        f(Odd("eq"))
    assert f(first) == 5


# ---- what is kept --------------------------------------------------------------------------------------------------


def test_none_is_kept(body: Counted) -> None:
    @cache_result
    def f() -> None:
        body()

    assert f() is f() is None
    assert len(body.runs) == 1


def test_exceptions_are_not_kept(body: Counted) -> None:
    @cache_result
    def f(x: int) -> int:
        if body(x) < 3:
            raise KeyError(x)
        return x

    for _ in range(2):
        with pytest.raises(KeyError):
            f(1)
        assert f.cache_info().currsize == 0
    assert f(1) == f(1) == 1
    assert len(body.runs) == 3


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_interrupts_are_not_kept(kind: type[BaseException]) -> None:
    raising = [kind()]

    @cache_result
    def f() -> int:
        if raising:
            raise raising.pop()
        return 1

    with pytest.raises(kind):
        f()
    assert f() == 1


def test_results_are_handed_out_as_they_are() -> None:
    f = cache_result(lambda: [1])
    assert f() is f()


@pytest.mark.parametrize(
    "make",
    [lambda: iter([1]), lambda: map(str, [1]), lambda: (i for i in [1]), lambda: memoryview(b"1")],
    ids=["list_iterator", "map", "generator", "memoryview"],
)
def test_what_would_be_used_up_is_refused(make: Callable[[], Any]) -> None:
    f = cache_result(make)
    for _ in range(2):
        with pytest.raises(TypeError, match=r"cannot keep what .* returned: a "):
            f()
    assert f.cache_info().currsize == 0


def test_generator_functions_are_refused_at_decoration() -> None:
    def items() -> Any:
        yield 1

    async def aitems() -> Any:
        yield 1

    with pytest.raises(TypeError, match=r"the generator function .*items\(\)"):
        cache_result(items)
    with pytest.raises(TypeError, match=r"the async generator function .*aitems\(\)"):
        cache_result(ttl=5)(aitems)


def test_bound_on_entries(body: Counted) -> None:
    f = cache_result(max_entries=3)(lambda x: body(x))
    for x in range(10):
        f(x)
    assert f.cache_info().currsize == 3
    assert stats(f)["evictions"] == 7
    f(9)
    assert stats(f)["hits"] == 1


def test_one_entry(body: Counted) -> None:
    f = cache_result(max_entries=1)(lambda x: body(x))
    assert [f(1), f(1), f(2), f(2), f(1)] == [1, 1, 2, 2, 3]


def test_no_bound(body: Counted) -> None:
    f = cache_result(max_entries=None, ttl=None)(lambda x: body(x))
    for x in range(20_000):
        f(x)
    assert f.cache_info() == (0, 20_000, None, 20_000)


def test_results_expire(body: Counted) -> None:
    f = cache_result(ttl=0.2)(lambda x: body(x))
    begun = time.monotonic()
    first, second = f(1), f(1)
    if time.monotonic() - begun < 0.19:
        assert (first, second) == (1, 1)
    time.sleep(0.25)
    assert f(1) > first
    assert stats(f)["expirations"] >= 1
    time.sleep(0.25)
    assert f.cache_info().currsize == 0


def test_expired_results_are_freed_by_later_calls() -> None:
    class Big:
        pass

    f = cache_result(ttl=0.05)(lambda x: Big())
    dead = [weakref.ref(f(x)) for x in range(10)]
    time.sleep(0.1)
    for x in range(10, 20):
        f(x)
    assert not any(ref() for ref in dead)


@pytest.mark.parametrize("ttl", [1e300, 1e10, timedelta.max, timedelta(days=400 * 365), 1e-12])
def test_extreme_lifes(ttl: Any, body: Counted) -> None:
    f = cache_result(ttl=ttl)(lambda: body())
    f()
    f()
    assert len(body.runs) == (2 if ttl == 1e-12 else 1)


# ---- configuration -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ttl", [0, 0.0, -1, float("nan"), float("inf"), "60", True, timedelta(0), timedelta(-1), [1]])
def test_wrong_ttl(ttl: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"cache_result: `ttl` must be a finite number of seconds above 0.*, got"
    ):
        cache_result(ttl=ttl)


@pytest.mark.parametrize("max_entries", [0, -1, True, 1.5, "10", 2**70])
def test_wrong_max_entries(max_entries: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"cache_result: `max_entries` must be an int of at least 1, or None, got"
    ):
        cache_result(max_entries=max_entries)


def test_wrong_configuration_is_a_value_error_too() -> None:
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(ConfigurationError, CladdingError)


@pytest.mark.parametrize("name", ["maxsize", "typed", "key", "max_bytes", "stale", "store"])
def test_parameters_that_are_not_there_are_named(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        cache_result(**{name: 1})


def test_none_is_no_target() -> None:
    policy: Any = cache_result(None)
    assert policy.name == "cache_result"
    assert policy.ttl is None


def test_ttl_by_position_and_as_timedelta() -> None:
    assert cache_result(5)(lambda: 1).cache_parameters() == {"ttl": 5.0, "max_entries": 10_000}
    minutes = timedelta(minutes=2)
    assert cache_result(minutes, max_entries=None)(lambda: 1).cache_parameters() == {"ttl": 120.0, "max_entries": None}
    assert cache_result(lambda: 1).cache_parameters() == {"ttl": 60.0, "max_entries": 10_000}


def test_policies_are_values() -> None:
    assert cache_result() == cache_result(ttl=60, max_entries=10_000)
    assert cache_result() != cache_result(ttl=61)
    assert repr(cache_result(5)) == "cache_result(ttl=5, max_entries=10000)"
    assert pickle.loads(pickle.dumps(cache_result(5))) == cache_result(5)
    assert stack(monitor(), cache_result(5)).policies[1] == cache_result(5)


def test_enabled() -> None:
    def f() -> int:
        return 1

    assert cache_result(enabled=False)(f) is f
    on = [True]
    runs = []
    g = cache_result(enabled=lambda: on[0])(lambda: runs.append(1))
    g()
    g()
    on[0] = False
    g()
    assert len(runs) == 2


# ---- numbers -------------------------------------------------------------------------------------------------------


def test_info_and_clear_as_functools_has_them(body: Counted) -> None:
    f = cache_result(max_entries=5)(lambda x: body(x))
    f(1), f(1), f(2)
    info = f.cache_info()
    assert info == (1, 2, 5, 2)
    assert (info.hits, info.misses, info.maxsize, info.currsize) == (1, 2, 5, 2)
    assert info._fields == functools.lru_cache(lambda: 1).cache_info()._fields
    assert f.cache_clear() is None
    assert f.cache_info() == (0, 0, 5, 0)
    assert f(1) == 3
    assert stats(f) == {"hits": 1, "misses": 3, "waits": 0, "entries": 1, "evictions": 0, "expirations": 0}


def test_clear_empties_the_caches_of_a_stack_alone(body: Counted) -> None:
    @stack(monitor(), cache_result(ttl=None), retry(max_retries=1, initial_delay=0))
    def f(x: int) -> int:
        return body(x)

    f(1)
    f(1)
    assert of(f).monitor.stats["calls"] == 2
    f.cache_clear()
    assert f(1) == 2


def test_metrics() -> None:
    def f(x: int) -> int:
        return x

    f.__qualname__ = f.__name__ = "cached_for_metrics"
    cached = cache_result(max_entries=1)(f)
    cached(1), cached(1), cached(2)
    text = metrics_text()
    label = f'function="{__name__}.cached_for_metrics"'
    assert f"cladding_cache_hits_total{{{label}}} 1\n" in text
    assert f"cladding_cache_misses_total{{{label}}} 2\n" in text
    assert f"cladding_cache_entries{{{label}}} 1\n" in text
    assert f'cladding_cache_evictions_total{{{label},cause="capacity"}} 1\n' in text
    assert f'cladding_cache_evictions_total{{{label},cause="expired"}} 0\n' in text
    assert "# TYPE cladding_cache_entries gauge\n" in text


# ---- methods and other callables -----------------------------------------------------------------------------------


class Plain:
    def __init__(self) -> None:
        self.runs = 0

    @cache_result
    def method(self, x: int) -> int:
        self.runs += 1
        return x + id(self)

    @cache_result(ttl=5)
    async def coroutine(self, x: int) -> int:
        self.runs += 1
        return x

    @classmethod
    @cache_result
    def above(cls, x: int) -> list[Any]:
        return [cls, x]

    @cache_result
    @classmethod
    def below(cls, x: int) -> list[Any]:
        return [cls, x]

    @cache_result
    @staticmethod
    def static(x: int) -> list[int]:
        return [x]

    @property
    @cache_result
    def value(self) -> list[int]:
        return [1]


class Slotted:
    __slots__ = ("runs",)

    def __init__(self) -> None:
        self.runs = 0

    @cache_result
    def method(self, x: int) -> int:
        self.runs += 1
        return x


def test_instances_are_kept_apart() -> None:
    first, second = Plain(), Plain()
    assert first.method(1) == first.method(x=1) == Plain.method(first, 1) == 1 + id(first)
    assert second.method(1) == 1 + id(second)
    assert (first.runs, second.runs) == (1, 1)
    assert first.method.cache_info().currsize >= 2


def test_methods_of_slotted_and_frozen_classes() -> None:
    slotted = Slotted()
    assert [slotted.method(1), slotted.method(1)] == [1, 1]
    assert slotted.runs == 1

    runs = []

    @dataclasses.dataclass(frozen=True, slots=True)
    class Frozen:
        x: int

        @cache_result
        def double(self) -> int:
            runs.append(self.x)
            return 2 * self.x

    assert [Frozen(1).double(), Frozen(1).double(), Frozen(2).double()] == [2, 2, 4]
    assert runs == [1, 2]


def test_a_copy_is_another_instance() -> None:
    first = Plain()
    first.method(1)
    second = copy.copy(first)
    assert second.method(1) == 1 + id(second)


def test_class_and_static_methods_and_properties() -> None:
    class Child(Plain):
        pass

    assert Plain.above(1) is Plain().above(1)
    assert Plain.below(1) is Plain().below(1)
    assert Child.above(1) == [Child, 1]
    assert Plain.above(1) == [Plain, 1]
    assert Plain.static(1) is Plain().static(1)
    plain = Plain()
    assert plain.value is plain.value
    assert plain.value is not Plain().value


@in_a_loop
async def test_coroutine_methods() -> None:
    plain = Plain()
    assert [await plain.coroutine(1), await plain.coroutine(x=1)] == [1, 1]
    assert plain.runs == 1
    assert inspect.iscoroutinefunction(plain.coroutine)


def test_classes() -> None:
    @cache_result
    class Shape:
        def __init__(self, name: str) -> None:
            self.name = name

    assert Shape("a") is Shape("a")
    assert Shape("b") is not Shape("a")
    assert isinstance(Shape, type)


def test_instances_leave_with_the_cache() -> None:
    plain = Plain()
    plain.method(1)
    gone = weakref.ref(plain)
    del plain
    gc.collect()
    assert gone() is not None  # Kept alive by its results, as the documentation says.
    Plain.method.cache_clear()
    gc.collect()
    assert gone() is None


def test_a_cache_in_a_reference_cycle_is_collected() -> None:
    class Value:
        pass

    def make() -> weakref.ref[Any]:
        value = Value()

        @cache_result
        def f(x: Any, default: Any = value) -> Any:
            return f, x, value

        f(value)
        return weakref.ref(value)

    gone = make()
    gc.collect()
    assert gone() is None


# ---- coroutines ----------------------------------------------------------------------------------------------------


@in_a_loop
async def test_the_result_is_cached_and_not_the_coroutine() -> None:
    runs = []

    @cache_result
    async def f(x: int) -> int:
        runs.append(x)
        await asyncio.sleep(0)
        return 2 * x

    assert [await f(1), await f(1), await f(x=1), await f(2)] == [2, 2, 2, 4]
    assert runs == [1, 2]
    assert f.cache_info() == (2, 2, 10_000, 2)
    coroutine = f(1)
    assert inspect.iscoroutine(coroutine)
    coroutine.close()


@in_a_loop
async def test_a_coroutine_as_a_result_is_refused() -> None:
    async def inner() -> int:
        return 1

    kept = []

    @cache_result
    async def f() -> Any:
        kept.append(inner())
        return kept[-1]

    with pytest.raises(TypeError, match=r"cannot keep what .* returned: a coroutine"):
        await f()
    kept[0].close()


@in_a_loop
async def test_a_plain_function_that_returns_a_coroutine() -> None:
    runs = []

    async def inner(x: int) -> int:
        runs.append(x)
        await asyncio.sleep(0)
        return 2 * x

    @stack(monitor(), cache_result())
    def f(x: int) -> Any:
        return inner(x)

    for _ in range(3):
        coroutine = f(1)
        assert inspect.iscoroutine(coroutine)
        assert await coroutine == 2
    assert runs == [1]
    assert of(f).monitor.stats["calls"] == 3
    # Nobody can wait for another in a plain function; each computes, and nobody hangs.
    assert await asyncio.gather(f(3), f(3)) == [6, 6]
    assert f.cache_info().currsize == 2
    f.cache_clear()
    pending = f(1)
    f.cache_clear()
    assert await pending == 2
    assert f.cache_info().currsize == 0


@pytest.mark.parametrize("wrap", [functools.partial, lambda f: type("C", (), {"__call__": staticmethod(f)})()])
@in_a_loop
async def test_other_callables_of_coroutines(wrap: Callable[[Any], Any]) -> None:
    runs = []

    async def f(x: int) -> int:
        runs.append(x)
        return x

    cached: Any = cache_result(wrap(f))
    assert [await cached(1), await cached(1)] == [1, 1]
    assert runs == [1]


# ---- copies --------------------------------------------------------------------------------------------------------


@cache_result
def at_module_level(x: int) -> list[int]:
    return [x]


def test_pickled_by_name_is_itself() -> None:
    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level
    assert copy.deepcopy(at_module_level) is at_module_level


def test_cloudpickled_comes_back_empty_and_working() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    bonus = 5

    @cache_result(ttl=None, max_entries=7)
    def local(x: int, y: int = 1) -> list[int]:
        return [x + y + bonus]

    local(1)
    program = (
        "import pickle, sys; f = pickle.load(sys.stdin.buffer); i = f.cache_info();"
        "assert f(1) is f(1) is f(x=1, y=1); print(f(1), i.currsize, f.cache_info().hits, f.cache_parameters())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=cloudpickle.dumps(local), capture_output=True, check=True, timeout=60
    )
    assert done.stdout.decode().strip() == "[7] 0 3 {'ttl': None, 'max_entries': 7}"


# ---- against a model -----------------------------------------------------------------------------------------------

values = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.0, -0.0, 1.0, 2.5, True, False, None, "a", "b", b"a", 2**70, Point(1, 2)]),
    st.tuples(st.integers(-1, 1), st.sampled_from(["a", b"a", 1.0])),
)
forms = st.sampled_from(["positional", "keyword", "mixed", "default"])


@given(st.lists(st.one_of(st.tuples(forms, values, values), st.none()), max_size=60))
def test_answers_as_a_dict_of_results_would(calls: list[tuple[str, Any, Any] | None]) -> None:
    runs = 0

    @cache_result(ttl=None, max_entries=None)
    def f(x: Any, y: Any = 0, *, z: Any = None) -> int:
        nonlocal runs
        runs += 1
        return runs

    model: dict[Any, int] = {}
    expected_runs = 0
    for call in calls:
        if call is None:
            f.cache_clear()
            model.clear()
            continue
        form, x, y = call
        if form == "default":
            y = 0
        key = (x, y)
        if key not in model:
            expected_runs += 1
            model[key] = expected_runs
        result = {
            "positional": lambda: f(x, y),
            "keyword": lambda: f(y=y, x=x),
            "mixed": lambda: f(x, z=None, y=y),
            "default": lambda: f(x),
        }[form]()
        assert result == model[key]
        assert f.cache_info().currsize == len(model)
    assert runs == expected_runs
