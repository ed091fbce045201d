"""`disabled` and `configure` in one another, in any order, and in many threads and tasks."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from cladding import ConfigurationError, _native, configure, disabled

from .switched import ONE, both, one, seen


def test_blocks_nest() -> None:
    with disabled("timer"):
        with disabled("timer", one):
            assert seen(both) == {"one": [0, 0], "other": [0, 1]}
        assert seen(both) == {"one": [0, 1], "other": [0, 1]}
    assert seen(both) == {"one": [1, 1], "other": [1, 1]}


def test_a_block_can_be_entered_again_and_again() -> None:
    block = disabled(one)
    with block, block:
        with block:
            pass
        assert seen(both)["one"] == [0, 0]
    assert seen(both)["one"] == [1, 1]
    with block:
        assert seen(both)["one"] == [0, 0]


def test_blocks_may_end_in_any_order() -> None:
    first, second = disabled("timer"), disabled("timer")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert seen(both)["one"] == [0, 1]
    second.__exit__(None, None, None)
    assert seen(both)["one"] == [1, 1]


def test_an_exception_ends_the_block_and_passes() -> None:
    with pytest.raises(KeyError, match="mine"), disabled():
        raise KeyError("mine")
    assert seen(both)["one"] == [1, 1]


def test_configuration_and_blocks_do_not_undo_each_other() -> None:
    configure(disabled=["timer"])
    with disabled("timer"):
        configure(disabled=())
        assert seen(both)["one"] == [0, 1]
    assert seen(both)["one"] == [1, 1]
    with disabled("retry"):
        configure(disabled=["retry", ONE])
    assert seen(both) == {"one": [0, 0], "other": [1, 0]}
    configure(disabled=())


def test_a_wrong_configuration_changes_nothing() -> None:
    configure(disabled=["timer"])
    with pytest.raises(ConfigurationError):
        configure(disabled=["retry", "wrong"])
    assert seen(both)["one"] == [0, 1]
    configure()


def test_blocks_hold_in_every_thread() -> None:
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with disabled("timer"):
            inside.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(30)
    with disabled(ONE):
        assert seen(both) == {"one": [0, 0], "other": [0, 1]}
    assert seen(both)["one"] == [0, 1]
    done.set()
    thread.join()
    assert seen(both)["one"] == [1, 1]


def test_blocks_hold_in_every_task() -> None:
    async def main() -> None:
        inside, done = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            with disabled("timer"):
                inside.set()
                await done.wait()

        async with asyncio.TaskGroup() as group:
            holder = group.create_task(hold())
            await inside.wait()
            with disabled("retry"):
                assert seen(both)["one"] == [0, 0]
                done.set()
                await holder
                assert seen(both)["one"] == [1, 0]
        assert seen(both)["one"] == [1, 1]

    asyncio.run(main())


def test_threads_that_switch_at_once_leave_nothing_behind() -> None:
    start = threading.Barrier(4)

    def toggle(what: Any) -> None:
        start.wait(30)
        for _ in range(300):
            with disabled(what):
                one(1)
            configure(disabled=["retry"])
            configure()

    threads = [threading.Thread(target=toggle, args=(what,)) for what in ("timer", one, ONE, "all")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _native.rules() == []
    assert seen(both)["one"] == [1, 1]
