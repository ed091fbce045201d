"""SPEC A5: lambdas, builtins, C methods, callable objects, partials, bound methods and ufuncs can be decorated."""

from __future__ import annotations

import functools
import gc
import inspect
import math
import operator
import re
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from .kinds import Kind, Outcome, collect, finish

Decorate = Callable[[Any], Any]

BUILTIN_CALLS: tuple[tuple[Any, tuple[Any, ...], dict[str, Any]], ...] = (
    (len, ([1, 2],), {}),
    (max, ([3, 1, 2],), {"key": operator.neg}),
    (max, (3, 1, 2), {"key": operator.neg}),
    (sorted, ([3, 1, 2],), {"reverse": True}),
    (print, (), {"end": ""}),
    (divmod, (7, 3), {}),
    (getattr, (1, "missing", "default"), {}),
    (math.hypot, (3, 4), {}),
    (str.upper, ("abc",), {}),
    ("{} {x}".format, (1,), {"x": 2}),
    ("".join, (["a", "b"],), {}),
    ({"a": 1}.get, ("b", 2), {}),
    (dict.fromkeys, ([1], 2), {}),
    (int.from_bytes, (b"\x01\x02",), {"byteorder": "big"}),
    (object().__eq__, (1,), {}),
    (operator.itemgetter(1), ([1, 2],), {}),
    (operator.methodcaller("upper"), ("a",), {}),
    (re.compile("b").sub, ("x", "abc"), {}),
    (functools.partial(int, base=2), ("101",), {}),
    (functools.lru_cache(lambda x: x + 1), (1,), {}),
)


