"""Function wrappers: what the wrapper is given for every kind of callable, and how calls find their instance again."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from cladding import _native
from cladding._native import (
    BoundFunctionWrapper,
    FunctionWrapper,
    FunctionWrapperBase,
    set_face_maker,
    set_instance_finder,
)
from cladding._wrappers import is_method_of


def report(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return instance, args, kwargs, wrapped(*args, **kwargs)


def decorated(target: Any, enabled: Any = None) -> Any:
    return FunctionWrapper(target, report, enabled)


def plain(a: Any, b: Any = 0) -> Any:
    return a, b


class Owner:
    @decorated
    def method(self, a: Any, b: Any = 0) -> Any:
        return self, a, b

    @decorated
    @classmethod
    def outer_class(cls, a: Any) -> Any:
        return cls, a

    @classmethod
    @decorated
    def inner_class(cls, a: Any) -> Any:
        return cls, a

    @decorated
    @staticmethod
    def outer_static(a: Any) -> Any:
        return a

    @staticmethod
    @decorated
    def inner_static(a: Any) -> Any:
        return a


class Derived(Owner):
    pass


def test_functions_have_no_instance() -> None:
    wrapper = decorated(plain)
    assert wrapper(1, b=2) == (None, (1,), {"b": 2}, (1, 2))
    assert wrapper(1, 2) == (None, (1, 2), {}, (1, 2))
    with pytest.raises(TypeError, match=r"plain\(\) missing 1 required positional argument"):
        wrapper()


@pytest.mark.parametrize("kind", [Owner, Derived])
def test_methods_have_their_instance(kind: Any) -> None:
    owner = kind()
    expected = (owner, (1,), {"b": 2}, (owner, 1, 2))
    assert owner.method(1, b=2) == expected
    assert kind.method(owner, 1, b=2) == expected
    assert Owner.method(owner, 1, b=2) == expected
    assert type(owner.method) is BoundFunctionWrapper
    assert owner.method == owner.method


def test_class_and_static_methods() -> None:
    owner = Derived()
    for target in (owner, Derived):
        assert target.outer_class(1) == (Derived, (1,), {}, (Derived, 1))
        assert target.inner_class(1)[3] == (Derived, 1)
        assert target.outer_static(1) == (None, (1,), {}, 1)
        assert target.inner_static(1) == (None, (1,), {}, 1)


def test_classes_builtins_bound_methods_and_callable_objects() -> None:
    assert decorated(Owner)()[0] is None
    assert decorated(len)([1]) == (None, ([1],), {}, 1)
    owner = Owner()
    items: list[int] = []
    assert decorated(items.append)(3)[0] is items
    assert decorated(dict.fromkeys)([3])[0] is dict
    assert decorated(functools.partial(plain, 5))(6)[3] == (5, 6)

    class Whole:
        def method(self) -> Any:
            return self

    whole = Whole()
    assert decorated(whole.method)()[0] is whole
    whole.replaced = decorated(whole.method)
    assert whole.replaced()[0] is whole
    assert owner is not None


def test_stacked_wrappers_each_see_the_instance() -> None:
    class Twice:
        @decorated
        @decorated
        def method(self, a: Any) -> Any:
            return a

    twice = Twice()
    assert twice.method(1) == (twice, (1,), {}, (twice, (1,), {}, 1))


def test_enabled_switches_the_wrapper_off() -> None:
    switch = [True]
    wrapper = decorated(plain, enabled=lambda: switch[0])
    assert len(wrapper(1)) == 4
    switch[0] = False
    assert wrapper(1) == (1, 0)
    assert decorated(plain, enabled=False)(1) == (1, 0)
    assert len(decorated(plain, enabled=True)(1)) == 4
    with pytest.raises(ZeroDivisionError):
        decorated(plain, enabled=lambda: 1 // 0)(1)


def test_what_a_wrapper_holds_can_be_read_and_not_set() -> None:
    owner = Owner()
    bound: Any = owner.method
    assert (bound._self_instance, bound._self_wrapper, bound._self_enabled) == (owner, report, None)
    assert (bound._self_binding, bound._self_owner) == ("function", Owner)
    assert bound._self_parent is vars(Owner)["method"]
    with pytest.raises(AttributeError):
        bound._self_wrapper = None


def test_subclasses_choose_the_bound_type() -> None:
    class Bound(BoundFunctionWrapper):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return "bound", super().__call__(*args, **kwargs)[3]

    class Wrapper(FunctionWrapper):
        __bound_function_wrapper__ = Bound

    class Owner2:
        @functools.partial(Wrapper, wrapper=report)
        def method(self) -> int:
            return 1

    assert Owner2().method() == ("bound", 1)


def test_set_name_reaches_the_wrapped_object() -> None:
    class Named:
        def __set_name__(self, owner: Any, name: str) -> None:
            self.name = name

    named = Named()

    class Owner3:
        attribute = FunctionWrapper(named, report)

    assert named.name == "attribute"
    assert Owner3 is not None


def test_a_base_may_be_used_directly() -> None:
    wrapper = FunctionWrapperBase(plain, None, report, None, "function", None, None)
    assert wrapper(1)[3] == (1, 0)
    empty = FunctionWrapperBase.__new__(FunctionWrapperBase)
    empty.__wrapped__ = plain
    with pytest.raises(AttributeError, match="_self_instance"):
        empty(1)


@pytest.fixture
def finder() -> Any:
    asked: list[Any] = []

    def find(wrapper: Any, first: Any) -> bool:
        asked.append(first)
        return is_method_of(wrapper, first)

    before = set_instance_finder(find)
    yield asked
    assert set_instance_finder(before) is find


def carried(wrapper: Any) -> Any:
    @functools.wraps(wrapper)
    def carrier(*args: Any, **kwargs: Any) -> Any:
        return wrapper(*args, **kwargs)

    return carrier


def test_an_instance_lost_below_a_function_is_found(finder: list[type]) -> None:
    class Carried:
        def _method(self, a: Any) -> Any:
            return self, a

        wrapper: Any = decorated(_method)
        wrapper._self_find_instance = True
        method = carried(wrapper)

        @classmethod
        def _cls(cls) -> None: ...

    carried_one = Carried()
    assert Carried.wrapper._self_parent._self_find_instance
    assert carried_one.method(1) == (carried_one, (1,), {}, (carried_one, 1))
    count = len(finder)
    assert carried_one.method(2) == (carried_one, (2,), {}, (carried_one, 2))
    assert len(finder) == count
    wrapper = vars(Carried)["wrapper"]
    assert wrapper(3, 4) == (None, (3, 4), {}, (3, 4))
    del Carried.method
    del Carried.wrapper
    assert wrapper(carried_one, 5) == (None, (carried_one, 5), {}, (carried_one, 5))


def finding(function: Any) -> Any:
    wrapper = decorated(function)
    wrapper._self_find_instance = True
    return wrapper


class Ways:
    """A wrapper below everything that is followed."""

    function = carried(finding(lambda self: "function"))
    twice = carried(carried(finding(lambda self: "twice")))
    of_class = classmethod(carried(finding(lambda cls: "of_class")))
    read = property(carried(finding(lambda self: "read")))
    cached = functools.cached_property(carried(finding(lambda self: "cached")))
    part = functools.partialmethod(carried(finding(lambda self: "part")))
    __slots__ = ("__dict__",)


class Inheriting(Ways):
    pass


@pytest.mark.parametrize("kind", [Ways, Inheriting])
def test_every_way_to_the_wrapper_is_followed(kind: Any) -> None:
    one = kind()
    for outcome, name in [
        (one.function(), "function"),
        (one.twice(), "twice"),
        (one.read, "read"),
        (one.cached, "cached"),
        (one.part(), "part"),
    ]:
        assert outcome == (one, (), {}, name)
    assert kind.of_class() == one.of_class() == (kind, (), {}, "of_class")


def test_a_static_method_gets_what_it_is_given() -> None:
    class Static:
        lonely = staticmethod(lambda *args: args)

    wrapper = finding(lambda *args: args)
    one = Static()
    assert wrapper(one, 1) == (None, (one, 1), {}, (one, 1))
    assert wrapper() == (None, (), {}, ())


def test_the_search_runs_no_code_of_the_objects_that_it_passes() -> None:
    class Touchy:
        def __getattr__(self, name: str) -> Any:
            raise ZeroDivisionError(name)

    class Owner4:
        touchy = Touchy()

    assert finding(lambda one: 1)(Owner4())[0] is None


def test_the_search_is_off_unless_asked_for(finder: list[type]) -> None:
    wrapper = decorated(plain)
    assert wrapper._self_find_instance is False
    wrapper(1)
    assert finder == []


def test_a_finder_that_fails_is_heard() -> None:
    wrapper = decorated(plain)
    wrapper._self_find_instance = True
    before = set_instance_finder(lambda wrapper, first: 1 // 0)
    try:
        with pytest.raises(ZeroDivisionError):
            wrapper(1)
    finally:
        set_instance_finder(before)
    with pytest.raises(TypeError, match="finder must be callable or None"):
        set_instance_finder(3)


def test_the_face_is_asked_for_once_and_kept() -> None:
    made: list[Any] = []

    def maker(wrapper: Any) -> Any:
        made.append(wrapper)
        wrapped = wrapper.__wrapped__

        def face(a: Any) -> Any:
            return wrapped, a

        return face

    wrapper = decorated(plain)
    before = set_face_maker(None)
    try:
        assert wrapper.__code__ is plain.__code__
        assert set_face_maker(maker) is None
        assert wrapper.__code__.co_name == "face"
        assert [cell.cell_contents for cell in wrapper.__closure__] == [plain]
        assert len(made) == 1
        wrapper.__wrapped__ = len
        assert [cell.cell_contents for cell in wrapper.__closure__] == [len]
    finally:
        assert set_face_maker(before) is maker
    set_face_maker(lambda wrapper: None)
    try:
        assert decorated(plain).__code__ is plain.__code__
        assert not hasattr(decorated(len), "__code__")
    finally:
        set_face_maker(before)


def test_the_compatible_family_has_no_face() -> None:
    assert "__code__" not in vars(_native.CompatFunctionWrapper)
    assert "_self_find_instance" not in vars(_native.CompatFunctionWrapper)
