"""`warn_once` and `log_once`: once, in all threads together, and where they point."""

from __future__ import annotations

import asyncio
import inspect
import logging
import pickle
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest

import cladding
from cladding._gallery._once import LIMIT, Seen
from cladding._gallery.log_once import log_once
from cladding._gallery.warn_once import warn_once

LOGGER = logging.getLogger("models")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    warn_once.reset()
    log_once.reset()
    yield
    warn_once.reset()
    log_once.reset()


@pytest.fixture
def caught() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


def here() -> int:
    """The line that calls this."""
    return sys._getframe(1).f_lineno


# ----------------------------------------------------------------------------------------------------------- warn_once


def test_warns_once_and_points_at_the_caller(caught: list[warnings.WarningMessage]) -> None:
    lines: list[int] = []
    for _ in range(3):
        lines.append(here() + 1)
        warn_once("slow path")
    [warning] = caught
    assert (str(warning.message), warning.category) == ("slow path", UserWarning)
    assert (warning.filename, warning.lineno) == (__file__, lines[0])


def test_says_whether_it_was_the_first(caught: list[warnings.WarningMessage]) -> None:
    assert [warn_once("a"), warn_once("a"), warn_once("b"), warn_once("a", FutureWarning)] == [True, False, True, True]
    assert len(caught) == 3


def test_keys(caught: list[warnings.WarningMessage]) -> None:
    assert [warn_once(f"step {step}", key="step") for step in range(3)] == [True, False, False]
    assert warn_once("step 0")
    assert warn_once("step 0", key=["not", "hashable"])
    assert not warn_once("step 0", key=["not", "hashable"])


def test_stacklevel(caught: list[warnings.WarningMessage]) -> None:
    def helper() -> None:
        warn_once("of the caller", stacklevel=2)

    helper(); line = here()  # fmt: skip
    assert caught[0].lineno == line


def test_a_warning_that_is_made_an_error_is_raised_each_time() -> None:
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning):
                warn_once("no")


def test_once_in_all_threads(caught: list[warnings.WarningMessage]) -> None:
    answers: list[bool] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        for n in range(200):
            answers.append(warn_once(f"message {n}"))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 1600
    assert sum(answers) == 200


# ------------------------------------------------------------------------------------------------------------ log_once


