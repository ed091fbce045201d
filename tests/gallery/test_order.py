"""Stacks of the gallery and of policies: read and applied bottom to top, each once, on functions and on classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cladding
from cladding._errors import AccessDeniedError, TypeMismatchError
from cladding._gallery.accepts import accepts
from cladding._gallery.attributes import attributes
from cladding._gallery.log_once import log_once
from cladding._gallery.provides import provided_by, provides
from cladding._gallery.requires import requires
from cladding._gallery.returns import returns
from cladding._gallery.tail_recursive import tail_recursive
from cladding._gallery.trace import trace
from cladding._gallery.warn_once import warn_once

Note = Callable[[str, Any], Any]


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def note(done: list[str]) -> Note:
    """Makes a decorator say when its expression was evaluated and when it was applied."""

    def noted(what: str, decorator: Any) -> Any:
        done.append(f"evaluate {what}")

        def apply(target: Any) -> Any:
            done.append(f"apply {what}")
            return decorator(target)

        return apply

    return noted


def value(done: list[str], name: str, what: Any) -> Any:
    done.append(name)
    return what


def test_functions(done: list[str], note: Note) -> None:
    lines: list[str] = []

    @note("trace", trace(to=value(done, "a", lines.append), max_items=value(done, "b", 3)))
    @note("timer", cladding.timer)
    @note("accepts", accepts(value(done, "c", int)))
    @note("retry", cladding.retry(max_retries=value(done, "d", 0)))
    @note("returns", returns(int))
    @note("requires", requires(value(done, "e", lambda x: x < 100)))
    @note("attributes", attributes(owner="ranking"))
    def f(x: Any) -> Any:
        return x

    assert done == [
        "a", "b", "evaluate trace", "evaluate timer", "c", "evaluate accepts", "d", "evaluate retry", "evaluate returns",
        "e", "evaluate requires", "evaluate attributes",
        "apply attributes", "apply requires", "apply returns", "apply retry", "apply accepts", "apply timer", "apply trace",
    ]  # fmt: skip
    assert f(3) == 3
    assert len(lines) == 1
    assert f.owner == "ranking"
    assert f.__name__ == "f"


def test_classes(done: list[str], note: Note) -> None:
    class Model:
        def predict(self, row: Any) -> Any: ...

    lines: list[str] = []

    @note("provides", provides(Model))
    @note("trace", trace(to=lines.append))
    @note("timer", cladding.timer)
    @note("accepts", accepts(x=int))
    @note("attributes", attributes(owner="ranking"))
    class Ranker:
        def __init__(self, x: Any) -> None:
            self.x = x

        def predict(self, row: Any) -> Any:
            return self.x

    assert done == [f"evaluate {what}" for what in ("provides", "trace", "timer", "accepts", "attributes")] + [
        f"apply {what}" for what in ("attributes", "accepts", "timer", "trace", "provides")
    ]
    ranker = Ranker(3)
    assert isinstance(Ranker, type)
    assert isinstance(ranker, Ranker)
    assert ranker.predict(None) == 3
    assert provided_by(ranker) == (Model,)
    assert Ranker.owner == "ranking"
    assert len(lines) == 1
    assert cladding.of(Ranker).timer.stats["calls"] == 1
    with pytest.raises(TypeMismatchError):
        Ranker("3")
    assert len(lines) == 2
    assert "raised TypeMismatchError" in lines[1]


def test_what_stands_outside_sees_what_the_inside_does() -> None:
    lines: list[str] = []

    def f(x: Any) -> Any:
        return str(x)

    outside, inside = trace(to=lines.append)(returns(int)(f)), returns(int)(trace(to=lines.append)(f))
    for decorated in (outside, inside):
        with pytest.raises(TypeMismatchError):
            decorated(3)
    assert "raised TypeMismatchError" in lines[0]
    assert lines[1].endswith("-> '3'")


def test_checks_of_who_and_what_in_order() -> None:
    def f(x: Any) -> Any:
        return x

    who = requires(lambda x: False)
    with pytest.raises(AccessDeniedError):
        who(accepts(int)(f))("not an int")
    with pytest.raises(TypeMismatchError):
        accepts(int)(who(f))("not an int")


def test_policies_and_the_gallery_in_turns() -> None:
    lines: list[str] = []
    calls = [0]

    @cladding.timer
    @trace(to=lines.append)
    @cladding.retry(max_retries=2, exceptions=KeyError, initial_delay=0)
    @trace(to=lines.append)
    @cladding.timer
    def f() -> int:
        calls[0] += 1
        if calls[0] < 3:
            raise KeyError(calls[0])
        return calls[0]

    assert f() == 3
    assert [line.rpartition("f() ")[2] for line in lines] == [
        "raised KeyError(1)",
        "raised KeyError(2)",
        "-> 3",
        "-> 3",
    ]
    assert [line.startswith("  ") for line in lines] == [True, True, True, False]
    assert cladding.of(f).timer.stats["calls"] == 1


def test_once_inside_retry_and_a_cache() -> None:
    calls = [0]

    @cladding.cache_result(ttl=60)
    @cladding.retry(max_retries=2, exceptions=KeyError, initial_delay=0)
    @warn_once.at_call("old")
    @log_once.at_call("models", "warning", "old")
    def f(x: int) -> int:
        calls[0] += 1
        if calls[0] == 1:
            raise KeyError
        return x

    with pytest.warns(DeprecationWarning, match="old") as caught:
        assert [f(1), f(1), f(2)] == [1, 1, 2]
    assert len(caught) == 1
    assert calls == [3]
    assert caught[0].filename == __file__


def test_tail_recursive_at_the_bottom() -> None:
    lines: list[str] = []

    @trace(to=lines.append)
    @accepts(int)
    @tail_recursive
    def total(n: int, so_far: int = 0) -> int:
        return so_far if n == 0 else total(n - 1, so_far + n)

    assert total(5) == 15
    assert len(lines) == 6


def test_coroutines_and_generators() -> None:
    lines: list[str] = []
    whole = [trace(to=lines.append), cladding.timer, accepts(int), requires(lambda x: x > 0), warn_once.at_call("old")]

    async def coroutine(x: Any) -> Any:
        await asyncio.sleep(0)
        return x

    def generator(x: Any) -> Iterator[Any]:
        yield x

    async def async_generator(x: Any) -> Any:
        yield x

    for decorator in reversed(whole):
        coroutine, generator, async_generator = map(decorator, (coroutine, generator, async_generator))

    async def main() -> Any:
        return await coroutine(1), [item async for item in async_generator(2)]

    with pytest.warns(DeprecationWarning, match="old"):
        assert (asyncio.run(main()), list(generator(3))) == ((1, [2]), [3])
    assert len(lines) == 3
    with pytest.raises(AccessDeniedError):
        asyncio.run(coroutine(0))
    with pytest.raises(TypeMismatchError):
        list(generator("x"))
    assert cladding.of(coroutine).timer.stats["calls"] == 2


class Service:
    lines: list[str] = []

    @trace(to=lines.append)
    @cladding.timer
    @accepts(int)
    @classmethod
    @returns(int)
    def of_class(cls, x: Any) -> Any:
        return x

    @cladding.timer
    @trace(to=lines.append)
    @property
    @returns(int)
    @cladding.timer
    def prop(self) -> Any:
        return 3


def test_above_and_below_descriptors() -> None:
    Service.lines.clear()
    assert (Service.of_class(2), Service().prop) == (2, 3)
    assert [line.partition(" ")[2] for line in Service.lines] == ["-> 2", "-> 3"]


def test_wrong_arguments_are_refused_before_anything_is_decorated() -> None:
    applied: list[Any] = []

    with pytest.raises(cladding.ConfigurationError, match="accepts"):

        @accepts(3)
        @applied.append
        def f() -> None: ...

    assert applied == []
