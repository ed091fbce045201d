"""`cache_result` on methods and classes, and how long it keeps instances alive."""

from __future__ import annotations

import copy
import dataclasses
import gc
import inspect
import pickle
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

    one, equal, two = Frozen(1), Frozen(1), Frozen(2)
    assert [one.double(), one.double(), equal.double(), two.double()] == [2, 2, 2, 4]
    assert runs == [1, 1, 2]


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


class Shifty:
    """Its hash changes, it equals everything, and it counts how often it was asked."""

    asked = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        Shifty.asked += 1
        return self.number

    def __eq__(self, other: object) -> bool:
        Shifty.asked += 1
        return True

    @cache_result(ttl=None)
    def method(self, x: int = 0) -> int:
        return self.number + x


class Unhashable(Plain):
    __hash__ = None  # type: ignore[assignment]

    @cache_result
    def own(self) -> int:
        self.runs += 1
        return self.runs


def test_an_instance_is_told_by_identity() -> None:
    first, second = Shifty(1), Shifty(1)
    assert [first.method(), second.method(1), first.method(2)] == [1, 2, 3]
    second.number = 5
    assert [first.method(), second.method(1), second.method()] == [1, 2, 5]
    assert Shifty.asked == 0


def test_instances_that_have_no_hash() -> None:
    first, second = Unhashable(), Unhashable()
    assert [first.own(), first.own(), second.own(), first.own()] == [1, 1, 1, 1]
    assert first.method(1) == first.method(1)
    assert first.runs == 2


def test_the_instance_by_keyword() -> None:
    plain = Plain()
    method: Any = Plain.method
    assert method(self=plain, x=1) == method(x=1, self=plain) == plain.method(1)
    assert plain.runs == 1


def test_what_is_no_instance_is_an_argument() -> None:
    class Number:
        @cache_result
        def double(self: Any) -> Any:
            runs.append(self)
            return 2 * self

    runs: list[Any] = []
    assert [Number.double(2), Number.double(2.0), Number.double(3)] == [4, 4, 6]
    assert runs == [2, 3]


def test_a_call_with_another_class_in_front() -> None:
    first, other = Plain(), Slotted()
    assert Plain.method(first, 1) == 1 + id(first)
    assert Plain.method(other, 1) == Plain.method(other, 1) == 1 + id(other)  # type: ignore[arg-type]
    assert other.runs == 1


def test_instances_are_not_kept_alive() -> None:
    plain = Plain()
    plain.method(1)
    plain.method(2)
    gone = weakref.ref(plain)
    entries = Plain.method.cache_info().currsize
    del plain
    assert gone() is None
    assert Plain.method.cache_info().currsize == entries - 2


def test_results_go_with_their_instance() -> None:
    class Result:
        pass

    class Maker:
        @cache_result(ttl=None, max_entries=None)
        def make(self, x: int) -> Result:
            return Result()

    keeper, leaver = Maker(), Maker()
    kept, left = weakref.ref(keeper.make(1)), [weakref.ref(leaver.make(x)) for x in range(50)]
    del leaver
    assert [result() for result in left] == [None] * 50
    assert kept() is keeper.make(1)
    assert Maker.make.cache_info().currsize == 1


def test_many_instances_at_the_same_addresses() -> None:
    class Boxed:
        def __init__(self, value: int) -> None:
            self.value = value

        @cache_result(ttl=None, max_entries=None)
        def get(self) -> int:
            return self.value

    assert [Boxed(value).get() for value in range(2000)] == list(range(2000))
    assert Boxed.get.cache_info() == (0, 2000, None, 0)


def test_results_of_an_instance_after_evictions_and_clears() -> None:
    class Maker:
        @cache_result(ttl=None, max_entries=8)
        def make(self, x: int) -> list[int]:
            return [x]

    maker = Maker()
    for x in range(500):
        assert maker.make(x) is maker.make(x)
    Maker.make.cache_clear()
    assert maker.make(1) is maker.make(1)
    other = Maker()
    other.make(1)
    del maker
    assert Maker.make.cache_info().currsize == 1
    assert other.make(1) is other.make(1)


def test_nothing_is_written_to_an_instance() -> None:
    plain = Plain()
    before = dict(vars(plain))
    plain.static(1)
    assert vars(plain) == before
    again = pickle.loads(pickle.dumps(plain))
    plain.method(1)
    assert again.method(1) == 1 + id(again)


def test_slots_without_weak_references_are_kept_until_their_results_have_left() -> None:
    class Noted(Slotted):
        __slots__ = ("value",)

    class Value:
        pass

    slotted = Noted()
    slotted.value = Value()
    gone = weakref.ref(slotted.value)
    slotted.method(1)
    del slotted
    gc.collect()
    assert gone() is not None
    Slotted.method.cache_clear()
    gc.collect()
    assert gone() is None


def test_classes_are_not_kept_alive_by_their_methods() -> None:
    class Base:
        @classmethod
        @cache_result
        def name(cls) -> str:
            return cls.__name__

    class Child(Base):
        pass

    assert [Base.name(), Child.name(), Child.name()] == ["Base", "Child", "Child"]
    gone = weakref.ref(Child)
    del Child
    gc.collect()
    assert gone() is None
    assert Base.name() == "Base"


def test_all_instances_share_where_self_is_ignored() -> None:
    class Reader:
        @cache_result(ignore=("self",))
        def read(self, path: str) -> list[str]:
            return [path]

    assert Reader().read("a") is Reader().read("a")
    assert Reader().read("b") == ["b"]


def test_bound_methods_and_methods_of_builtin_types_have_no_instance() -> None:
    class Number(int):
        def plus(self, other: int) -> list[int]:
            return [int(self) + other]

    plus = cache_result(Number(1).plus)
    assert plus(Number(2)) is plus(Number(2))
    upper = cache_result(str.upper)
    assert upper("".join(["a", "b"])) is upper("".join(["a", "b"]))
    assert upper.cache_info().hits == 1


def test_a_class_that_changes() -> None:
    class Changing:
        @cache_result
        def method(self) -> int:
            return 1

    changing, method = Changing(), Changing.method
    assert changing.method() == 1
    Changing.method = staticmethod(method)  # type: ignore[method-assign, assignment]
    assert method(changing) == 1
    assert method.cache_info().misses == 2  # No method any more: the argument is one by its hash.


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
