"""Our ``lru_cache`` and that of ``functools`` tell the same after every step of any program."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding._memo import lru_cache

pytestmark = pytest.mark.usefixtures("cladding")


class Same:
    """Equal to others of its number, with one hash for all."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.number == self.number

    def __hash__(self) -> int:
        return 7


class Word(str):
    """A ``str`` that is not exactly one."""


NAN = float("nan")
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    *(((value,), {}) for value in (0, 1, -1, 2**70, 0.0, 1.0, True, False, None, "a", "b", Word("a"), b"a", 1 + 0j)),
    *(((value,), {}) for value in (NAN, float("nan"), (NAN,), (float("nan"),), (1,), (1.0,), ("a",), (1, (Same(1),)))),
    *(((value,), {}) for value in (Same(0), Same(0), Same(1), frozenset([1]), frozenset([True]))),
    ((), {}),
    ((1, 2), {}),
    ((1.0, 2), {}),
    ((2, 1), {}),
    ((1, Same(1)), {}),
    ((1, Same(1)), {}),
    ((NAN, NAN), {}),
    ((float("nan"), NAN), {}),
    ((1, "a"), {}),
    ((), {"a": 1}),
    ((), {"a": True}),
    ((), {"b": 1}),
    ((), {"a": 1, "b": 2}),
    ((), {"b": 2, "a": 1}),
    ((1,), {"a": 1}),
    ((1,), {"a": Same(1)}),
    ((1,), {"a": Same(1)}),
    ((1, 1), {"a": 1}),
    ((1,), {Word("a"): 1}),
]


def _numbered() -> Any:
    """A function whose results tell which of its calls made them."""
    numbers = itertools.count()
    return lambda *args, **kwargs: next(numbers)


@pytest.mark.parametrize("maxsize", [None, 9])
@pytest.mark.parametrize("typed", [False, True])
def test_which_calls_are_equal(maxsize: int | None, typed: bool) -> None:
    for first, second in itertools.product(CALLS, repeat=2):
        ours, theirs = (make(maxsize, typed)(_numbered()) for make in (lru_cache, functools.lru_cache))
        for args, kwargs in (first, second):
            assert ours(*args, **kwargs) == theirs(*args, **kwargs), (first, second)


STEPS = st.lists(st.integers(0, 5), max_size=60)


@given(
    st.sampled_from([None, 0, 1, 2, 3, 4, -1]),
    st.booleans(),
    st.lists(st.sampled_from(CALLS), min_size=5, max_size=5),
    STEPS,
)
def test_same_as_functools(maxsize: int | None, typed: bool, calls: list[Any], steps: list[int]) -> None:
    ours, theirs = (make(maxsize, typed)(_numbered()) for make in (lru_cache, functools.lru_cache))
    for number, step in enumerate(steps):
        if step < len(calls):
            args, kwargs = calls[step]
            assert ours(*args, **kwargs) == theirs(*args, **kwargs)
        elif number % 3 == 0:
            ours.cache_clear()
            theirs.cache_clear()
        assert ours.cache_info() == theirs.cache_info()
    assert ours.cache_parameters() == theirs.cache_parameters()


@given(st.sampled_from([None, 0, 1, 3]), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=60))
def test_each_instance_has_the_cache_of_a_function(maxsize: int | None, steps: list[tuple[int, int]]) -> None:
    numbers = [itertools.count() for _ in range(4)]

    class Thing:
        def __init__(self, index: int) -> None:
            self.index = index

        @lru_cache(maxsize=maxsize, per_instance=True)
        def number(self, x: int) -> int:
            return next(numbers[self.index])

    things = [Thing(index) for index in range(4)]
    models = [functools.lru_cache(maxsize)(_numbered()) for _ in things]
    for index, x in steps:
        assert things[index].number(x) == models[index](x)
        assert things[index].number.cache_info() == models[index].cache_info()
    infos = [model.cache_info() for model in models]
    together = (
        sum(info.hits for info in infos),
        sum(info.misses for info in infos),
        sum(info.currsize for info in infos),
    )
    info = Thing.number.cache_info()
    assert (info.hits, info.misses, info.currsize) == together
