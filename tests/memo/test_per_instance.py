"""``lru_cache(per_instance=True)``: a cache for each instance, which neither holds it nor goes along with it."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import sys
import threading
import weakref
from typing import Any

import pytest

from cladding._memo import cache, lru_cache

pytestmark = pytest.mark.usefixtures("cladding")


class Model:
    __slots__ = ("__weakref__", "calls", "factor")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, factor: int) -> None:
        self.factor = factor
        self.calls = 0

    def __eq__(self, other: object) -> bool:
        return True

    @lru_cache(maxsize=2, per_instance=True)
    def scale(self, x: int, *, by: int = 1) -> int:
        """Scales."""
        self.calls += 1
        return self.factor * x * by

    @cache(per_instance=True)
    def all(self) -> list[int]:
        return []


def test_instances_have_caches_of_their_own() -> None:
    two, three = Model(2), Model(3)
    assert [two.scale(5), three.scale(5), two.scale(5), three.scale(5)] == [10, 15, 10, 15]
    assert (two.calls, three.calls) == (1, 1)
    for x in (6, 7):
        three.scale(x)
    assert two.scale(5) == 10
    assert two.calls == 1, "the other instance's calls do not push this one's out"
    assert two.all() is two.all()
    assert two.all() is not three.all()


def test_counts_of_one_and_of_all() -> None:
    Model.scale.cache_clear()
    one, other = Model(1), Model(2)
    one.scale(1), one.scale(1), other.scale(1)
    assert one.scale.cache_info() == (1, 1, 2, 1)
    assert other.scale.cache_info() == (0, 1, 2, 1)
    assert Model.scale.cache_info() == (1, 2, 2, 2)
    one.scale.cache_clear()
    assert one.scale.cache_info() == (0, 0, 2, 0)
    assert other.scale.cache_info() == (0, 1, 2, 1)
    Model.scale.cache_clear()
    assert Model.scale.cache_info() == other.scale.cache_info() == (0, 0, 2, 0)
    assert one.scale.cache_parameters() == {"maxsize": 2, "typed": False}


def test_counts_of_instances_that_are_gone_remain() -> None:
    Model.scale.cache_clear()
    model = Model(1)
    model.scale(1), model.scale(1)
    del model
    assert Model.scale.cache_info() == (1, 1, 2, 0)


def test_the_instance_is_not_kept_alive() -> None:
    model = Model(1)
    reference = weakref.ref(model)
    model.scale(1)
    bound = model.scale
    del model
    assert reference() is not None, "a bound method holds its instance"
    del bound
    assert reference() is None


def test_an_instance_at_an_old_address_starts_anew() -> None:
    for factor in range(200):
        assert Model(factor).scale(3) == 3 * factor


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_start_anew(duplicate: Any) -> None:
    model = Model(2)
    model.scale(5)
    twin = duplicate(model)
    twin.factor = 3
    assert (twin.scale(5), model.scale(5)) == (15, 10)


def test_every_way_to_call_is_the_same_call() -> None:
    model = Model(2)
    bound = model.scale
    calls = [
        lambda: model.scale(5, by=3),
        lambda: bound(5, by=3),
        lambda: Model.scale(model, 5, by=3),
        lambda: getattr(model, "scale")(*[5], **{"by": 3}),
    ]
    assert [call() for call in calls] == [30] * 4
    assert model.calls == 1
    assert list(map(bound, [1, 1, 1])) == [2, 2, 2]


def test_the_bound_method_is_like_one() -> None:
    model, other = Model(2), Model(2)
    bound = model.scale
    assert bound == model.scale
    assert hash(bound) == hash(model.scale)
    assert bound != other.scale
    assert bound != Model.scale
    assert bound.__self__ is model
    assert bound.__func__ is Model.scale
    assert (bound.__name__, bound.__qualname__, bound.__doc__) == ("scale", "Model.scale", "Scales.")
    assert str(inspect.signature(bound)) == "(x: 'int', *, by: 'int' = 1) -> 'int'"
    assert bound.__wrapped__(5) == 10
    assert "Model.scale" in repr(bound)
    revived = pickle.loads(pickle.dumps(bound))
    assert revived(5) == 10
    assert revived.__self__ is not model
    with pytest.raises(AttributeError, match="nothing"):
        bound.nothing  # type: ignore[attr-defined]


def test_weak_bound_methods() -> None:
    model = Model(2)
    weak = weakref.WeakMethod(model.scale)  # type: ignore[arg-type]
    assert weak()(5) == 10
    assert weak() == model.scale
    del model
    assert weak() is None
    with pytest.raises(TypeError, match="takes a method with a cache for each instance"):
        type(Model(1).scale)(len, 1)


def test_base_and_derived_methods_have_caches_of_their_own() -> None:
    class Derived(Model):
        @lru_cache(per_instance=True)
        def scale(self, x: int, *, by: int = 1) -> int:  # type: ignore[override]
            return super().scale(x, by=by) + 1

    derived = Derived(2)
    assert [derived.scale(5), derived.scale(5)] == [11, 11]
    assert derived.calls == 1


def test_class_methods_have_a_cache_for_each_class() -> None:
    class Base:
        calls: list[Any] = []

        @lru_cache(per_instance=True)
        @classmethod
        def name(cls, x: int) -> str:
            cls.calls.append((cls, x))
            return cls.__name__

    class Derived(Base):
        pass

    assert [Base.name(1), Derived.name(1), Base().name(1), Derived().name(1)] == ["Base", "Derived", "Base", "Derived"]
    assert Base.calls == [(Base, 1), (Derived, 1)]
    assert Base.name.cache_info().hits == 1
    assert isinstance(vars(Base)["name"], classmethod)


def test_static_methods_have_one_cache() -> None:
    class C:
        @lru_cache(per_instance=True)
        @staticmethod
        def same(x: int) -> int:
            return x

    assert C.same(1) == C().same(1) == 1
    assert C.same.cache_info().hits == 1


# ------------------------------------------------------------------------------------------------------------ errors


def test_instances_that_nothing_can_refer_to_weakly() -> None:
    class Slotted:
        __slots__ = ()

        @lru_cache(per_instance=True)
        def method(self) -> None: ...

    with pytest.raises(TypeError, match=r"Slotted\.method\(\) cannot have .* add '__weakref__' to the __slots__"):
        Slotted().method()


def test_calls_without_an_instance() -> None:
    with pytest.raises(TypeError, match=r"Model\.scale\(\) has a cache for each instance and was called without one"):
        Model.scale(x=1)  # type: ignore[call-arg]


def test_errors_of_arguments() -> None:
    model = Model(1)
    with pytest.raises(TypeError, match="unhashable"):
        model.scale([])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unhashable"):
        model.scale.__call__([])  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------- finalisers and threads


def test_finalisers_that_call_and_clear() -> None:
    class Thing:
        def __init__(self) -> None:
            self.me = self

        @lru_cache(per_instance=True)
        def value(self, x: int) -> int:
            return x

        def __del__(self) -> None:
            seen.append(self.value(1))
            Thing.value.cache_clear()

    seen: list[int] = []
    for _ in range(30):
        Thing().value(1)
        gc.collect()
    assert seen == [1] * 30
    assert Thing.value.cache_info().currsize == 0


def test_results_whose_end_forgets_other_instances() -> None:
    class Holder:
        def __init__(self, other: Any = None) -> None:
            self.other = other

        @lru_cache(per_instance=True)
        def held(self) -> Any:
            return [self.other]

    chain: Any = None
    for _ in range(50):
        chain = Holder(chain)
        chain.held()
    reference = weakref.ref(chain)
    del chain
    gc.collect()
    assert reference() is None
    assert Holder.held.cache_info().currsize == 0


def test_a_class_with_its_caches_is_collected() -> None:
    class Temporary:
        @lru_cache(per_instance=True)
        def me(self) -> Any:
            return self

    reference = weakref.ref(Temporary)
    thing = Temporary()
    thing.me()
    del Temporary, thing
    gc.collect()
    assert reference() is None


def test_threads_with_instances_that_come_and_go() -> None:
    wrong: list[Any] = []
    shared = [Model(factor) for factor in range(3)]

    def work(seed: int) -> None:
        for step in range(800):
            own = Model(seed)
            if own.scale(step) != seed * step or own.scale(step) != seed * step:
                wrong.append(step)
            if shared[step % 3].scale(step % 4) != (step % 3) * (step % 4):
                wrong.append(step)
            if step % 200 == 0:
                Model.scale.cache_clear()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


@pytest.mark.leak
def test_many_instances_leave_nothing() -> None:
    def use(number: int) -> None:
        model = Model(number)
        model.scale(number), model.scale(number, by=2), model.scale.cache_info()

    for number in range(300):
        use(number)
    gc.collect()
    blocks = sys.getallocatedblocks()
    for number in range(5000):
        use(number)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 300
