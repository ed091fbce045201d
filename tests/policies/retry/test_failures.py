"""`retry.failures` and `retry.group`: the exceptions of one call, and of no other."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails


class NumberedError(Exception):
    """Each tells which call and attempt it is of."""


@all_kinds
def test_failures_are_those_of_all_attempts(cladding: Any, waits: list[float], kind: Kind) -> None:
    fails = Fails(9)
    with pytest.raises(ConnectionError) as caught:
        kind.run(cladding.retry(kind.make(fails)))
    assert cladding.retry.failures(caught.value) == tuple(fails.raised)
    group = cladding.retry.group(caught.value)
    assert isinstance(group, ExceptionGroup)
    assert (group.message, group.exceptions) == ("4 attempts failed", tuple(fails.raised))


def test_an_exception_that_was_never_retried(cladding: Any, waits: list[float]) -> None:
    error = ValueError()
    assert cladding.retry.failures(error) == (error,)
    assert cladding.retry.group(error).message == "1 attempt failed"
    with pytest.raises(ConnectionError) as caught:
        cladding.retry(0)(Fails(1))()
    assert cladding.retry.failures(caught.value) == (caught.value,)


def test_a_last_exception_that_is_not_retried_has_those_before(cladding: Any, waits: list[float]) -> None:
    errors = [ConnectionError(), TimeoutError(), KeyError()]
    left = iter(errors)
    with pytest.raises(KeyError) as caught:
        cladding.retry(Fails(9, lambda: next(left)))()
    assert cladding.retry.failures(caught.value) == tuple(errors)


def test_of_very_many_the_latest_are_kept(cladding: Any, waits: list[float]) -> None:
    fails = Fails(9999)
    with pytest.raises(ConnectionError) as caught:
        cladding.retry(1000, initial_delay=0)(fails)()
    failures = cladding.retry.failures(caught.value)
    assert len(failures) == 101
    assert failures == tuple(fails.raised[-101:])


def test_one_exception_raised_by_every_attempt_is_there_once(cladding: Any, waits: list[float]) -> None:
    cached = ConnectionError()
    for _ in range(3):
        with pytest.raises(ConnectionError) as caught:
            cladding.retry(Fails(9, lambda: cached))()
        assert cladding.retry.failures(caught.value) == (cached,)
        assert len(cached.__notes__) == 1


def test_a_cached_exception_tells_of_its_latest_call(cladding: Any, waits: list[float]) -> None:
    cached = ConnectionError("cached")

    def call(*before: Exception, retries: int = 3) -> tuple[BaseException, ...]:
        errors = iter([*before, *[cached] * 9])
        with pytest.raises(ConnectionError) as caught:
            cladding.retry(retries, exceptions=Exception)(Fails(9, lambda: next(errors)))()
        assert caught.value is cached
        failures: tuple[BaseException, ...] = cladding.retry.failures(cached)
        return failures

    one, two, three = KeyError(1), KeyError(2), KeyError(3)
    assert call(one, two) == (one, two, cached)
    assert call(three) == (three, cached)
    assert call() == (cached,)
    assert call(retries=0) == (cached,)


def test_calls_inside_calls_have_their_own(cladding: Any, waits: list[float]) -> None:
    @cladding.retry(1, exceptions=NumberedError, nested="allow")
    def f(depth: int) -> None:
        if depth:
            with pytest.raises(NumberedError) as caught:
                f(depth - 1)
            failures = cladding.retry.failures(caught.value)
            assert [failure.args for failure in failures] == [(depth - 1,)] * 2
            assert "after 2 attempts" in caught.value.__notes__[0]
        raise NumberedError(depth)

    with pytest.raises(NumberedError) as caught:
        f(3)
    assert [failure.args for failure in cladding.retry.failures(caught.value)] == [(3,)] * 2


def test_threads_have_their_own(cladding: Any) -> None:
    threads, calls, wrong = 8, 100, []
    together = threading.Barrier(threads)

    @cladding.retry(2, exceptions=NumberedError, initial_delay=0)
    def f(*key: int) -> None:
        raise NumberedError(*key)

    def work(thread: int) -> None:
        together.wait(30)
        for call in range(calls):
            try:
                f(thread, call)
            except NumberedError as error:
                failures = cladding.retry.failures(error)
                if [failure.args for failure in failures] != [(thread, call)] * 3 or len(error.__notes__) != 1:
                    wrong.append((thread, call))

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
    assert f.cladding.retry.stats["gave_up"] == threads * calls


def test_one_exception_that_threads_share(cladding: Any) -> None:
    cached = ConnectionError("shared")
    together = threading.Barrier(8)

    @cladding.retry(2, initial_delay=0)
    def f() -> None:
        raise cached

    def work() -> None:
        together.wait(30)
        for _ in range(200):
            with pytest.raises(ConnectionError):
                f()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(cached.__notes__) <= 8  # one, but for threads that looked at the same moment
    assert cladding.retry.failures(cached) == (cached,)


def test_exceptions_of_calls_that_gave_up_travel(cladding: Any, waits: list[float]) -> None:
    with pytest.raises(ConnectionError) as caught:
        cladding.retry(2)(Fails(9))()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.__notes__ == caught.value.__notes__
    assert len(cladding.retry.failures(copy)) == 3


def test_a_group_can_be_raised_from_the_last(cladding: Any, waits: list[float]) -> None:
    def call() -> None:
        try:
            cladding.retry(2)(Fails(9))()
        except ConnectionError as error:
            raise cladding.retry.group(error) from error

    with pytest.raises(ExceptionGroup) as caught:
        call()
    matching, rest = caught.value.split(ConnectionError)
    assert matching is not None
    assert rest is None
    assert len(matching.exceptions) == 3


def test_the_function_itself_tells_of_them(cladding: Any, waits: list[float]) -> None:
    fails = Fails(99)
    f = cladding.retry(max_retries=2)(fails)
    with pytest.raises(ConnectionError) as caught:
        f()
    assert f.cladding.retry.failures(caught.value) == tuple(fails.raised)
    assert f.cladding.retry.group(caught.value).exceptions == tuple(fails.raised)
