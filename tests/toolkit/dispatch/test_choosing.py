"""dispatch_on: which implementation a call runs."""

from __future__ import annotations

import abc
import collections.abc as c
import gc
import threading
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import CladdingError
from cladding._dispatch import AmbiguousDispatchError, dispatch_on
from cladding._dispatch.table import MAX_REMEMBERED

pytestmark = pytest.mark.usefixtures("cladding")


class Animal: ...


class Dog(Animal): ...


class Cat(Animal): ...


class Puppy(Dog): ...


def generic(*arguments: str) -> Any:
    """A generic function of two arguments that says which implementation ran."""

    @dispatch_on(*arguments)
    def meet(first: Any, second: Any = None) -> str:
        return "default"

    return meet


def says(what: str) -> Any:
    return lambda first, second: what


def test_the_nearest_implementation_runs() -> None:
    meet = generic("first")
    meet.register(Animal)(says("animal"))
    meet.register(Dog)(says("dog"))
    assert [meet(thing()) for thing in (object, Animal, Cat, Dog, Puppy)] == [
        "default",
        "animal",
        "animal",
        "dog",
        "dog",
    ]


def test_several_arguments() -> None:
    meet = generic("first", "second")
    meet.register(Dog, Cat)(says("dog, cat"))
    meet.register(Animal, Animal)(says("animals"))
    assert meet(Dog(), Cat()) == "dog, cat"
    assert meet(Puppy(), Cat()) == "dog, cat"
    assert meet(Cat(), Dog()) == "animals"
    assert meet(Cat(), 3) == "default"
    assert meet(Dog()) == "default"


def test_the_first_argument_leads() -> None:
    meet = generic("first", "second")
    meet.register(Dog, Animal)(says("first is nearer"))
    meet.register(Animal, Dog)(says("second is nearer"))
    assert meet(Dog(), Dog()) == "first is nearer"
    swapped = generic("second", "first")
    swapped.register(Dog, Animal)(says("second is nearer"))
    swapped.register(Animal, Dog)(says("first is nearer"))
    assert swapped(Dog(), Dog()) == "second is nearer"


def test_object_serves_what_has_nothing_nearer() -> None:
    meet = generic("first", "second")
    meet.register(object, Dog)(says("anything and a dog"))
    assert meet(3, Dog()) == "anything and a dog"
    assert meet(3, Cat()) == "default"


def test_a_default_value_counts() -> None:
    meet = generic("second")
    meet.register(type(None))(says("nothing"))
    assert meet(1) == "nothing"


def test_a_later_registration_replaces_and_is_seen_at_once() -> None:
    meet = generic("first")
    assert meet(Puppy()) == "default"
    meet.register(Animal)(says("animal"))
    assert meet(Puppy()) == "animal"
    meet.register(Dog)(says("dog"))
    assert meet(Puppy()) == "dog"
    meet.register(Dog)(says("dog again"))
    assert meet(Puppy()) == "dog again"


# ------------------------------------------------------------------------------------------------- virtual ancestors


@pytest.mark.parametrize("order", [(c.Sized, c.Set), (c.Set, c.Sized)], ids=str)
def test_abstract_classes(order: tuple[type, type]) -> None:
    meet = generic("first")
    for cls in order:
        meet.register(cls)(says(cls.__name__.lower()))
    assert [meet(thing) for thing in ([], {1}, {}, 3, frozenset())] == ["sized", "set", "sized", "default", "set"]


def test_what_no_class_can_inherit_from_is_dispatched_too() -> None:
    meet = generic("first")
    meet.register(c.Hashable)(says("hashable"))
    assert [meet(thing) for thing in (None, True, ..., range(3))] == ["hashable"] * 4


def test_dispatching_makes_no_class() -> None:
    seen: list[type] = []

    class Watched:
        def __init_subclass__(cls) -> None:
            seen.append(cls)

        def __len__(self) -> int:
            return 0

    meet = generic("first")
    meet.register(c.Sized)(says("sized"))
    assert meet(Watched()) == "sized"
    assert seen == []


