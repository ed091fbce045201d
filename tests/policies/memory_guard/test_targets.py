"""`memory_guard`: where it can stand, with many calls at once, and when it is off."""

from __future__ import annotations

import threading

import pytest

import cladding
from cladding import MemoryPressureError, memory_guard

from .helpers import HUGE, TINY, body, linux_only, stats

pytestmark = linux_only


def test_methods_and_classes() -> None:
    guard = memory_guard(limit=TINY, on_pressure=("raise",))

    class Model:
        @guard
        def method(self) -> None: ...

        @guard
        @classmethod
        def made(cls) -> None: ...

        @staticmethod
        @guard
        def static() -> None: ...

    @guard
    class Guarded: ...

    for call in (Model().method, Model.made, Model.static, Guarded):
        with pytest.raises(MemoryPressureError):
            call()


def test_threads_share_one_guard() -> None:
    f = memory_guard(limit=HUGE, interval=0)(body)

    def hammer() -> None:
        for i in range(300):
            assert f(i) == i

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stats(f) == {"checks": 2400}


def test_switched_off_nothing_is_read() -> None:
    f = memory_guard(limit=TINY, on_pressure=("raise",))(body)
    with cladding.disabled("memory_guard"):
        assert f(1) == 1
    assert stats(f) == {}
    assert memory_guard(enabled=False)(body) is body
    assert memory_guard(limit=TINY, on_pressure=("raise",), enabled=lambda: False)(body)(1) == 1
