"""What a proxy passes on to the object that it wraps, and what stays its own."""

from __future__ import annotations

import collections
import math
import operator
import types
from typing import Any

import pytest

from cladding._native import (
    BaseObjectProxy,
    CallableObjectProxy,
    PartialCallableObjectProxy,
    WrapperNotInitializedError,
)


class Thing:
    """Something to wrap."""

    def __init__(self) -> None:
        self.value = 1


def test_attributes_are_read_set_and_deleted_on_the_wrapped_object() -> None:
    thing = Thing()
    proxy = BaseObjectProxy(thing)
    proxy.other = 2
    assert (proxy.value, thing.other, vars(proxy) is vars(thing)) == (1, 2, True)
    del proxy.other
    assert not hasattr(thing, "other")
    with pytest.raises(AttributeError, match="'Thing' object has no attribute 'nothing'"):
        _ = proxy.nothing


def test_attributes_that_begin_so_stay_on_the_proxy() -> None:
    thing = Thing()
    proxy = BaseObjectProxy(thing)
    proxy._self_mark = 3
    assert proxy.__self_dict__ == {"_self_mark": 3}
    assert not hasattr(thing, "_self_mark")
    del proxy._self_mark
    with pytest.raises(AttributeError):
        _ = proxy._self_mark


def test_a_name_made_at_run_time_is_known_too() -> None:
    proxy = BaseObjectProxy(Thing())
    assert getattr(proxy, "".join(["__mod", "ule__"])) == Thing.__module__
    assert getattr(proxy, "".join(["__d", "oc__"])) == "Something to wrap."


def test_the_class_is_the_wrapped_objects_and_the_type_is_not() -> None:
    proxy = BaseObjectProxy([1])
    assert isinstance(proxy, list)
    assert proxy.__class__ is list
    assert type(proxy) is BaseObjectProxy
    assert (type(proxy).__module__, type(proxy).__name__) == ("cladding", "BaseObjectProxy")
    assert isinstance(BaseObjectProxy.__doc__, str)


def test_a_class_attribute_of_a_subclass_is_set_on_the_proxy() -> None:
    class Marked(BaseObjectProxy):
        mark = None

    thing = Thing()
    proxy = Marked(thing)
    proxy.mark = 5
    assert (proxy.mark, hasattr(thing, "mark")) == (5, False)


@pytest.mark.parametrize(
    ("operation", "value", "arguments"),
    [
        *[(op, 7, (3,)) for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv)],
        *[(op, 7, (3,)) for op in (operator.mod, operator.pow, operator.lshift, operator.rshift, divmod)],
        *[(op, 7, (3,)) for op in (operator.and_, operator.or_, operator.xor, operator.lt, operator.le, operator.ge)],
        *[(op, 7, ()) for op in (operator.neg, operator.pos, operator.invert, hash, bool, int, float, complex, str)],
        *[(op, -7, ()) for op in (abs, operator.index, math.trunc, math.floor, math.ceil, round)],
        (round, 1.2345, (2,)),
        (format, 1.5, (".3f",)),
        (bytes, b"abc", ()),
        (dir, 3, ()),
        (len, [1, 2], ()),
        (operator.getitem, [1, 2], (1,)),
        (operator.contains, [1, 2], (2,)),
        (lambda value: list(reversed(value)), [1, 2], ()),
        (pow, 7, (2, 5)),
        (operator.eq, {1: 2}, ({1: 2},)),
    ],
)
def test_operations_give_what_they_give_on_the_object(operation: Any, value: Any, arguments: Any) -> None:
    expected = operation(value, *arguments)
    assert operation(BaseObjectProxy(value), *arguments) == expected
    wrapped = [BaseObjectProxy(argument) for argument in arguments if isinstance(argument, int)]
    if len(arguments) == len(wrapped) == 1:
        assert operation(BaseObjectProxy(value), *wrapped) == expected
        assert operation(value, *wrapped) == expected


class Matrix:
    def __matmul__(self, other: Any) -> Any:
        return ("matmul", other)

    def __imatmul__(self, other: Any) -> Any:
        return Matrix()


def test_matrix_multiplication_and_its_place() -> None:
    proxy: Any = BaseObjectProxy(Matrix())
    assert proxy @ 3 == ("matmul", 3)
    first, inner = proxy, proxy.__wrapped__
    proxy @= 2
    assert proxy is first
    assert proxy.__wrapped__ is not inner


