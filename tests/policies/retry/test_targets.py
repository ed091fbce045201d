"""`retry`: where it can stand, and when it is off."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from .helpers import Fails


def test_on_methods_of_all_kinds(cladding: Any, waits: list[float]) -> None:
    class Client:
        def __init__(self) -> None:
            self.fails = Fails(2)

        @cladding.retry
        def fetch(self, key: str) -> tuple[Any, ...]:
            return self, key, self.fails()

        @cladding.retry
        @classmethod
        def above_class(cls, fails: Fails) -> tuple[Any, ...]:
            return cls, fails()

        @classmethod
        @cladding.retry
        def below_class(cls, fails: Fails) -> tuple[Any, ...]:
            return cls, fails()

        @cladding.retry
        @staticmethod
        def above_static(fails: Fails) -> int:
            return fails()

        @cladding.retry
        @property
        def value(self) -> int:
            return self.fails()

        @cladding.retry
        @functools.cached_property
        def cached(self) -> int:
            return self.fails()

    client = Client()
    assert client.fetch(key="k") == (client, "k", 3)
    assert client.above_class(Fails(1)) == (Client, 2)
    assert Client.below_class(Fails(1)) == (Client, 2)
    assert client.above_static(Fails(1)) == 2
    client.fails = Fails(1)
    assert client.value == 2
    client.fails = Fails(1)
    assert client.cached == client.cached == 2


def test_on_a_class(cladding: Any, waits: list[float]) -> None:
    fails = Fails(2)

    @cladding.retry
    class Session:
        def __init__(self) -> None:
            self.made = fails()

    assert Session().made == 3
    assert isinstance(Session(), Session)


def test_stacked_order_decides_what_is_counted(cladding: Any, waits: list[float]) -> None:
    @cladding.timer
    @cladding.retry
    @cladding.timer
    def f(fails: Fails) -> int:
        return fails()

    f(Fails(2))
    outer, _, inner = f.cladding.policies
    assert (outer.stats["calls"], outer.stats["errors"]) == (1, 0)
    assert (inner.stats["calls"], inner.stats["errors"]) == (3, 2)


def test_switched_off(cladding: Any, waits: list[float]) -> None:
    fails = Fails(99)
    f = cladding.retry(fails)
    with cladding.disabled("retry"), pytest.raises(ConnectionError) as caught:
        f()
    assert fails.calls == 1
    assert not hasattr(caught.value, "__notes__")
    assert cladding.retry(enabled=False)(fails) is fails
    asked = cladding.retry(enabled=lambda: False)(fails)
    with pytest.raises(ConnectionError):
        asked()
    assert fails.calls == 2
