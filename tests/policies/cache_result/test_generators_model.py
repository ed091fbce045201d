"""`cache_result(generators=N)` against a simple model: callers that come, go on, leave and are thrown at, in any order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cladding import cache_result

BOUND = 3
LENGTHS = (0, 2, 3, 4, 9)


class Run:
    """One run of the function, as it should be."""

    def __init__(self, key: int, made: int = 0, *, recorded: bool = True) -> None:
        self.key = key
        self.made = made
        self.recorded = recorded
        self.begun = False
        self.over = False
        self.callers: list[Caller] = []


class Caller:
    """One generator object, as it should be."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.at = 0
        self.ended = False
        self.run: Run | None = None
        self.replays = False
        self.is_cut_off = False


class Model:
    """What is kept, what runs, and how often the function has begun."""

    def __init__(self) -> None:
        self.kept: set[int] = set()
        self.current: dict[int, Run] = {}
        self.begun: Counter[int] = Counter()
        self.open = 0

    def advance(self, caller: Caller) -> int | None:
        """The next item; `None` for the end."""
        if caller.ended:
            return None
        if caller.run is None and not caller.replays:
            self.enter(caller)
        if caller.replays:
            if caller.at == LENGTHS[caller.key]:
                caller.ended = True
                return None
        else:
            run = caller.run
            assert run is not None
            if caller.is_cut_off:
                self.leave(caller)
                caller.is_cut_off = False
                caller.run = run = Run(caller.key, caller.at, recorded=False)
                run.callers.append(caller)
            if caller.at == run.made:
                self.make(run)
            if caller.at == run.made:
                self.leave(caller)
                return None
        caller.at += 1
        return caller.at - 1

    def enter(self, caller: Caller) -> None:
        if caller.key in self.kept:
            caller.replays = True
            return
        caller.run = self.current.setdefault(caller.key, Run(caller.key))
        caller.run.callers.append(caller)

    def make(self, run: Run) -> None:
        if run.over:
            return
        if not run.begun:
            run.begun = True
            self.begun[run.key] += 1
            self.open += 1
        if run.made == LENGTHS[run.key]:
            run.over = True
            self.open -= 1
            if self.forget(run):
                self.kept.add(run.key)
            return
        run.made += 1
        if run.made > BOUND and run.recorded:
            run.recorded = False
            self.forget(run)
        if not run.recorded:
            for caller in run.callers:
                caller.is_cut_off |= run.made - caller.at > BOUND

    def forget(self, run: Run) -> bool:
        found = self.current.get(run.key) is run
        if found:
            del self.current[run.key]
        return found

    def leave(self, caller: Caller) -> None:
        caller.ended = True
        run, caller.run = caller.run, None
        if run is None:
            return
        run.callers.remove(caller)
        if not run.callers and not run.over:
            self.forget(run)
            self.open -= run.begun


KEYS = st.sampled_from(range(len(LENGTHS)))
WHICH = st.integers(0, 5)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), KEYS),
        st.tuples(st.just("next"), WHICH),
        st.tuples(st.just("next"), WHICH),
        st.tuples(st.just("next"), WHICH),
        st.tuples(st.just("rest"), WHICH),
        st.tuples(st.sampled_from(["close", "drop", "throw", "send"]), WHICH),
        st.tuples(st.just("clear"), st.just(0)),
        st.tuples(st.just("invalidate"), KEYS),
    ),
    max_size=60,
)


class Real:
    """The function and what it was seen to do."""

    def __init__(self, awaits: bool) -> None:
        self.awaits = awaits
        self.begun: Counter[int] = Counter()
        self.open = 0

        def items(key: int) -> Iterator[int]:
            self.begun[key] += 1
            self.open += 1
            try:
                yield from range(LENGTHS[key])
            finally:
                self.open -= 1

        async def aitems(key: int) -> AsyncIterator[int]:
            self.begun[key] += 1
            self.open += 1
            try:
                for item in range(LENGTHS[key]):
                    await asyncio.sleep(0)
                    yield item
            finally:
                self.open -= 1

        make: Any = cache_result(generators=BOUND)
        self.f: Any = make(aitems if awaits else items)

    async def next(self, generator: Any) -> int | None:
        item = await anext(generator, None) if self.awaits else next(generator, None)
        assert item is None or isinstance(item, int)
        return item

    async def end(self, generator: Any, how: str, *, ended: bool) -> None:
        if how in {"close", "drop"}:
            # An async generator that is dropped is closed by its event loop, a little later.
            await generator.aclose() if self.awaits else generator.close()
            return
        error = ZeroDivisionError if how == "throw" else TypeError
        try:
            if how == "throw":
                await generator.athrow(error) if self.awaits else generator.throw(error)
            else:
                await generator.asend(1) if self.awaits else generator.send(1)
        except (error, StopIteration, StopAsyncIteration):
            return
        assert ended


async def follow(actions: list[tuple[str, int]], *, awaits: bool) -> None:
    model, real = Model(), Real(awaits)
    callers: list[tuple[Caller, Any]] = []
    for action, which in actions:
        if action == "call":
            callers.append((Caller(which), real.f(which)))
        elif action == "clear":
            model.current.clear()
            model.kept.clear()
            real.f.cache_clear()
        elif action == "invalidate":
            model.current.pop(which, None)
            model.kept.discard(which)
            real.f.cache.invalidate(which)
        elif callers:
            index = which % len(callers)
            caller, generator = callers[index]
            if action == "next":
                assert await real.next(generator) == model.advance(caller)
            elif action == "rest":
                while (item := model.advance(caller)) is not None:
                    assert await real.next(generator) == item
                assert await real.next(generator) is None
            else:
                await real.end(generator, action, ended=caller.ended)
                # What has not begun takes no values, and stays as it is.
                if action != "send" or caller.run is not None or caller.replays:
                    model.leave(caller)
                if action == "drop":
                    del callers[index], generator
        assert real.begun == model.begun
        assert real.open == model.open
        assert {key for (key,), _ in real.f.cache.items()} == model.kept
    for caller, generator in callers:
        await real.end(generator, "close", ended=caller.ended)
        model.leave(caller)
    assert real.open == model.open == 0


@pytest.mark.parametrize("awaits", [False, True], ids=["generator", "async_generator"])
@settings(max_examples=300, deadline=None)
@given(actions=ACTIONS)
def test_any_order(awaits: bool, actions: list[tuple[str, int]]) -> None:
    asyncio.run(follow(actions, awaits=awaits))
