"""SPEC A2 and A15: any call, right or wrong, ends as the bare function's would, whatever its parameters are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .kinds import KINDS, Kind, Outcome

Decorate = Callable[[Any], Any]

AWKWARD_NAMES = (
    *("self", "cls", "func", "function", "wrapped", "instance", "args", "kw", "kwargs", "_call_", "_func_", "cladding"),
    *("_cladding", "_cladding_", "__cladding", "policy", "policies", "stack", "bound", "driver", "value", "result"),
    *("item", "items", "error", "exc", "exception", "coro", "gen", "generator", "call", "_call", "_stack", "_bound"),
    *("_", "__", "_0", "_1", "f", "len", "next", "iter", "type", "print", "super", "object", "StopIteration", "tuple"),
    *("BaseException", "GeneratorExit", "StopAsyncIteration", "dict", "match", "case", "été", "名前", "__name__"),
    *("__builtins__", "__class__", "__wrapped__", "await_", "sent", "e", "x", "target", "method", "_driver"),
)

SIGNATURES = (
    "",
    "a",
    "a, b",
    "a, b, c",
    "a=1",
    "a, b=2",
    "a, /",
    "a, /, b",
    "a, b=2, /, c=3",
    "*a",
    "**a",
    "a, *b",
    "a, **b",
    "*, a",
    "*, a, b",
    "*, a=1",
    "a, *, b",
    "a, /, b, *c, d, e=5, **g",
    "a=1, /, b=2, *, c, d=4",
    "a, /, **b",
)

CALLS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, 3), {}),
    ((1, 2, 3, 4), {}),
    ((), {"a": 1}),
    ((1,), {"a": 1}),
    ((1,), {"b": 2}),
    ((1, 2), {"d": 4}),
    ((), {"a": 1, "b": 2, "c": 3}),
    ((1,), {"unknown": 2}),
    ((1, 2, 3), {"unknown": 2, "another": 3}),
)


def same(kind: Kind, decorate: Decorate, bare: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Outcome:
    """Asserts that both calls come to the same, also when not completed, and returns the outcome."""
    decorated = decorate(bare)
    expected = Outcome.of(lambda: kind.run(bare, *args, **kwargs))
    assert Outcome.of(lambda: kind.run(decorated, *args, **kwargs)) == expected
    if expected.error.startswith("TypeError: f()"):
        # A wrong call fails in the call itself, not when its result is first awaited or iterated.
        assert Outcome.of(lambda: decorated(*args, **kwargs)) == expected
    return expected


@pytest.mark.parametrize("signature", SIGNATURES)
def test_calls_of_each_signature(decorate: Decorate, kind: Kind, signature: str) -> None:
    bare = kind.build(signature, "dict(locals())")
    outcomes = [same(kind, decorate, bare, args, kwargs) for args, kwargs in CALLS]
    assert any(outcome.error for outcome in outcomes) or "**" in signature or "*a" in signature


@st.composite
def signatures(draw: st.DrawFn) -> str:
    """A parameter list with any mixture of the five sorts of parameters."""
    names = iter("abcdefgh")
    parts: list[str] = []
    defaulted = False
    for sort in ("positional only", "positional or keyword"):
        for _ in range(draw(st.integers(0, 2))):
            defaulted = defaulted or draw(st.booleans())
            name = next(names)
            parts.append(f"{name}='{name.upper()}'" if defaulted else name)
        if sort == "positional only" and parts:
            parts.append("/")
    keyword_only = draw(st.integers(0, 2))
    if draw(st.booleans()):
        parts.append("*rest")
    elif keyword_only:
        parts.append("*")
    for _ in range(keyword_only):
        name = next(names)
        parts.append(f"{name}='{name.upper()}'" if draw(st.booleans()) else name)
    if draw(st.booleans()):
        parts.append("**extra")
    return ", ".join(parts)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(
    signature=signatures(),
    args=st.lists(st.integers(0, 9), max_size=6).map(tuple),
    kwargs=st.dictionaries(
        st.sampled_from(["a", "b", "c", "d", "e", "rest", "extra", "other"]), st.integers(), max_size=4
    ),
)
def test_random_calls_of_random_signatures(
    decorate: Decorate, kind: Kind, signature: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    same(kind, decorate, kind.build(signature, "dict(locals())"), args, kwargs)


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_parameters_of_any_name(decorate: Decorate, kind: Kind, name: str) -> None:
    for form in ("{}", "{}=0", "*{}", "**{}", "*, {}", "{}, /", "{0}, {0}_, *{0}__, {0}3, **{0}4"):
        bare = kind.build(form.format(name), "here()", here=locals)
        for args, kwargs in (((), {}), ((1,), {}), ((), {name: 1}), ((1, 2), {f"{name}3": 3}), ((), {"no": 1})):
            same(kind, decorate, bare, args, kwargs)


@pytest.mark.parametrize("name", [name for name in AWKWARD_NAMES if name != "__builtins__"])
def test_functions_of_any_name(decorate: Decorate, kind: Kind, name: str) -> None:
    bare = kind.build("a", "a", name=name)
    decorated = decorate(bare)
    assert kind.run(decorated, 1) == kind.run(bare, 1)
    assert Outcome.of(lambda: decorated()) == Outcome.of(lambda: bare())
    assert decorated.__name__ == name


def test_functions_whose_name_is_no_identifier(decorate: Decorate, kind: Kind) -> None:
    bare = kind.build("a", "a")
    bare.__name__ = "not an identifier"
    bare.__qualname__ = "<some>.<where>.not an identifier"
    decorated = decorate(bare)
    assert kind.run(decorated, 1) == kind.run(bare, 1)
    assert Outcome.of(lambda: decorated()) == Outcome.of(lambda: bare())
    assert decorated.__qualname__ == bare.__qualname__


def test_mangled_parameters(decorate: Decorate) -> None:
    class C:
        def bare(self, __x: int, *, __y: int = 0) -> tuple[int, int]:
            return __x, __y

        decorated = decorate(bare)

    assert C().decorated(1, _C__y=2) == (1, 2)
    assert C().decorated(_C__x=3) == (3, 0)
    for call in (lambda f: f(), lambda f: f(1, __y=2), lambda f: f(1, 2)):
        outcome = Outcome.of(lambda call=call: call(C().decorated))
        assert outcome == Outcome.of(lambda call=call: call(C().bare))
        assert outcome.error


def test_many_parameters(decorate: Decorate, kind: Kind) -> None:
    names = [f"p{index}" for index in range(300)]
    bare = kind.build(", ".join(names), "(p0, p299)")
    for args in (range(300), range(299), range(301)):
        same(kind, decorate, bare, tuple(args), {})
    same(kind, decorate, bare, (), dict.fromkeys(names, 1))
    same(kind, decorate, bare, tuple(range(150)), dict.fromkeys(names[150:], 1))


class Text(str):
    """A subclass of str that is another object than the parameter's name, with the same text."""

    __slots__ = ()


