"""Puts cladding's tools in the place of those of `functools` and `contextlib`, before their tests are imported.

The tests of `functools` import that module afresh, once with its accelerator and once without. The accelerated copy gets
ours, so that the classes that test C run against ours; the other one keeps its own, but for what exists in Python alone.

`CLADDING_PEERS=real` replaces nothing. `CLADDING_SABOTAGE=name` puts something in the place of a name that always
fails: a suite that passes with it does not reach what it is said to test.
"""

import contextlib
import functools
import importlib
import os
import types
import unittest
from collections.abc import Mapping

import pytest
from test.support import import_helper

FUNCTOOLS = ("lru_cache", "cache", "cached_property", "partial", "update_wrapper", "wraps")
IN_PYTHON_ALONE = ("cached_property",)
CONTEXTLIB = ("asynccontextmanager", "contextmanager")


class SabotagedError(Exception):
    """What a sabotaged tool raises."""


class Sabotaged:
    """A tool that always fails."""

    def __init__(self, *_arguments: object, **_keywords: object) -> None:
        raise SabotagedError


def tools(module: str, names: tuple[str, ...]) -> dict[str, object]:
    """Ours, by name."""
    found = importlib.import_module(module)
    sabotaged = os.environ.get("CLADDING_SABOTAGE")
    return {name: Sabotaged if name == sabotaged else getattr(found, name) for name in names}


def put_in_place(module: types.ModuleType, ours: Mapping[str, object]) -> None:
    """Replaces attributes of a module, each of which must be there."""
    for name, tool in ours.items():
        assert getattr(module, name) is not tool
        setattr(module, name, tool)


def functools_everywhere() -> None:
    """Replaces those of `functools`, and of each copy that is imported afresh."""
    ours = tools("cladding._memo", FUNCTOOLS)
    put_in_place(functools, ours)
    import_afresh = import_helper.import_fresh_module

    def import_fresh_module(name, fresh=(), blocked=(), **options):
        module = import_afresh(name, fresh=fresh, blocked=blocked, **options)
        if name == "functools":
            put_in_place(module, {key: ours[key] for key in (IN_PYTHON_ALONE if blocked else FUNCTOOLS)})
        return module

    import_helper.import_fresh_module = import_fresh_module


def pytest_collectstart(collector):
    """Makes a test case of the tests of `cache`, which CPython keeps in a class that up to 3.13 is none."""
    module = getattr(collector, "obj", None) if isinstance(collector, pytest.Module) else None
    forgotten = getattr(module, "TestCache", None)
    if forgotten is not None and not issubclass(forgotten, unittest.TestCase):
        names = {"module": module.c_functools, "__module__": module.__name__}
        module.TestCacheC = type("TestCacheC", (forgotten, unittest.TestCase), names)


if os.environ.get("CLADDING_PEERS") != "real":
    match os.environ["CLADDING_MODULE"]:
        case "functools":
            functools_everywhere()
        case "contextlib":
            put_in_place(contextlib, tools("cladding._contexts", CONTEXTLIB))
