"""``cached_property``: computed once, under threads and awaited, with nothing odd left on the instance."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import inspect
import os
import pickle
import threading
import weakref
from typing import Any

import pytest

from cladding import monitor
from cladding._memo import _flights, cached_property

pytestmark = pytest.mark.usefixtures("cladding")


class Sample:
    def __init__(self) -> None:
        self.calls = 0

    @cached_property
    def total(self) -> int:
        """The total."""
        self.calls += 1
        return 10 * self.calls

    @cached_property
    async def remote(self) -> int:
        """Far away."""
        self.calls += 1
        await asyncio.sleep(0)
        return 10 * self.calls


def test_computed_once_and_then_an_attribute() -> None:
    sample = Sample()
    assert (sample.total, sample.total, sample.calls) == (10, 10, 1)
    assert vars(sample) == {"calls": 1, "total": 10}
    del sample.total
    assert sample.total == 20
    sample.total = 5
    assert sample.total == 5


def test_frameworks_know_it() -> None:
    prop = vars(Sample)["total"]
    assert isinstance(prop, functools.cached_property)
    assert Sample.total is prop
    assert (prop.attrname, prop.__doc__, prop.func.__name__) == ("total", "The total.", "total")
    assert cached_property[int]


def test_exceptions_pass_and_are_not_kept() -> None:
    class C:
        @cached_property
        def missing(self) -> Any:
            raise AttributeError("inner")

    thing = C()
    for _ in range(2):
        with pytest.raises(AttributeError, match="inner"):
            thing.missing
    assert _flights._flying == {}


def test_slots() -> None:
    class WithDict:
        __slots__ = ("__dict__",)

        @cached_property
        def value(self) -> list[int]:
            return []

    class Mixin:
        __slots__ = ()

        @cached_property
        def value(self) -> list[int]:
            return []

    class Whole(Mixin):
        pass

    for thing in (WithDict(), Whole()):
        assert thing.value is thing.value
    with pytest.raises(TypeError, match="No '__dict__' attribute on 'Mixin' instance to cache 'value' property"):
        Mixin().value


def test_what_cannot_be_cached() -> None:
    def items(self: Any) -> Any:
        yield 1

    with pytest.raises(TypeError, match="gone through once"):
        cached_property(items)
    with pytest.raises(TypeError, match="cannot be called"):
        cached_property(5)  # type: ignore[arg-type]


def test_a_property_that_needs_itself() -> None:
    class C:
        tries = 0

        @cached_property
        def endless(self) -> int:
            return self.endless

        @cached_property
        def ending(self) -> int:
            self.tries += 1
            return self.tries if self.tries == 3 else self.ending

    with pytest.raises(RecursionError):
        C().endless
    assert C().ending == 3
    assert _flights._flying == {}


def test_policies_can_be_put_on_it() -> None:
    class C:
        @monitor
        @cached_property
        def value(self) -> int:
            return 1

    prop = vars(C)["value"]
    assert type(prop) is cached_property
    assert C().value == 1


# ----------------------------------------------------------------------------------------------------------- threads


def _in_threads(*targets: Any) -> None:
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_one_thread_computes() -> None:
    entered, go = threading.Event(), threading.Event()

    class C:
        calls = 0

        @cached_property
        def value(self) -> list[int]:
            self.calls += 1
            entered.set()
            assert go.wait(20)
            return []

    thing, seen = C(), []

    def let_go() -> None:
        assert entered.wait(20)
        go.set()

    _in_threads(*[lambda: seen.append(thing.value)] * 4, let_go)
    assert thing.calls == 1
    assert all(value is seen[0] for value in seen)
    assert _flights._flying == _flights._waiting == {}


def test_other_instances_and_properties_are_not_held_up() -> None:
    inside = threading.Barrier(3)

    class C:
        @cached_property
        def one(self) -> int:
            return inside.wait(20)

        @cached_property
        def two(self) -> int:
            return inside.wait(20)

    first, second = C(), C()
    _in_threads(lambda: first.one, lambda: first.two, lambda: second.one)


def test_waiters_compute_when_the_first_one_fails() -> None:
    entered, go = threading.Event(), threading.Event()

    class C:
        calls = 0

        @cached_property
        def value(self) -> int:
            self.calls += 1
            if self.calls > 1:
                return self.calls
            entered.set()
            assert go.wait(20)
            raise ValueError

    thing, seen = C(), []

    def fails() -> None:
        with pytest.raises(ValueError):
            thing.value

    def waits() -> None:
        assert entered.wait(20)
        go.set()
        seen.append(thing.value)

    _in_threads(fails, waits)
    assert seen == [2]


def test_properties_that_need_each_other_do_not_wait_for_ever() -> None:
    inside = threading.Barrier(2)

    class C:
        @cached_property
        def left(self) -> str:
            if threading.current_thread().name == "left":
                inside.wait(20)
                return f"left of {self.right}"
            return "left"

        @cached_property
        def right(self) -> str:
            if threading.current_thread().name == "right":
                inside.wait(20)
                return f"right of {self.left}"
            return "right"

    thing = C()
    threads = [threading.Thread(target=getattr, args=(thing, name), name=name) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert thing.left.startswith("left")
    assert _flights._flying == _flights._waiting == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_wait_for_threads_it_does_not_have() -> None:
    entered, go = threading.Event(), threading.Event()

    class C:
        @cached_property
        def value(self) -> int:
            entered.set()
            assert go.wait(20)
            return os.getpid()

    thing = C()
    thread = threading.Thread(target=lambda: thing.value)
    thread.start()
    assert entered.wait(20)
    child = os.fork()
    if child == 0:
        go.set()
        os._exit(0 if thing.value == os.getpid() else 1)
    go.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


# ----------------------------------------------------------------------------------------------------------- awaited


def test_awaited_it_is_computed_once() -> None:
    async def main() -> Sample:
        sample = Sample()
        first = [sample.remote for _ in range(3)]
        assert await asyncio.gather(*first) == [10, 10, 10]
        assert await sample.remote == await sample.remote == 10
        assert await asyncio.create_task(sample.remote) == 10
        assert sample.calls == 1
        assert vars(Sample)["remote"]._shared == {}
        return sample

    sample = asyncio.run(main())
    assert inspect.isawaitable(sample.remote)

    async def later(sample: Sample) -> int:
        return await sample.remote

    for twin in (sample, copy.copy(sample), copy.deepcopy(sample), pickle.loads(pickle.dumps(sample))):
        assert asyncio.run(later(twin)) == 10


def test_awaited_by_several_of_whom_one_is_cancelled() -> None:
    async def main() -> None:
        entered, go = asyncio.Event(), asyncio.Event()

        class C:
            calls = 0

            @cached_property
            async def value(self) -> int:
                self.calls += 1
                entered.set()
                await go.wait()
                return self.calls

        thing = C()

        async def read() -> int:
            return await thing.value

        first = asyncio.create_task(read())
        await entered.wait()
        second = asyncio.create_task(read())
        await asyncio.sleep(0)
        first.cancel()
        entered.clear()
        await entered.wait()
        third = asyncio.create_task(read())
        await asyncio.sleep(0)
        go.set()
        assert await asyncio.gather(second, third) == [2, 2]
        assert await thing.value == 2
        assert vars(C)["value"]._shared == {}

    asyncio.run(main())


def test_awaited_exceptions_are_not_kept() -> None:
    class C:
        calls = 0

        @cached_property
        async def value(self) -> int:
            self.calls += 1
            if self.calls == 1:
                raise LookupError
            return self.calls

    async def main() -> None:
        thing = C()
        with pytest.raises(LookupError):
            await thing.value
        assert await thing.value == 2

    asyncio.run(main())


def test_instances_are_not_kept() -> None:
    sample = Sample()
    reference = weakref.ref(sample)
    sample.total
    asyncio.run(_read(sample))
    del sample
    gc.collect()
    assert reference() is None


async def _read(sample: Sample) -> int:
    return await sample.remote
