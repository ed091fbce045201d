"""`cache_result` on methods and classes, and how long it keeps instances alive."""

from __future__ import annotations

import copy
import dataclasses
import gc
import inspect
import weakref
from typing import Any

from cladding import cache_result

from .helpers import in_a_loop


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
