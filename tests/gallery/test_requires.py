"""`requires`: who may call, asked before any of the function's code runs."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import pickle
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

import cladding
from cladding._errors import AccessDeniedError
from cladding._gallery.requires import requires

ROLE: ContextVar[str] = ContextVar("role")


def is_admin(user: str) -> bool:
    return user == "admin"


def test_by_argument() -> None:
    ran: list[str] = []

    @requires(is_admin)
    def delete(model: str, user: str = "guest") -> str:
        ran.append(model)
        return model

    assert delete("m", "admin") == delete(user="admin", model="m") == "m"
    for call in (lambda: delete("m"), lambda: delete("m", "eve"), lambda: delete("m", user="eve")):
        with pytest.raises(AccessDeniedError):
            call()
    assert ran == ["m", "m"]


def test_the_error_says_nothing_of_the_arguments() -> None:
    @requires(is_admin)
    def delete(password: str, user: str) -> None: ...

    with pytest.raises(PermissionError) as caught:
        delete("secret", "eve")
    error: Any = caught.value
    assert isinstance(error, cladding.CladdingError)
    assert str(error) == f"{delete.__qualname__} may not be called: is_admin refuses"
    assert (error.function, error.check) == (delete.__qualname__, "is_admin")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_message_of_ones_own() -> None:
    with pytest.raises(AccessDeniedError, match=r"^ask the platform team$"):
        requires(lambda: False, message="ask the platform team")(lambda: 3)()


def test_by_who_calls() -> None:
    @requires(lambda role: role == "admin", caller=ROLE)
    def f(role: str = "admin") -> int:
        return 3

    def run(role: str | None) -> int:
        if role is not None:
            ROLE.set(role)
        return f()

    assert contextvars.copy_context().run(run, "admin") == 3
    for role in ("guest", None):
        with pytest.raises(AccessDeniedError):
            contextvars.copy_context().run(run, role)


def test_who_calls_and_arguments_together() -> None:
    @requires(lambda who, model: who in model, caller=ROLE)
    def f(model: str) -> str:
        return model

    def run(role: str, model: str) -> str:
        ROLE.set(role)
        return f(model)

    assert contextvars.copy_context().run(run, "ann", "ann/model") == "ann/model"
    with pytest.raises(AccessDeniedError):
        contextvars.copy_context().run(run, "ann", "eve/model")


def test_each_thread_has_its_own_caller() -> None:
    f = requires(lambda role: role == "admin", caller=ROLE)(lambda: 3)
    answers: dict[str, Any] = {}

    def run(role: str) -> None:
        ROLE.set(role)
        try:
            answers[role] = f()
        except AccessDeniedError:
            answers[role] = None

    threads = [threading.Thread(target=run, args=(role,)) for role in ("admin", "guest")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {"admin": 3, "guest": None}


def test_several_checks_in_order() -> None:
    asked: list[str] = []

    def first(x: int) -> bool:
        asked.append("first")
        return x > 0

    def second(x: int) -> bool:
        asked.append("second")
        return x > 1

    f = requires(first, second)(lambda x: x)
    assert f(2) == 2
    with pytest.raises(AccessDeniedError, match="first refuses"):
        f(0)
    with pytest.raises(AccessDeniedError, match="second refuses"):
        f(1)
    assert asked == ["first", "second", "first", "first", "second"]


def test_a_check_that_raises_ends_the_call() -> None:
    ran: list[int] = []

    def check() -> bool:
        raise ConnectionError("no directory")

    with pytest.raises(ConnectionError):
        requires(check)(lambda: ran.append(1))()
    assert ran == []


@pytest.mark.parametrize("answer", [None, 1, "yes", [1], object()])
def test_only_true_lets_pass(answer: Any) -> None:
    ran: list[int] = []
    with pytest.raises(cladding.ConfigurationError, match="must answer True or False"):
        requires(lambda: answer)(lambda: ran.append(1))()
    assert ran == []


def test_an_answer_that_is_a_coroutine_lets_nobody_pass() -> None:
    async def later() -> bool:
        return True

    with pytest.raises(cladding.ConfigurationError, match="got a coroutine"):
        requires(lambda: later())(lambda: 3)()


def test_a_wrong_call_does_not_run() -> None:
    ran: list[int] = []

    @requires(is_admin)
    def f(user: str, x: int) -> None:
        ran.append(1)

    for call in (
        lambda: f(),
        lambda: f(x=1),
        lambda: f("admin"),
        lambda: f("admin", 1, 2),
        lambda: f("admin", 1, user="admin"),
    ):  # type: ignore[call-arg, misc]
        with pytest.raises(TypeError):
            call()
    assert ran == []


def test_a_keyword_beside_a_positional_only_parameter() -> None:
    @requires(is_admin)
    def f(user: str, /, **more: Any) -> str:
        return user

    assert f("admin", user="eve") == "admin"
    with pytest.raises(AccessDeniedError):
        f("eve", user="admin")


def test_further_arguments() -> None:
    f = requires(lambda rest, more: rest == (2,) and more == {"y": 3})(_varied)
    assert f(1, 2, y=3) == 1
    with pytest.raises(AccessDeniedError):
        f(1, 2, y=4)


def _varied(x: Any, *rest: Any, **more: Any) -> Any:
    return x


class Service:
    def __init__(self, owner: str) -> None:
        self.owner = owner

    @requires(lambda self, user: self.owner == user)
    def method(self, user: str) -> str:
        return user

    @requires(is_admin)
    @classmethod
    def of_class(cls, user: str) -> str:
        return user

    @staticmethod
    @requires(is_admin)
    def static(user: str) -> str:
        return user

    @requires(lambda self: self.owner == "admin")
    @property
    def secret(self) -> str:
        return "secret"


def test_methods() -> None:
    assert (Service("ann").method("ann"), Service.of_class("admin"), Service.static("admin")) == (
        "ann",
        "admin",
        "admin",
    )
    assert Service("admin").secret == "secret"
    for call in (
        lambda: Service("ann").method("eve"), lambda: Service.of_class("eve"), lambda: Service.static("eve"),
        lambda: Service("eve").secret,
    ):  # fmt: skip
        with pytest.raises(AccessDeniedError):
            call()


def test_classes_partials_and_builtins() -> None:
    made: list[str] = []

    @requires(is_admin)
    class Session:
        def __init__(self, user: str) -> None:
            made.append(user)

    assert isinstance(Session("admin"), Session)
    with pytest.raises(AccessDeniedError):
        Session("eve")
    assert made == ["admin"]
    assert requires(lambda obj: len(obj) < 3)(len)("ab") == 2
    with pytest.raises(AccessDeniedError):
        requires(lambda obj: len(obj) < 3)(len)("abc")
    partial = requires(lambda rest: rest == (3,))(functools.partial(_varied, 2))
    assert partial(3) == 2
    with pytest.raises(cladding.ConfigurationError, match="has no parameter for"):
        requires(is_admin)(functools.partial(_varied, 2))


def test_coroutines_when_they_run() -> None:
    ran: list[str] = []

    async def slow_check(user: str) -> bool:
        await asyncio.sleep(0)
        return user == "admin"

    @requires(is_admin, slow_check)
    async def f(user: str) -> str:
        ran.append(user)
        return user

    assert asyncio.run(f("admin")) == "admin"
    with pytest.raises(AccessDeniedError):
        asyncio.run(f("eve"))
    assert ran == ["admin"]
    assert inspect.iscoroutinefunction(f)


def test_generators_before_the_first_item() -> None:
    ran: list[str] = []

    @requires(is_admin)
    def f(user: str) -> Iterator[str]:
        ran.append(user)
        got = yield user
        yield got

    denied = f("eve")
    with pytest.raises(AccessDeniedError):
        next(denied)
    generator: Any = f("admin")
    assert next(generator) == "admin"
    assert generator.send("sent") == "sent"
    assert ran == ["admin"]


def test_async_generators_before_the_first_item() -> None:
    ran: list[str] = []

    async def slow_check(user: str) -> bool:
        await asyncio.sleep(0)
        return user == "admin"

    @requires(slow_check)
    async def f(user: str) -> AsyncIterator[Any]:
        ran.append(user)
        try:
            got = yield user
            yield got
        except KeyError:
            yield "caught"

    async def main() -> list[Any]:
        with pytest.raises(AccessDeniedError):
            await anext(f("eve"))
        items: Any = f("admin")
        return [await anext(items), await items.asend("sent"), await items.athrow(KeyError)]

    assert asyncio.run(main()) == ["admin", "sent", "caught"]
    assert ran == ["admin"]


async def async_check() -> bool:
    return True


class AsyncCheck:
    async def __call__(self) -> bool:
        return True


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: requires(), "`checks` must be one callable at least"),
        (lambda: requires(3), "`checks` must be callables"),  # type: ignore[arg-type]
        (lambda: requires(is_admin, caller="x"), "`caller` must be a contextvars.ContextVar"),  # type: ignore[arg-type]
        (lambda: requires(is_admin, message=3), "`message` must be a string"),  # type: ignore[arg-type]
        (lambda: requires(is_admin)(lambda: 3), "wants `user`, which .* has no parameter for"),
        (lambda: requires(lambda: True, caller=ROLE)(lambda: 3), "whose first parameter takes who calls"),
        (lambda: requires(async_check)(lambda: 3), "plain functions for .*, which is not asynchronous"),
        (lambda: requires(AsyncCheck())(lambda: 3), "plain functions for .*, which is not asynchronous"),
    ],
    ids=range(8),
)
def test_wrong_parameters(make: Any, message: str) -> None:
    with pytest.raises(cladding.ConfigurationError, match="requires: " + ".*" + message):
        make()
