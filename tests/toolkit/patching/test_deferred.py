"""Patches that wait for their module."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._native import FunctionWrapper
from cladding._patching import (
    DeferredPatch,
    PathResolutionError,
    WrapperNotFoundError,
    patch_function_wrapper,
    unwrap_object,
    wrap_function_wrapper,
    wrap_object,
    wrap_object_attribute,
)
from cladding._patching._imports import waiting

pytestmark = pytest.mark.usefixtures("cladding")


@pytest.fixture
def later(write: Callable[[str, str], str]) -> Iterator[Callable[[], types.ModuleType]]:
    """Imports the module ``patched_later``."""
    write("patched_later", "def function(x): return x\nclass Owner:\n    value = 1")
    before = dict(waiting)
    yield lambda: importlib.import_module("patched_later")
    left = dict(waiting)
    waiting.clear()
    waiting.update(before)
    assert left == before


def mark(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return "patched", wrapped(*args, **kwargs)


def test_it_waits_and_can_be_undone(later: Callable[[], types.ModuleType]) -> None:
    patch = wrap_function_wrapper("patched_later?", "function", mark)
    assert type(patch) is DeferredPatch
    assert (patch.module, patch.name, patch.wrapper) == ("patched_later", "function", None)
    assert repr(patch) == "<DeferredPatch of 'function' in 'patched_later', waiting>"
    module = later()
    assert module.function(1) == ("patched", 1)
    assert patch.wrapper is module.function
    assert repr(patch) == "<DeferredPatch of 'function' in 'patched_later', applied>"
    assert patch.undo() is True
    assert module.function(1) == 1
    assert patch.undo() is False


def test_undone_before_it_was_applied(later: Callable[[], types.ModuleType]) -> None:
    patch = wrap_function_wrapper("patched_later?", "function", mark)
    assert patch.undo() is True
    assert later().function(1) == 1
    assert patch.undo() is False


def test_a_module_that_is_there(later: Callable[[], types.ModuleType]) -> None:
    module = later()
    patch = wrap_function_wrapper("patched_later?", "function", mark)
    assert patch.wrapper is module.function
    assert isinstance(patch.wrapper, FunctionWrapper)


@pytest.mark.parametrize("target", ["patched_later?", "patched_later"])
def test_it_is_a_handle(later: Callable[[], types.ModuleType], target: str) -> None:
    patch = wrap_function_wrapper("patched_later?", "function", mark)
    module = later()
    wrapper = patch.wrapper
    assert unwrap_object(target, "function", patch) is wrapper
    assert module.function(1) == 1


def test_a_wrapper_function_is_a_handle(later: Callable[[], types.ModuleType]) -> None:
    patch_function_wrapper("patched_later?", "function")(mark)
    assert type(unwrap_object("patched_later?", "function", mark)) is DeferredPatch
    assert later().function(1) == 1
    patch_function_wrapper("patched_later?", "function")(mark)
    assert later().function(1) == ("patched", 1)
    unwrap_object("patched_later?", "function", mark)
    assert later().function(1) == 1
    with pytest.raises(WrapperNotFoundError):
        unwrap_object("patched_later?", "function", mark)


def test_objects_and_attributes(later: Callable[[], types.ModuleType]) -> None:
    wrap_object("patched_later?", "function", lambda original, more: (original, more), ("more",))
    wrap_object_attribute("patched_later?", "Owner.value", lambda value: ("value", value))
    module = later()
    assert module.function[1] == "more"
    assert module.Owner().value == ("value", 1)


def test_a_path_that_leads_nowhere(later: Callable[[], types.ModuleType]) -> None:
    patch = wrap_function_wrapper("patched_later?", "nothing", mark)
    with pytest.raises(PathResolutionError, match="no 'nothing'"):
        later()
    assert patch.undo()
    later()


def test_a_target_without_a_name() -> None:
    with pytest.raises(ConfigurationError, match=r"target must name a module before the '\?'"):
        wrap_function_wrapper("?", "function", mark)
