"""What a caller may be, how the decorator gets its parameters, and what is refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from cladding import ConfigurationError, decorator


@decorator
def tagged(func: Callable[..., Any], tag: str = "plain", *args: Any, times: int = 1, **kw: Any) -> Any:
    """Says a tag, several times, with the result."""
    return [(tag, func(*args, **kw))] * times


def identity(a: Any) -> Any:
    return a


def test_parentheses_are_optional_and_parameters_too() -> None:
    assert tagged(identity)(1) == tagged()(identity)(1) == [("plain", 1)]
    assert tagged(tag="x")(identity)(1) == tagged("x")(identity)(1) == [("x", 1)]
    assert tagged(identity, tag="y", times=2)(1) == [("y", 1)] * 2


def test_parameters_can_be_given_in_steps() -> None:
    loud = tagged(tag="LOUD")
    assert loud(times=2)(identity)(1) == [("LOUD", 1)] * 2
    assert loud(identity)(1) == [("LOUD", 1)]


def test_the_decorator_tells_what_its_caller_tells() -> None:
    assert tagged.__name__ == "tagged"
    assert tagged.__doc__ == "Says a tag, several times, with the result."
    assert tagged.__module__ == __name__
    assert repr(tagged(tag="x")) == "<decorator tagged(tag='x')>"


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tagged(tga="x"), r"tagged\(\) has no parameter 'tga'; it has: tag, times"),
        (lambda: tagged("x", "y"), r"takes 1 parameters by position, but 2 were given"),
        (lambda: tagged("x", tag="y"), "'tag' twice"),
        (lambda: decorator(lambda func, *args, needed, **kw: 0)(identity), "needs the parameter 'needed'"),
    ],
)
def test_wrong_parameters(use: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        use()


@pytest.mark.parametrize(
    "caller",
    [
        lambda: 0,
        lambda x: 0,
        lambda func, *args: 0,
        lambda func, **kw: 0,
        lambda *args, **kw: 0,
        lambda a, b, c, *args, **kw: 0,
        lambda wrapped, instance, args: 0,
        3,
        len,
    ],
)
def test_what_is_no_caller(caller: Any) -> None:
    with pytest.raises(TypeError, match=r"decorator\(\) cannot use .* as a caller"):
        decorator(caller)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "async"}, "kind must be one of .*'coroutine'.*not 'async'"),
        ({"enabled": "yes"}, "enabled must be a bool or callable, not 'yes'"),
        ({"signature": "a", "signature_factory": lambda f: "a"}, "cannot both be given"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        decorator(**options)


@pytest.mark.parametrize("target", [3, "text", None])
def test_what_cannot_be_decorated(target: Any) -> None:
    @decorator
    def hand_on(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        return func(*args, **kw)

    with pytest.raises(TypeError):
        hand_on(target)


def test_methods_decorate_through_an_instance() -> None:
    class Log:
        def __init__(self) -> None:
            self.lines: list[Any] = []

        @decorator
        def flat(self, func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
            self.lines.append(args)
            return func(*args, **kw)

        @decorator
        def universal(self, wrapped: Any, instance: Any, args: Any, kwargs: Any, extra: int = 0) -> Any:
            self.lines.append((instance, args, extra))
            return wrapped(*args, **kwargs)

    one, other = Log(), Log()
    f, g = one.flat(identity), other.flat(identity)
    assert (f(1), g(2)) == (1, 2)
    assert (one.lines, other.lines) == ([(1,)], [(2,)])
    assert one.universal(extra=5)(identity)(3) == 3
    assert one.lines[-1] == (None, (3,), 5)
    with pytest.raises(TypeError, match="through an instance"):
        Log.flat(identity)


def test_classes_whose_instances_are_callers() -> None:
    @decorator
    class Add:
        """Adds."""

        def __init__(self, amount: int = 1, *, sign: int = 1) -> None:
            self.amount = sign * amount

        def __call__(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            return wrapped(*args, **kwargs) + self.amount

    assert Add(identity)(1) == 2
    assert Add(amount=5)(identity)(1) == 6
    assert Add(5, sign=-1)(identity)(1) == -4
    with pytest.raises(TypeError, match="no parameter 'amonut'"):
        Add(amonut=1)


def test_objects_with_call_are_callers() -> None:
    class Flat:
        def __call__(self, func: Callable[..., Any], factor: int = 2, *args: Any, offset: int = 0, **kw: Any) -> Any:
            return func(*args, **kw) * factor + offset

    scaled = decorator(Flat())
    assert scaled(identity)(3) == 6
    assert scaled(factor=3, offset=1)(identity)(3) == 10


def test_static_methods_are_callers() -> None:
    class Tools:
        @decorator
        @staticmethod
        def hand_on(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
            return func(*args, **kw)

    assert Tools.hand_on(identity)(1) == Tools().hand_on(identity)(1) == 1


def test_a_caller_that_carries_a_policy_keeps_it() -> None:
    import cladding

    @decorator
    @cladding.timer
    def hand_on(func: Callable[..., Any], scale: int = 2, *args: Any, more: int = 0, **kw: Any) -> Any:
        return func(*args, **kw) * scale + more

    assert hand_on(more=1)(identity)(4) == 9
    assert hand_on.__wrapped__.cladding.timer.stats["calls"] == 1


def test_the_caller_itself_is_left_as_it_was() -> None:
    def caller(func: Callable[..., Any], tag: str = "x", *args: Any, more: int = 0, **kw: Any) -> Any:
        return func(*args, **kw)

    before = inspect.signature(caller)
    decorator(caller)(identity)(1)
    assert inspect.signature(caller) == before
    assert decorator(caller).__wrapped__ is caller
