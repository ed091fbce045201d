"""Where a dotted path leads, and which object owns what is there."""

from __future__ import annotations

import types
from collections.abc import Callable

import pytest

from cladding import CladdingError, ConfigurationError
from cladding._patching import PathResolutionError, TargetModuleNotFoundError, resolve_owner, resolve_path

pytestmark = pytest.mark.usefixtures("cladding")


def test_a_path_through_a_module(module: types.ModuleType) -> None:
    assert resolve_path("patched_here", "Derived.method") == (module.Derived, "method", vars(module.Base)["method"])
    assert resolve_path(module, "function") == (module, "function", module.function)


@pytest.mark.parametrize("name", ["made", "plain", "shown"])
def test_descriptors_of_classes_are_not_bound(module: types.ModuleType, name: str) -> None:
    assert resolve_path(module.Derived, name) == (module.Derived, name, vars(module.Base)[name])


def test_instances_bind(module: types.ModuleType) -> None:
    instance = module.Derived()
    parent, name, method = resolve_path(instance, "method")
    assert (parent, name) == (instance, "method")
    assert method == instance.method


def test_owners(module: types.ModuleType) -> None:
    instance = module.Derived()
    assert resolve_owner(module.Derived, "method")[0] is module.Base
    assert resolve_owner(instance, "method")[0] is module.Base
    instance.method = 1
    assert resolve_owner(instance, "method")[0] is instance
    assert resolve_owner("patched_here", "function")[0] is module


def test_what_is_computed_has_no_owner(module: types.ModuleType) -> None:
    module.__getattr__ = lambda name: 1 if name == "there" else None
    assert resolve_path(module, "there") == (module, "there", 1)
    with pytest.raises(PathResolutionError, match=r"'there' of <module 'patched_here'.*> is served dynamically"):
        resolve_owner(module, "there")


def test_a_part_that_is_missing(module: types.ModuleType) -> None:
    with pytest.raises(PathResolutionError, match=r"no 'nothing' on the path 'Derived\.nothing\.more'") as caught:
        resolve_path(module, "Derived.nothing.more")
    assert isinstance(caught.value, AttributeError)
    assert isinstance(caught.value, CladdingError)
    assert isinstance(caught.value.__cause__, AttributeError)


def test_a_module_that_is_missing() -> None:
    with pytest.raises(TargetModuleNotFoundError, match=r"cannot import 'no\.such'") as caught:
        resolve_path("no.such", "function")
    assert isinstance(caught.value, ModuleNotFoundError)
    assert caught.value.name == "no"


def test_a_module_that_fails_is_not_one_that_is_missing(write: Callable[[str, str], str]) -> None:
    with pytest.raises(ZeroDivisionError):
        resolve_path(write("fails_here", "1 / 0"), "function")


@pytest.mark.parametrize("name", ["", "a..b", ".a", "a.", 3, None])
def test_what_is_no_path(module: types.ModuleType, name: object) -> None:
    with pytest.raises(ConfigurationError, match="name must be a dotted path"):
        resolve_path(module, name)  # type: ignore[arg-type]
