"""Wrapping what instances have as attributes, on top of whatever the class has."""

from __future__ import annotations

import copy
import pickle
import types

import pytest

from cladding import ConfigurationError
from cladding._patching import MISSING, PathResolutionError, unwrap_object, wrap_object_attribute

pytestmark = pytest.mark.usefixtures("cladding")


def test_what_init_sets() -> None:
    class Owner:
        def __init__(self) -> None:
            self.value = 1

    before = Owner()
    handle = wrap_object_attribute(Owner, "value", lambda value, *more: (value, *more), ("a",), {})
    assert (before.value, Owner().value) == ((1, "a"), (1, "a"))
    before.value = 2
    assert vars(before) == {"value": 2}
    assert before.value == (2, "a")
    del before.value
    with pytest.raises(AttributeError, match="'Owner' object has no attribute 'value'"):
        before.value
    with pytest.raises(AttributeError):
        del before.value
    assert not hasattr(Owner, "value")
    unwrap_object(Owner, "value", handle)
    assert "value" not in vars(Owner)
    assert Owner().value == 1


def test_properties_and_slots_stay_at_work() -> None:
    class Owner:
        __slots__ = ("_hidden", "slot")

        @property
        def shown(self) -> int:
            return self._hidden

        @shown.setter
        def shown(self, value: int) -> None:
            if value < 0:
                raise ValueError("negative")
            self._hidden = value

    wrap_object_attribute(Owner, "shown", lambda value: ("shown", value))
    wrap_object_attribute(Owner, "slot", lambda value: ("slot", value))
    owner = Owner()
    owner.shown, owner.slot = 1, 2
    assert (owner.shown, owner.slot) == (("shown", 1), ("slot", 2))
    with pytest.raises(ValueError, match="negative"):
        owner.shown = -1
    del owner.slot
    with pytest.raises(AttributeError):
        owner.slot


def test_a_property_comes_before_the_instance(module: types.ModuleType) -> None:
    wrap_object_attribute(module, "Base.shown", str.upper)
    instance = module.Base()
    vars(instance)["shown"] = "hidden"
    assert instance.shown == "SHOWN"


def test_what_is_inherited_stays_at_work(module: types.ModuleType) -> None:
    handle = wrap_object_attribute("patched_here", "Derived.shown", str.upper)
    wrap_object_attribute("patched_here", "Derived.kept", str.upper)
    assert (module.Derived().shown, module.Base().shown) == ("SHOWN", "shown")
    assert module.Derived().kept == "KEPT"
    unwrap_object(module, "Derived.shown", handle)
    assert "shown" not in vars(module.Derived)
    assert module.Derived().shown == "shown"


def test_methods_and_the_instance_before_them(module: types.ModuleType) -> None:
    """The order of look-up: an instance's own value comes before what is no data descriptor."""
    wrap_object_attribute(module, "Base.method", lambda method: ("wrapped", method))
    instance = module.Base()
    assert instance.method[1](1) == (instance, 1, 0)
    instance.method = 3
    assert instance.method == ("wrapped", 3)


def test_one_upon_another() -> None:
    class Owner:
        value = 1

    inner = wrap_object_attribute(Owner, "value", lambda value: ("inner", value))
    outer = wrap_object_attribute(Owner, "value", lambda value: ("outer", value))
    assert Owner().value == ("outer", ("inner", 1))
    unwrap_object(Owner, "value", inner)
    assert Owner().value == ("outer", 1)
    unwrap_object(Owner, "value", outer)
    assert vars(Owner)["value"] == 1


def test_on_the_class_it_is_what_the_class_had() -> None:
    class Owner:
        value = [1]

    wrap_object_attribute(Owner, "value", tuple)
    assert Owner.value == [1]
    assert Owner().value == (1,)


def test_missing() -> None:
    assert pickle.loads(pickle.dumps(MISSING)) is MISSING
    assert copy.deepcopy(MISSING) is MISSING
    assert repr(MISSING) == "MISSING"


def test_what_cannot_be_wrapped(module: types.ModuleType) -> None:
    with pytest.raises(ConfigurationError, match=r"name must lead to an attribute of a class, got 'function\.x'"):
        wrap_object_attribute(module, "function.x", str)
    with pytest.raises(ConfigurationError, match="name must lead to an attribute of a class"):
        wrap_object_attribute(module, "kept", str)
    with pytest.raises(ConfigurationError, match="name must lead to an attribute of a class"):
        wrap_object_attribute(module.Base(), "kept", str)
    with pytest.raises(ConfigurationError, match="factory must be callable, got 'str'"):
        wrap_object_attribute(module, "Base.kept", "str")  # type: ignore[arg-type]
    with pytest.raises(PathResolutionError):
        wrap_object_attribute(module, "Nothing.kept", str)
