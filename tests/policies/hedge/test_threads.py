"""`hedge` on plain functions: the losers run on, and nothing is seen of them."""

from __future__ import annotations

import gc
import signal
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from policies.timeout.helpers import LONG, SHORT, Payload, eventually, held


def in_turn(*bodies: Callable[[], Any]) -> Callable[..., Any]:
    """A function whose attempts do what they are told, one after the other."""
    turns = iter(bodies)

    def f(*args: Any, **kwargs: Any) -> Any:
        f.calls.append((args, kwargs))  # type: ignore[attr-defined]
        return next(turns)()

    f.calls = []  # type: ignore[attr-defined]
    return f


def raises(error: BaseException, after: float = 0) -> Callable[[], Any]:
    def body() -> Any:
        time.sleep(after)
        raise error

    return body


def test_the_first_answers_in_time(cladding: Any) -> None:
    f = cladding.hedge(LONG)(lambda *args, **kwargs: (args, kwargs))
    assert f(1, call=2, delay=3) == ((1,), {"call": 2, "delay": 3})
    assert f.cladding.hedge.stats == {"calls": 1, "hedges": 0, "won": 0, "abandoned": 0, "left_running": 0}


def test_the_second_wins(cladding: Any) -> None:
    with held() as waits:
        body = in_turn(waits, lambda: 2)
        f = cladding.hedge(SHORT)(body)
        assert f(3, key="word") == 2
        assert body.calls == [((3,), {"key": "word"})] * 2  # type: ignore[attr-defined]
        assert f.cladding.hedge.stats == {"calls": 1, "hedges": 1, "won": 1, "abandoned": 1, "left_running": 1}
    eventually(lambda: f.cladding.hedge.stats["left_running"] == 0)


def test_the_first_wins_all_the_same(cladding: Any) -> None:
    with held() as waits, held() as waits_longer:
        f = cladding.hedge(SHORT)(in_turn(lambda: waits(1), lambda: (waits.let_go(), waits_longer(2))[1]))  # type: ignore[attr-defined]
        assert f() == 1
        assert f.cladding.hedge.stats == {"calls": 1, "hedges": 1, "won": 0, "abandoned": 1, "left_running": 1}


def test_several_hedges(cladding: Any) -> None:
    with held() as waits:
        f = cladding.hedge(SHORT, max_hedges=3)(in_turn(waits, waits, waits, lambda: 4))
        assert f() == 4
        assert f.cladding.hedge.stats["abandoned"] == 3


def test_a_failure_before_the_delay_is_the_outcome(cladding: Any) -> None:
    @cladding.hedge(LONG)
    def f() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError) as caught:
        f()
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == ["test_a_failure_before_the_delay_is_the_outcome", "f"]
    assert caught.value.__context__ is None
    assert f.cladding.hedge.stats["hedges"] == 0


def test_a_failure_while_another_runs_decides_nothing(cladding: Any) -> None:
    with held() as waits:

        def fails() -> None:
            waits.let_go()  # type: ignore[attr-defined]
            raise ConnectionError

        assert cladding.hedge(SHORT)(in_turn(lambda: waits("slow"), fails))() == "slow"


def test_the_first_failure_is_raised_when_all_fail(cladding: Any) -> None:
    first, second = ConnectionError("first"), ValueError("second")
    f = cladding.hedge(SHORT)(in_turn(raises(second, 6 * SHORT), raises(first)))
    with pytest.raises(ConnectionError) as caught:
        f()
    assert caught.value is first


def test_an_exit_is_no_failure(cladding: Any) -> None:
    with held() as waits:
        f = cladding.hedge(SHORT)(in_turn(waits, raises(SystemExit(3))))
        with pytest.raises(SystemExit):
            f()
        assert f.cladding.hedge.stats["left_running"] == 1


def test_an_interrupt_reaches_the_caller_at_once(cladding: Any) -> None:
    entered = threading.Semaphore(0)
    with held() as waits:
        f = cladding.hedge(SHORT)(lambda: (entered.release(), waits()))

        def interrupt() -> None:
            for _ in range(2):
                assert entered.acquire(timeout=LONG)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        sender = threading.Thread(target=interrupt)
        sender.start()
        before = time.monotonic()
        with pytest.raises(KeyboardInterrupt) as caught:
            f()
        sender.join()
        assert time.monotonic() - before < 5
        names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert names == ["test_an_interrupt_reaches_the_caller_at_once"]
        assert f.cladding.hedge.stats["left_running"] == 2


