"""Which lock is the natural one: the instance's, the class's or the function's own."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from cladding import retry, stack, synchronized, timer

from .helpers import Holding, excludes, live


@synchronized
def function(holding: Holding | None = None) -> None:
    if holding:
        holding.stay()


@synchronized
def other_function() -> None: ...


class Base:
    @synchronized
    def method(self, holding: Holding | None = None) -> None:
        if holding:
            holding.stay()

    @synchronized
    def second(self) -> None: ...

    @synchronized
    def overridden(self, holding: Holding | None = None) -> None:
        if holding:
            holding.stay()

    @classmethod
    @synchronized
    def of_class(cls, holding: Holding | None = None) -> None:
        if holding:
            holding.stay()

    @synchronized
    @classmethod
    def of_class_outside(cls) -> None: ...

    @staticmethod
    @synchronized
    def static(first: Any, holding: Holding | None = None) -> None:
        if holding:
            holding.stay()

    @synchronized
    @staticmethod
    def static_outside(first: Any, holding: Holding | None = None) -> None:
        if holding:
            holding.stay()

    @synchronized
    @property
    def value(self) -> int:
        return 1

    @functools.cached_property
    @synchronized
    def cached(self) -> int:
        return 2

    @synchronized
    def __private(self) -> None: ...

    def private(self) -> None:
        self.__private()


class Child(Base):
    @synchronized
    def overridden(self, holding: Holding | None = None) -> None:
        super().overridden(holding)


class Slots:
    __slots__ = ()

    @synchronized
    def method(self, holding: Holding | None = None) -> None:
        if holding:
            holding.stay()


@dataclass(slots=True, frozen=True)
class Frozen:
    x: int = 0

    @synchronized
    def method(self, holding: Holding | None = None) -> None:
        if holding:
            holding.stay()


def test_a_function_has_its_own() -> None:
    assert excludes(function, function)
    assert not excludes(function, other_function)


@pytest.mark.parametrize("kind", [Base, Child, Slots, Frozen])
def test_a_method_takes_its_instances(kind: Any) -> None:
    one, two = kind(), kind()
    assert excludes(one.method, one.method)
    assert not excludes(one.method, two.method)
    assert excludes(lambda holding: kind.method(one, holding), one.method)
    assert excludes(lambda holding: kind.method(self=one, holding=holding), one.method)


@pytest.mark.parametrize(
    "other",
    [
        lambda one: one.second(),
        lambda one: one.value,
        lambda one: one.cached,
        lambda one: one.private(),
        lambda one: one.overridden(),
        lambda one: Base.overridden(one),
    ],
)
def test_the_methods_of_an_instance_share_it(other: Callable[[Any], object]) -> None:
    one = Child()
    assert excludes(one.method, lambda: other(one))
    vars(one).clear()
    assert excludes(one.overridden, lambda: other(one))
    assert not excludes(one.method, lambda: other(Child()))


def test_a_class_method_takes_that_of_the_class_it_is_called_on() -> None:
    assert excludes(Base.of_class, Base.of_class)
    assert excludes(Base().of_class, Base.of_class_outside)
    assert not excludes(Base.of_class, Child.of_class)
    assert not excludes(Base.of_class, Base().second)


@pytest.mark.parametrize("static", [Base.static, Base.static_outside])
def test_a_static_method_has_its_own_whatever_its_arguments(static: Any) -> None:
    one = Base()
    for first in (one, Base, 1, object()):
        assert excludes(lambda holding: static(one, holding), lambda first=first: static(first))
    assert not excludes(lambda holding: static(one, holding), one.second)


def test_a_method_of_a_metaclass_takes_that_of_the_class() -> None:
    class Meta(type):
        @synchronized
        def method(cls, holding: Holding | None = None) -> None:
            if holding:
                holding.stay()

    class One(metaclass=Meta): ...

    class Two(metaclass=Meta): ...

    assert excludes(One.method, One.method)
    assert not excludes(One.method, Two.method)


def test_making_instances_takes_that_of_the_class() -> None:
    holdings: list[Holding] = []

    @synchronized
    class Made:
        def __init__(self) -> None:
            if holdings:
                holdings.pop().stay()

        @classmethod
        @synchronized
        def of_class(cls) -> None: ...

    def hold(holding: Holding) -> None:
        holdings.append(holding)
        Made()

    assert excludes(hold, Made)
    assert excludes(hold, Made.of_class)
    assert isinstance(Made(), Made)


def test_a_function_inside_a_function_is_no_method() -> None:
    class Thing: ...

    @synchronized
    def inner(thing: Thing, holding: Holding | None = None) -> None:
        if holding:
            holding.stay()

    assert excludes(lambda holding: inner(Thing(), holding), lambda: inner(Thing()))


def test_it_follows_a_class_whose_static_method_becomes_a_method() -> None:
    class Changing:
        @staticmethod
        @synchronized
        def call(first: Any, holding: Holding | None = None) -> None:
            if holding:
                holding.stay()

    one, two = Changing(), Changing()
    assert excludes(lambda holding: Changing.call(one, holding), lambda: Changing.call(two))
    Changing.call = Changing.__dict__["call"].__func__  # type: ignore[method-assign]
    assert not excludes(lambda holding: Changing.call(one, holding), lambda: Changing.call(two))


def test_between_other_decorators() -> None:
    class Between:
        @timer
        @synchronized
        @retry(max_retries=1)
        def method(self, holding: Holding | None = None) -> None:
            if holding:
                holding.stay()

        @stack(timer, synchronized)
        def stacked(self) -> None: ...

        @functools.lru_cache
        @synchronized
        def foreign(self) -> None: ...

    one = Between()
    assert excludes(one.method, one.stacked)
    assert excludes(one.method, one.foreign)
    assert Between.method.cladding.synchronized.stats["waits"] == 0  # type: ignore[attr-defined]
    assert Between.stacked.cladding.synchronized.stats == {"calls": 1, "waits": 1}  # type: ignore[attr-defined]


def test_re_entrant_also_through_super_and_recursion() -> None:
    class Deep(Child):
        @synchronized
        def overridden(self, holding: Holding | None = None) -> None:
            self.second()
            super().overridden(holding)

        @synchronized
        def fall(self, n: int) -> int:
            return live() if n == 0 else self.fall(n - 1)

    one = Deep()
    one.overridden()
    assert one.fall(50) == 1
    assert live() == 0


def test_nothing_is_stored_on_instances_and_nothing_is_left() -> None:
    import copy
    import pickle

    one = Child()
    one.method()
    assert vars(one) == {}
    assert vars(pickle.loads(pickle.dumps(one))) == {}
    assert type(copy.deepcopy(one)) is Child
    with pytest.raises(ZeroDivisionError):
        synchronized(lambda: 1 / 0)()
    assert live() == 0


def test_switched_off_only_by_its_name() -> None:
    from cladding import disabled

    one = Base()
    name = f"{__name__}.Base.method"
    for what in ([], ["all"], [Base.method], [name]):
        with disabled(*what):
            assert excludes(one.method, one.method), what
    for what in (["synchronized"], [f"{name}:synchronized"]):
        with disabled(*what):
            assert not excludes(one.method, one.method), what
    policy = Base.method.cladding.synchronized  # type: ignore[attr-defined]
    policy.enabled = False
    assert not excludes(one.method, one.method)
    policy.enabled = True
    assert excludes(one.method, one.method)


def test_many_threads_lose_no_count() -> None:
    class Counter:
        count = 0

        @synchronized
        def add(self) -> None:
            count = self.count
            for _ in range(3):
                pass
            self.count = count + 1

    import sys

    counter = Counter()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=lambda: [counter.add() for _ in range(2000)]) for _ in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert counter.count == 12000
    assert live() == 0
