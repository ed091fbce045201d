"""`cache_result`: keys made of the content of arguments that have no hash, of the language's own types."""

from __future__ import annotations

import array
import collections
import dataclasses
import gc
import itertools
import math
import types
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import cache_result

from .helpers import Counted, stats

nan = math.nan


def one_key(*arguments: Any, **parameters: Any) -> bool:
    """Whether all these are one key."""
    runs = itertools.count()
    f = cache_result(ttl=None, max_entries=None, **parameters)(lambda x: next(runs))
    return {f(argument) for argument in arguments} == {0}


def distinct(*arguments: Any, **parameters: Any) -> bool:
    """Whether each of these is a key of its own, now and when asked again."""
    runs = itertools.count()
    f = cache_result(ttl=None, max_entries=None, **parameters)(lambda x: next(runs))
    numbers = list(range(len(arguments)))
    return [f(argument) for argument in arguments] == numbers == [f(argument) for argument in arguments]


@dataclasses.dataclass
class Point:
    x: Any
    y: Any
    note: str = dataclasses.field(default="", compare=False)


@dataclasses.dataclass
class OtherPoint:
    x: Any
    y: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    items: Any


class Tagged(list[int]):
    pass


Pair = collections.namedtuple("Pair", "left right")


class Key:
    """Hashable, and equal by its own methods."""

    def __init__(self, number: int, hashed: int | None = None) -> None:
        self.number = number
        self.hashed = number if hashed is None else hashed

    def __hash__(self) -> int:
        return self.hashed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.number == other.number


# ------------------------------------------------------------------------------------------------------- one key or two


@pytest.mark.parametrize(
    "same",
    [
        ([1, 2], [1, 2]),
        ([1], [1.0], [True], [1 + 0j]),
        ([0.0], [-0.0], [0], [False], [complex(0, -0.0)]),
        ([nan], [float("nan")], [-nan], [complex(nan, 0)]),
        ([2**70], [float(2**70)], [complex(2**70)]),
        ([-(2**63)], [float(-(2**63))]),
        ([2**63], [float(2**63)]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: "a"}, {1.0: "a"}, {True: "a"}),
        ({1, 2, 3}, {3, 2, 1}),
        ([{1, 2}, {"k": [1]}], [{2, 1}, {"k": [1.0]}]),
        ([frozenset({1, (2, 3)})], [frozenset({(2, 3), 1})]),
        ({Key(1): [1], Key(2): [2]}, {Key(2): [2], Key(1): [1]}),
        ({Key(1, 0): [1], Key(2, 0): [1]}, {Key(1, 0): [1], Key(2, 0): [1]}),
        ([Key(1), 2], [Key(1), 2]),
        (bytearray(b"ab"), bytearray(b"ab")),
        (memoryview(b"ab"), memoryview(b"ab"), memoryview(bytearray(b"ab")), memoryview(b"a-b-")[::2]),
        (array.array("i", [1, 2]), array.array("i", [1, 2])),
        (Point([1], 2), Point([1], 2), Point([1.0], 2, note="other")),
        (Frozen([1]), Frozen([1])),
        (types.SimpleNamespace(a=[1]), types.SimpleNamespace(a=[1])),
        (slice(1, [2]), slice(1, [2])),
        (Pair([1], 2), Pair([1], 2)),
        (collections.deque([1, 2]), collections.deque([1, 2])),
        (collections.Counter("abca"), collections.Counter("caba")),
        (["\ud800"], ["\ud800"]),
        ([None], [None]),
    ],
)
def test_equal_content_is_one_key(same: tuple[Any, ...]) -> None:
    assert one_key(*same)


