"""`cladding.compat.decorator` beside the real decorator: any function, any call, the same result."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any

import decorator as theirs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cladding.compat import decorator as ours

pytestmark = pytest.mark.usefixtures("cladding")

NAMES = ("a", "b", "args", "kw", "func", "self", "caller", "extras", "_call_", "_func_", "bound")


@st.composite
def functions(draw: st.DrawFn) -> Any:
    """A function with some parameter list, which returns what it got."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=6, unique=True))
    kinds = sorted(draw(st.lists(st.integers(0, 4), min_size=len(names), max_size=len(names))))
    first_default = draw(st.integers(0, 6))
    parameters = []
    for index, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if kind in (2, 4) and kind in kinds[:index]:
            continue
        default = index if kind not in (2, 4) and index >= first_default else inspect.Parameter.empty
        parameters.append(inspect.Parameter(name, inspect._ParameterKind(kind), default=default))
    signature = inspect.Signature(parameters)
    namespace: dict[str, Any] = {}
    exec(f"def function{signature}: return dict(locals())", namespace)
    return namespace["function"]


calls = st.tuples(
    st.lists(st.integers(10, 20), max_size=4),
    st.dictionaries(st.sampled_from(NAMES), st.integers(30, 40), max_size=4),
)


def seen(tool: Any, function: Any, call: Any, **options: Any) -> Any:
    """What the caller saw and what came back, or that it was an error."""
    log: list[Any] = []

    def caller(*args: Any, **kw: Any) -> Any:  # no name that a keyword argument could take
        log.append((args[0] is function, args[1:], kw))
        return args[0](*args[1:], **kw)

    decorated = tool.decorate(function, caller, **options)
    try:
        result = decorated(*call[0], **call[1])
    except TypeError:
        return "TypeError", [entry for entry in log if options.get("kwsyntax")]
    return result, log, str(inspect.signature(decorated)), inspect.getfullargspec(decorated)


def assume_that_binding_is_right(function: Any, call: Any) -> None:
    """`Signature.bind`, which theirs relies on, errs on some versions about a positional-only name that is a keyword."""
    assume(not set(call[1]) & set(function.__code__.co_varnames[: function.__code__.co_posonlyargcount]))


@given(functions(), calls, st.booleans())
def test_every_call(function: Any, call: Any, kwsyntax: bool) -> None:
    assume_that_binding_is_right(function, call)
    assert seen(ours, function, call, kwsyntax=kwsyntax) == seen(theirs, function, call, kwsyntax=kwsyntax)


@given(functions(), calls)
def test_parameters_of_the_decorator_come_between(function: Any, call: Any) -> None:
    assume_that_binding_is_right(function, call)

    def caller(*args: Any, **kw: Any) -> Any:
        return args[1:], kw

    results = []
    for tool in (ours, theirs):
        try:
            results.append(tool.decorate(function, caller, extras=("x", "y"))(*call[0], **call[1]))
        except TypeError:
            results.append("TypeError")
    assert results[0] == results[1]


@pytest.fixture(params=[ours, theirs], ids=["ours", "theirs"])
def tool(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_factories(tool: Any) -> None:
    @tool.decorator
    def tagged(func: Any, tag: str = "t", other: str = "o", *args: Any, **kw: Any) -> Any:
        return tag, other, func(*args, **kw)

    def work(x: int, y: int = 2) -> int:
        return x + y

    assert tagged(work)(1) == ("t", "o", 3)
    assert tagged()(work)(1) == ("t", "o", 3)
    assert tagged(other="z")(work)(1, y=5) == ("t", "z", 6)
    assert tagged(work, "a", other="b")(x=1) == ("a", "b", 3)
    assert str(inspect.signature(tagged)) == "(func: 'Any', tag: 'str' = 't', other: 'str' = 'o') -> 'Any'"


def test_kinds(tool: Any) -> None:
    @tool.decorator
    async def waiting(func: Any, *args: Any) -> Any:
        return "waited", await func(*args)

    @tool.decorator
    def repeating(func: Any, *args: Any) -> Any:
        yield from (func(*args), "again")

    @waiting
    async def work(x: int) -> int:
        return x

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work(x=1)) == ("waited", 1)
    made = repeating(len)
    assert inspect.isgeneratorfunction(made)
    assert list(made("abc")) == [3, "again"]


