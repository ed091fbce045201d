"""`cache_result`: keys and names of results that other processes, versions and programs make too, or never."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import functools
import http
import os
import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest

from cladding import ConfigurationError

from .portable import Keyed, anything, keys
from .test_portable_keys import Model

UTC = dt.timezone.utc

MODULE = """
import dataclasses, enum, typing

class Color(enum.Enum):
    RED = 1

@dataclasses.dataclass(frozen=True)
class Point:
    x: object

class Pair(typing.NamedTuple):
    x: object

class Keyed:
    def __cladding_key__(self):
        return {"b", "a", "c"}
"""

PROGRAM = """
import collections, datetime, decimal, fractions, json, pathlib, re, uuid, zoneinfo
import things
from cladding import cache_result
from cladding._native import CacheKeys

def f(x): ...

keys = CacheKeys({}, cache_result(f).cladding.target, f)
values = [
    0, -1, 2**100, 1.5, 1e300, 2j, "a", "\\u00e9" * 100, b"x" * 100, None, ..., (1, "a"), [1, [2]], {"a", "b", "c"},
    frozenset("abcdef"), {"b": 1, "a": {"x"}}, bytearray(b"a"), slice(1), range(3), decimal.Decimal("1.1"),
    fractions.Fraction(1, 3), datetime.datetime(2024, 1, 2, 3, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    datetime.timedelta(1, 2, 3), datetime.timezone.utc, uuid.UUID(int=5), pathlib.PurePosixPath("a/b"), re.compile("a+"),
    collections.Counter("abca"), collections.OrderedDict(b=1, a=2), things.Color.RED, things.Point({"x", "y"}), things.Pair(1),
    things.Keyed(), things.Point, json.dumps, len, int, memoryview(b"abc"),
]
for value in values:
    print(f"{keys.digest(value):032x}")
"""


def run(program: str, *path: pathlib.Path, seed: str = "0", executable: str = sys.executable) -> list[str]:
    paths = os.pathsep.join([*map(str, path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
    process = subprocess.run(
        [executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return process.stdout.split()


def test_other_processes_make_the_same(tmp_path: pathlib.Path) -> None:
    (tmp_path / "things.py").write_text(MODULE)
    one, other = (run(PROGRAM, tmp_path, seed=seed) for seed in ("1", "2"))
    assert one == other
    assert len(set(one)) == len(one) > 30


SCRIPT = """
import dataclasses
from cladding import cache_result
from cladding._native import CacheKeys

@dataclasses.dataclass(frozen=True)
class Point:
    x: int

def f(x): return 1

keys = CacheKeys({}, cache_result(f).cladding.target, f)
print(keys.space, keys.digest(Point(1)), keys.digest(f))
"""


def test_what_the_program_itself_defines_goes_by_its_source(tmp_path: pathlib.Path) -> None:
    told = []
    for name, text in [
        ("one", SCRIPT),
        ("two", "\n" + SCRIPT),
        ("three", SCRIPT.replace("return 1", "return 2")),
        ("four", SCRIPT.replace("x: int", "x: float")),
    ]:
        script = tmp_path / f"{name}.py"
        script.write_text(text)
        process = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
        told.append(process.stdout.split())
    (space, point, function), again, changed, retyped = told
    assert again == [space, point, function]
    assert [told == first for told, first in zip(changed, [space, point, function])] == [False, True, False]
    assert [told == first for told, first in zip(retyped, [space, point, function])] == [True, False, True]
    assert space.startswith("__main__.f:")


FROZEN = {
    "nothing": ((), "3e10cef24698691c1a3cfacaa44912a7"),
    "one": ((1,), "bbc02155cd322896b3ec01a751fd7158"),
    "text": (("a",), "ce8e029c29eefd04c310716b300a7c99"),
    "nested": (([{"a": (1.5, None)}, {b"b"}],), "a1d75bca88f1f831ce9cc8b45e60cb4c"),
    "more": ((1, 2), "6c769ebc3572bc79ce7684eb811cb4be"),
    "decimal": ((decimal.Decimal("0.1"),), "f4ccae667afa037b390d0c77c0e89927"),
    "date": ((dt.datetime(2024, 1, 2, tzinfo=UTC),), "313b75b79b2cd696d98b8d6dcf85ba78"),
    "member": ((http.HTTPStatus.OK,), "52352e2f6ec792c6af4abec052e130eb"),
    "class": ((fractions.Fraction,), "ae810a7a58f938bd3e5a217da84c5654"),
}


@pytest.mark.parametrize("name", FROZEN)
def test_the_form_stays_what_it_is(name: str) -> None:
    """A change here makes all results in stores unreachable: it takes a new number of the form."""
    arguments, expected = FROZEN[name]
    assert f"{keys().digest(*arguments):032x}" == expected


# ----------------------------------------------------------------------------------------------------------------- spaces


def test_spaces_are_names_and_versions() -> None:
    name = f"{anything.__module__}.anything"
    assert keys().space == name
    assert keys(version=1).space == keys(version="1").space == f"{name}@1"
    assert re.fullmatch(rf"{name}@[0-9a-f]{{16}}", keys(version="source").space)
    assert keys(namespace="prices").space == "prices"
    assert keys(namespace="prices", version="b@c").space == "prices@b@c"
    assert keys(namespace="prices@b", version="c").space == "prices%40b@c"
    assert keys(namespace="prices%40b").space == "prices%2540b"
    assert keys(Model.predict).space == f"{Model.__module__}.Model.predict"
    assert keys(len).space == "builtins.len"
    assert keys(Model).space == f"{Model.__module__}.Model"


def test_spaces_of_functions_in_functions() -> None:
    def f(x: Any) -> Any:
        return x + 1

    def other() -> Any:
        def f(x: Any) -> Any:
            return x + 2

        return f

    assert re.fullmatch(r".*<locals>\.f:[0-9a-f]{16}", keys(f).space)
    assert keys(f).space != keys(other()).space
    assert keys(other()).space == keys(other()).space
    one, two = [lambda x: x + 1, lambda x: x + 2]  # in one line
    assert keys(one).space != keys(two).space


def test_spaces_of_what_uses_what_is_around_it() -> None:
    factor = 2

    def f(x: int) -> int:
        return factor * x

    class Local:
        def method(self) -> int:
            return factor

    for target in (f, Local, Local.method):
        with pytest.raises(
            ConfigurationError, match=r"`namespace` has to be given .* uses what is around it \(factor\)"
        ):
            keys(target)
    assert keys(f, namespace="f").space == "f"


def test_a_class_around_a_method_is_no_variable() -> None:
    class Local:
        def method(self) -> Any:
            return __class__  # type: ignore[name-defined]

    assert "<locals>.Local.method:" in keys(Local.method).space


@pytest.mark.parametrize("target", [functools.partial(anything, 1), Model(1).predict, Keyed(1)])
def test_spaces_of_what_has_no_name_of_its_own(target: Any) -> None:
    if isinstance(target, Keyed):
        target = type("Callable", (), {"__call__": lambda self, x: x})()
    with pytest.raises(ConfigurationError, match="`namespace` has to be given"):
        keys(target)
    assert keys(target, namespace="a").space == "a"
