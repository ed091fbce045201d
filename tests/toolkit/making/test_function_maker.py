"""FunctionMaker: functions from templates."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cladding import ConfigurationError
from cladding._making import FunctionMaker

pytestmark = pytest.mark.usefixtures("cladding")

NAMES = ("self", "func", "wrapped", "args", "kw", "kwargs", "_call_", "_func_", "name", "signature", "_cladding_func")


def original(a: int, /, b: int = 2, *rest: int, c: int, d: int = 4, **more: int) -> tuple[object, ...]:
    """Says what it got."""
    return (a, b, rest, c, d, more)


def test_from_a_text() -> None:
    made = FunctionMaker.create("add(a, b)", "return a + b + offset", {"offset": 10}, defaults=(5,), doc="Adds.")
    assert (made(1), made(1, b=2), made.__name__, made.__qualname__, made.__doc__) == (16, 13, "add", "add", "Adds.")
    assert str(inspect.signature(made)) == "(a, b=5)"
    assert made.__module__ == __name__


def test_the_globals_stay_as_they_were_and_are_live() -> None:
    names: dict[str, Any] = {"x": 1}
    made = FunctionMaker.create("read()", "return x", names)
    assert "read" not in names
    names["x"] = 2
    assert made() == 2


def test_from_a_function() -> None:
    body = "return _call_(_func_, %(shortsignature)s)"
    original.mark = "kept"  # type: ignore[attr-defined]

    def call(func: Any, *args: Any, **kwargs: Any) -> Any:
        return func.__name__, args, kwargs

    made = FunctionMaker.create(original, body, {"_call_": call, "_func_": original}, extra=3, __wrapped__=original)
    assert inspect.signature(made) == inspect.signature(original)
    assert inspect.getfullargspec(made) == inspect.getfullargspec(original)
    assert made.__code__.co_posonlyargcount == 1
    assert (made.__name__, made.__qualname__, made.__doc__, made.__module__) == (
        "original", "original", "Says what it got.", __name__,
    )  # fmt: skip
    assert (made.mark, made.extra) == ("kept", 3)  # type: ignore[attr-defined]
    assert not hasattr(original, "extra")
    assert made(1, 2, 3, c=4, e=5) == ("original", (1, 2, 3), {"c": 4, "d": 4, "e": 5})
    with pytest.raises(TypeError, match=r"original\(\) missing 1 required keyword-only argument: 'c'"):
        made(1)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_of_any_name(name: str) -> None:
    source = f"def function({name}, other=1): return ({name}, other)"
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    function = namespace["function"]
    made = FunctionMaker.create(
        function, "return _call_(_func_, %(shortsignature)s)", {"_call_": lambda f, *args: f(*args), "_func_": function}
    )
    assert made(5) == (5, 1)
    assert made(**{name: 6, "other": 7}) == (6, 7)


def test_parameters_with_the_names_of_the_template() -> None:
    def function(_call_: int, _func_: int, /) -> tuple[int, int]:
        return _call_, _func_

    body = "return (lambda f: f(%(shortsignature)s))(_func_)  # _call_"
    assert FunctionMaker.create(function, body, {"_call_": 0, "_func_": function})(1, 2) == (1, 2)


def test_a_parameter_of_a_text_is_what_its_name_means() -> None:
    assert FunctionMaker.create("f(self, _call_)", "return self, _call_", {})(1, 2) == (1, 2)


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True), st.data())
def test_any_parameter_list(names: list[str], data: st.DataObject) -> None:
    empty = inspect.Parameter.empty
    kinds = sorted(data.draw(st.lists(st.integers(0, 4), min_size=len(names), max_size=len(names))))
    kinds = [kind for index, kind in enumerate(kinds) if kind not in (2, 4) or kinds.index(kind) == index]
    defaults_from = data.draw(st.integers(0, len(kinds)))
    parameters = [
        inspect.Parameter(
            name, inspect._ParameterKind(kind), default=index if has_default and kind not in (2, 4) else empty
        )
        for index, (name, kind) in enumerate(zip(names, kinds, strict=False))
        for has_default in [index >= defaults_from]
    ]
    signature = inspect.Signature(parameters)

    function: Any = lambda *args, **kwargs: signature.bind(*args, **kwargs)
    function.__signature__ = signature
    made = FunctionMaker.create(function, "return _func_(%(shortsignature)s)", {"_func_": function})
    del made.__signature__  # type: ignore[attr-defined]  # so that the code has to say it
    assert inspect.signature(made) == signature


def test_asynchronous_functions_and_generators() -> None:
    async def work(x: int) -> int:
        return x

    waiting = FunctionMaker.create(work, "return 1 + await work(%(shortsignature)s)", {"work": work}, asynchronous=True)
    assert inspect.iscoroutinefunction(waiting)
    assert asyncio.run(waiting(2)) == 3
    generator = FunctionMaker.create("items(n)", "yield from range(n)", {})
    assert inspect.isgeneratorfunction(generator)
    assert list(generator(3)) == [0, 1, 2]


def test_source_on_request() -> None:
    made = FunctionMaker.create("f(a)", "b = a\nreturn b", {}, addsource=True)
    assert made.__source__ == "def f(a):\n    b = a\n    return b\n"  # type: ignore[attr-defined]
    assert not hasattr(FunctionMaker.create("f(a)", "return a", {}), "__source__")


def test_a_whole_template() -> None:
    maker = FunctionMaker(original, name="other", doc="Other.", module="elsewhere", funcdict={"x": 1})
    made = maker.make("def %(name)s(%(signature)s):\n    return %(arg0)s, %(arg1)s", {})
    assert made(1, c=3) == (1, 2)
    assert (made.__name__, made.__doc__, made.__module__, made.x) == ("other", "Other.", "elsewhere", 1)  # type: ignore[attr-defined]
    assert maker.signature == "a, /, b, *rest, c, d, **more"
    assert maker.shortsignature == "a, b, *rest, c=c, d=d, **more"
    assert (maker.args, maker.varargs, maker.varkw, maker.kwonlyargs) == (["a", "b"], "rest", "more", ["c", "d"])
    assert (maker.defaults, maker.kwonlydefaults, maker.annotations) == ((2,), {"d": 4}, original.__annotations__)


def test_defaults_in_a_text_are_kept() -> None:
    assert FunctionMaker.create("f(a, b=limit)", "return a, b", {"limit": 9})(1) == (1, 9)


def test_lambdas_partials_and_builtins() -> None:
    assert FunctionMaker(lambda x: x).name == "_lambda_"
    partial = FunctionMaker.create(functools.partial(original, 1, c=3), "return 0", {})
    assert partial.__name__ == "original"
    assert list(inspect.signature(partial).parameters) == ["b", "rest", "c", "d", "more"]
    assert str(inspect.signature(FunctionMaker.create(len, "return 0", {}))) == "(obj, /)"


def test_each_function_has_a_file_of_its_own() -> None:
    files = {FunctionMaker.create("f()", "pass", {}).__code__.co_filename for _ in range(3)}
    assert len(files) == 3


def test_the_attributes_are_a_copy() -> None:
    maker = FunctionMaker(original)
    first, second = (maker.make("def %(name)s(%(signature)s): pass") for _ in range(2))
    first.mine = 1  # type: ignore[attr-defined]
    assert not hasattr(second, "mine")
    assert "mine" not in maker.dict


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "func must be given, or both name and signature"),
        ({"name": "f"}, "func must be given, or both name and signature"),
        ({"name": "not a name", "signature": ""}, "name='not a name' is not the name of a function"),
        ({"name": "class", "signature": ""}, "name='class' is not the name"),
        ({"name": "f", "signature": "a b"}, "signature='a b' is not a list of parameters"),
        ({"name": "f", "signature": "a", "defaults": (1, 2)}, r"defaults=\(1, 2\) are too many"),
    ],
)
def test_wrong_input(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FunctionMaker(**arguments)


@pytest.mark.parametrize("obj", ["f", "f(a", "f a)"])
def test_a_text_of_another_form(obj: str) -> None:
    with pytest.raises(ConfigurationError, match="obj="):
        FunctionMaker.create(obj, "pass", {})


def test_what_cannot_be_compiled_is_shown() -> None:
    with pytest.raises(SyntaxError) as raised:
        FunctionMaker.create("f(a)", "return return", {})
    assert "return return" in raised.value.__notes__[0]
    with pytest.raises(SyntaxError, match="no function is defined"):
        FunctionMaker(original).make("a = 1")
    with pytest.raises(TypeError, match="tells no signature"):
        FunctionMaker(dir)


made_here = FunctionMaker.create("made_here(a)", "return a", {})


def test_pickled_by_name() -> None:
    assert pickle.loads(pickle.dumps(made_here)) is made_here