@pytest.mark.parametrize(
    "different",
    [
        ([], (), {}, set(), frozenset(), bytearray(), b"", "", None, 0, [None], [0], [[]], [()], [{}]),
        ([1, 2], [2, 1], [1, 2, 0], [1], [[1, 2]], [[1], 2], [1, [2]], [(1, 2)], ([1], 2), {1: 2}, {1, 2}),
        (["ab"], ["a", "b"], ["a b"], [b"ab"], [["a"], "b"], ["a", ["b"]], [bytearray(b"ab")]),
        ([1], ["1"], [b"1"], [1.5], [2], [-1], [-2], [1j], [1 + 1j], [None]),
        ([2**63], [2**63 - 1], [-(2**63)], [-(2**63) - 1], [2**64], [float(2**64) * 2], [str(2**63)], [hex(2**63)]),
        ([nan], [math.inf], [-math.inf], [0.5], [-0.5], [complex(0, nan)], [complex(0.5, 0.5)], [5e-324]),
        ({"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": 1, "b": 1}, [("a", 1)], ["a", 1], {"a", 1}, {"a": {}}),
        ({"a": "b"}, {"b": "a"}, {"ab": ""}, {"": "ab"}),
        ([{1: [2], 3: [4]}], [{1: [4], 3: [2]}], [{1: [2]}, {3: [4]}]),
        ({Key(1): [1], Key(2): [2]}, {Key(1): [2], Key(2): [1]}, {Key(1): [1]}),
        ([Key(1)], [Key(2)], [Key(3, 1)], [1], [[Key(1)]], [Key(1), Key(1)]),
        (bytearray(b"ab"), [b"ab"], memoryview(b"ab"), array.array("B", b"ab"), list(b"ab")),
        (array.array("i", [1]), array.array("I", [1]), array.array("f", [1]), array.array("b", [1, 0, 0, 0])),
        (
            memoryview(b"abcd"),
            memoryview(b"abcd").cast("B", (2, 2)),
            memoryview(b"abcd").cast("H"),
            memoryview(b"abce"),
        ),
        (Point([1], 2), Point([2], 1), OtherPoint([1], 2), [[1], 2], {"x": [1], "y": 2}),
        ([1], Tagged([1]), collections.deque([1]), collections.deque([1], 3), [Tagged([1])]),
        (Pair([1], 2), ([1], 2), Pair([1], 3)),
        ({"a": 1}, collections.OrderedDict(a=1), collections.Counter(a=1), collections.defaultdict(int, a=1)),
        (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
        (["\ud800"], ["\ud801"], ["?"], ["x" * 1000], ["x" * 1001], ["x" * 999 + "y"], [b"x" * 1000]),
        ([int], [float], [len], [Point]),
    ],
)
def test_different_content_is_another_key(different: tuple[Any, ...]) -> None:
    assert distinct(*different)


def test_content_is_no_key_that_can_be_written_otherwise(body: Counted) -> None:
    f: Any = cache_result(lambda *args, **kwargs: body())
    calls: list[tuple[Any, ...]] = [
        ([1],),
        ([1], 2),
        ([1, 2],),
        ([1], [2]),
        ([[1], 2],),
        (1, [2]),
        ([Key(1)], 2),
        ([], Key(1), 2),
    ]
    assert [f(*call) for call in calls] == list(range(1, len(calls) + 1))
    assert [f(*call) for call in calls] == list(range(1, len(calls) + 1))


def test_objects_with_a_state_of_their_own() -> None:
    plain, marked = Tagged([1]), Tagged([1])
    marked.mark = 5  # type: ignore[attr-defined]
    assert distinct(plain, marked)
    assert one_key(plain, Tagged([1]))


def test_a_change_makes_another_key(body: Counted) -> None:
    f = cache_result(lambda x: body())
    items = [1]
    assert [f(items), f([1])] == [1, 1]
    items.append(2)
    assert [f(items), f([1]), f([1, 2])] == [2, 1, 2]


def test_types_inside_content() -> None:
    assert distinct([1], [1.0], [True], [1 + 0j], typed=True)
    assert distinct([1], (1,), typed=True)
    assert one_key([1, 2.0], [1, 2.0], typed=True)


def test_a_tuple_with_content_inside_is_content(body: Counted) -> None:
    f = cache_result(lambda x: body())
    assert f((1, memoryview(b"a"))) == f((1, memoryview(b"a"))) == 1
    assert f(((((1, [2]),),),)) == f(((((1, [2]),),),)) == 2
    deep: Any = 1
    for _ in range(30):
        deep = (deep,)
    assert f(deep) == f(deep) == 3


def test_content_in_methods_and_by_keyword(body: Counted) -> None:
    class Each:
        @cache_result
        def method(self, x: Any, *, k: Any = None) -> int:
            return body()

    one, two = Each(), Each()
    assert one.method([1]) == one.method(x=[1]) == one.method([1], k=None) == 1
    assert two.method([1]) == 2
    assert one.method(1, k=[1]) == one.method(k=[1], x=1) == 3


def test_keys_of_key_functions_are_hashed_not_read() -> None:
    f = cache_result(key=lambda x: [x])(lambda x: x)
    with pytest.raises(TypeError, match="returned a list, which has no hash"):
        f(1)


# ------------------------------------------------------------------------------------------ what the user's classes say


class Document:
    """Told by its own method, though it has a hash."""

    def __init__(self, text: str, parts: Any = ()) -> None:
        self.text = text
        self.parts = parts
        self.opened = object()

    def __cladding_key__(self) -> Any:
        return self.text, self.parts


def test_a_method_says_what_the_content_is() -> None:
    assert one_key(Document("a"), Document("a"), Document("a", ()))
    assert distinct(Document("a"), Document("b"), Document("a", [1]), ("a", ()), [Document("a")])
    assert one_key([Document("a", [1])], [Document("a", [1.0])])
    assert one_key((Document("a"), 1), (Document("a"), 1))


def test_an_error_of_the_method_reaches_the_caller() -> None:
    class Broken:
        def __cladding_key__(self) -> Any:
            raise ArithmeticError("no key today")

    f = cache_result(lambda x: x)
    with pytest.raises(ArithmeticError, match="no key today"):
        f(Broken())
    with pytest.raises(ArithmeticError, match="no key today"):
        f([Broken()])


def test_a_method_that_calls_the_cache() -> None:
    class Nested:
        def __cladding_key__(self) -> Any:
            return f(1)

    f = cache_result(lambda x: 5)
    assert f(Nested()) == f([Nested()]) == 5


def test_a_class_whose_method_comes_later() -> None:
    class Late:
        pass

    one, two = Late(), Late()
    assert distinct(one, two)
    Late.__cladding_key__ = lambda self: 1  # type: ignore[attr-defined]
    assert one_key(one, two)


def test_objects_inside_are_compared_by_their_own_methods_and_kept() -> None:
    class Handle:
        pass

    f = cache_result(ttl=None)(lambda x: [])
    handle = Handle()
    first = f([handle])
    assert f([handle]) is first
    assert f([Handle()]) is not first
    gone = weakref.ref(handle)
    del handle
    gc.collect()
    assert gone() is not None  # Or another object could come to its address.
    f.cache_clear()
    gc.collect()
    assert gone() is None


def test_objects_inside_whose_equality_calls_the_cache() -> None:
    class Calling:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            f([1])
            f.cache_clear()
            return True

    f = cache_result(lambda x: 5)
    assert f([Calling()]) == f([Calling()]) == 5


def test_errors_of_hash_inside() -> None:
    class Odd:
        def __hash__(self) -> int:
            raise ArithmeticError("no hash today")

    f = cache_result(lambda x: x)
    with pytest.raises(ArithmeticError):
        f([Odd()])
    with pytest.raises(ArithmeticError):
        f(Frozen([Odd()]))


def test_what_contains_itself() -> None:
    items: list[Any] = []
    items.append(items)
    f = cache_result(lambda x: 1)
    with pytest.raises(RecursionError, match="nested too deeply to make a key of, or contains itself"):
        f(items)
    assert f([1]) == 1


def test_a_released_view() -> None:
    view = memoryview(b"a")
    view.release()
    with pytest.raises(ValueError, match="released"):
        cache_result(lambda x: 1)(view)


def test_arguments_are_let_go() -> None:
    class Items(list[int]):
        pass

    f = cache_result(lambda x: 1)
    items = Items([1])
    gone = weakref.ref(items)
    f(items)
    del items
    assert gone() is None
    data = bytearray(b"abc")
    f(data)
    data.extend(b"still free to grow")


def test_dicts_that_change_while_they_are_read() -> None:
    shared: dict[Any, Any] = {}

    class Adds:
        def __cladding_key__(self) -> Any:
            shared[len(shared)] = 1
            return 1

    shared["first"] = Adds()
    f = cache_result(lambda x: 1)
    assert f(shared) == f([shared]) == 1


def test_counts(body: Counted) -> None:
    f = cache_result(lambda x: body())
    for _ in range(5):
        f([1])
    assert (stats(f)["hits"], stats(f)["misses"]) == (4, 1)


# ------------------------------------------------------------------------------------------------------ against a model


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**63, 2**63 - 1, -(2**63), 2**64, float(2**63), 0.5, -0.0, 1.0, 2j, 1 + 0j, math.inf]),
    st.text("ab", max_size=2),
    st.binary(max_size=2),
)
hashables = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2).map(tuple) | st.frozensets(inner, max_size=2), max_leaves=4
)
contents = st.recursive(
    hashables,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(hashables, max_size=3),
        st.dictionaries(hashables, inner, max_size=3),
    ),
    max_leaves=8,
)


def same(left: Any, right: Any) -> bool:
    """Equality as it is meant: that of the language, of containers of one type."""
    if isinstance(left, int | float | complex) and isinstance(right, int | float | complex):
        return left == right
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, set | frozenset):
        return len(left) == len(right) and all(any(same(item, other) for other in right) for item in left)
    if isinstance(left, dict):
        rest = list(right.items())
        return len(left) == len(right) and all(
            any(same(key, other) and same(value, its) for other, its in rest) for key, value in left.items()
        )
    return bool(left == right)


@given(contents, contents)
def test_keys_are_equal_where_content_is(left: Any, right: Any) -> None:
    assert one_key([left], [right]) == same(left, right)


@given(st.lists(contents, min_size=2, max_size=6))
def test_several_arguments(values: list[Any]) -> None:
    runs = itertools.count()
    f: Any = cache_result(ttl=None)(lambda *args: next(runs))
    first = f(*values, [])
    assert f(*values, []) == first
    for place in range(len(values)):
        assert f(*values[:place], values[place:], []) != first
    assert f(values, []) != first
