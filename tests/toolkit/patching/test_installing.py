"""Putting wrappers in place, for each kind of target, and taking them off without a trace."""

from __future__ import annotations

import random
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

import pytest

from cladding import ConfigurationError
from cladding._native import FunctionWrapper
from cladding._patching import (
    apply_patch,
    function_wrapper,
    patch_function_wrapper,
    unwrap_object,
    wrap_function_wrapper,
    wrap_object,
)
from cladding._proxies import ObjectProxy

pytestmark = pytest.mark.usefixtures("cladding")


def label(name: str) -> Callable[..., Any]:
    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return name, instance, wrapped(*args, **kwargs)

    return wrapper


def test_a_function(module: types.ModuleType) -> None:
    original = module.function
    handle = wrap_function_wrapper("patched_here", "function", label("a"))
    assert module.function is handle
    assert module.function(1, y=2) == ("a", None, (1, 2))
    assert unwrap_object("patched_here", "function", handle) is handle
    assert module.function is original


@pytest.mark.parametrize(
    "name, call, expected",
    [
        ("method", lambda cls, it: it.method(1, y=2), lambda cls, it: ("a", it, (it, 1, 2))),
        ("made", lambda cls, it: cls.made(1), lambda cls, it: ("a", cls, (cls, 1))),
        ("made", lambda cls, it: it.made(1), lambda cls, it: ("a", cls, (cls, 1))),
        ("plain", lambda cls, it: it.plain(1), lambda cls, it: ("a", None, 1)),
    ],
)
@pytest.mark.parametrize("of", ["Base", "Derived"])
def test_methods(module: types.ModuleType, name: str, call: Any, expected: Any, of: str) -> None:
    cls = getattr(module, of)
    before = dict(vars(cls))
    wrap_function_wrapper(module, f"{of}.{name}", wrapper := label("a"))
    instance = cls()
    assert call(cls, instance) == expected(cls, instance)
    if of == "Derived":
        assert vars(module.Base)[name] is not vars(cls)[name]
        assert call(module.Base, base := module.Base()) != expected(module.Base, base)
    unwrap_object(module, f"{of}.{name}", wrapper)
    after = dict(vars(cls))
    assert after == before
    assert list(map(type, after.values())) == list(map(type, before.values()))


def test_an_instance_alone(module: types.ModuleType) -> None:
    instance, other = module.Derived(), module.Derived()
    handle = wrap_function_wrapper(instance, "method", label("a"))
    assert instance.method(1) == ("a", instance, (instance, 1, 0))
    assert other.method(1) == (other, 1, 0)
    unwrap_object(instance, "method", handle)
    assert vars(instance) == {}


def test_an_instance_whose_wrapper_is_no_proxy(module: types.ModuleType) -> None:
    """The wrapper can carry no note of how it was installed."""
    instance = module.Base()

    def factory(original: Any) -> Any:
        def closure(*args: Any) -> Any:
            return "closure", original(*args)

        closure.__wrapped__ = original  # type: ignore[attr-defined]
        return closure

    handle = wrap_object(instance, "method", factory)
    assert instance.method(1)[0] == "closure"
    unwrap_object(instance, "method", handle)
    assert vars(instance) == {}


def test_what_a_module_computes(module: types.ModuleType) -> None:
    module.__getattr__ = lambda name: len
    handle = wrap_function_wrapper(module, "computed", label("a"))
    assert module.computed("ab") == ("a", None, 2)
    unwrap_object(module, "computed", handle)
    assert "computed" not in vars(module)


def test_a_class(module: types.ModuleType) -> None:
    cls = module.Base
    handle = wrap_function_wrapper(module, "Base", label("a"))
    made = module.Base()
    assert made[:2] == ("a", None)
    assert type(made[2]) is cls
    unwrap_object(module, "Base", handle)
    assert module.Base is cls


def test_factories_with_parameters(module: types.ModuleType) -> None:
    made = wrap_object(module, "Base.kept", lambda *args, **kwargs: (args, kwargs), (1,), {"two": 2})
    assert made == module.Base.kept == (("kept", 1), {"two": 2})


def test_a_factory_that_leaves_it(module: types.ModuleType) -> None:
    """An inherited attribute stays inherited then."""
    original = module.Base.method
    assert wrap_object(module, "Derived.method", lambda original: original) is original
    assert "method" not in vars(module.Derived)


def test_values(module: types.ModuleType) -> None:
    module.names = ["a"]
    handle = wrap_object(module, "names", ObjectProxy)
    module.names.append("b")
    assert handle == ["a", "b"]
    unwrap_object(module, "names", handle)
    assert type(module.names) is list


def test_apply_patch_sets_an_attribute(module: types.ModuleType) -> None:
    apply_patch(module.Base, "kept", 1)
    assert module.Derived.kept == 1


def test_decorating_a_wrapper_function(module: types.ModuleType) -> None:
    @patch_function_wrapper("patched_here", "Base.method")
    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return "patched", wrapped(*args, **kwargs)

    assert isinstance(wrapper, types.FunctionType)
    assert module.Base().method(1)[0] == "patched"
    unwrap_object(module, "Base.method", wrapper)
    assert isinstance(module.Base.method, types.FunctionType)
    assert type(module.Base.method) is types.FunctionType


