"""Proxies of functions and methods that do not keep them alive."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import types
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._native import FunctionWrapper
from cladding._proxies import WeakFunctionProxy

pytestmark = pytest.mark.usefixtures("cladding")


def passing(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return instance, wrapped(*args, **kwargs)


class Owner:
    def method(self, x: int, *, self_: int = 0) -> Any:
        return self, x

    @classmethod
    def made(cls, x: int) -> Any:
        return cls, x

    @staticmethod
    def plain(x: int) -> Any:
        return x

    wrapped = FunctionWrapper(lambda self, x: (self, x), passing)


def test_a_function() -> None:
    def function(x: int) -> int:
        """Documented."""
        return x + 1

    gone: list[Any] = []
    weak = WeakFunctionProxy(function, gone.append)
    assert weak(1) == 2
    assert (weak.__name__, weak.__doc__, inspect.signature(weak)) == (
        "function",
        "Documented.",
        inspect.signature(function),
    )
    del function
    gc.collect()
    assert len(gone) == 1
    assert gone[0] is weak
    for use in (lambda: weak(1), lambda: weak.__name__):
        with pytest.raises(ReferenceError):
            use()


def test_methods() -> None:
    owner = Owner()
    gone: list[Any] = []
    bound, wrapped = WeakFunctionProxy(owner.method, gone.append), WeakFunctionProxy(owner.wrapped)
    assert bound(1, self_=2) == (owner, 1)
    assert wrapped(1) == (owner, (owner, 1))
    assert WeakFunctionProxy(Owner.made)(1) == (Owner, 1)
    assert WeakFunctionProxy(Owner.plain)(1) == 1
    assert WeakFunctionProxy(Owner.wrapped)(owner, 1) == (owner, (owner, 1))
    del owner
    gc.collect()
    assert len(gone) == 1
    for weak in (bound, wrapped):
        with pytest.raises(ReferenceError, match="weakly-referenced object no longer exists"):
            weak(1)


def test_the_callback_is_called_once() -> None:
    def method(self: Any) -> None: ...

    owner = Owner()
    gone: list[Any] = []
    weak = WeakFunctionProxy(types.MethodType(method, owner), gone.append)
    del owner
    gc.collect()
    del method
    gc.collect()
    assert [id(proxy) for proxy in gone] == [id(weak)]


def test_an_instance_that_is_false() -> None:
    class Empty(Owner):
        def __len__(self) -> int:
            return 0

    empty = Empty()
    weak = WeakFunctionProxy(empty.method)
    assert weak(1)[0] is empty
    del empty
    gc.collect()
    with pytest.raises(ReferenceError):
        weak(1)


def test_it_keeps_nothing_and_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        gone: list[Any] = []

        def function() -> None: ...

        weak = WeakFunctionProxy(function, gone.append)
        del weak
        assert gc.collect() == 0
        del function
        assert gone == []
    finally:
        gc.enable()


def test_what_cannot_be_referred_to() -> None:
    with pytest.raises(TypeError, match="weak reference"):
        WeakFunctionProxy(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="callback must be callable, got 3"):
        WeakFunctionProxy(test_a_function, 3)  # type: ignore[arg-type]


def test_it_cannot_be_copied() -> None:
    weak = WeakFunctionProxy(test_a_function)
    for use in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="a weak proxy cannot be pickled or copied"):
            use(weak)
