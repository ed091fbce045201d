"""Types at run time: each form of annotation, and random ones against a reference that is written with `isinstance`."""

from __future__ import annotations

import collections
import sys
import types
import typing
from collections import abc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding._gallery._types import check_of, name_of

T = typing.TypeVar("T")
UserId = typing.NewType("UserId", int)


class Movie(typing.TypedDict):
    title: str


class Point(typing.NamedTuple):
    x: int


@typing.runtime_checkable
class HasName(typing.Protocol):
    name: str


class NotForRunTime(typing.Protocol):
    name: str


class Named:
    name = "n"


class Box(typing.Generic[T]): ...


class IntBox(Box[int]): ...


def matches(value: Any, annotation: Any, *, elements: bool = False) -> bool:
    check = check_of(annotation, elements=elements)
    return check is None or check(value)


@pytest.mark.parametrize(
    "annotation, right, wrong",
    [
        (int, [1, True], [1.0, "1", None]),
        (float, [1.0, 1, True], ["1", 1j]),
        (complex, [1j, 1.0, 1], ["1"]),
        (bool, [True], [1]),
        (None, [None], [0]),
        (type(None), [None], [0]),
        (Any, [None, 1, object()], []),
        (object, [None, 1], []),
        (T, [None, 1], []),
        ((int, str), [1, "a"], [1.0]),
        (int | None, [1, None], ["a"]),
        (typing.Optional[int], [1, None], ["a"]),
        (typing.Union[int, str], [1, "a"], [None]),
        (int | T, [object()], []),
        (typing.Literal[1, "a", None], [1, "a", None], [True, 1.0, "b"]),
        (typing.Literal[True], [True], [1]),
        (typing.Annotated[int, "meters"], [1], ["1"]),
        (list[int], [[], ["a"]], [(), None]),
        (typing.List[int], [[]], [()]),
        (typing.Dict[str, int], [{}], [[]]),
        (dict[str, int], [{1: 2}, collections.OrderedDict()], [[]]),
        (tuple[int, ...], [(), ("a",)], [[]]),
        (abc.Sequence[int], [[], (), "a"], [set(), iter([])]),
        (typing.Iterable[int], [[], iter([]), {}], [1]),
        (abc.Mapping[str, int], [{}, types.MappingProxyType({})], [[]]),
        (abc.Callable[[int], str], [len, int, lambda: 0], [1]),
        (typing.Callable[..., Any], [len], [1]),
        (typing.Callable, [len], [1]),
        (abc.Callable, [len], [1]),
        (type, [int], [1]),
        (type[int], [int, bool], [str, 1]),
        (type[int | str], [int, str], [float]),
        (type[Any], [int], [1]),
        (type[T], [int], [1]),
        (typing.Type[int], [bool], [str]),
        (UserId, [1], ["1"]),
        (Movie, [{}, {"title": 3}], [[]]),
        (Point, [Point(1)], [(1,)]),
        (HasName, [Named()], [1]),
        (Box[int], [Box(), IntBox()], [1]),
        (typing.Any | None, [1], []),
        (typing.LiteralString, ["a"], [1]),
        (typing.Never, [], [1, None]),
        (typing.NoReturn, [], [None]),
        (typing.TypeGuard[int], [True], [1]),
        (typing.Pattern[str], [__import__("re").compile("a")], ["a"]),
        (abc.Hashable, [1], [[]]),
    ],
    ids=str,
)
def test_each_form(annotation: Any, right: list[Any], wrong: list[Any]) -> None:
    assert [value for value in right if not matches(value, annotation)] == []
    assert [value for value in wrong if matches(value, annotation)] == []


