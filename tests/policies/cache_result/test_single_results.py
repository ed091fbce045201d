"""`f.cache`: single results looked at, put in, taken out, and protected by copies."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from cladding import ConfigurationError, cache_result, of

from .helpers import Counted, Gate, in_a_loop, in_threads, joined, stats, until


def test_get_put_and_invalidate(body: Counted) -> None:
    @cache_result
    def f(x: int, y: int = 2, *, z: int = 3) -> object:
        return body(x)

    with pytest.raises(KeyError):
        f.cache.get(1)
    f.cache.put(None, 1, z=3)
    assert f.cache.get(x=1, y=2) is None
    assert f(1) is None
    assert body.runs == []
    f.cache.put("new", 1)
    assert f(1) == "new"
    assert f.cache.invalidate(1) is True
    assert f.cache.invalidate(1) is False
    assert f(1) == 1
    assert stats(f)["invalidations"] == 2
    assert f.cache_info() == (2, 1, 10_000, 1)


def test_wrong_arguments_are_said() -> None:
    class Odd:
        __hash__ = None  # type: ignore[assignment]

    @cache_result
    def f(x: Any) -> None: ...

    with pytest.raises(TypeError, match="given twice"):
        f.cache.get(1, x=1)
    with pytest.raises(TypeError, match=r"argument 'x'.*type .*Odd"):
        f.cache.invalidate(Odd())
    with pytest.raises(TypeError, match="takes a result"):
        f.cache.put()
    with pytest.raises(TypeError, match="used up"):
        f.cache.put(iter([]), 1)
    with pytest.raises(AttributeError):
        f.cache.nothing  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="takes no arguments"):
        f.cache_clear(1)  # type: ignore[call-arg]


def test_items_and_warm_up() -> None:
    f: Any = cache_result(lambda x, y=0: x + y)
    f(1), f(2, 3)
    assert sorted(f.cache.items()) == [((1, 0), 1), ((2, 3), 5)]
    g: Any = cache_result(ttl=None)(lambda x, y=0: pytest.fail("computed"))
    g.cache.load(f.cache.items())
    assert [g(1), g(2, 3)] == [1, 5]
    with pytest.raises((TypeError, ValueError)):
        g.cache.load([(1, 2)])


@in_a_loop
async def test_single_results_of_a_coroutine_function(body: Counted) -> None:
    @cache_result
    async def f(x: int) -> int:
        return body(x)

    f.cache.put(7, 1)
    assert await f(1) == 7
    f.cache.invalidate(1)
    assert await f(1) == 1
    assert f.cache.get(1) == 1


def test_invalidating_while_it_is_computed() -> None:
    for forget in (lambda: f.cache.invalidate(1), lambda: f.cache.invalidate_tag("t"), lambda: f.cache_clear()):
        gate = Gate()
        f: Any = cache_result(ttl=None, tags="t")(lambda x, gate=gate: gate())
        results: list[int] = []
        threads = in_threads(2, lambda results=results, f=f: results.append(f(1)))
        until(lambda f=f: stats(f)["waits"] == 1)
        forget()
        gate.open.set()
        joined(threads)
        assert results == [1, 1]
        assert f.cache_info().currsize == 0
        assert f(1) == 2


def test_putting_while_it_is_computed() -> None:
    gate = Gate()
    f: Any = cache_result(ttl=None)(lambda x: gate())
    results: list[int] = []
    threads = in_threads(1, lambda: results.append(f(1)))
    until(lambda: gate.runs == 1)
    f.cache.put("put", 1)
    assert f(1) == "put"
    gate.open.set()
    joined(threads)
    assert results == [1]
    assert f(1) == "put"
    assert f.cache_info().currsize == 1


def test_tags() -> None:
    @cache_result(tags=lambda result, x, y=0: [f"x{x}", f"result{result}"])
    def f(x: int, y: int = 0) -> int:
        return x + y

    f(1), f(2), f(1, y=1), f(3)
    assert f.cache.invalidate_tag("x1") == 2
    assert f.cache.invalidate_tag("x1") == 0
    assert f.cache.invalidate_tag("result2") == 1
    assert f.cache.items() == [((3, 0), 3)]
    f.cache.put(9, 5)
    assert f.cache.invalidate_tag("result9") == 1


@in_a_loop
async def test_tags_of_coroutines() -> None:
    @cache_result(tags=lambda result, x: str(x))
    async def f(x: int) -> int:
        return x

    await f(1)
    assert f.cache.invalidate_tag("1") == 1


def test_wrong_tags() -> None:
    wrong: Any
    for wrong in (1, [1], [None]):
        with pytest.raises(ConfigurationError, match="`tags` must be a str"):
            cache_result(tags=wrong)
    f: Any = cache_result(tags=lambda result, x: x)(lambda x: x)
    with pytest.raises(TypeError, match="`tags` must give a str or an iterable of str, got 1"):
        f(1)
    assert f("fine") == "fine"
    with pytest.raises(TypeError, match="a tag is a str"):
        f.cache.invalidate_tag(1)


def test_copies_protect_results(body: Counted) -> None:
    f: Any = cache_result(copy=True)(lambda x: [[body(x)]])
    f(1)[0].append("changed")
    second = f(1)
    assert second == [[1]]
    second.append("changed")
    f.cache.get(1).append("changed")
    f.cache.items()[0][1].append("changed")
    assert f(1) == [[1]]
    g: Any = cache_result(copy=list)(lambda x: [x])
    assert g(1) is not g(1)
    with pytest.raises(ConfigurationError, match="`copy` must be a bool"):
        cache_result(copy=3)  # type: ignore[call-overload]


def test_waiters_get_copies_too() -> None:
    gate = Gate()
    f: Any = cache_result(copy=True)(lambda: [gate()])
    results: list[list[int]] = []
    threads = in_threads(4, lambda: results.append(f()))
    until(lambda: stats(f)["waits"] == 3)
    gate.open.set()
    joined(threads)
    assert results == [[1]] * 4
    assert len({id(result) for result in results}) == 4


def test_an_equality_that_calls_the_cache_while_a_result_is_taken_out() -> None:
    class Key:
        def __init__(self, number: int) -> None:
            self.number = number

        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            f.cache.items()
            if self.number == 3:
                f.cache.invalidate("other")
            return isinstance(other, Key) and self.number == other.number

    f: Any = cache_result(lambda key: object())
    kept = f(Key(1))
    f(Key(3))
    f.cache.put("x", Key(2))
    assert f.cache.get(Key(2)) == "x"
    assert f.cache.invalidate(Key(3)) is True
    assert f(Key(1)) is kept


@cache_result
def squared(x: int) -> int:
    return x * x


def test_what_is_under_cache_can_be_pickled() -> None:
    squared(3)
    assert pickle.loads(pickle.dumps(squared)).cache.get(3) == 9
    assert "results of" in repr(squared.cache)
    assert of(squared).cache_result.cache.get(3) == 9
    assert {"get", "put", "items"} <= set(dir(squared.cache))
    assert len(pickle.dumps(squared.cache.get)) > 0


def test_a_class_keeps_its_own_attribute() -> None:
    @cache_result
    class Item:
        cache = "its own"

        def __init__(self, number: int) -> None:
            self.number = number

    assert Item.cache == "its own"
    assert Item(1) is Item(1)
    assert of(Item).cache_result.cache.get(1) is Item(1)


def test_keys_of_methods_and_of_content_are_told() -> None:
    class Model:
        @cache_result(ttl=None)
        def predict(self, x: object) -> str:
            return f"of {x}"

    model = Model()
    model.predict(7)
    model.predict([1, 2])
    (first, plain), (second, digest) = sorted(Model.predict.cache.items(), key=lambda item: item[1])
    assert (first, plain) == ((model, 7), "of 7")
    assert (second[0], digest) == (model, "of [1, 2]")
    assert Model.predict.cache.get(model, [1, 2]) == "of [1, 2]"
    assert Model.predict.cache.invalidate(model, [1, 2])
    assert not Model.predict.cache.invalidate(model, [1, 2])
    Model.predict.cache.put("put", model, {"a": 1})
    assert model.predict({"a": 1}) == "put"
