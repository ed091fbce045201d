"""Results that are in a store: found by every function of the same namespace, and forgotten by all of them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import trio

from cladding import cache_result
from policies.cache_result.helpers import LONG, in_a_loop, in_threads, joined, stats


class Two:
    """Two functions that know each other's results, as those of two processes would."""

    def __init__(self, url: str, **options: Any) -> None:
        self.runs: list[Any] = []
        cached = cache_result(**{"ttl": LONG, "store": url, "namespace": "two", **options})

        @cached
        def one(x: object, y: object = 1) -> Any:
            self.runs.append((x, y))
            return self.result(x)

        @cached
        def other(x: object, y: object = 1) -> Any:
            self.runs.append((x, y))
            return self.result(x)

        self.one, self.other = one, other

    def result(self, x: Any) -> Any:
        return [x, len(self.runs)]


def test_what_one_computed_the_other_finds(url: str) -> None:
    two = Two(url)
    assert two.one(5) == [5, 1]
    assert two.other(5) == [5, 1]
    assert two.other(x=5, y=1) == [5, 1]
    assert two.runs == [(5, 1)]
    assert two.other(5, 2) == [5, 2]
    assert stats(two.one)["store_hits"] == 0
    assert stats(two.other)["store_hits"] == 2
    assert two.other.cache_info()[:2] == (2, 1)


def test_each_call_gets_a_result_of_its_own(url: str) -> None:
    two = Two(url)
    first = two.one(1)
    assert two.one(1) == first
    assert two.one(1) is not first


def test_spaces_are_apart(url: str) -> None:
    plain, version, named = Two(url), Two(url, version=2), Two(url, namespace="elsewhere")
    for each in plain, version, named:
        assert each.one(1) == [1, 1]
    assert plain.one(1) == [1, 1]
    plain.one.cache_clear()
    assert version.one(1) == [1, 1]
    assert named.one(1) == [1, 1]
    assert plain.other(1) == [1, 2]


def test_none_and_falsehood_are_results(url: str) -> None:
    runs = []

    @cache_result(ttl=LONG, store=url, namespace="none")
    def f(x: object) -> object:
        runs.append(x)
        return x

    for value in (None, 0, "", [], False):
        assert f(value) == value
        assert f(value) == value
    # 0 and False are one key, as they are in memory.
    assert len(runs) == 4


def test_keys_that_print_alike_are_apart(url: str) -> None:
    two = Two(url)
    keys: list[Any] = [
        1,
        "1",
        b"1",
        (1,),
        [1],
        {"1": 1},
        {1: 1},
        "a b",
        ("a", "b"),
        None,
        "None",
        1.5,
        "1.5",
        frozenset({1}),
    ]
    results = [two.one(key)[1] for key in keys]
    assert results == list(range(1, len(keys) + 1))
    assert [two.other(key)[1] for key in keys] == results


def test_results_end(url: str) -> None:
    two = Two(url, ttl=0.05)
    assert two.one(1) == [1, 1]
    event = threading.Event()
    while two.other(1) == [1, 1]:
        event.wait(0.01)
    assert len(two.runs) == 2


def test_a_failure_is_not_kept(url: str) -> None:
    fails = [True]

    @cache_result(ttl=LONG, store=url, namespace="fails")
    def f(x: int) -> int:
        if fails.pop():
            raise KeyError(x)
        fails.append(False)
        return x

    with pytest.raises(KeyError):
        f(1)
    fails.append(False)
    assert f(1) == 1
    assert f(1) == 1
    assert stats(f)["store_hits"] == 1


def test_exceptions_that_are_kept_reach_other_processes(url: str) -> None:
    runs = []

    def make() -> Any:
        @cache_result(ttl=LONG, store=url, namespace="exceptions", cache_exceptions=LookupError, exception_ttl=LONG)
        def f(x: int) -> int:
            runs.append(x)
            raise KeyError(x, "nothing there")

        return f

    one, other = make(), make()
    for f in one, other, other:
        with pytest.raises(KeyError) as caught:
            f(3)
        assert caught.value.args == (3, "nothing there")
    assert runs == [3]
    # It is no result that could be had without a call.
    with pytest.raises(KeyError):
        other.cache.get(3)


