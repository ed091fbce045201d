"""``memoize``: results for good, one computation at a time, for each instance where it is a method."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import pickle
import sys
import threading
import weakref
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._memo import memoize

pytestmark = pytest.mark.usefixtures("cladding")


class Model:
    """Counts what it computes."""

    def __init__(self, factor: int = 2) -> None:
        self.factor = factor
        self.calls = 0

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]

    @memoize
    def scale(self, x: int, by: int = 1) -> int:
        """Scales."""
        self.calls += 1
        return self.factor * x * by

    @memoize(max_entries=1)
    def last(self, x: int) -> int:
        self.calls += 1
        return x

    @memoize
    async def load(self, x: int) -> int:
        self.calls += 1
        await asyncio.sleep(0)
        if x < 0:
            raise ValueError(x)
        return self.factor * x

    @staticmethod
    @memoize
    def plain(x: int) -> list[int]:
        return [x]

    @memoize
    @staticmethod
    def plain_too(x: int) -> list[int]:
        return [x]

    @classmethod
    @memoize
    def of_class(cls, x: int) -> list[Any]:
        return [cls, x]


def test_functions_keep_results_for_good() -> None:
    calls: list[int] = []

    @memoize
    def square(x: int) -> int:
        calls.append(x)
        return x * x

    assert [square(3), square(x=3), square(3)] == [9, 9, 9]
    assert calls == [3]
    parameters = square.cache_parameters()
    assert (parameters["ttl"], parameters["max_entries"]) == (None, 10_000)
    assert square.cache_info()[:2] == (2, 1)


def test_methods_keep_results_for_each_instance() -> None:
    two, three = Model(2), Model(3)
    assert [two.scale(5), three.scale(5), two.scale(x=5), two.scale(5, 1), two.scale(5, by=1)] == [10, 15, 10, 10, 10]
    assert (two.calls, three.calls) == (1, 1)
    assert two.scale.cache_info()[:2] == (3, 1)
    assert Model.scale(three, 5) == 15
    assert three.scale.cache_info()[:2] == (1, 1)
    two.scale.cache_clear()
    two.scale(5), three.scale(5)
    assert (two.calls, three.calls) == (2, 1)
    Model.scale.cache_clear()
    three.scale(5)
    assert three.calls == 2


def test_each_instance_has_its_own_bound() -> None:
    one, other = Model(), Model()
    one.last(1), other.last(2), one.last(1)
    assert one.calls == 1
    one.last(2), one.last(1)
    assert one.calls == 3


def test_an_instance_is_neither_kept_alive_nor_written_to() -> None:
    model = Model()
    model.scale(5)
    asyncio.run(model.load(5))
    assert vars(model) == {"factor": 2, "calls": 2}
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


@pytest.mark.leak
def test_many_instances_leave_nothing() -> None:
    def use(number: int) -> None:
        model = Model(number)
        model.scale(number), model.scale(number), model.scale.cache_info()

    for number in range(300):
        use(number)
    gc.collect()
    blocks = sys.getallocatedblocks()
    for number in range(3000):
        use(number)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 300
    assert Model.scale.cache_info().currsize == 0


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_start_anew(duplicate: Any) -> None:
    model = Model(2)
    model.scale(5)
    twin = duplicate(model)
    twin.factor = 3
    assert (twin.scale(5), model.scale(5)) == (15, 10)


def test_static_and_class_methods() -> None:
    assert Model.plain(1) is Model().plain(1)
    assert Model.plain_too(1) is Model().plain_too(1)
    assert Model.of_class(1) is Model().of_class(1)

    class Derived(Model):
        pass

    assert Derived.of_class(1) == [Derived, 1]


def test_arguments_without_a_hash_go_by_content() -> None:
    model = Model()
    assert model.scale([1], 2) is model.scale([1], 2)  # type: ignore[arg-type]


def test_arguments_that_can_be_no_key_are_named() -> None:
    class Bare:
        __hash__ = None  # type: ignore[assignment]

    with pytest.raises(TypeError, match=r"argument 'x' of .*Model\.scale\(\) is of type .*Bare"):
        Model().scale(Bare())  # type: ignore[arg-type]


def test_an_argument_of_the_class_itself_is_an_argument() -> None:
    class Number:
        def __init__(self, value: int) -> None:
            self.value = value

        def __hash__(self) -> int:
            return self.value

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Number) and self.value == other.value

        @memoize
        def plus(self, other: Number) -> list[int]:
            return [self.value + other.value]

    one = Number(1)
    assert one.plus(Number(2)) is one.plus(Number(2))


def test_the_bound_method_is_like_one() -> None:
    model = Model()
    bound = model.scale
    assert bound == model.scale
    assert hash(bound) == hash(model.scale)
    assert bound != Model().scale
    assert (bound.__name__, bound.__qualname__, bound.__doc__) == ("scale", "Model.scale", "Scales.")
    assert str(inspect.signature(bound)) == "(x: 'int', by: 'int' = 1) -> 'int'"
    assert bound.__wrapped__(5) == 10
    assert "Model.scale" in repr(bound)
    assert pickle.loads(pickle.dumps(bound))(5) == 10
    assert pickle.loads(pickle.dumps(Model.scale)) is Model.scale
    assert bound.cladding.cache_result.stats["misses"] == 0


def test_coroutine_methods_share_one_computation() -> None:
    async def main() -> None:
        model = Model()
        assert await asyncio.gather(*(model.load(3) for _ in range(5))) == [6] * 5
        assert await model.load(3) == 6
        assert model.calls == 1
        for _ in range(2):
            with pytest.raises(ValueError):
                await model.load(-1)
        assert model.calls == 3

    asyncio.run(main())
    assert asyncio.iscoroutinefunction(Model().load)
    assert asyncio.iscoroutinefunction(Model.load)
    if sys.version_info >= (3, 12):
        assert inspect.iscoroutinefunction(Model().load)


def test_cancelled_computations_are_not_kept() -> None:
    async def main() -> None:
        model, entered, go = Model(), asyncio.Event(), asyncio.Event()

        class Slow:
            calls = 0

            @memoize
            async def load(self) -> int:
                self.calls += 1
                entered.set()
                await go.wait()
                return self.calls

        slow = Slow()
        first = asyncio.create_task(slow.load())
        await entered.wait()
        second = asyncio.create_task(slow.load())
        await asyncio.sleep(0)
        first.cancel()
        go.set()
        assert await second == 2
        assert await slow.load() == 2
        assert first.cancelled()
        del model

    asyncio.run(main())


def test_threads_share_one_computation() -> None:
    entered, go = threading.Event(), threading.Event()

    class Slow:
        calls = 0

        @memoize
        def load(self, x: int) -> int:
            self.calls += 1
            entered.set()
            assert go.wait(20)
            return x

    slow, results = Slow(), []
    threads = [threading.Thread(target=lambda: results.append(slow.load(1))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert entered.wait(20)
    go.set()
    for thread in threads:
        thread.join()
    assert results == [1] * 4
    assert slow.calls == 1


def test_what_cannot_be_memoized() -> None:
    with pytest.raises(TypeError, match="cached_property"):
        memoize(property(lambda self: 1))
    with pytest.raises(TypeError, match="generator"):

        class C:
            @memoize
            def items(self) -> Any:
                yield 1

    with pytest.raises(ConfigurationError, match="max_entries"):
        memoize(max_entries=0)

    class Slotted:
        __slots__ = ()

        @memoize
        def method(self) -> None: ...

    with pytest.raises(TypeError, match="add '__weakref__' to its __slots__"):
        Slotted().method()


def test_disabled_is_the_function_itself() -> None:
    class C:
        @memoize(enabled=False)
        def method(self) -> list[int]:
            return []

    assert C().method() is not C().method()
    assert inspect.isfunction(vars(C)["method"])
