"""A context manager as a decorator: what it surrounds, what it keeps, what it refuses."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
from typing import Any

import pytest

from cladding._contexts import asynccontextmanager, contextmanager

pytestmark = pytest.mark.usefixtures("cladding")


@pytest.fixture
def log() -> list[Any]:
    return []


@pytest.fixture
def logged(log: list[Any]) -> Any:
    """A context manager that notes its way in and out."""

    @contextmanager
    def context(name: str = "context") -> Any:
        log.append(f"enter {name}")
        try:
            yield name
        except BaseException as error:
            log.append(type(error).__name__)
            raise
        finally:
            log.append(f"exit {name}")

    return context


@pytest.fixture
def logged_async(log: list[Any]) -> Any:
    @asynccontextmanager
    async def context(name: str = "context") -> Any:
        await asyncio.sleep(0)
        log.append(f"enter {name}")
        try:
            yield name
        except BaseException as error:
            log.append(type(error).__name__)
            raise
        finally:
            await asyncio.sleep(0)
            log.append(f"exit {name}")

    return context


ENTER, EXIT = "enter context", "exit context"


def test_with_statement(logged: Any, log: list[Any]) -> None:
    with logged("one") as name:
        log.append(name)
    assert log == ["enter one", "one", "exit one"]


def test_each_call_of_a_function_has_a_context_of_its_own(logged: Any, log: list[Any]) -> None:
    @logged()
    def work(x: int, /, y: int = 2, *, z: int = 3) -> int:
        log.append((x, y, z))
        return x + y + z

    assert [work(1), work(1, y=5, z=0)] == [6, 6]
    assert log == [ENTER, (1, 2, 3), EXIT, ENTER, (1, 5, 0), EXIT]


def test_calls_may_nest(logged: Any, log: list[Any]) -> None:
    @logged()
    def count(n: int) -> int:
        return 0 if n == 0 else 1 + count(n - 1)

    assert count(2) == 2
    assert log == [ENTER] * 3 + [EXIT] * 3


def test_an_exception_goes_through_the_context(logged: Any, log: list[Any]) -> None:
    @logged()
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert log == [ENTER, "KeyError", EXIT]


def test_a_context_may_suppress() -> None:
    @contextmanager
    def forgiving() -> Any:
        try:
            yield
        except ValueError:
            pass

    @forgiving()
    def fail() -> None:
        raise ValueError

    @forgiving()
    async def fail_later() -> None:
        raise ValueError

    @forgiving()
    def fail_between() -> Any:
        yield 1
        raise ValueError

    assert fail() is None
    assert asyncio.run(fail_later()) is None
    assert list(fail_between()) == [1]


def test_a_coroutine_is_surrounded_until_it_completes(logged: Any, log: list[Any]) -> None:
    @logged()
    async def work(x: int) -> int:
        log.append("before")
        await asyncio.sleep(0)
        log.append("after")
        return x

    assert inspect.iscoroutinefunction(work)
    coroutine = work(3)
    assert inspect.iscoroutine(coroutine)
    assert log == []
    assert asyncio.run(coroutine) == 3
    assert log == [ENTER, "before", "after", EXIT]


def test_a_cancelled_coroutine_leaves_the_context(logged: Any, log: list[Any]) -> None:
    @logged()
    async def work(started: asyncio.Event) -> None:
        started.set()
        await asyncio.Event().wait()

    async def main() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(work(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == [ENTER, "CancelledError", EXIT]


def test_a_generator_is_surrounded_until_it_is_exhausted(logged: Any, log: list[Any]) -> None:
    @logged()
    def work(x: int) -> Any:
        got = yield x
        log.append(got)
        try:
            yield x + 1
        except KeyError:
            yield "caught"
        return "result"

    assert inspect.isgeneratorfunction(work)
    generator = work(1)
    assert log == []
    assert next(generator) == 1
    assert generator.send("sent") == 2
    assert generator.throw(KeyError) == "caught"
    with pytest.raises(StopIteration) as stopped:
        next(generator)
    assert stopped.value.value == "result"
    assert log == [ENTER, "sent", EXIT]


def test_a_generator_that_is_closed_leaves_the_context(logged: Any, log: list[Any]) -> None:
    @logged()
    def work() -> Any:
        yield 1

    generator = work()
    next(generator)
    generator.close()
    assert log == [ENTER, "GeneratorExit", EXIT]


def test_a_generator_that_is_dropped_leaves_the_context(logged: Any, log: list[Any]) -> None:
    @logged()
    def work() -> Any:
        yield 1

    next(work())
    gc.collect()
    assert log == [ENTER, "GeneratorExit", EXIT]


@pytest.fixture(params=["sync", "async"])
def either(request: pytest.FixtureRequest, logged: Any, logged_async: Any) -> Any:
    return logged if request.param == "sync" else logged_async


def test_an_async_generator_is_surrounded_until_it_is_exhausted(either: Any, log: list[Any]) -> None:
    @either()
    async def work(x: int) -> Any:
        got = yield x
        log.append(got)
        try:
            yield x + 1
        except KeyError:
            yield "caught"

    assert inspect.isasyncgenfunction(work)

    async def main() -> None:
        generator = work(1)
        assert log == []
        assert await generator.asend(None) == 1
        assert await generator.asend("sent") == 2
        assert await generator.athrow(KeyError) == "caught"
        with pytest.raises(StopAsyncIteration):
            await anext(generator)

    asyncio.run(main())
    assert log == [ENTER, "sent", EXIT]


def test_an_async_generator_that_is_closed_leaves_the_context(either: Any, log: list[Any]) -> None:
    @either()
    async def work() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    async def main() -> None:
        generator = work()
        await anext(generator)
        await generator.aclose()

    asyncio.run(main())
    assert log == [ENTER, "closed", "GeneratorExit", EXIT]


def test_an_async_generator_that_fails_goes_through_the_context(either: Any, log: list[Any]) -> None:
    @either()
    async def work() -> Any:
        yield 1
        raise KeyError("x")

    async def main() -> None:
        with pytest.raises(KeyError):
            [item async for item in work()]

    asyncio.run(main())
    assert log == [ENTER, "KeyError", EXIT]


def test_an_async_context_surrounds_a_coroutine(logged_async: Any, log: list[Any]) -> None:
    @logged_async()
    async def work(x: int) -> int:
        log.append("inside")
        return x

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work(x=4)) == 4
    assert log == [ENTER, "inside", EXIT]


@pytest.mark.parametrize("target", [lambda: None, print, functools.partial(print)], ids=str)
def test_an_async_context_refuses_what_nobody_awaits(logged_async: Any, target: Any) -> None:
    with pytest.raises(TypeError, match=r"async context manager and cannot decorate .* coroutine function"):
        logged_async()(target)


def test_an_async_context_refuses_a_generator_function(logged_async: Any) -> None:
    def generator() -> Any:
        yield

    with pytest.raises(TypeError, match="async generator function is wanted"):
        logged_async()(generator)


def test_a_class_is_refused(logged: Any) -> None:
    with pytest.raises(TypeError, match="cannot decorate the class"):
        logged()(dict)


def test_what_cannot_be_called_is_refused(logged: Any) -> None:
    with pytest.raises(TypeError, match="cannot decorate 3: a function"):
        logged()(3)


def test_the_function_stays_what_it_is(logged: Any) -> None:
    def work(a: int, /, b: str = "b", *rest: float, c: bytes, **extra: object) -> None:
        """Works."""

    work.mark = 1  # type: ignore[attr-defined]
    decorated = logged()(work)
    assert inspect.isfunction(decorated)
    assert inspect.signature(decorated) == inspect.signature(work)
    assert inspect.getfullargspec(decorated) == inspect.getfullargspec(work)
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__", "mark"):
        assert getattr(decorated, attribute) == getattr(work, attribute)
    assert decorated.__wrapped__ is work
    with pytest.raises(TypeError, match=r"work\(\) missing 1 required positional argument: 'a'"):
        decorated(c=b"")


def test_parameters_may_have_any_name(logged: Any) -> None:
    @logged()
    def work(self: int, func: int, args: int, kwds: int, _call_: int, context: int) -> Any:
        return (self, func, args, kwds, _call_, context)

    assert work(1, 2, 3, kwds=4, _call_=5, context=6) == (1, 2, 3, 4, 5, 6)


def test_methods_and_descriptors(logged: Any, log: list[Any]) -> None:
    class Thing:
        @logged("method")
        def method(self, x: int) -> Any:
            return self, x

        @logged("class")
        @classmethod
        def above(cls, x: int) -> Any:
            return cls, x

        @staticmethod
        @logged("static")
        def static(x: int) -> int:
            return x

        @logged("property")
        @property
        def value(self) -> int:
            return 7

    thing = Thing()
    assert thing.method(1) == (thing, 1)
    assert Thing.above(2) == (Thing, 2)
    assert thing.static(3) == 3
    assert thing.value == 7
    assert log[::2] == ["enter method", "enter class", "enter static", "enter property"]


def test_a_factory_that_is_a_class_method_drives_a_switch(log: list[Any]) -> None:
    class Switch:
        on = False

        @classmethod
        @contextmanager
        def enabled(cls, value: bool = True) -> Any:
            before, cls.on = cls.on, value
            try:
                yield
            finally:
                cls.on = before

    class Other(Switch):
        pass

    @Switch.enabled()
    def work() -> tuple[bool, bool]:
        return Switch.on, Other.on

    assert work() == (True, True)
    with Other.enabled():
        assert (Switch.on, Other.on) == (False, True)
    assert not Switch.on


def test_other_callables(logged: Any, log: list[Any]) -> None:
    async def work(x: int) -> int:
        log.append("inside")
        return x

    partial = logged()(functools.partial(work, 5))
    assert inspect.iscoroutinefunction(partial)
    assert asyncio.run(partial()) == 5
    assert logged()(len)([1, 2]) == 2
    assert log == [ENTER, "inside", EXIT, ENTER, EXIT]


@pytest.mark.skipif(not hasattr(inspect, "markcoroutinefunction"), reason="requires Python 3.12")
def test_a_function_that_is_marked_as_a_coroutine_function_is_one(logged_async: Any, log: list[Any]) -> None:
    async def work() -> None:
        log.append("inside")

    marked = inspect.markcoroutinefunction(lambda: work())
    asyncio.run(logged_async()(marked)())
    assert log == [ENTER, "inside", EXIT]


def test_one_manager_decorates_and_is_entered(logged: Any, log: list[Any]) -> None:
    manager = logged()

    @manager
    def work() -> None:
        log.append("inside")

    with manager:
        log.append("with")
    work()
    assert log == [ENTER, "with", EXIT, ENTER, "inside", EXIT]
    with pytest.raises(TypeError, match="was entered already"):
        manager(work)


def test_policies_above_and_below(logged: Any, log: list[Any], cladding: Any) -> None:
    @cladding.timer
    @logged()
    @cladding.retry(max_retries=1, exceptions=ValueError, initial_delay=0)
    def work() -> int:
        log.append("try")
        if log.count("try") == 1:
            raise ValueError
        return 5

    assert work() == 5
    assert log == [ENTER, "try", "try", EXIT]
    assert work.cladding.timer.stats["calls"] == 1
    assert cladding.of(work.__wrapped__).retry.stats["calls"] == 1


def test_the_factory_keeps_its_signature(logged: Any) -> None:
    assert str(inspect.signature(logged)) in ("(name: 'str' = 'context') -> 'Any'",)
    with pytest.raises(TypeError, match="unexpected keyword argument 'nam'"):
        logged(nam=1)
