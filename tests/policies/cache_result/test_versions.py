"""`cache_result`: `namespace` and `version`, and what `cache_parameters()` tells of keys."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from types import FunctionType
from typing import Any

import pytest

from cladding import ConfigurationError, cache_result


def first(x: int) -> int:
    return x + 1


def second(x: int) -> int:
    return x + 2


def made(text: str) -> FunctionType:
    names: dict[str, Any] = {}
    exec(textwrap.dedent(text), names)
    function = names["f"]
    assert isinstance(function, FunctionType)
    return function


def version(function: Any) -> Any:
    return cache_result(version="source")(function).cache_parameters()["version"]


def test_parameters_of_keys() -> None:
    plain = cache_result(lambda x: x).cache_parameters()
    keys = {"typed": False, "ignore": (), "key": None, "namespace": None, "version": None}
    assert {name: plain[name] for name in keys} == keys
    given = {"typed": True, "ignore": ("x",), "key": abs, "namespace": "a", "version": 3}
    told = cache_result(**given)(lambda x: x).cache_parameters()  # type: ignore[call-overload]
    assert {name: told[name] for name in given} == given


def test_versions_by_source() -> None:
    assert version(first) == version(first)
    assert version(first) != version(second)
    assert len(version(first)) == 16


def test_versions_by_bytecode_where_there_is_no_source() -> None:
    one = "def f(x):\n return x in {'a', 'b', 'c', 'd'} or (lambda y: y + 1)(x)"
    assert version(made(one)) == version(made("\n\n" + one))
    assert version(made(one)) != version(made(one.replace("1", "2")))
    assert version(made(one)) != version(made(one.replace("lambda y: y", "lambda y: x")))


def test_versions_by_bytecode_are_those_of_another_process() -> None:
    program = (
        "from cladding import cache_result\n"
        "names = {}\n"
        'exec(\'def f(x): return x in {"a", "b", "c", "d", "e"}\', names)\n'
        "print(cache_result(version='source')(names['f']).cache_parameters()['version'])\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1


def test_versions_of_methods_and_classes() -> None:
    class Each:
        @cache_result(version="source")
        def method(self) -> int:
            return 1

    assert len(Each.method.cache_parameters()["version"]) == 16  # type: ignore[arg-type]
    assert len(version(Each)) == 16


def test_functions_of_one_namespace_keep_apart() -> None:
    old = cache_result(namespace="prices", version=1)(first)
    new = cache_result(namespace="prices", version=2)(second)
    assert [old(1), new(1), old(1), new(1)] == [2, 3, 2, 3]


def test_there_is_no_source() -> None:
    with pytest.raises(ConfigurationError, match="`version` cannot be 'source' for <built-in function len>"):
        cache_result(version="source")(len)


@pytest.mark.parametrize("wrong", ["", 1.5, True, b"1", [1]])
def test_wrong_version(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="cache_result: `version` must be an int, a str that is not empty"):
        cache_result(version=wrong)


@pytest.mark.parametrize("wrong", ["", 1, b"a", ["a"]])
def test_wrong_namespace(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="cache_result: `namespace` must be a str that is not empty"):
        cache_result(namespace=wrong)


def test_policies_are_values() -> None:
    policy = cache_result(typed=True, ignore=["x"], namespace="a", version=1, key=abs)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert policy == cache_result(typed=True, ignore=("x",), namespace="a", version=1, key=abs)
    assert policy != cache_result(typed=True, ignore=("x",), namespace="a", version=2, key=abs)
    assert repr(cache_result(5, typed=True)) == "cache_result(ttl=5, max_entries=10000, typed=True)"
