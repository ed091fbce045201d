"""Taking wrappers off: handles, what lies above, and what is not there."""

from __future__ import annotations

import functools
import types
from typing import Any

import pytest

from cladding import CladdingError
from cladding._native import CompatFunctionWrapper, FunctionWrapper
from cladding._patching import (
    WrapperChainTooDeepError,
    WrapperNotFoundError,
    WrapperNotOutermostError,
    unwrap_object,
    wrap_function_wrapper,
    wrap_object,
)

pytestmark = pytest.mark.usefixtures("cladding")


def first(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return "first", wrapped(*args, **kwargs)


def second(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return "second", wrapped(*args, **kwargs)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]])
def test_in_any_order(module: types.ModuleType, order: list[int]) -> None:
    original = module.function
    handles = [wrap_function_wrapper(module, "function", wrapper) for wrapper in (first, second, first)]
    names = ["first", "second", "first"]
    for index in order:
        assert unwrap_object(module, "function", handles[index]) is handles[index]
        names[index] = ""
        expected: Any = (1, 0)
        for name in names:
            expected = (name, expected) if name else expected
        assert module.function(1) == expected
    assert module.function is original


def test_the_wrapper_function_is_a_handle(module: types.ModuleType) -> None:
    wrap_function_wrapper(module, "function", first)
    outer = wrap_function_wrapper(module, "function", first)
    assert unwrap_object(module, "function", first) is outer
    assert module.function(1) == ("first", (1, 0))


def test_below_a_wrapper_of_the_other_family(module: types.ModuleType) -> None:
    wrap_function_wrapper(module, "function", first)
    module.function = CompatFunctionWrapper(module.function, second)
    unwrap_object(module, "function", first)
    assert module.function(1) == ("second", (1, 0))


def test_below_a_closure(module: types.ModuleType) -> None:
    handle = wrap_function_wrapper(module, "function", first)

    @functools.wraps(handle)
    def closure(x: int) -> Any:
        return handle(x)

    module.function = closure
    for missing_ok in (False, True):
        with pytest.raises(WrapperNotOutermostError, match="above it are function") as caught:
            unwrap_object(module, "function", handle, missing_ok=missing_ok)
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, CladdingError)
    assert module.function is closure


def test_in_what_is_computed(module: types.ModuleType) -> None:
    wrapper = FunctionWrapper(len, first)
    module.__getattr__ = lambda name: wrapper
    with pytest.raises(WrapperNotOutermostError, match="served dynamically"):
        unwrap_object(module, "there", wrapper)


def test_what_is_not_there(module: types.ModuleType) -> None:
    handle = wrap_function_wrapper(module, "function", first)
    original = handle.__wrapped__
    unwrap_object(module, "function", handle)
    for not_there in (handle, first, original, object(), None):
        with pytest.raises(WrapperNotFoundError, match="is not a wrapper of 'function'"):
            unwrap_object(module, "function", not_there)
        assert unwrap_object(module, "function", not_there, missing_ok=True) is None
    with pytest.raises(WrapperNotFoundError):
        unwrap_object(module, "nothing", handle)
    assert unwrap_object(module, "nothing", handle, missing_ok=True) is None


def test_equal_is_not_the_same(module: types.ModuleType) -> None:
    handle = wrap_function_wrapper(module, "function", first)
    with pytest.raises(WrapperNotFoundError):
        unwrap_object(module, "function", FunctionWrapper(handle.__wrapped__, second))


def test_what_wraps_nothing_cannot_be_taken_off(module: types.ModuleType) -> None:
    handle = wrap_object(module, "function", lambda original: lambda: original)
    with pytest.raises(WrapperNotFoundError):
        unwrap_object(module, "function", handle)


def test_too_deep(module: types.ModuleType) -> None:
    handle = wrap_function_wrapper(module, "function", first)
    for _ in range(64):
        wrap_function_wrapper(module, "function", second)
    with pytest.raises(WrapperChainTooDeepError):
        unwrap_object(module, "function", handle, missing_ok=True)


def test_through_a_subclass(module: types.ModuleType) -> None:
    original = vars(module.Base)["made"]
    wrap_function_wrapper(module, "Base.made", first)
    unwrap_object(module, "Derived.made", first)
    assert vars(module.Base)["made"] is original
    assert "made" not in vars(module.Derived)