@pytest.mark.parametrize("signature", ["a", "a, **b", "*, a", "a, /, **b", "**b"])
def test_keywords_that_are_not_plain_strings(decorate: Decorate, kind: Kind, signature: str) -> None:
    bare = kind.build(signature, "sorted(locals())")
    for keyword_ in (Text("a"), "".join(["", "a"]), Text("zz"), 1, None, b"a", ("a",)):
        same(kind, decorate, bare, (), {keyword_: 1})  # type: ignore[dict-item]
        same(kind, decorate, bare, (2,), {keyword_: 1})  # type: ignore[dict-item]


def test_unpacking_what_cannot_be_unpacked(decorate: Decorate, kind: Kind) -> None:
    bare = kind.build("*a, **b")
    decorated = decorate(bare)
    for call in (
        lambda f: f(*None),
        lambda f: f(**None),
        lambda f: f(**{"x": 1}, **{"x": 2}),
        lambda f: f(1, *3, **{}),
    ):
        outcome = Outcome.of(lambda call=call: call(decorated))
        assert outcome == Outcome.of(lambda call=call: call(bare))
        assert outcome.error.startswith("TypeError")


def test_arguments_arrive_as_the_very_objects(decorate: Decorate, kind: Kind) -> None:
    seen: list[Any] = []
    bare = kind.build("a, /, b, *c, d, **e", "seen.append((a, b, c, d, e))", seen=seen)
    a, b, c, d, e = (object() for _ in range(5))
    kind.run(decorate(bare), a, b, c, d=d, e=e)
    [(got_a, got_b, got_c, got_d, got_e)] = seen
    assert (got_a is a, got_b is b, got_c[0] is c, got_d is d, got_e["e"] is e) == (True,) * 5


def test_keyword_dictionary_is_the_callees_own(decorate: Decorate, kind: Kind) -> None:
    bare = kind.build("**e", "e.update(added=1)")
    given = {"x": 1}
    kind.run(decorate(bare), **given)
    assert given == {"x": 1}


def test_keyword_order_is_kept(decorate: Decorate, kind: Kind) -> None:
    bare = kind.build("*, b=0, **e", "list(e)")
    names = ["z", "y", "b", "x", "a", "w"]
    assert kind.run(decorate(bare), **dict.fromkeys(names, 0)) == kind.run(bare, **dict.fromkeys(names, 0))