def test_stacked(cladding: Any) -> None:
    with held() as waits:
        attempts = in_turn(waits, waits, lambda: 3)

        @cladding.cache_result(ttl=60)
        @cladding.retry(initial_delay=0)
        @cladding.hedge(2 * SHORT)
        @cladding.timeout(3 * SHORT)
        @cladding.monitor
        def f(x: int) -> Any:
            return attempts(x)

        assert f(1) == f(1) == 3
        assert f.cladding.timeout.stats["timed_out"] == 2
        assert f.cladding.retry.stats["retries"] == 1


def test_on_a_class_and_on_methods(cladding: Any) -> None:
    with held() as waits:
        gates = iter([waits, int, waits, int])

        @cladding.hedge(SHORT)
        class Slow:
            def __init__(self) -> None:
                next(gates)()

            @cladding.hedge(SHORT)
            def method(self) -> Any:
                next(gates)()
                return self

        slow = Slow()
        assert type(slow) is Slow
        assert slow.method() is slow
        assert Slow.cladding.hedge.stats["won"] == 1  # type: ignore[attr-defined]


def test_recursion(cladding: Any) -> None:
    @cladding.hedge(LONG)
    def f(n: int) -> int:
        return 0 if n == 0 else 1 + f(n - 1)

    assert f(30) == 30


def test_many_threads_at_once(cladding: Any) -> None:
    with held() as waits:
        seen: list[int] = []

        @cladding.hedge(0.2)
        def f(x: int) -> int:
            seen.append(x)
            if x % 10 == 0 and seen.count(x) == 1:
                waits()
            return x

        def work(first: int) -> None:
            for x in range(first * 10, first * 10 + 10):
                assert f(x) == x
            passed.append(first)

        passed: list[int] = []
        threads = [threading.Thread(target=work, args=(first,)) for first in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(passed) == 20
        assert f.cladding.hedge.stats["won"] >= 20
    eventually(lambda: f.cladding.hedge.stats["left_running"] == 0)


@pytest.mark.parametrize("late", [False, True])
def test_a_function_that_returns_something_still_to_run_is_refused(cladding: Any, late: bool) -> None:
    async def work() -> None:
        pytest.fail("it ran")

    with warnings.catch_warnings(), held() as waits:
        warnings.simplefilter("error")
        turns = iter([waits, int])

        @cladding.monitor
        @cladding.hedge(SHORT)
        def f() -> Any:
            if late:
                next(turns)()
            return work()

        with pytest.raises(TypeError, match=r"hedge: \S+f\(\) is a plain function and has returned"):
            f()
        waits.let_go()  # type: ignore[attr-defined]
        eventually(lambda: f.cladding.hedge.stats["left_running"] == 0)
        assert f.cladding.monitor.stats["errors"] == {"TypeError": 1}


def test_nothing_is_left_for_the_collector(cladding: Any) -> None:
    references: list[Any] = []

    def body(outcomes: Iterator[Any]) -> Any:
        payload = Payload()
        references.append(weakref.ref(payload))
        seconds, error = next(outcomes)
        time.sleep(seconds)
        if error:
            raise error
        return payload

    f = cladding.hedge(SHORT)(body)
    gc.collect()
    gc.disable()
    try:
        for outcomes in (
            [(0, None)],
            [(0, ValueError)],
            [(4 * SHORT, None), (0, None)],
            [(4 * SHORT, ValueError), (0, None)],
            [(4 * SHORT, ValueError), (0, ValueError)],
            [(4 * SHORT, None), (0, ValueError)],
        ):
            try:
                f(iter(outcomes))
            except ValueError:
                pass
            del outcomes
        eventually(lambda: f.cladding.hedge.stats["left_running"] == 0)
        eventually(lambda: [reference() for reference in references] == [None] * 10)
    finally:
        gc.enable()