@pytest.mark.parametrize(
    "annotation, right, wrong",
    [
        (list[int], [[], [1, True]], [["a"], [1, None]]),
        (list[list[int]], [[[1], []]], [[[1], ["a"]], [1]]),
        (set[int], [set(), {1}], [{"a"}]),
        (dict[str, int], [{}, {"a": 1}], [{1: 1}, {"a": "b"}]),
        (dict[str, Any], [{"a": object()}], [{1: 1}]),
        (abc.Mapping[str, list[int]], [{"a": [1]}], [{"a": ["b"]}]),
        (tuple[int, str], [(1, "a")], [(1,), (1, "a", 2), ("a", 1)]),
        (tuple[int, ...], [(), (1, 2)], [(1, "a")]),
        (tuple[()], [()], [(1,)]),
        (abc.Sequence[int], [[1], (1,)], [["a"]]),
        (abc.Sequence[str], ["abc", ["a"]], [[1]]),
        (list[T], [[1, "a"]], []),
        (list[int] | None, [None, [1]], [["a"]]),
        (typing.Annotated[list[int], 3], [[1]], [["a"]]),
    ],
    ids=str,
)
def test_elements(annotation: Any, right: list[Any], wrong: list[Any]) -> None:
    assert [value for value in right if not matches(value, annotation, elements=True)] == []
    assert [value for value in wrong if matches(value, annotation, elements=True)] == []
    # Without being asked, only the outside counts.
    assert all(
        matches(value, annotation) or not isinstance(value, list | dict | tuple | set) for value in wrong if value != 1
    )


def test_iterators_are_not_consumed() -> None:
    items = iter(["a"])
    assert matches(items, abc.Iterable[int], elements=True)
    assert list(items) == ["a"]


@pytest.mark.parametrize(
    "annotation", [3, "int", [int], (), (int, 3), NotForRunTime, NotForRunTime | None, typing.ClassVar[int]], ids=str
)
def test_what_cannot_be_checked(annotation: Any) -> None:
    with pytest.raises(TypeError):
        check_of(annotation)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement came with 3.12")
def test_type_aliases() -> None:
    names: dict[str, Any] = {}
    exec("type Number = int | Later\ntype Tree = list[Tree] | int\ntype Pair[T] = tuple[T, T]", names)
    check = check_of(names["Number"])
    names["Later"] = str
    assert check is not None
    assert check(1)
    assert check("a")
    assert not check(1.0)
    assert matches([1, [2, [3]]], names["Tree"], elements=True)
    assert not matches([1, [2, ["3"]]], names["Tree"], elements=True)
    assert matches((1, 2), names["Pair"][int])
    assert not matches([1], names["Pair"][int])


@pytest.mark.parametrize(
    "annotation, name",
    [
        (int, "int"), (None, "None"), (int | None, "int | None"), (typing.Optional[str], "str | None"), ((int, str), "int | str"),
        (list[int], "list[int]"), (typing.Literal["a"], "Literal['a']"), (Any, "Any"), (Box, "Box"),
        (abc.Mapping[str, int], "Mapping[str, int]"),
    ],
    ids=str,
)  # fmt: skip
def test_names(annotation: Any, name: str) -> None:
    assert name_of(annotation) == name


# ------------------------------------------------------------------------------------------------ against a reference

simple = st.sampled_from([int, float, str, bool, type(None), bytes, list, dict])
annotations = st.recursive(
    simple,
    lambda inner: st.one_of(
        inner.map(lambda a: list[a]),
        inner.map(lambda a: tuple[a, ...]),
        st.tuples(inner, inner).map(lambda pair: tuple[pair]),
        st.tuples(simple, inner).map(lambda pair: dict[pair]),
        st.tuples(inner, inner).map(lambda pair: typing.Union[pair]),
        inner.map(lambda a: typing.Annotated[a, "note"]),
    ),
    max_leaves=5,
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, "a", b"b"]))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(["a", 1]), inner, max_size=2),
    ),
    max_leaves=5,
)


def reference(value: Any, annotation: Any, elements: bool) -> bool:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return reference(value, arguments[0], elements)
    if origin is typing.Union or origin is types.UnionType:
        return any(reference(value, each, elements) for each in arguments)
    if origin is None:
        return isinstance(value, (int, float) if annotation is float else annotation)
    if not isinstance(value, origin):
        return False
    if not elements:
        return True
    if origin is dict:
        return all(reference(k, arguments[0], True) and reference(v, arguments[1], True) for k, v in value.items())
    if origin is tuple and arguments[-1] is not ...:
        return len(value) == len(arguments) and all(reference(*pair, True) for pair in zip(value, arguments))
    return all(reference(each, arguments[0], True) for each in value)


@given(annotations, values, st.booleans())
def test_against_the_reference(annotation: Any, value: Any, elements: bool) -> None:
    assert matches(value, annotation, elements=elements) is reference(value, annotation, elements)
