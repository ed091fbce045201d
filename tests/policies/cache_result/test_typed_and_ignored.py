"""`cache_result`: `typed` and `ignore`."""

from __future__ import annotations

from typing import Any

import pytest

from cladding import ConfigurationError, cache_result

from .helpers import Counted


def test_types_tell_apart(body: Counted) -> None:
    f = cache_result(typed=True)(lambda x, y=0: body())
    assert [f(1), f(1.0), f(True), f(1), f(x=1.0), f(1, 0), f(1, False)] == [1, 2, 3, 1, 2, 1, 4]
    assert [f("1"), f(b"1"), f("1")] == [5, 6, 5]


def test_types_tell_apart_single_arguments(body: Counted) -> None:
    f = cache_result(typed=True)(lambda x: body())
    assert [f(1), f(1.0), f(True), f(1), f(1.0), f(True)] == [1, 2, 3, 1, 2, 3]


def test_types_of_methods_of_comparison(body: Counted) -> None:
    class Text(str):
        pass

    f = cache_result(typed=True)(lambda x: body())
    assert [f("a"), f(Text("a")), f(Text("a")), f("a")] == [1, 2, 2, 1]
    untyped = cache_result(lambda x: body())
    assert untyped("a") == untyped(Text("a")) == 3


@pytest.mark.parametrize("typed", [1, 0, None, "yes"])
def test_wrong_typed(typed: Any) -> None:
    with pytest.raises(ConfigurationError, match="cache_result: `typed` must be a bool, got"):
        cache_result(typed=typed)


def test_ignored_parameters(body: Counted) -> None:
    @cache_result(ignore=("logger", "retries"))
    def f(x: int, logger: Any = None, *more: int, retries: int = 0, y: int = 0) -> int:
        return body()

    class Loud:
        __hash__ = None  # type: ignore[assignment]

    assert f(1) == f(1, Loud()) == f(1, logger=[]) == f(x=1, retries=5) == f(1, None, retries={}) == 1
    assert f(1, None, 2) == f(1, Loud(), 2, retries=3) == 2
    assert f(1, y=1) == f(1, retries=4, y=1) == 3
    assert f(2) == 4


def test_ignored_keywords_without_a_parameter(body: Counted) -> None:
    @cache_result(ignore=["logger"])
    def f(**options: Any) -> int:
        return body()

    assert f(a=1) == f(a=1, logger=[]) == f(logger=2, a=1) == 1
    assert f() == f(logger=1) == 2
    assert f(b=1) == 3


def test_everything_ignored(body: Counted) -> None:
    f = cache_result(ignore="x".split())(lambda x: body())
    assert f(1) == f([2]) == f(x=3) == 1


def test_unknown_names() -> None:
    policy = cache_result(ignore=("loger",))
    with pytest.raises(
        ConfigurationError, match=r"`ignore` names \"loger\".*no parameter of .*its parameters are: x, logger"
    ):
        policy(lambda x, logger: x)
    with pytest.raises(ConfigurationError, match="its parameters are: none"):
        policy(lambda: 1)


@pytest.mark.parametrize("ignore", ["logger", 5, None, (1,), ("a", None)])
def test_wrong_ignore(ignore: Any) -> None:
    with pytest.raises(ConfigurationError, match="cache_result: `ignore` must be a tuple of parameter names, got"):
        cache_result(ignore=ignore)
