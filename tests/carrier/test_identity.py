"""SPEC A1 to A3: what a decorated function says about itself is what the function says."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import pickle
import pydoc
import re
import sys
import types
import typing
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from . import specimens
from .kinds import Kind

Decorate = Callable[[Any], Any]

SPECIMENS = pytest.mark.parametrize(
    "bare",
    [*specimens.FUNCTIONS, specimens.Holder.method, specimens.Holder.Inner.method],
    ids=lambda function: function.__qualname__,
)

ATTRIBUTES = (
    "__name__",
    "__qualname__",
    "__doc__",
    "__module__",
    "__annotations__",
    "__defaults__",
    "__kwdefaults__",
    "__globals__",
    "__builtins__",
    *(["__type_params__"] if sys.version_info >= (3, 12) else []),
)

CODE_ATTRIBUTES = (
    "co_name",
    "co_qualname",
    "co_filename",
    "co_firstlineno",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
)

KIND_FLAGS = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
    | inspect.CO_ITERABLE_COROUTINE
)

PREDICATES = (
    *(getattr(inspect, name) for name in dir(inspect) if name.startswith("is") and name != "iskeyword"),
    asyncio.iscoroutinefunction,
    callable,
)

READERS: tuple[Callable[[Any], Any], ...] = (
    inspect.signature,
    lambda f: inspect.signature(f, follow_wrapped=False),
    inspect.getfullargspec,
    inspect.getsource,
    inspect.getsourcelines,
    inspect.getfile,
    inspect.getsourcefile,
    inspect.getmodule,
    inspect.getdoc,
    inspect.getcomments,
    inspect.get_annotations,
    typing.get_type_hints,
    pydoc.render_doc,
    pydoc.plaintext.document,
    pydoc.describe,
)


@SPECIMENS
@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_attribute(decorate: Decorate, bare: Any, attribute: str) -> None:
    decorated = decorate(bare)
    assert getattr(decorated, attribute) == getattr(bare, attribute)
    if attribute == "__globals__":
        assert decorated.__globals__ is bare.__globals__


@SPECIMENS
def test_defaults_are_the_very_objects(decorate: Decorate, bare: Any) -> None:
    decorated = decorate(bare)
    for mine, theirs in zip(decorated.__defaults__ or (), bare.__defaults__ or (), strict=True):
        assert mine is theirs
    for name, value in (bare.__kwdefaults__ or {}).items():
        assert decorated.__kwdefaults__[name] is value


@SPECIMENS
def test_code(decorate: Decorate, bare: Any) -> None:
    code, bare_code = decorate(bare).__code__, bare.__code__
    assert {name: getattr(code, name) for name in CODE_ATTRIBUTES} == {
        name: getattr(bare_code, name) for name in CODE_ATTRIBUTES
    }
    assert code.co_flags & KIND_FLAGS == bare_code.co_flags & KIND_FLAGS
    assert inspect.getargs(code) == inspect.getargs(bare_code)


@SPECIMENS
@pytest.mark.parametrize("reader", READERS, ids=lambda f: f.__name__)
def test_reader(decorate: Decorate, bare: Any, reader: Callable[[Any], Any]) -> None:
    def read(function: Any) -> Any:
        try:
            return reader(function)
        except (TypeError, OSError) as error:
            return repr(error)

    assert read(decorate(bare)) == read(bare)


@SPECIMENS
def test_source_of_the_code_object(decorate: Decorate, bare: Any) -> None:
    assert inspect.getsource(decorate(bare).__code__) == inspect.getsource(bare.__code__)


@SPECIMENS
def test_predicates(decorate: Decorate, bare: Any) -> None:
    decorated = decorate(bare)
    assert {test.__name__: test(decorated) for test in PREDICATES} == {test.__name__: test(bare) for test in PREDICATES}


@SPECIMENS
def test_is_a_function(decorate: Decorate, bare: Any) -> None:
    decorated = decorate(bare)
    assert type(decorated) is types.FunctionType
    assert decorated.__class__ is types.FunctionType
    assert repr(decorated) == re.sub("0x[0-9a-f]+", hex(id(decorated)), repr(bare))


@SPECIMENS
def test_equality_and_hash(decorate: Decorate, bare: Any) -> None:
    one, other = decorate(bare), decorate(bare)
    assert one == one
    assert hash(one) == hash(one)
    assert (one == other) is (one is other)
    assert {one: "one"}[one] == "one"
    assert bool(one)


@SPECIMENS
def test_copies_are_the_function_itself(decorate: Decorate, bare: Any) -> None:
    decorated = decorate(bare)
    assert copy.copy(decorated) is decorated
    assert copy.deepcopy(decorated) is decorated
    assert copy.deepcopy({"inside": [decorated]})["inside"][0] is decorated


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("bare", specimens.FUNCTIONS[:-1], ids=lambda function: function.__name__)
def test_pickle_by_name(decorate: Decorate, monkeypatch: pytest.MonkeyPatch, bare: Any, protocol: int) -> None:
    decorated = decorate(bare)
    monkeypatch.setattr(specimens, bare.__name__, decorated)
    assert pickle.loads(pickle.dumps(decorated, protocol)) is decorated


def test_pickle_of_a_method_by_name(decorate: Decorate, monkeypatch: pytest.MonkeyPatch) -> None:
    decorated = decorate(specimens.Holder.method)
    monkeypatch.setattr(specimens.Holder, "method", decorated)
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    bound = pickle.loads(pickle.dumps(specimens.Holder().method))
    assert bound(3) == 3
    assert bound.__func__ is decorated


def test_a_local_function_is_refused_by_pickle_as_ever(decorate: Decorate, kind: Kind) -> None:
    bare = kind.build("x")
    with pytest.raises(Exception) as refused_bare:
        pickle.dumps(bare)
    with pytest.raises(Exception) as refused:
        pickle.dumps(decorate(bare))
    assert refused.type is refused_bare.type


def test_weak_references(decorate: Decorate, kind: Kind) -> None:
    decorated = decorate(kind.build("x"))
    died: list[Any] = []
    reference = weakref.ref(decorated, died.append)
    table = weakref.WeakKeyDictionary({decorated: 1})
    assert reference() is decorated
    assert table[decorated] == 1
    kind.run(decorated, 1)
    del decorated
    gc.collect()
    assert reference() is None
    assert died == [reference]
    assert not table


def test_dict_is_copied_and_not_written_through(decorate: Decorate, kind: Kind, cladding: Any) -> None:
    bare = kind.build("x")
    bare.before = marker = object()
    bare.shared = "bare"
    before = dict(bare.__dict__)
    decorated = decorate(bare)
    assert decorated.before is marker
    assert decorated.__dict__.items() >= bare.__dict__.items()
    decorated.shared = "decorated"
    decorated.after = 1
    del decorated.before
    assert bare.__dict__ == before
    bare.later = 1
    assert not hasattr(decorated, "later")


def test_attributes_can_be_set(decorate: Decorate, kind: Kind) -> None:
    decorated = decorate(kind.build("x", "x"))
    decorated.__name__ = "another"
    decorated.__qualname__ = "some.another"
    decorated.__doc__ = "Another."
    decorated.__module__ = "elsewhere"
    decorated.attribute = 1
    assert repr(decorated).startswith("<function some.another at ")
    assert decorated.__doc__ == "Another."
    assert vars(decorated)["attribute"] == 1
    del decorated.attribute
    assert not hasattr(decorated, "attribute")
    assert kind.run(decorated, 7) == kind.run(kind.build("x", "x"), 7)


def test_wrapped(decorate: Decorate, kind: Kind, cladding: Any) -> None:
    bare = kind.build("x")
    once = decorate(bare)
    twice = decorate(once)
    assert once.__wrapped__ is bare
    assert twice.__wrapped__ is once
    assert inspect.unwrap(twice) is bare
    assert once.cladding.wrapped is bare
    assert twice.cladding.wrapped is bare
    assert len(twice.cladding.policies) == 2 * len(once.cladding.policies)


def test_decorating_leaves_the_function_below_as_it_was(decorate: Decorate, kind: Kind, cladding: Any) -> None:
    bare = kind.build("x", "x")
    code, names = bare.__code__, dict(bare.__dict__)
    once = decorate(bare)
    policies = [policy.name for policy in once.cladding.policies]
    decorate(once)
    assert bare.__code__ is code
    assert bare.__dict__ == names
    assert [policy.name for policy in once.cladding.policies] == policies


def test_a_wrapper_made_with_wraps_is_not_taken_for_the_stack_it_copied(
    decorate: Decorate, kind: Kind, cladding: Any
) -> None:
    inner = decorate(kind.build("x", "x"))
    outer = kind.build("x", "('outer', x)")
    outer.__dict__.update(inner.__dict__)  # what functools.wraps does
    outer.__wrapped__ = inner
    decorated = decorate(outer)
    assert decorated.cladding.wrapped is outer
    assert kind.run(decorated, 1) == kind.run(outer, 1)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with 3.12")
@pytest.mark.parametrize("prefix", ["def", "async def"])
def test_type_parameters(decorate: Decorate, prefix: str) -> None:
    names: dict[str, Any] = {}
    exec(f"{prefix} first[T: int, *Ts, **P](x: T, *rest: *Ts) -> list[T]: return [x]", names)
    bare = names["first"]
    decorated = decorate(bare)
    assert decorated.__type_params__ == bare.__type_params__
    assert decorated.__type_params__[0] is bare.__type_params__[0]
    assert decorated.__annotations__ == bare.__annotations__
    assert inspect.signature(decorated) == inspect.signature(bare)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the mark came with 3.12")
def test_marked_coroutine_function(decorate: Decorate) -> None:
    bare = inspect.markcoroutinefunction(lambda x: specimens.coroutine(x, c=b""))
    assert inspect.iscoroutinefunction(decorate(bare))


def test_iterable_coroutine_is_awaitable(decorate: Decorate) -> None:
    async def outer() -> object:
        return await decorate(specimens.iterable_coroutine)(5)

    running = outer()
    assert running.send(None) == 5
    with pytest.raises(StopIteration) as stop:
        running.send("sent")
    assert stop.value.value == "sent"


def test_annotations_that_cannot_be_evaluated_yet(decorate: Decorate) -> None:
    def later(x: Unknown) -> AlsoUnknown:  # type: ignore[name-defined]  # noqa: F821
        return x

    decorated = decorate(later)
    assert decorated.__annotations__ == {"x": "Unknown", "return": "AlsoUnknown"}
    assert decorated(1) == 1


def test_mutable_default_is_shared(decorate: Decorate) -> None:
    def remember(x: int, seen: list[int] = []) -> list[int]:
        seen.append(x)
        return seen

    decorated = decorate(remember)
    assert decorated(1) is decorated(2)
    assert decorated(3) == [1, 2, 3]
    assert remember(4) == [1, 2, 3, 4]
