"""with_signature and with_doc: what a function says of itself, and that it does what it did."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pydoc
from typing import Any, get_type_hints

import pytest

from cladding import ConfigurationError
from cladding._overrides import with_doc, with_signature

pytestmark = pytest.mark.usefixtures("cladding")


def prototype(a: int, /, b: str = "x", *rest: int, c: float, d: float = 1.5, **more: object) -> bool:
    """The prototype's."""
    return True


TEXT = "(a: 'int', /, b: 'str' = 'x', *rest: 'int', c: 'float', d: 'float' = 1.5, **more: 'object') -> 'bool'"


def target(*args: object, **kwargs: object) -> object:
    """The target's."""
    return args, kwargs


@pytest.mark.parametrize(
    "given",
    [
        {"prototype": prototype},
        {"signature": inspect.signature(prototype)},
        {"signature": TEXT},
        {"factory": lambda function: prototype},
        {"factory": lambda function: inspect.signature(prototype)},
        {"factory": lambda function: TEXT},
    ],
    ids=["prototype", "signature", "text", "factory of a prototype", "factory of a signature", "factory of a text"],
)
def test_each_way_to_say_it(given: dict[str, Any]) -> None:
    made = with_signature(**given)(target)
    assert str(inspect.signature(made)) == TEXT
    assert inspect.getfullargspec(made).args == ["a", "b"]
    assert inspect.getfullargspec(made).kwonlydefaults == {"d": 1.5}
    assert made.__annotations__ == prototype.__annotations__
    assert get_type_hints(made)["a"] is int
    assert "**more: 'object'" in pydoc.render_doc(made)
    assert inspect.isfunction(made)
    assert (made.__doc__, made.__name__, made.__wrapped__) == ("The target's.", "target", target)
    assert made() == ((), {})
    assert made(1, 2, z=3) == ((1, 2), {"z": 3})
    assert str(inspect.signature(target)) == "(*args: 'object', **kwargs: 'object') -> 'object'"


def test_parentheses_may_be_left_out_and_names_are_the_functions() -> None:
    made = with_signature(signature="x=TEXT, *, y")(target)
    assert inspect.signature(made).parameters["x"].default == TEXT


def test_the_docstring_in_one_go() -> None:
    assert with_signature(prototype=prototype, doc="Mine.")(target).__doc__ == "Mine."
    assert with_signature(factory=lambda function: (prototype, "Its."))(target).__doc__ == "Its."
    assert with_signature(factory=lambda function: (prototype, None))(target).__doc__ is None
    assert with_signature(factory=lambda function: (prototype, "Its."), doc="Mine.")(target).__doc__ == "Mine."
    assert target.__doc__ == "The target's."


def test_methods() -> None:
    class Thing:
        @with_signature(signature="(self, value: int) -> int")
        def method(self, *args: Any) -> Any:
            return self, args

        @with_signature(signature="(cls, value)")
        @classmethod
        def above(cls, *args: Any) -> Any:
            return cls, args

        @staticmethod
        @with_signature(signature="value")
        def static(*args: Any) -> Any:
            return args

    thing = Thing()
    assert str(inspect.signature(thing.method)) == "(value: int) -> int"
    assert str(inspect.signature(Thing.above)) == str(inspect.signature(Thing.static)) == "(value)"
    assert thing.method(1, 2) == (thing, (1, 2))
    assert Thing.above(1) == (Thing, (1,))
    assert thing.static(1) == (1,)


def test_the_kind_stays() -> None:
    async def coroutine(*args: Any) -> Any:
        return args

    def generator(*args: Any) -> Any:
        yield from args

    async def async_generator(*args: Any) -> Any:
        for each in args:
            yield each

    override = with_signature(signature="x")
    assert inspect.iscoroutinefunction(override(coroutine))
    assert asyncio.run(override(coroutine)(1)) == (1,)
    assert inspect.isgeneratorfunction(override(generator))
    assert list(override(generator)(1, 2)) == [1, 2]
    assert inspect.isasyncgenfunction(override(async_generator))


def test_other_callables() -> None:
    assert str(inspect.signature(with_signature(signature="obj")(len))) == "(obj)"
    assert with_signature(signature="obj")(len)("abc") == 3
    assert with_doc(doc="Two to the power.")(functools.partial(pow, 2)).__doc__ == "Two to the power."


def test_policies_above_and_below(cladding: Any) -> None:
    made = cladding.timer(with_signature(prototype=prototype)(cladding.monitor(target)))
    assert str(inspect.signature(made)) == TEXT
    assert made(1) == ((1,), {})
    assert made.cladding.timer.stats["calls"] == 1
    assert made.__wrapped__.cladding.monitor.stats["calls"] == 1
    assert cladding.of(made.__wrapped__).monitor.stats["calls"] == 1


def test_documentation() -> None:
    seen = []

    def factory(function: Any) -> str:
        seen.append(function)
        return f"About {function.__name__}."

    made = with_doc(factory=factory)(target)
    assert made.__doc__ == "About target."
    assert seen == [target]
    assert with_doc(doc="Given.")(target).__doc__ == "Given."
    assert with_doc(factory=lambda function: None)(target).__doc__ is None
    assert with_doc(doc="")(target).__doc__ == ""
    assert str(inspect.signature(made)) == str(inspect.signature(target))
    assert made(1) == ((1,), {})
    made.__doc__ = "Changed."
    assert target.__doc__ == "The target's."


def test_documentation_of_descriptors() -> None:
    class Thing:
        @with_doc(doc="Given.")
        @property
        def value(self) -> int:
            """Own."""
            return 1

        @with_doc(doc="Given.")
        @classmethod
        def build(cls) -> Any:
            """Own."""
            return cls

    assert (Thing.value.__doc__, Thing.build.__doc__) == ("Given.", "Given.")  # type: ignore[attr-defined]
    assert (Thing().value, Thing.build()) == (1, Thing)


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "exactly one of prototype, signature, factory must be given, got none"),
        ({"prototype": prototype, "signature": "x"}, "got prototype=.* and signature='x'"),
        ({"prototype": 3}, "prototype=3 is not callable"),
        ({"factory": "x"}, "factory='x' is not callable"),
        ({"signature": 3}, "signature=3 is neither"),
        ({"signature": "a b"}, "signature='a b' is not the text of a signature: "),
    ],
)
def test_wrong_signatures(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        with_signature(**given)(target)


def test_a_factory_that_returns_no_signature() -> None:
    with pytest.raises(TypeError, match=r"a signature is wanted, .* got 3"):
        with_signature(factory=lambda function: 3)(target)


@pytest.mark.parametrize("given", [{}, {"doc": "a", "factory": str}])
def test_wrong_documentation(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="with_doc: exactly one of doc, factory must be given"):
        with_doc(**given)


@pytest.mark.parametrize("wrong", [int, 3])
def test_wrong_targets(wrong: Any) -> None:
    for override, name in ((with_doc(doc="x"), "with_doc"), (with_signature(signature="x"), "with_signature")):
        with pytest.raises(TypeError, match=f"{name} cannot decorate"):
            override(wrong)
