"""Decorators that change the signature say so, and introspection follows, in either form."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from cladding import ConfigurationError, decorator


def prototype(a: int, /, *, verbose: bool = False) -> str:
    """Is never called."""
    raise AssertionError


WAYS: dict[str, dict[str, Any]] = {
    "prototype": {"signature": prototype},
    "signature": {"signature": inspect.signature(prototype, eval_str=True)},
    "text": {"signature": "(a: int, /, *, verbose: bool = False) -> str"},
    "factory": {"signature_factory": lambda target: prototype},
    "factory of text": {"signature_factory": lambda target: "(a: int, /, *, verbose: bool = False) -> str"},
}


def flat(func: Callable[..., Any], *args: Any, **kw: Any) -> Any:
    verbose = kw.pop("verbose", False)
    return func(*args, **kw), verbose


def universal(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    verbose = kwargs.pop("verbose", False)
    return wrapped(*args, **kwargs), verbose


@pytest.mark.parametrize("caller", [flat, universal])
@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_say_it(caller: Any, way: str) -> None:
    @decorator(**WAYS[way])(caller)
    def double(a: int) -> int:
        return 2 * a

    assert list(inspect.signature(double).parameters) == ["a", "verbose"]
    spec = inspect.getfullargspec(double)
    assert (spec.args, spec.kwonlyargs, spec.kwonlydefaults) == (["a"], ["verbose"], {"verbose": False})
    assert inspect.signature(double).return_annotation in (str, "str")
    assert double(3, verbose=True) == (6, True)
    assert list(inspect.signature(double.__wrapped__).parameters) == ["a"]


@pytest.mark.parametrize("caller", [flat, universal])
def test_of_methods(caller: Any) -> None:
    class C:
        @decorator(signature="(self, a, *, verbose=False)")(caller)
        def double(self, a: int) -> int:
            return 2 * a

    assert str(inspect.signature(C.double)) == "(self, a, *, verbose=False)"
    assert str(inspect.signature(C().double)) == "(a, *, verbose=False)"
    assert C().double(2, verbose=True) == (4, True)


def test_a_text_that_is_none() -> None:
    with pytest.raises((ConfigurationError, TypeError, SyntaxError), match="signature"):
        decorator(signature="a b")(flat)(lambda a: a)
