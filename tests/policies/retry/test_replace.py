"""`replace`: another configuration for one call, of whatever was decorated."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails, numbers

both_ways = pytest.mark.parametrize(
    "replace",
    [
        lambda cladding, f, **changes: cladding.retry.replace(f, **changes),
        lambda cladding, f, **changes: f.cladding.retry.replace(**changes),
    ],
    ids=["retry.replace(f)", "f.cladding.retry.replace"],
)


@both_ways
@all_kinds
def test_one_call_with_another_configuration(cladding: Any, waits: list[float], kind: Kind, replace: Any) -> None:
    fails = Fails(99)
    f = cladding.retry(1, jitter="none", initial_delay=1)(kind.make(fails))
    other = replace(cladding, f, max_retries=3)
    with pytest.raises(ConnectionError) as caught:
        kind.run(other)
    assert (fails.calls, waits) == (4, [1, 2, 4])  # the rest is as it was
    assert caught.value.__notes__[0].endswith("max_retries=3")
    waits.clear()
    with pytest.raises(ConnectionError):
        kind.run(f)
    assert (fails.calls, waits) == (6, [1])


@both_ways
@all_kinds
def test_it_is_what_it_was_made_of(cladding: Any, kind: Kind, replace: Any) -> None:
    f = cladding.retry(kind.make(Fails(0)))
    other = replace(cladding, f, max_retries=0)
    for test in (
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
        inspect.isfunction,
        inspect.signature,
    ):
        assert test(other) == test(f)
    assert (other.__name__, other.__qualname__, other.__module__) == (f.__name__, f.__qualname__, f.__module__)
    assert other.__wrapped__ is f.__wrapped__
    assert other.cladding.retry.parameters["max_retries"] == 0
    assert f.cladding.retry.parameters["max_retries"] == 3
    assert kind.run(other) == 1


@both_ways
def test_numbers_and_switch_are_shared(cladding: Any, waits: list[float], replace: Any) -> None:
    f = cladding.retry(1)(Fails(9))
    other = replace(cladding, f, max_retries=2)
    for call in (f, other, other):
        with pytest.raises(ConnectionError):
            call()
    assert numbers(f) == numbers(other) == {"calls": 3, "retries": 5, "gave_up": 3}
    f.cladding.retry.enabled = False
    with pytest.raises(ConnectionError) as caught:
        other()
    assert not hasattr(caught.value, "__notes__")
    other.cladding.retry.enabled = True
    assert f.cladding.retry.enabled is True
    assert f() == 10
    assert numbers(other)["calls"] == 4


class Client:
    """Methods of each kind, retried."""

    def __init__(self) -> None:
        self.fails = Fails(5)

    def plain(self, key: str) -> tuple[Any, str, int]:
        return self, key, self.fails()

    async def coroutine(self, key: str) -> tuple[Any, str, int]:
        return self, key, self.fails()

    def generator(self, key: str) -> Iterator[tuple[Any, str, int]]:
        yield self, key, self.fails()

    async def async_generator(self, key: str) -> AsyncIterator[tuple[Any, str, int]]:
        yield self, key, self.fails()


async def _first(items: Any) -> Any:
    return await anext(aiter(items))


@pytest.mark.parametrize("name", ["plain", "coroutine", "generator", "async_generator"])
@pytest.mark.parametrize("above", ["retry", "timer"])
def test_a_method_stays_one_of_its_object(cladding: Any, waits: list[float], name: str, above: str) -> None:
    decorated = cladding.retry(1)(getattr(Client, name))
    if above == "timer":
        decorated = cladding.timer(decorated)
    client = type("Decorated", (Client,), {name: decorated})()
    other = cladding.retry.replace(getattr(client, name), max_retries=9)
    assert other.__self__ is client
    result = other("k")
    if name == "coroutine":
        result = asyncio.run(result)
    elif name == "generator":
        [result] = result
    elif name == "async_generator":
        result = asyncio.run(_first(result))
    assert result == (client, "k", 6)
    client.fails = Fails(5)
    assert cladding.retry.replace(getattr(client, name), max_retries=9).__name__ == name


def test_the_handle_of_a_method_gives_its_function(cladding: Any, waits: list[float]) -> None:
    class Decorated(Client):
        plain = cladding.retry(1)(Client.plain)

    client = Decorated()
    assert Decorated.plain.cladding.retry.replace(max_retries=9)(client, "k") == (client, "k", 6)


@pytest.mark.parametrize("order", ["above", "below"])
def test_class_methods_and_static_methods(cladding: Any, waits: list[float], order: str) -> None:
    retry = cladding.retry(1)

    def of_class(cls: Any, fails: Fails) -> tuple[Any, int]:
        return cls, fails()

    def static(fails: Fails) -> int:
        return fails()

    above = order == "above"

    class Owner:
        class_method = retry(classmethod(of_class)) if above else classmethod(retry(of_class))
        static_method = retry(staticmethod(static)) if above else staticmethod(retry(static))

    class Heir(Owner):
        pass

    for owner, cls in ((Owner, Owner), (Owner(), Owner), (Heir, Heir), (Heir(), Heir)):
        assert cladding.retry.replace(owner.class_method, max_retries=9)(Fails(5)) == (cls, 6)
        assert cladding.retry.replace(owner.static_method, max_retries=9)(Fails(5)) == 6
        fails = Fails(5)
        with pytest.raises(ConnectionError):
            owner.class_method(fails)
        assert fails.calls == 2


def test_classes_and_callable_objects(cladding: Any, waits: list[float]) -> None:
    @cladding.retry(1)
    class Session:
        def __init__(self, fails: Fails) -> None:
            self.made = fails()

    made = cladding.retry.replace(Session, max_retries=9)(Fails(5))
    assert isinstance(made, Session)
    assert made.made == 6

    fails = Fails(5)
    f = cladding.retry(1)(fails)
    assert cladding.retry.replace(f, max_retries=9)() == 6
    partial = cladding.retry(1)(functools.partial(Fails(5), 1))
    assert cladding.retry.replace(partial, max_retries=9)() == 6


def test_one_policy_of_a_stack(cladding: Any, waits: list[float]) -> None:
    @cladding.timer
    @cladding.retry(1, initial_delay=0)
    @cladding.monitor
    def f(fails: Fails) -> int:
        return fails()

    other = cladding.retry.replace(f, max_retries=9)
    assert [policy.name for policy in other.cladding.policies] == ["timer", "retry", "monitor"]
    assert other(Fails(5)) == 6
    timer, retry, monitor = f.cladding.policies
    assert (timer.stats["calls"], retry.stats["retries"], monitor.stats["calls"]) == (1, 5, 6)


def test_the_outermost_of_two_is_replaced(cladding: Any, waits: list[float]) -> None:
    fails = Fails(99)
    f = cladding.retry(1)(cladding.retry(1, nested="allow")(fails))
    with pytest.raises(ConnectionError):
        cladding.retry.replace(f, max_retries=4)()
    assert fails.calls == 10
    outer, inner = f.cladding.policies
    assert [outer.stats["retries"], inner.stats["retries"]] == [4, 5]
    with pytest.raises(TypeError, match="replace\\(\\) goes by the name of the policy"):
        inner.replace(max_retries=4)


def test_a_replaced_one_can_be_replaced(cladding: Any, waits: list[float]) -> None:
    f = cladding.retry(1, jitter="none")(Fails(3))
    once = cladding.retry.replace(f, max_retries=9)
    twice = once.cladding.retry.replace(schedule=[7])
    assert twice() == 4
    assert waits == [7, 7, 7]
    assert numbers(f)["calls"] == 1


@both_ways
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"max_retries": -1}, "`max_retries` must be an int"),
        ({"exceptions": "ValueError"}, "`exceptions` must be"),
        ({"max_delay": 0.01}, "`max_delay` must be"),  # below the first delay that it was decorated with
        ({"deadline": float("nan")}, "`deadline` must be"),
        ({"nested": "inner"}, "`nested` must be"),
    ],
)
def test_a_wrong_change_is_named(cladding: Any, replace: Any, changes: dict[str, Any], text: str) -> None:
    f = cladding.retry(Fails(0))
    with pytest.raises(cladding.ConfigurationError, match=f"^retry: {text}"):
        replace(cladding, f, **changes)
    with pytest.raises(TypeError, match="tries"):
        replace(cladding, f, tries=3)


@pytest.mark.parametrize(
    "make", [lambda c: print, lambda c: c.timer(len), lambda c: 3, lambda c: None, lambda c: c.retry()]
)
def test_what_carries_no_retry(cladding: Any, make: Any) -> None:
    target = make(cladding)
    with pytest.raises(TypeError, match="carries no retry that can be replaced"):
        cladding.retry.replace(target, max_retries=1)


def test_every_parameter_can_be_replaced(cladding: Any, waits: list[float]) -> None:
    told: list[Any] = []
    f = cladding.retry(1, on_giveup=told.append)(Fails(9, KeyError))
    with pytest.raises(KeyError):
        cladding.retry.replace(
            f, 2, 3.0, KeyError, initial_delay=1, max_delay=2, jitter="none", on_retry=told.append, deadline=60
        )()
    assert waits == [1, 2]
    assert [(event.attempt, event.max_retries, event.deadline) for event in told] == [
        (1, 2, 60),
        (2, 2, 60),
        (3, 2, 60),
    ]


def test_threads_with_configurations_of_their_own(cladding: Any) -> None:
    attempts: dict[int, list[int]] = {index: [] for index in range(8)}
    here = threading.local()

    @cladding.retry(0, initial_delay=0)
    def f() -> None:
        here.count += 1
        raise ConnectionError

    def work(index: int) -> None:
        for _ in range(50):
            here.count = 0
            with pytest.raises(ConnectionError):
                f.cladding.retry.replace(max_retries=index)()
            attempts[index].append(here.count)

    workers = [threading.Thread(target=work, args=(index,)) for index in attempts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert attempts == {index: [index + 1] * 50 for index in attempts}
    assert f.cladding.retry.stats["calls"] == 400