def test_single_results(url: str) -> None:
    two = Two(url)
    with pytest.raises(KeyError):
        two.one.cache.get(1)
    two.one.cache.put("put", 1)
    assert two.other(1) == two.other.cache.get(1) == "put"
    assert two.other.cache.invalidate(1) is True
    assert two.one.cache.invalidate(1) is False
    assert two.one(1) == [1, 1]
    two.one.cache.load([((8,), "eight"), ((9, 2), "nine")])
    assert (two.other(8), two.other(9, 2)) == ("eight", "nine")
    two.other.cache_clear()
    assert two.one(8) == [8, 2]


def test_tags(url: str) -> None:
    two = Two(url, tags=lambda result, x, y=1: f"of {x % 2}")
    for x in range(6):
        two.one(x)
    assert two.other.cache.invalidate_tag("of 1") == 3
    assert two.other.cache.invalidate_tag("of 1") == 0
    assert [two.other(x)[1] for x in (0, 2, 4)] == [1, 3, 5]
    assert two.other(1)[1] == 7


@pytest.mark.parametrize("how", ["invalidate", "clear", "put", "tag"])
def test_what_is_computed_meanwhile_is_not_kept(url: str, how: str) -> None:
    begun, go = threading.Event(), threading.Event()

    def make(result: object) -> Any:
        @cache_result(ttl=LONG, store=url, namespace="meanwhile", tags="all")
        def f(x: int) -> object:
            begun.set()
            assert go.wait(20)
            return result

        return f

    slow, other = make("old"), make("new")
    results: list[object] = []
    threads = in_threads(1, lambda: results.append(slow(1)))
    assert begun.wait(20)
    match how:
        case "invalidate":
            other.cache.invalidate(1)
        case "clear":
            other.cache_clear()
        case "tag":
            other.cache.invalidate_tag("all")
        case _:
            other.cache.put("put", 1)
    go.set()
    joined(threads)
    assert results == ["old"]
    assert stats(slow)["store_late"] == 1
    assert other(1) == ("put" if how == "put" else "new")


def test_threads_and_processes_compute_once(url: str) -> None:
    gate, runs, results = threading.Barrier(16), [], []

    def make() -> Any:
        @cache_result(ttl=LONG, store=url, namespace="threads")
        def f(x: int) -> int:
            runs.append(x)
            threading.Event().wait(0.1)
            return len(runs)

        return f

    both = make(), make()

    def call(f: Any) -> None:
        gate.wait(20)
        results.append(f(1))

    joined(in_threads(8, lambda: call(both[0])) + in_threads(8, lambda: call(both[1])))
    assert runs == [1]
    assert results == [1] * 16
    assert stats(both[0])["store_waits"] + stats(both[1])["store_waits"] <= 2


@in_a_loop
async def test_tasks_compute_once(url: str) -> None:
    runs: list[int] = []

    def make() -> Any:
        @cache_result(ttl=LONG, store=url, namespace="tasks")
        async def f(x: int) -> list[int]:
            runs.append(x)
            await asyncio.sleep(0.05)
            return [x, len(runs)]

        return f

    one, other = make(), make()
    results = await asyncio.gather(*(f(x % 5) for x in range(500) for f in (one, other)))
    assert sorted(runs) == [0, 1, 2, 3, 4]
    assert [result[0] for result in results] == [x % 5 for x in range(500) for _ in "12"]
    assert await other(3) == await one(3)


def test_under_trio(url: str) -> None:
    runs: list[int] = []

    @cache_result(ttl=LONG, store=url, namespace="trio")
    async def f(x: int) -> int:
        runs.append(x)
        await trio.sleep(0.01)
        return x

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(f, 1)
        assert await f(1) == 1

    trio.run(main)
    assert runs == [1]