def test_an_abstract_class_that_is_registered_with_later_is_seen() -> None:
    class Marked(abc.ABC): ...

    class Thing: ...

    meet = generic("first")
    meet.register(Marked)(says("marked"))
    assert meet(Thing()) == "default"
    Marked.register(Thing)
    assert meet(Thing()) == "marked"


def test_a_real_ancestor_comes_before_a_virtual_one() -> None:
    class Sized(Animal):
        def __len__(self) -> int:
            return 0

    meet = generic("first")
    meet.register(c.Sized)(says("sized"))
    meet.register(Animal)(says("animal"))
    assert meet(Sized()) == "animal"
    assert meet.dispatch_info(Sized) == [("Sized",), ("Animal",), ("Sized",)]


def test_ambiguity_is_an_error_until_somebody_decides() -> None:
    class Both:
        def __len__(self) -> int:
            return 0

        def __iter__(self) -> Any:
            return iter(())

    meet = generic("second")
    meet.register(c.Sized)(says("sized"))
    meet.register(c.Iterable)(says("iterable"))
    message = r"Ambiguous dispatch of .*meet on argument 'second' of type Both: Iterable or Sized\? Register"
    with pytest.raises(AmbiguousDispatchError, match=message) as raised:
        meet(1, Both())
    assert isinstance(raised.value, RuntimeError)
    assert isinstance(raised.value, CladdingError)
    meet.register(Both)(says("both"))
    assert meet(1, Both()) == "both"
    assert meet(1, 2) == "default"


def classes(shape: list[list[int]]) -> list[type]:
    """Classes with such bases, by index; one that Python refuses to make is left out."""
    made: list[type] = []
    for index, bases in enumerate(shape):
        wanted = tuple(made[base] for base in dict.fromkeys(bases) if base < len(made))
        try:
            made.append(type(f"C{index}", wanted or (object,), {}))
        except TypeError:
            made.append(type(f"C{index}", (), {}))
    return made


@given(st.lists(st.lists(st.integers(0, 6), max_size=3), min_size=1, max_size=8), st.sets(st.integers(0, 7)))
def test_with_one_argument_it_is_what_a_method_would_do(shape: list[list[int]], registered: set[int]) -> None:
    made = classes(shape)
    meet = generic("first")
    for index in registered & set(range(len(made))):
        made[index].who = lambda self, index=index: f"C{index}"  # type: ignore[attr-defined]
        meet.register(made[index])(says(f"C{index}"))
    for cls in made:
        expected = getattr(cls(), "who", lambda: "default")()
        assert meet(cls()) == expected


# ----------------------------------------------------------------------------------------------------------- reliability


def test_what_is_remembered_is_bounded() -> None:
    meet = generic("first")
    meet.register(Animal)(says("animal"))
    first = type("Forgotten", (Animal,), {})
    watched = weakref.ref(first)
    assert meet(first()) == "animal"
    del first
    for index in range(MAX_REMEMBERED + 1):
        assert meet(type(f"T{index}", (Animal,), {})()) == "animal"
    gc.collect()
    assert watched() is None


def test_threads_register_and_call_at_the_same_time() -> None:
    meet = generic("first")
    made = [type(f"T{index}", (Animal,), {}) for index in range(40)]
    start = threading.Barrier(4)
    wrong: list[Any] = []

    def register(mine: list[type]) -> None:
        start.wait()
        for cls in mine:
            meet.register(cls)(says(cls.__name__))
            if (got := meet(cls())) != cls.__name__:
                wrong.append((cls, got))

    def call() -> None:
        start.wait()
        for _ in range(200):
            for cls in made:
                if (got := meet(cls())) not in ("default", cls.__name__):
                    wrong.append((cls, got))

    threads = [threading.Thread(target=register, args=(made[part::2],)) for part in range(2)]
    threads += [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [meet(cls()) for cls in made] == [cls.__name__ for cls in made]
    assert len(meet.implementations()) == 40