@pytest.mark.parametrize(
    "operation",
    [
        *(operator.iadd, operator.isub, operator.imul, operator.imod, operator.ifloordiv, operator.itruediv),
        *(operator.ilshift, operator.irshift, operator.iand, operator.ior, operator.ixor, operator.ipow),
    ],
)
def test_in_place_operations_without_a_method_give_a_new_proxy(operation: Any) -> None:
    proxy = BaseObjectProxy(12)
    result = operation(proxy, 2)
    assert (type(result), result, proxy) == (BaseObjectProxy, operation(12, 2), 12)


def test_in_place_operations_change_what_can_be_changed() -> None:
    items = [1]
    proxy: Any = BaseObjectProxy(items)
    kept = proxy
    proxy += [2]
    assert (proxy is kept, proxy.__wrapped__ is items, items) == (True, True, [1, 2])


def test_containers_are_changed_through_the_proxy() -> None:
    proxy: Any = BaseObjectProxy({})
    proxy["a"] = 1
    proxy["b"] = 2
    del proxy["a"]
    assert proxy.__wrapped__ == {"b": 2}


def test_contexts_are_the_wrapped_objects() -> None:
    class Context:
        def __enter__(self) -> str:
            return "entered"

        def __exit__(self, *details: object) -> bool:
            return details[0] is KeyError

    with BaseObjectProxy(Context()) as entered:
        raise KeyError
    assert entered == "entered"


def test_a_proxy_of_a_class_serves_as_one() -> None:
    proxy: Any = BaseObjectProxy(Thing)

    class Derived(proxy):
        pass

    assert Derived.__mro__[1] is Thing
    assert isinstance(Thing(), proxy)
    assert issubclass(Derived, proxy)
    assert issubclass(BaseObjectProxy(Derived), proxy)
    assert isinstance(BaseObjectProxy[int], types.GenericAlias)


def test_iteration_is_left_to_subclasses() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        iter(BaseObjectProxy([1]))
    assert not isinstance(BaseObjectProxy([1]).__wrapped__, collections.abc.Iterator)


def test_calls_pass_their_arguments_as_they_came() -> None:
    def function(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    proxy = CallableObjectProxy(function)
    assert proxy(1, a=2) == ((1,), {"a": 2})
    assert proxy(*range(9), **{"b": 1}) == (tuple(range(9)), {"b": 1})
    assert not callable(BaseObjectProxy(function))


def test_partial_adds_arguments() -> None:
    def function(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    assert PartialCallableObjectProxy(function)() == ((), {})
    assert PartialCallableObjectProxy(function, 1, 2)(3, z=4) == ((1, 2, 3), {"z": 4})
    proxy = PartialCallableObjectProxy(function, 1, a=2, b=3)
    assert proxy(5, b=6, c=7) == ((1, 5), {"a": 2, "b": 6, "c": 7})
    assert (proxy._self_args, proxy._self_kwargs) == ((1,), {"a": 2, "b": 3})
    with pytest.raises(TypeError, match="must be callable"):
        PartialCallableObjectProxy(3)


def test_partial_signature_is_of_what_is_left() -> None:
    import inspect

    def function(a: int, b: int, *, c: int = 1) -> None: ...

    assert list(inspect.signature(PartialCallableObjectProxy(function, 1)).parameters) == ["b", "c"]


def test_a_proxy_that_was_not_initialised_says_so() -> None:
    class Forgetful(BaseObjectProxy):
        def __init__(self) -> None:
            pass

    for proxy in (Forgetful(), CallableObjectProxy.__new__(CallableObjectProxy)):
        for operation in (str, hash, bool, len, repr, int, dir, lambda p: p + 1, lambda p: p.x, lambda p: p[0]):
            with pytest.raises(AttributeError, match="__wrapped__"):
                operation(proxy)
        with pytest.raises(AttributeError, match="__wrapped__"):
            proxy.x = 1


def test_a_lazy_proxy_whose_object_went_missing_says_so() -> None:
    class Lazy(BaseObjectProxy):
        __wrapped_factory__ = True

        def __wrapped_get__(self) -> Any:
            return [1]

    proxy = Lazy(None)
    assert proxy[0] == 1
    assert issubclass(WrapperNotInitializedError, ValueError)
    empty = Lazy(None)
    Lazy.__wrapped_factory__ = None
    with pytest.raises(WrapperNotInitializedError):
        len(empty)


@pytest.mark.parametrize("arguments", [(), (1, 2)])
def test_wrong_arguments_are_named(arguments: Any) -> None:
    with pytest.raises(TypeError, match=r"wrapped|at most 1"):
        BaseObjectProxy(*arguments)
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        BaseObjectProxy(1, other=2)
    with pytest.raises(TypeError, match="multiple values for argument 'wrapped'"):
        BaseObjectProxy(1, wrapped=2)