def test_a_patch_with_a_switch(module: types.ModuleType) -> None:
    on = True
    patch_function_wrapper(module, "function", enabled=lambda: on)(label("a"))
    assert module.function(1) == ("a", None, (1, 0))
    on = False
    assert module.function(1) == (1, 0)
    patch_function_wrapper(module, "Base.plain", enabled=False)(label("b"))
    assert module.Base.plain(1) == 1


def test_arguments_arrive_as_they_were_given(module: types.ModuleType) -> None:
    seen: list[Any] = []

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append((args, kwargs))
        return wrapped(*args, **kwargs)

    wrap_function_wrapper(module, "function", wrapper)
    module.function(1)
    module.function(x=1, y=2)
    assert seen == [((1,), {}), ((), {"x": 1, "y": 2})]


def test_renaming_the_wrapper_leaves_the_original(module: types.ModuleType) -> None:
    original = module.function
    handle = wrap_function_wrapper(module, "function", label("a"))
    handle.__name__ = "renamed"
    handle.__doc__ = "other"
    assert (handle.__name__, handle.__doc__) == ("renamed", "other")
    assert (original.__name__, original.__doc__) == ("function", None)


def test_decorators_of_wrapper_functions() -> None:
    @function_wrapper
    def loud(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs).upper()

    class Speaker:
        prefix = "> "

        @loud
        def say(self, text: str) -> str:
            return self.prefix + text

        @function_wrapper
        def prefixed(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            return self.prefix + wrapped(*args, **kwargs)

        @function_wrapper
        @classmethod
        def named(cls, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            return cls.__name__ + wrapped(*args, **kwargs)

    @loud
    def say(text: str) -> str:
        return text

    assert (say("a"), Speaker().say("a")) == ("A", "> A")
    assert Speaker().prefixed(lambda: "x")() == "> x"
    assert Speaker.named(lambda: "x")() == "Speakerx"


def test_what_is_patched_while_the_wrapper_is_made_is_not_lost(module: types.ModuleType) -> None:
    made: list[Any] = []

    def factory(original: Any) -> Any:
        made.append(original)
        if len(made) == 1:
            wrap_function_wrapper(module, "function", label("meanwhile"))
        return FunctionWrapper(original, label("outer"))

    wrap_object(module, "function", factory)
    assert module.function(1) == ("outer", None, ("meanwhile", None, (1, 0)))
    assert len(made) == 2


def test_threads_that_patch_the_same_attribute_lose_none(module: types.ModuleType) -> None:
    start = threading.Barrier(4)
    original = module.function
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(names: list[str]) -> None:
        start.wait()
        for name in names:
            wrappers[name] = wrap_function_wrapper(module, "function", label(name))

    wrappers: dict[str, Any] = {}
    threads = [threading.Thread(target=work, args=([f"{n}.{i}" for i in range(10)],)) for n in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found, value = set(), module.function(1)
        while len(value) == 3:
            found.add(value[0])
            value = value[2]
        assert found == set(wrappers)
        assert value == (1, 0)

        def undo(names: list[str]) -> None:
            for name in names:
                unwrap_object(module, "function", wrappers[name])

        threads = [threading.Thread(target=undo, args=([f"{n}.{i}" for i in range(10)],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert module.function is original
    finally:
        sys.setswitchinterval(switch)


@pytest.mark.parametrize("seed", range(5))
def test_threads_that_patch_and_undo_leave_nothing(module: types.ModuleType, seed: int) -> None:
    original = module.function
    errors: list[BaseException] = []
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(choices: random.Random) -> None:
        mine: list[Any] = []
        try:
            for _ in range(60):
                if mine and choices.random() < 0.5:
                    unwrap_object(module, "function", mine.pop(choices.randrange(len(mine))))
                elif len(mine) < 8:
                    mine.append(wrap_function_wrapper(module, "function", label("a")))
                module.function(1)
            for handle in mine:
                unwrap_object(module, "function", handle)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(random.Random(seed * 10 + number),)) for number in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)
    assert errors == []
    assert type(module.function) is types.FunctionType
    assert module.function is original


@pytest.mark.parametrize("wrapper", [None, 3, "wrapper"])
def test_what_is_no_wrapper(module: types.ModuleType, wrapper: Any) -> None:
    for patch in (
        lambda: wrap_function_wrapper(module, "function", wrapper),
        lambda: patch_function_wrapper(module, "function")(wrapper),
        lambda: function_wrapper(wrapper),
    ):
        with pytest.raises(ConfigurationError, match="wrapper must be callable"):
            patch()


def test_wrong_parameters(module: types.ModuleType) -> None:
    with pytest.raises(ConfigurationError, match="factory must be callable, got 3"):
        wrap_object(module, "function", 3)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="enabled must be a bool or a callable, got 'yes'"):
        patch_function_wrapper(module, "function", enabled="yes")  # type: ignore[arg-type]
    assert not isinstance(module.function, FunctionWrapper)