@in_a_loop
async def test_a_cancelled_computation_gives_its_lease_back(url: str) -> None:
    begun = asyncio.Event()
    stops = [True]

    def make() -> Any:
        @cache_result(ttl=LONG, store=url, namespace="cancelled", lease=LONG)
        async def f(x: int) -> int:
            if stops:
                begun.set()
                await asyncio.sleep(LONG)
            return x

        return f

    one, other = make(), make()
    task = asyncio.create_task(one(1))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stops.clear()
    assert await asyncio.wait_for(other(1), 20) == 1


@in_a_loop
async def test_the_event_loop_goes_on_while_the_store_is_asked(url: str) -> None:
    @cache_result(ttl=LONG, store=url, namespace="goes on")
    async def f(x: int) -> int:
        return x

    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    for x in range(20):
        assert await f(x) == x
    assert ticks >= 20
    ticking.cancel()


def test_a_method_is_known_by_the_content_of_its_instance(url: str) -> None:
    class Model:
        def __init__(self, factor: int) -> None:
            self.factor = factor

        def __cladding_key__(self) -> int:
            return self.factor

        @cache_result(ttl=LONG, store=url, namespace="model")
        def predict(self, x: int) -> int:
            runs.append((self.factor, x))
            return self.factor * x

    runs: list[Any] = []
    assert (Model(2).predict(7), Model(3).predict(7), Model(2).predict(7)) == (14, 21, 14)
    assert runs == [(2, 7), (3, 7)]


def test_an_instance_without_content_is_an_error(url: str) -> None:
    class Model:
        @cache_result(ttl=LONG, store=url, namespace="no content")
        def predict(self, x: int) -> int:
            return x

        @cache_result(ttl=LONG, store=url, namespace="ignored", ignore=("self",))
        def shared(self, x: int) -> list[int]:
            return [x]

    with pytest.raises(TypeError, match=r"__cladding_key__.*self"):
        Model().predict(1)
    assert Model().shared(1) == Model().shared(1) == [1]


def test_a_result_that_cannot_be_written_is_an_error(url: str) -> None:
    class Thing:
        pass

    @cache_result(ttl=LONG, store=url, namespace="thing")
    def f(x: int) -> object:
        return {"list": [1, Thing()]}

    for _ in range(2):
        with pytest.raises(TypeError, match="Thing"):
            f(1)


def test_a_plain_function_that_returns_a_coroutine_is_an_error(url: str) -> None:
    async def inner() -> int:
        return 1

    @cache_result(ttl=LONG, store=url, namespace="deferred")
    def f() -> Any:
        return inner()

    with pytest.raises(TypeError, match="async def"):
        f()


def test_recursion(url: str) -> None:
    @cache_result(ttl=LONG, store=url, namespace="fibonacci")
    def fibonacci(n: int) -> int:
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    assert fibonacci(30) == 832040
    assert fibonacci.cache_info().misses == 31


def test_the_parameters_tell_the_store_without_its_password(url: str) -> None:
    cached = cache_result(store="redis://user:very-secret@localhost/3")
    f = cached(len)
    assert "very-secret" not in f"{f.cache_parameters()} {f.cladding!r}"
    assert "localhost" in f.cache_parameters()["store"]
    assert cache_result(store=url)(len).cache_parameters()["store"] in (url, url + "/0")


@in_a_loop
async def test_a_call_that_is_cancelled_anywhere_on_its_way_leaves_no_lease(url: str) -> None:
    stops = [True]

    def make() -> Any:
        @cache_result(ttl=LONG, store=url, namespace="anywhere", lease=LONG, store_timeout=20)
        async def f(x: int) -> int:
            if stops:
                await asyncio.sleep(LONG)
            return x

        return f

    one, other = make(), make()
    for x in range(60):
        task = asyncio.create_task(one(x))
        # From before the store is asked until after the computation has begun.
        await asyncio.sleep(x * 0.00003)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    stops.clear()
    assert await asyncio.wait_for(asyncio.gather(*map(other, range(60))), 20) == list(range(60))