def test_attributes(tool: Any) -> None:
    def work(a: int, b: str = "b", *, c: int = 3) -> None:
        """Works."""

    work.mark = 1  # type: ignore[attr-defined]
    made = tool.decorate(work, lambda func, *args, **kw: None)
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__", "__defaults__", "__kwdefaults__", "mark"):
        assert getattr(made, attribute) == getattr(work, attribute)
    assert made.__annotations__ is work.__annotations__
    assert made.__wrapped__ is work
    made.mark = 2
    assert work.mark == 1  # type: ignore[attr-defined]


def test_defaults_are_those_at_decoration(tool: Any) -> None:
    def work(a: int = 1) -> int:
        return a

    made = tool.decorate(work, lambda func, *args: func(*args))
    work.__defaults__ = (2,)
    assert made() == 1


def test_partials(tool: Any) -> None:
    def work(a: int, b: int, c: int = 3) -> tuple[int, ...]:
        return a, b, c

    made = tool.decorate(functools.partial(work, 1, c=5), lambda func, *args, **kw: func(*args, **kw))
    assert made(2) == (1, 2, 5)
    assert made(2, c=6) == (1, 2, 6)
    assert made.__name__ == "work"


def test_a_decorated_function_can_be_decorated_again(tool: Any) -> None:
    def count(func: Any, *args: Any) -> Any:
        return 1 + func(*args)

    made = tool.decorate(tool.decorate(lambda x: x, count), count)
    assert made(x=1) == 3
    assert str(inspect.signature(made)) == "(x)"


def test_what_wraps_is_the_one_below() -> None:
    """decorator copies the attributes last, and so skips a step."""
    inner = ours.decorate(len, lambda func, *args: func(*args))
    assert ours.decorate(inner, lambda func, *args: func(*args)).__wrapped__ is inner  # type: ignore[attr-defined]


def test_decoratorx_keeps_the_code(tool: Any) -> None:
    @tool.decoratorx
    def plain(func: Any, *args: Any, **kw: Any) -> Any:
        return args, kw

    made = plain(lambda a, b=2, *, c=3: None)
    assert (made.__code__.co_argcount, made.__code__.co_varnames) == (2, ("a", "b", "c"))
    assert made(1) == ((1, 2), {"c": 3})


@pytest.mark.parametrize("arguments", [(), ("y",)])
def test_wrong_dispatch_arguments(tool: Any, arguments: tuple[str, ...]) -> None:
    with pytest.raises((AssertionError, NameError)):
        tool.dispatch_on(*arguments)(lambda x: None)


def test_dispatch(tool: Any) -> None:
    @tool.dispatch_on("a", "b")
    def work(a: Any, b: Any = None) -> Any:
        return "default"

    @work.register(int, object)
    def _(a: int, b: object) -> Any:
        return "int"

    assert (work(1, object()), work("x")) == ("int", "default")
    assert work.dispatch_info(bool, str)[-1][0] == "int"
    assert work.ancestors(bool, str)[0] == [bool, int]
    assert work.vancestors(bool, str) == [set(), set()]
    assert list(work.typemap) == [(int, object)]
    with pytest.raises(TypeError):
        work.register(int)


def test_public_names() -> None:
    documented = {name for name in vars(theirs) if not name.startswith("_")}
    documented -= {"annotationlib", "functools", "inspect", "itertools", "operator", "re", "sys"}  # modules
    documented -= {"Any", "Dict", "List", "Optional", "DEF"}  # of typing, and the pattern of a def
    assert documented <= set(vars(ours))
    assert ours.__version__.split(".")[:2] == ["5", "3"]