def test_logs_once_for_message_and_arguments(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[int] = []
    for name in ("a", "b", "a"):
        lines.append(here() + 1)
        log_once(LOGGER, logging.WARNING, "%s is slow", name)
    first, second = caplog.records
    assert (first.getMessage(), second.getMessage()) == ("a is slow", "b is slow")
    assert (first.pathname, first.lineno, first.funcName) == (
        __file__, lines[0], "test_logs_once_for_message_and_arguments",
    )  # fmt: skip


def test_arguments_that_are_equal_but_differ(caplog: pytest.LogCaptureFixture) -> None:
    assert [log_once(LOGGER, "error", "%r", value) for value in (1, True, 1.0, 1)] == [True, True, True, False]


def test_key_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    assert [log_once(LOGGER, "warning", "step %d", step, key="step") for step in range(3)] == [True, False, False]
    assert log_once("another", "warning", "step %d", 0, key="step")


def test_key_from_the_arguments(caplog: pytest.LogCaptureFixture) -> None:
    paths = ["x/1", "x/2", "y/1"]
    said = [log_once(LOGGER, "error", "no %s", path, key=lambda path: path.split("/")[0]) for path in paths]
    assert said == [True, False, True]


def test_what_the_logger_does_not_take_does_not_count(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "models"):
        assert not log_once(LOGGER, "info", "hello")
    with caplog.at_level(logging.INFO, "models"):
        assert log_once(LOGGER, "info", "hello")
        assert not log_once(LOGGER, "info", "hello")


def test_the_helper_of_a_logger_of_ones_own(caplog: pytest.LogCaptureFixture) -> None:
    warning_once: Callable[..., bool] = partial(log_once, LOGGER, logging.WARNING)

    class Logger(logging.Logger):
        def warning_once(self, msg: str, *args: Any) -> bool:
            return log_once(self, logging.WARNING, msg, *args, stacklevel=2)

    own = Logger("own")
    own.addHandler(caplog.handler)
    warning_once("a"); line = here()  # fmt: skip
    own.warning_once("a"); other = here()  # fmt: skip
    assert not warning_once("a")
    assert not own.warning_once("a")
    assert [record.lineno for record in caplog.records] == [line, other]


def test_adapters(caplog: pytest.LogCaptureFixture) -> None:
    class Ranked(logging.LoggerAdapter[logging.Logger]):
        def process(self, msg: Any, kwargs: Any) -> Any:
            return f"rank 0: {msg}", kwargs

    adapter = Ranked(LOGGER, {})
    assert log_once(adapter, "warning", "hello")
    assert not log_once(adapter, "warning", "hello")
    log_once.at_call(adapter, "warning", "called")(lambda: None)()
    assert [record.getMessage() for record in caplog.records] == ["rank 0: hello", "rank 0: called"]


def test_extra_and_exc_info(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError
    except ValueError:
        log_once(LOGGER, "error", "failed", exc_info=True, extra={"model": "m"})
    assert caplog.records[0].exc_info
    assert caplog.records[0].model == "m"


# ----------------------------------------------------------------------------------------------------------- decorators


def test_warns_at_the_first_call(caught: list[warnings.WarningMessage]) -> None:
    @warn_once.at_call("use score")
    def predict(x: int) -> int:
        return x

    assert caught == []
    assert predict(1) == 1; line = here()  # fmt: skip
    assert predict(x=2) == 2
    [warning] = caught
    assert (str(warning.message), warning.category) == ("use score", DeprecationWarning)
    assert (warning.filename, warning.lineno) == (__file__, line)
    assert str(inspect.signature(predict)) == "(x: 'int') -> 'int'"


def test_points_through_other_decorators(caught: list[warnings.WarningMessage]) -> None:
    @cladding.timer
    @warn_once.at_call("old")
    @cladding.retry
    def f(again: bool) -> None:
        if again:
            g(again=False)

    @cladding.timer
    @warn_once.at_call("older")
    def g(again: bool) -> None: ...

    f(again=True); line = here()  # fmt: skip
    assert [warning.lineno for warning in caught] == [line, f.__code__.co_firstlineno + 5]


def test_points_at_its_own_first_call_by_itself(caught: list[warnings.WarningMessage]) -> None:
    @warn_once.at_call("recursive", key=lambda n: n == 0)
    def f(n: int) -> None:
        if n:
            f(n - 1)

    f(1)
    assert caught[1].lineno == f.__code__.co_firstlineno + 3


def test_each_function_and_each_key(caught: list[warnings.WarningMessage]) -> None:
    per_model = warn_once.at_call("old", key=lambda model, **_: model)

    @per_model
    def f(model: str, **_: Any) -> None: ...

    @warn_once.at_call("old")
    def g() -> None: ...

    @warn_once.at_call("old")
    def h() -> None: ...

    also = per_model(lambda model: model)
    for call in (partial(f, "a"), partial(f, "b", x=1), partial(f, "a"), g, g, h, partial(also, "a")):
        call()
    assert len(caught) == 5


def test_a_shared_key(caught: list[warnings.WarningMessage]) -> None:
    shared = warn_once.at_call("the v1 interface is old", key="v1")
    f, g = shared(lambda: 1), shared(lambda: 2)
    assert (f(), g(), g()) == (1, 2, 2)
    assert len(caught) == 1


class Service:
    @warn_once.at_call("old method")
    def method(self) -> int:
        return 1

    @warn_once.at_call("old class method")
    @classmethod
    def of_class(cls) -> int:
        return 2

    @property
    @warn_once.at_call("old property")
    def prop(self) -> int:
        return 3


def test_methods_once_for_all_instances(caught: list[warnings.WarningMessage]) -> None:
    for _ in range(2):
        assert (Service().method(), Service.of_class(), Service().prop) == (1, 2, 3)
    assert [str(warning.message) for warning in caught] == ["old method", "old class method", "old property"]


def test_classes(caught: list[warnings.WarningMessage]) -> None:
    @warn_once.at_call("old class")
    class Old: ...

    assert isinstance(Old(), Old); line = here()  # fmt: skip
    Old()
    assert [warning.lineno for warning in caught] == [line]


def test_coroutines_and_generators(caught: list[warnings.WarningMessage]) -> None:
    @warn_once.at_call("old coroutine")
    async def coroutine() -> int:
        return 1

    @warn_once.at_call("old generator")
    def generator() -> Iterator[int]:
        yield 1

    @warn_once.at_call("old async generator")
    async def async_generator() -> AsyncIterator[int]:
        yield 1

    @warn_once.at_call("old task")
    async def task() -> None: ...

    async def main() -> list[int]:
        lines = [here() + 1]
        await coroutine()
        lines.append(here() + 1)
        assert [item async for item in async_generator()] == [1]
        await asyncio.ensure_future(task())
        await coroutine()
        return lines

    lines = asyncio.run(main())
    lines.append(task.__code__.co_firstlineno)
    assert list(generator()) == [1]; lines.append(here())  # fmt: skip
    assert [warning.lineno for warning in caught] == lines
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isasyncgenfunction(async_generator)


def test_logs_at_the_first_call(caplog: pytest.LogCaptureFixture) -> None:
    @log_once.at_call(LOGGER, "warning", "100% of them")
    def f() -> int:
        return 3

    assert f() == 3; line = here()  # fmt: skip
    f()
    [record] = caplog.records
    assert record.getMessage() == "100% of them"
    assert (record.name, record.pathname, record.lineno) == ("models", __file__, line)
    assert record.funcName == "test_logs_at_the_first_call"


def test_a_call_that_was_not_logged_does_not_count(caplog: pytest.LogCaptureFixture) -> None:
    f = log_once.at_call(LOGGER, "info", "hello")(lambda: None)
    with caplog.at_level(logging.WARNING, "models"):
        f()
    with caplog.at_level(logging.INFO, "models"):
        f()
        f()
    assert len(caplog.records) == 1


# ------------------------------------------------------------------------------------------------------- bounds and rest


def test_keys_are_bounded() -> None:
    seen = Seen(limit=3)
    assert [seen.first(key) for key in (1, 2, 3, 1)] == [True, True, True, False]
    assert seen.first(4)  # 2 is forgotten, which was asked for least recently.
    assert [seen.first(key) for key in (1, 3, 4)] == [False] * 3
    assert seen.first(2)
    assert LIMIT == 4096


def test_a_key_may_ask_again_while_it_is_compared() -> None:
    class Key:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            warn_once("inside", key="inside")
            return self is other

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert warn_once("a", key=Key())
        assert warn_once("b", key=Key())
    assert [str(warning.message) for warning in caught] == ["a", "inside", "b"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: warn_once(3),  # type: ignore[arg-type]
        lambda: warn_once("a", ValueError),  # type: ignore[arg-type]
        lambda: warn_once("a", stacklevel=0),
        lambda: warn_once.at_call("a", "b"),  # type: ignore[arg-type]
        lambda: log_once(3, "info", "a"),  # type: ignore[arg-type]
        lambda: log_once("a", "loud", "a"),
        lambda: log_once("a", "info", "a", stacklevel=1.5),  # type: ignore[arg-type]
        lambda: log_once.at_call("a", None, "a"),  # type: ignore[arg-type]
    ],
)
def test_wrong_parameters(call: Any) -> None:
    with pytest.raises(cladding.ConfigurationError, match=r"(warn|log)_once: `"):
        call()


@pytest.mark.parametrize("helper", [warn_once, log_once], ids=repr)
def test_what_they_are(helper: Any) -> None:
    assert helper.__name__ in repr(helper)
    assert inspect.getdoc(helper)
    sys.modules[type(helper).__module__]
    assert pickle.loads(pickle.dumps(helper)) is helper
    with pytest.raises(TypeError, match="at_call cannot decorate 3"):
        (warn_once.at_call("a") if helper is warn_once else log_once.at_call("a", 10, "b"))(3)
