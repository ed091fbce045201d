"""`retry.call` and `Policy.call`: retries without a decorator."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails


@all_kinds
def test_a_call_of_any_kind(cladding: Any, waits: list[float], kind: Kind) -> None:
    function = kind.make(Fails(2))
    assert kind.complete(cladding.retry(5, jitter="none").call(function, 1, key=2)) == 3
    assert waits == [0.1, 0.2]
    assert kind.complete(cladding.retry.call(kind.make(Fails(3)))) == 4


@all_kinds
def test_a_call_that_gives_up(cladding: Any, waits: list[float], kind: Kind) -> None:
    fails = Fails(99)
    with pytest.raises(ConnectionError) as caught:
        kind.complete(cladding.retry(1).call(kind.make(fails)))
    assert caught.value is fails.raised[1]
    assert "gave up after 2 attempts" in caught.value.__notes__[0]
    assert len(cladding.retry.failures(caught.value)) == 2


@all_kinds
def test_arguments_go_through(cladding: Any, kind: Kind) -> None:
    seen: list[Any] = []
    f = kind.make(lambda *args, **kwargs: seen.append((args, kwargs)))
    kind.complete(cladding.retry.call(f, 1, [2], function=3, self=4, policy=5))
    assert seen == [((1, [2]), {"function": 3, "self": 4, "policy": 5})]


def test_builtins_methods_partials_classes_and_objects(cladding: Any, waits: list[float]) -> None:
    class Client:
        def __init__(self, fails: Fails) -> None:
            self.made = fails()

        def rows(self, fails: Fails) -> tuple[Any, int]:
            return self, fails()

        @classmethod
        def make(cls, fails: Fails) -> Any:
            return cls(fails)

    retry = cladding.retry()
    assert retry.call(int, "42") == 42
    assert retry.call(max, 3, 4) == 4
    client = retry.call(Client, Fails(2))
    assert (type(client), client.made) == (Client, 3)
    assert retry.call(client.rows, Fails(1)) == (client, 2)
    assert retry.call(Client.make, Fails(2)).made == 3
    assert retry.call(functools.partial(client.rows, Fails(2))) == (client, 3)
    assert retry.call(Fails(3)) == 4
    assert retry.call(lambda: 3) == 3


def test_an_async_callable_object(cladding: Any, waits: list[float]) -> None:
    class Fetches:
        def __init__(self) -> None:
            self.fails = Fails(2)

        async def __call__(self) -> int:
            return self.fails()

    assert asyncio.run(cladding.retry.call(Fetches())) == 3
    assert asyncio.run(cladding.retry.call(functools.partial(Fetches()))) == 3


def test_over_what_is_retried_already(cladding: Any, waits: list[float]) -> None:
    fails = Fails(3)
    f = cladding.retry(1, nested="allow")(fails)
    assert cladding.retry(1).call(f) == 4
    assert f.cladding.retry.stats["calls"] == 2


@pytest.mark.parametrize("target", [None, 3, "f", [print]])
def test_what_cannot_be_called(cladding: Any, target: object) -> None:
    with pytest.raises(TypeError, match="retry can call functions and other callables, not"):
        cladding.retry.call(target)


def test_switched_off(cladding: Any, waits: list[float]) -> None:
    for policy in (cladding.retry(enabled=False), cladding.retry(enabled=lambda: False)):
        fails = Fails(1)
        with pytest.raises(ConnectionError) as caught:
            policy.call(fails)
        assert not hasattr(caught.value, "__notes__")
        assert fails.calls == 1
    fails = Fails(1)
    with cladding.disabled("retry"), pytest.raises(ConnectionError):
        cladding.retry.call(fails)
    assert fails.calls == 1


def test_calls_have_nothing_in_common(cladding: Any, waits: list[float]) -> None:
    policy = cladding.retry(3, schedule=[1, 2, 4])
    for _ in range(3):
        waits.clear()
        assert policy.call(Fails(3)) == 4
        assert waits == [1, 2, 4]
