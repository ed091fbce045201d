"""`retry` inside `retry`: attempts multiply, which is warned about once, or left to the outermost."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from policies.kinds import KINDS, Kind

from .helpers import Fails

nesting = pytest.mark.parametrize("kind", [kind for kind in KINDS if "generator" not in kind.name], ids=str)


@contextmanager
def warned() -> Iterator[list[str]]:
    """The warnings of a block, which are errors elsewhere."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield texts
    texts += [str(warning.message) for warning in found if warning.category is RuntimeWarning]


def layers(cladding: Any, kind: Kind, body: Callable[[], Any], **options: Any) -> Any:
    """Three functions of one kind, each of three attempts, around one another."""
    retry = cladding.retry(2, **options)
    if "coroutine" not in kind.name:
        inner = retry(lambda: body())
        middle = retry(lambda: inner())
        return retry(lambda: middle())

    async def awaits(function: Any) -> Any:
        return await function()

    innermost = retry(kind.make(body))

    async def call_inner() -> Any:
        return await innermost()

    middle = retry(call_inner)

    async def call_middle() -> Any:
        return await middle()

    return retry(call_middle)


@nesting
def test_attempts_multiply_unless_left_to_the_outermost(cladding: Any, waits: list[float], kind: Kind) -> None:
    for nested, calls in (("allow", 27), ("outer", 3)):
        fails = Fails(99)
        f = layers(cladding, kind, fails, nested=nested)
        with pytest.raises(ConnectionError) as caught:
            kind.run(f)
        assert fails.calls == calls
        assert caught.value is fails.raised[-1]
        if nested == "outer":
            [note] = caught.value.__notes__
            assert note.endswith("max_retries=2")


@nesting
def test_nothing_stays_announced(cladding: Any, waits: list[float], kind: Kind) -> None:
    # In one context for all calls, as in one thread of a server.
    succeeds = layers(cladding, kind, Fails(2), nested="outer")
    passes = layers(cladding, kind, Fails(99, KeyError), nested="outer")
    interrupted = layers(cladding, kind, Fails(99, KeyboardInterrupt), nested="outer")
    fails = Fails(99)
    gives_up = layers(cladding, kind, fails, nested="outer")
    assert kind.run_bare(succeeds) == 3
    for f, error in ((passes, KeyError), (interrupted, KeyboardInterrupt), (gives_up, ConnectionError)):
        with pytest.raises(error):
            kind.run_bare(f)
    assert fails.calls == 3
    fails.calls = 0
    with pytest.raises(ConnectionError):
        kind.run_bare(gives_up)
    assert fails.calls == 3


def test_warned_once_for_each_pair(cladding: Any, waits: list[float]) -> None:
    @cladding.retry(2)
    def inner() -> None:
        raise ConnectionError

    @cladding.retry(2)
    def outer() -> None:
        inner()

    @cladding.retry(2)
    def another() -> None:
        inner()

    for f, texts in ((outer, 1), (outer, 0), (another, 1), (another, 0), (inner, 0)):
        with warned() as found, pytest.raises(ConnectionError):
            f()
        assert len(found) == texts
        if found:
            for words in (inner.__qualname__, f.__qualname__, "their attempts multiply", 'nested="outer"'):
                assert words in found[0]
    assert outer.cladding.retry.stats["retries"] == 4
    assert inner.cladding.retry.stats["retries"] == 2 * (6 + 6 + 1)


def test_a_warning_that_is_an_error_is_raised(cladding: Any, waits: list[float]) -> None:
    fails = Fails(99)
    inner = cladding.retry(2)(lambda: fails())
    outer = cladding.retry(2)(lambda: inner())
    with pytest.raises(RuntimeWarning, match="their attempts multiply"):
        outer()


def test_no_warning_where_nothing_multiplies(cladding: Any, waits: list[float]) -> None:
    def pair(inner_options: dict[str, Any], times: float, error: type[Exception]) -> Any:
        fails = Fails(times, error)
        inner = cladding.retry(2, **inner_options)(lambda: fails())
        return cladding.retry(2)(lambda: inner())

    with warned() as found:
        pair({}, 0, ConnectionError)()
        for options, error in (({"nested": "allow"}, ConnectionError), ({"exceptions": OSError}, KeyError)):
            with pytest.raises(error):
                pair(options, 99, error)()
        inner = cladding.retry(0)(Fails(2))
        assert cladding.retry(2)(lambda: inner())() == 3
        one, other = cladding.retry(1)(Fails(1)), cladding.retry(1)(Fails(1))
        assert (one(), other()) == (2, 2)  # after one another
    assert found == []


def test_two_retries_on_one_function(cladding: Any, waits: list[float]) -> None:
    fails = Fails(99)
    f = cladding.retry(2)(cladding.retry(4, nested="outer")(fails))
    with pytest.raises(ConnectionError):
        f()
    assert fails.calls == 3
    assert [policy.stats["retries"] for policy in f.cladding.policies] == [2, 0]


def test_the_innermost_alone_retries_by_itself(cladding: Any, waits: list[float]) -> None:
    inner = cladding.retry(4, nested="outer")(Fails(3))
    assert inner() == 4
    assert inner.cladding.retry.stats["retries"] == 3


def test_an_outer_one_that_is_off_or_does_not_retry_is_none(cladding: Any, waits: list[float]) -> None:
    inner = cladding.retry(4, nested="outer")(Fails(3))
    outer = cladding.retry(2)(lambda: inner())
    outer.cladding.retry.enabled = False
    assert outer() == 4


@pytest.mark.parametrize("runs", ["block", "call", "method", "replaced"])
def test_however_it_is_called(cladding: Any, waits: list[float], runs: str) -> None:
    fails = Fails(99)
    inner = cladding.retry(2, nested="outer")

    def body() -> None:
        if runs == "block":
            for attempt in cladding.retry.attempts(2, nested="outer"):
                with attempt:
                    fails()
        elif runs == "call":
            inner.call(fails)
        elif runs == "replaced":
            cladding.retry.replace(cladding.retry(fails), nested="outer", max_retries=2)()
        else:
            type("Client", (), {"method": inner(lambda self: fails())})().method()

    with pytest.raises(ConnectionError):
        cladding.retry(2)(body)()
    assert fails.calls == 3
    fails.calls = 0
    with pytest.raises(ConnectionError):
        for attempt in cladding.retry.attempts(2):
            with attempt:
                body()
    assert fails.calls == 3


@pytest.mark.parametrize("value", ["inner", "", None, True, 1, b"outer"])
def test_what_nested_cannot_be(cladding: Any, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.retry(nested=value)
    assert str(caught.value) == f'retry: `nested` must be "warn", "outer" or "allow", got {value!r}'
