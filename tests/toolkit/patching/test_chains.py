"""Walking chains of wrappers, and searching them."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from cladding._native import FunctionWrapper
from cladding._patching import WrapperChainTooDeepError, find_wrapper, is_wrapped_by, unwrapped, wrapper_chain
from cladding._proxies import ObjectProxy

pytestmark = pytest.mark.usefixtures("cladding")


def same(found: Any, expected: list[Any]) -> bool:
    """By identity: proxies are equal to what they wrap."""
    return list(map(id, found)) == list(map(id, expected))


def test_wrappers_of_every_kind() -> None:
    def function() -> None: ...

    closure = functools.wraps(function)(lambda: None)
    wrapper = FunctionWrapper(closure, lambda wrapped, instance, args, kwargs: None)
    proxy = ObjectProxy(wrapper)
    assert same(wrapper_chain(proxy), [proxy, wrapper, closure, function])
    assert unwrapped(proxy) is function
    assert unwrapped(3) == 3
    assert same(wrapper_chain(None), [None])


def test_a_cycle_ends() -> None:
    def a() -> None: ...
    def b() -> None: ...

    a.__wrapped__, b.__wrapped__ = b, a  # type: ignore[attr-defined]
    assert same(wrapper_chain(a), [a, b])


def test_the_limit() -> None:
    chain: Any = object()
    for _ in range(9):
        chain = ObjectProxy(chain)
    assert len(list(wrapper_chain(chain, limit=10))) == 10
    with pytest.raises(WrapperChainTooDeepError, match="longer than 9") as caught:
        unwrapped(chain, limit=9)
    assert isinstance(caught.value, RuntimeError)
    with pytest.raises(WrapperChainTooDeepError):
        find_wrapper(chain, object(), limit=9)
    assert find_wrapper(chain, chain, limit=1) is chain


def test_searching() -> None:
    inner = ObjectProxy(3)
    outer = ObjectProxy(inner)
    assert find_wrapper(outer, inner) is inner
    assert find_wrapper(outer, ObjectProxy(3)) is None
    assert find_wrapper(outer, predicate=lambda entry: type(entry) is ObjectProxy) is outer
    assert find_wrapper(outer, inner, predicate=lambda entry: entry is outer) is None
    assert is_wrapped_by(outer, inner)
    assert not is_wrapped_by(inner, outer)
    assert is_wrapped_by(outer, predicate=lambda entry: type(entry) is int)
    with pytest.raises(TypeError, match="a handle, a predicate, or both"):
        find_wrapper(outer)
