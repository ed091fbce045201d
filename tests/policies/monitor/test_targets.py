"""`monitor`: where it can stand, and when it is off."""

from __future__ import annotations

from typing import Any

from .helpers import ended, stats


def test_where_it_stands_decides_what_it_sees(cladding: Any) -> None:
    attempts = 0

    @cladding.monitor
    @cladding.retry(initial_delay=0)
    @cladding.monitor
    def f() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ConnectionError

    f()
    outer, _, inner = f.cladding.policies
    assert (outer.stats["calls"], outer.stats["errors"]) == (1, {})
    assert (inner.stats["calls"], inner.stats["errors"]) == (3, {"ConnectionError": 2})


def test_on_methods_and_classes(cladding: Any) -> None:
    @cladding.monitor
    class Model:
        @cladding.monitor
        def predict(self, x: int) -> int:
            return x

        @cladding.monitor
        @classmethod
        def load(cls) -> Model:
            return cls()

        @staticmethod
        @cladding.monitor
        def clean(x: int) -> int:
            return x

    model = Model.load()
    assert model.predict(Model.clean(4)) == 4
    for f in (Model, Model.predict, Model.load, Model.clean):
        assert stats(f)["calls"] == 1


def test_switched_off_meanwhile(cladding: Any) -> None:
    @cladding.monitor
    def f() -> None:
        if stats(f)["calls"] == 0:
            f.cladding.monitor.enabled = False

    f()  # was begun while it was on, so it counts
    f()
    assert ended(f) == (1, {}, 0, 0)
