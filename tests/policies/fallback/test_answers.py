"""`fallback`: what a call gives that has failed."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio

from policies.kinds import KINDS, Kind

one_result = pytest.mark.parametrize("kind", [kind for kind in KINDS if "generator" not in kind.name], ids=str)


def _raises(*args: Any, **kwargs: Any) -> Any:
    raise ConnectionError(args)


@one_result
def test_a_value(cladding: Any, kind: Kind) -> None:
    value = [1]
    f = cladding.fallback(value)(kind.make(_raises))
    assert kind.run(f, 3) is value
    assert f.cladding.fallback.stats == {"calls": 1, "fallbacks": 1}


@one_result
def test_a_result_stays(cladding: Any, kind: Kind) -> None:
    f = cladding.fallback(0)(kind.make(lambda x: x))
    assert kind.run(f, 3) == 3
    assert f.cladding.fallback.stats == {"calls": 1, "fallbacks": 0}


@one_result
def test_a_callable_gets_the_arguments(cladding: Any, kind: Kind) -> None:
    f = cladding.fallback(lambda *args, **kwargs: (args, kwargs))(kind.make(_raises))
    assert kind.run(f, 3, [4], x=5) == ((3, [4]), {"x": 5})


def test_methods_and_classes(cladding: Any) -> None:
    class Model:
        name = "m"

        def other(self, x: int) -> tuple[str, int]:
            return self.name, x

        @cladding.fallback(other)
        def predict(self, x: int) -> Any:
            raise OSError

        @classmethod
        @cladding.fallback(lambda cls, x: (cls, x))
        def load(cls, x: int) -> Any:
            raise OSError

    assert Model().predict(3) == ("m", 3)
    assert Model.load(4) == (Model, 4)

    @cladding.fallback(None)
    class Failing:
        def __init__(self) -> None:
            raise OSError

    assert Failing() is None


@pytest.mark.parametrize("name", ["coroutine", "suspended coroutine"])
@pytest.mark.parametrize("pauses", [0, 3])
def test_a_coroutine_function_is_awaited(cladding: Any, name: str, pauses: int) -> None:
    async def other(x: int, *, y: int = 0) -> Any:
        for _ in range(pauses):
            await asyncio.sleep(0)
        return x, y

    class Other:
        async def __call__(self, x: int, *, y: int = 0) -> Any:
            return await other(x, y=y)

    (kind,) = (kind for kind in KINDS if kind.name == name)
    for substitute in (other, Other(), lambda x, **more: other(x, **more)):
        f = cladding.fallback(substitute)(kind.make(_raises))
        assert kind.run(f, 3, y=4) == (3, 4)
        assert f.cladding.fallback.stats == {"calls": 1, "fallbacks": 1}


def test_a_plain_function_that_returns_a_coroutine(cladding: Any) -> None:
    async def other(x: int) -> int:
        await asyncio.sleep(0)
        return -x

    async def fails(x: int) -> int:
        raise OSError

    @cladding.fallback(lambda x: other(x))
    def f(x: int) -> Any:
        return fails(x)

    assert asyncio.run(f(3)) == -3


def test_under_trio(cladding: Any) -> None:
    async def other(x: int) -> int:
        await trio.lowlevel.checkpoint()
        return -x

    @cladding.fallback(other)
    async def f(x: int) -> int:
        await trio.lowlevel.checkpoint()
        raise OSError

    assert trio.run(f, 3) == -3


def test_concurrent_calls_keep_to_themselves(cladding: Any) -> None:
    async def other(x: int) -> int:
        await asyncio.sleep(x % 3 / 1000)
        return -x

    @cladding.fallback(other)
    async def f(x: int) -> int:
        await asyncio.sleep(x % 2 / 1000)
        if x % 2:
            raise OSError
        return x

    async def main() -> list[int]:
        return await asyncio.gather(*map(f, range(50)))

    assert asyncio.run(main()) == [-x if x % 2 else x for x in range(50)]


# ------------------------------------------------------------------------------------------------------ what passes


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
@one_result
def test_what_is_no_ordinary_failure_passes(cladding: Any, kind: Kind, error: type[BaseException]) -> None:
    def body() -> None:
        raise error

    f = cladding.fallback(0)(kind.make(body))
    with pytest.raises(error):
        kind.run_bare(f) if kind.name != "suspended coroutine" else kind.run(f)
    assert f.cladding.fallback.stats == {"calls": 1, "fallbacks": 0}


@pytest.mark.parametrize(
    "exceptions", [ConnectionError, (KeyError, OSError), lambda error: isinstance(error, OSError)], ids=str
)
def test_only_the_named_exceptions(cladding: Any, exceptions: Any) -> None:
    @cladding.fallback("other", exceptions=exceptions)
    def f(error: Exception) -> None:
        raise error

    assert f(ConnectionResetError()) == "other"
    with pytest.raises(ValueError, match="no"):
        f(ValueError("no"))


def test_a_failing_predicate(cladding: Any) -> None:
    @cladding.fallback(0, exceptions=lambda error: error.status > 3)
    def f() -> None:
        raise OSError

    with pytest.raises(AttributeError, match="status") as caught:
        f()
    assert isinstance(caught.value.__context__, OSError)

    @cladding.fallback(0, exceptions=lambda error: "yes")
    def g() -> None:
        raise OSError

    with pytest.raises(cladding.ConfigurationError, match=r"^fallback: the callable of `exceptions` must answer True"):
        g()


def test_a_call_that_is_being_closed_is_not_answered(cladding: Any) -> None:
    called: list[int] = []

    @cladding.fallback(called.append)
    async def f() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            raise OSError("closing")

    async def main() -> None:
        steps = f().__await__()
        next(steps)
        with pytest.raises(OSError, match="closing"):
            steps.close()

    asyncio.run(main())
    assert called == []


def test_what_other_policies_raise_is_answered(cladding: Any) -> None:
    @cladding.fallback("busy", exceptions=cladding.RateLimitError)
    @cladding.rate_limit(1, per=10_000, max_wait=0)
    def f() -> str:
        return "done"

    assert [f(), f()] == ["done", "busy"]


def test_generators_that_are_returned(cladding: Any) -> None:
    """A plain function that returns one: its failure passes, as there is nothing that could stand for its items."""

    @cladding.fallback([])
    def f(fails: bool) -> Iterator[int]:
        if fails:
            raise OSError

        def items() -> Iterator[int]:
            raise KeyError
            yield 1

        return items()

    assert f(True) == []
    with pytest.raises(KeyError):
        next(f(False))


# --------------------------------------------------------------------------------------------- fallbacks that fail


def _only_functions(error: BaseException) -> list[str]:
    names, traceback = [], error.__traceback__
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    return names[1:]


def test_a_fallback_that_fails(cladding: Any) -> None:
    def other() -> None:
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second")

    @cladding.fallback(other)
    def f() -> None:
        raise OSError("original")

    with pytest.raises(ValueError, match="second") as caught:
        f()
    assert isinstance(caught.value.__context__, KeyError)
    assert isinstance(caught.value.__context__.__context__, OSError)
    assert _only_functions(caught.value) == ["other"]
    assert f.cladding.fallback.stats == {"calls": 1, "fallbacks": 0}


@pytest.mark.parametrize("pause", [False, True])
def test_an_awaited_fallback_that_fails(cladding: Any, pause: bool) -> None:
    async def other() -> None:
        if pause:
            await asyncio.sleep(0)
        raise ValueError("second")

    @cladding.fallback(other)
    async def f() -> None:
        raise OSError("original")

    async def main() -> None:
        with pytest.raises(ValueError, match="second") as caught:
            await f()
        assert isinstance(caught.value.__context__, OSError)
        assert _only_functions(caught.value) == ["other"]

    asyncio.run(main())
    assert f.cladding.fallback.stats == {"calls": 1, "fallbacks": 0}


def test_the_same_exception_again_makes_no_circle(cladding: Any) -> None:
    first, second = OSError("first"), ValueError("second")

    def other() -> None:
        raise second

    @cladding.fallback(other)
    def f() -> None:
        raise first

    for _ in range(3):
        with pytest.raises(ValueError, match="second"):
            f()
    assert (second.__context__, first.__context__) == (first, None)

    @cladding.fallback(other)
    def g() -> None:
        raise second

    with pytest.raises(ValueError, match="second"):
        g()
    assert second.__context__ is first


def test_cancelled_while_the_fallback_is_awaited(cladding: Any) -> None:
    seen: list[str] = []

    async def other() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("left")

    @cladding.fallback(other)
    async def f() -> None:
        raise OSError

    async def main() -> None:
        task = asyncio.create_task(f())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["left"]


def test_nothing_is_kept_of_a_failure(cladding: Any) -> None:
    class Big:
        pass

    alive: list[weakref.ref[Big]] = []

    async def other() -> int:
        await asyncio.sleep(0)
        return 1

    def body() -> None:
        big = Big()
        alive.append(weakref.ref(big))
        raise OSError

    @cladding.fallback(other)
    async def f() -> None:
        body()

    g = cladding.fallback(2)(body)
    gc.disable()
    try:
        assert (asyncio.run(f()), g()) == (1, 2)
        assert [each() for each in alive] == [None, None]
    finally:
        gc.enable()


def test_a_fallback_that_knows_the_function_is_no_leak(cladding: Any) -> None:
    class Other:
        def __call__(self) -> Any:
            return self.f

    def body() -> None:
        raise OSError

    other = Other()
    other.f = cladding.fallback(other)(body)
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None


# ---------------------------------------------------------------------------------------------------- configuration


def test_the_policy_apart_from_any_function(cladding: Any) -> None:
    import pickle

    policy = cladding.fallback(None, exceptions=OSError)
    assert policy == cladding.fallback(None, exceptions=OSError) != cladding.fallback(None)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert repr(policy) == "fallback(value=None, exceptions=<class 'OSError'>)"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("exceptions", value) for value in ((), "ValueError", None, ValueError(), [ValueError], (ValueError, "x"))),
        *(("exceptions", value) for value in (BaseException, KeyboardInterrupt, (ValueError, SystemExit), int)),
        ("enabled", "yes"),
    ],
)
def test_wrong_parameters_are_refused_by_name(cladding: Any, parameter: str, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError, match=f"^fallback: `{parameter}` must be "):
        cladding.fallback(0, **{parameter: value})


def test_a_value_is_needed(cladding: Any) -> None:
    for use in (cladding.fallback, lambda: cladding.stack(cladding.fallback)):
        with pytest.raises(cladding.ConfigurationError, match=r"^fallback: `value` is needed"):
            use()


def test_generators_are_refused(cladding: Any) -> None:
    def items() -> Iterator[int]:
        yield 1

    async def async_items() -> AsyncIterator[int]:
        yield 1

    for function in (items, async_items):
        with pytest.raises(cladding.ConfigurationError, match=r"which is a generator function: it has no one result"):
            cladding.fallback([])(function)


def test_a_coroutine_function_for_a_plain_one_is_refused(cladding: Any) -> None:
    async def other() -> None: ...

    with pytest.raises(
        cladding.ConfigurationError, match=r"^fallback: `value` cannot be used on .*no coroutine function"
    ):
        cladding.fallback(other)(lambda: None)


def test_switched_off(cladding: Any) -> None:
    f = cladding.fallback(0)(_raises)
    with cladding.disabled("fallback"), pytest.raises(ConnectionError):
        f()
    assert f() == 0


def test_metrics(cladding: Any) -> None:
    @cladding.fallback(0)
    def measured() -> None:
        raise OSError

    measured()
    name = f"{measured.__module__}.{measured.__qualname__}"
    assert f'cladding_fallbacks_total{{function="{name}"}} 1' in cladding.metrics_text()
