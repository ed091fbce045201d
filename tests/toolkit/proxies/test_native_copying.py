"""Copies and pickles of proxies and function wrappers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cloudpickle
import pytest

import cladding
from cladding._native import (
    BaseObjectProxy,
    CallableObjectProxy,
    CompatBaseObjectProxy,
    FunctionWrapper,
    PartialCallableObjectProxy,
    set_face_maker,
)

TYPES = (
    "BaseObjectProxy",
    "CallableObjectProxy",
    "PartialCallableObjectProxy",
    "FunctionWrapperBase",
    "FunctionWrapper",
    "BoundFunctionWrapper",
)


@pytest.fixture(autouse=True)
def exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The types are found by the name that they say they have."""
    from cladding import _native

    for name in TYPES:
        monkeypatch.setattr(cladding, name, getattr(_native, name), raising=False)


def doubled(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return 2 * wrapped(*args, **kwargs)


def plain(x: int) -> int:
    return x


@lambda function: FunctionWrapper(function, doubled)
def named(x: int) -> int:
    return x


class Owner:
    def __init__(self, value: int) -> None:
        self.value = value

    @lambda function: FunctionWrapper(function, doubled)
    def method(self) -> int:
        return self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Owner) and other.value == self.value

    def __hash__(self) -> int:
        return self.value


class Slotted(BaseObjectProxy):
    __slots__ = ("_self_slot", "_self_unset")

    def __init__(self, wrapped: Any, more: Any) -> None:
        super().__init__(wrapped)
        self._self_slot = more


WAYS: list[Any] = [
    copy.copy,
    copy.deepcopy,
    *[lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol)) for protocol in range(6)],
    lambda value: cloudpickle.loads(cloudpickle.dumps(value)),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_proxy_keeps_its_type_and_its_own_attributes(way: Any) -> None:
    proxy = Slotted([1, [2]], "slot")
    proxy._self_more = "dict"
    made = way(proxy)
    assert type(made) is Slotted
    assert (made.__wrapped__, made._self_slot, made._self_more) == ([1, [2]], "slot", "dict")
    assert made.__wrapped__ is not proxy.__wrapped__
    assert (made[1] is proxy[1]) == (way is copy.copy)
    made._self_more = "changed"
    assert proxy._self_more == "dict"


@pytest.mark.parametrize("way", WAYS[1:])
def test_cycles_through_proxies_are_kept(way: Any) -> None:
    items: list[Any] = []
    proxy = BaseObjectProxy(items)
    items.append(proxy)
    proxy._self_back = items
    made = way(proxy)
    assert made[0] is made
    assert made._self_back is made.__wrapped__


@pytest.mark.parametrize("way", WAYS)
def test_partials_keep_their_arguments(way: Any) -> None:
    made = way(PartialCallableObjectProxy(dict, {"a": 1}, b=2))
    assert made(c=3) == {"a": 1, "b": 2, "c": 3}
    assert way(CallableObjectProxy(len))([1]) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_function_wrapper_is_found_by_its_name(way: Any) -> None:
    assert way(named) is named


@pytest.mark.parametrize("way", WAYS[:-1])
def test_a_function_wrapper_is_found_in_its_class(way: Any) -> None:
    assert way(vars(Owner)["method"]) is vars(Owner)["method"]


@pytest.mark.parametrize("way", WAYS[2:-1])
def test_a_function_wrapper_without_a_name_is_taken_apart(way: Any) -> None:
    wrapper: Any = FunctionWrapper(plain, doubled)
    wrapper.__name__ = "other"
    wrapper._self_find_instance = True
    made = way(wrapper)
    assert made is not wrapper
    assert (made.__wrapped__, made(4), made.__name__, plain.__name__) == (plain, 8, "other", "plain")
    assert made._self_find_instance is True
    assert copy.copy(wrapper) is copy.deepcopy(wrapper) is wrapper


@pytest.mark.parametrize("way", WAYS)
def test_a_bound_wrapper_goes_with_its_instance(way: Any) -> None:
    owner = Owner(3)
    made = way(owner.method)
    assert made() == 6
    assert made._self_instance == owner
    assert (made._self_instance is owner) == (way is copy.copy)


def test_cloudpickle_of_a_local_one_keeps_the_wrapper() -> None:
    def maker(wrapper: Any) -> Any:
        wrapped, asked = wrapper.__wrapped__, wrapper._self_wrapper

        def face(x: int) -> Any:
            return asked(wrapped, None, (x,), {})

        return face

    def local(x: int) -> int:
        return x + 1

    before = set_face_maker(maker)
    try:
        data = cloudpickle.dumps(FunctionWrapper(local, lambda wrapped, instance, args, kwargs: wrapped(*args) * 10))
    finally:
        set_face_maker(before)
    assert cloudpickle.loads(data)(4) == 50


def test_what_cannot_be_pickled_says_why() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(BaseObjectProxy(lambda: None))
    for operation in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(NotImplementedError, match="object proxy must define __"):
            operation(CompatBaseObjectProxy(1))