@pytest.mark.parametrize("bare, args, kwargs", BUILTIN_CALLS, ids=lambda value: getattr(value, "__name__", None))
def test_builtins(
    decorate: Decorate, counted: Callable[..., None], bare: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    decorated = decorate(bare)
    assert decorated(*args, **kwargs) == bare(*args, **kwargs)
    counted(decorated, 1, errors=0)
    assert callable(decorated)
    for wrong_args, wrong_kwargs in (((), {}), ((1, 2, 3, 4, 5, 6), {}), ((), {"wrong": 1}), ((None,), {})):
        assert Outcome.of(lambda a=wrong_args, k=wrong_kwargs: decorated(*a, **k)) == Outcome.of(
            lambda a=wrong_args, k=wrong_kwargs: bare(*a, **k)
        )


@pytest.mark.parametrize("bare", [len, sorted, divmod, str.upper, "".join, functools.partial(int, base=2)])
def test_signature_of_builtins(decorate: Decorate, bare: Any) -> None:
    def signature(function: Any) -> str:
        return Outcome.of(lambda: inspect.signature(function)).error or str(inspect.signature(function))

    if not signature(bare).startswith("ValueError"):
        assert signature(decorate(bare)) == signature(bare)


@pytest.mark.parametrize("bare", [len, str.upper, math.hypot, "".join])
def test_name_and_doc_of_builtins(decorate: Decorate, bare: Any) -> None:
    decorated = decorate(bare)
    assert (decorated.__name__, decorated.__qualname__, decorated.__doc__) == (
        bare.__name__,
        bare.__qualname__,
        bare.__doc__,
    )


def test_lambdas(decorate: Decorate) -> None:
    free = 3
    decorated = decorate(lambda x, *rest, y=1, **more: (x, rest, y, more, free))
    assert decorated(0, 1, y=2, z=4) == (0, (1,), 2, {"z": 4}, 3)
    assert decorated.__name__ == "<lambda>"
    assert [decorate(lambda i=i: i)() for i in range(3)] == [0, 1, 2]
    assert list(decorate(lambda: (yield 5))()) == [5]


class Callable_:
    """An object that can be called."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, x: int, *, plus: int = 0) -> int:
        """Multiplies."""
        return x * self.factor + plus


def test_callable_objects(decorate: Decorate, counted: Callable[..., None]) -> None:
    bare = Callable_(3)
    decorated = decorate(bare)
    assert decorated(2, plus=1) == 7
    bare.factor = 10
    assert decorated(2) == 20
    counted(decorated, 2)
    assert str(inspect.signature(decorated)) == "(x: 'int', *, plus: 'int' = 0) -> 'int'"
    assert Outcome.of(lambda: decorated()) == Outcome.of(lambda: bare())


def test_callable_objects_of_each_kind(decorate: Decorate, kind: Kind, counted: Callable[..., None]) -> None:
    class C:
        __call__ = kind.build("self, x", "(x, 'object')", name="__call__")

    bare = C()
    decorated = decorate(bare)
    assert kind.run(decorated, 1) == kind.run(bare, 1)
    counted(decorated, 1, errors=0)
    assert Outcome.of(lambda: decorated()) == Outcome.of(lambda: bare())


def test_async_callable_object_is_covered_to_its_end(decorate: Decorate, counted: Callable[..., None]) -> None:
    class C:
        async def __call__(self) -> None:
            raise ValueError("late")

    decorated = decorate(C())
    running = decorated()
    with pytest.raises(ValueError, match="late"):
        finish(running)
    counted(decorated, 1, errors=1)


def test_partial(decorate: Decorate, kind: Kind, counted: Callable[..., None]) -> None:
    function = kind.build("a, b, *, c=3", "(a, b, c)")
    for bare in (functools.partial(function, 1), functools.partial(function, b=2, c=4)):
        decorated = decorate(bare)
        for args, kwargs in (((5,), {}), ((), {"b": 6}), ((5,), {"c": 7}), ((), {}), ((1, 2, 3), {})):
            assert Outcome.of(lambda a=args, k=kwargs, f=decorated: kind.run(f, *a, **k)) == Outcome.of(
                lambda a=args, k=kwargs, f=bare: kind.run(f, *a, **k)
            )
        assert inspect.signature(decorated) == inspect.signature(bare)
        for predicate in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
            assert predicate(decorated) == predicate(bare)
    partial = functools.partial(decorate(function), 1)
    assert kind.run(partial, 2) == kind.run(function, 1, 2)


def test_calls_of_partials_that_are_never_begun_end_in_silence(
    decorate: Decorate, kind: Kind, capfd: pytest.CaptureFixture[str]
) -> None:
    decorated = decorate(functools.partial(kind.build("x", "x")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        decorated(1)
        gc.collect()
    assert capfd.readouterr().err == ""


def test_numpy_ufuncs(decorate: Decorate) -> None:
    numpy = pytest.importorskip("numpy")
    decorated = decorate(numpy.add)
    out = numpy.zeros(2)
    result = decorated(numpy.array([1.0, 2.0]), 1, out=out)
    assert result is out
    assert out.tolist() == [2.0, 3.0]
    assert decorated([1, 2], [3, 4], out=out, where=[True, False]).tolist() == [4.0, 3.0]
    assert Outcome.of(lambda: decorated(1)) == Outcome.of(lambda: numpy.add(1))
    assert decorate(numpy.linalg.norm)([3.0, 4.0]) == 5.0


def test_functions_that_other_tools_made(decorate: Decorate) -> None:
    @functools.singledispatch
    def dispatch(x: object) -> str:
        return "object"

    @functools.wraps(dispatch)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return ("wrapper", dispatch(*args, **kwargs))

    assert decorate(dispatch)(1) == "object"
    assert decorate(wrapper)(1) == ("wrapper", "object")
    assert decorate(functools.cache(lambda x: [x]))(1) == [1]


def test_async_and_generator_methods_of_c_objects(decorate: Decorate) -> None:
    async def items() -> AsyncIterator[int]:
        yield 1

    def numbers() -> Iterator[int]:
        yield 2

    assert finish(decorate(items().__anext__)()) == 1
    assert decorate(numbers().__next__)() == 2
    assert finish(collect(decorate(lambda: items())())) == [1]


@pytest.mark.parametrize("thing", [1, None, "text", [], object()])
def test_what_cannot_be_called_is_refused(cladding: Any, thing: Any) -> None:
    for decorate in (cladding.timer, cladding.timer(), cladding.monitor(), cladding.stack(cladding.timer())):
        with pytest.raises(TypeError, match="cannot decorate"):
            decorate(thing)


def test_signature_free_stays_callable(decorate: Decorate) -> None:
    class NoSignature:
        __signature__ = "not a signature"

        def __call__(self, *args: Any) -> Any:
            return args

    assert decorate(NoSignature())(1, 2) == (1, 2)


def test_explicit_signature_is_kept(decorate: Decorate) -> None:
    def bare(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    bare.__signature__ = inspect.Signature([inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)])  # type: ignore[attr-defined]
    decorated = decorate(bare)
    assert str(inspect.signature(decorated)) == "(x, /)"
    assert decorated(1, 2, y=3) == ((1, 2), {"y": 3})


def test_recursion_goes_through_the_decorated_name(decorate: Decorate, counted: Callable[..., None]) -> None:
    @decorate
    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    assert factorial(20) == math.factorial(20)
    counted(factorial, 20)
