"""Random programs over random graphs of proxies, compared with the same programs over the bare objects.

The seeds are part of the test, so a failure is found again. `CLADDING_FUZZ_SEEDS` in the environment names others.
"""

from __future__ import annotations

import copy
import functools
import operator
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from cladding import _native
from cladding._native import BaseObjectProxy, CompatBaseObjectProxy, FunctionWrapper

SEEDS = [int(text) for text in os.environ.get("CLADDING_FUZZ_SEEDS", "1,2,3,20261120").split(",")]
EXAMPLES = int(os.environ.get("CLADDING_FUZZ_EXAMPLES", "150"))


class Derived(BaseObjectProxy):
    mark = "of the class"


class Slotted(BaseObjectProxy):
    __slots__ = ("_self_slot",)


class Counting(BaseObjectProxy):
    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(name)


class CompatDerived(CompatBaseObjectProxy):
    pass


def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


LAYERS: list[Callable[[Any], Any]] = [
    BaseObjectProxy,
    Derived,
    Slotted,
    Counting,
    _native.CallableObjectProxy,
    CompatBaseObjectProxy,
    CompatDerived,
    lambda value: FunctionWrapper(value, call),
    lambda value: _native.CompatFunctionWrapper(value, call),
]

IN_PLACE = {operator.iadd, operator.isub, operator.imul, operator.iand, operator.ior, operator.ixor}
CALLABLE = {LAYERS[4], LAYERS[7], LAYERS[8]}
COMPATIBLE = {LAYERS[5], LAYERS[6], LAYERS[8]}


def wrap(value: Any, chain: list[int]) -> Any:
    return functools.reduce(lambda inner, place: LAYERS[place](inner), chain, value)


values = st.one_of(
    st.integers(-9, 9),
    st.floats(-4, 4),
    st.booleans(),
    st.text("ab", max_size=3),
    st.binary(max_size=3),
    st.lists(st.integers(0, 5), max_size=4),
    st.dictionaries(st.integers(0, 3), st.integers(), max_size=3),
    st.sets(st.integers(0, 4), max_size=3),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.none(),
    st.sampled_from([len, int, str, sorted, operator.neg]),
)
layers = st.lists(st.sampled_from(range(len(LAYERS))), max_size=4)

UNARY: list[Callable[..., Any]] = [
    operator.neg,
    operator.pos,
    operator.invert,
    abs,
    hash,
    bool,
    int,
    float,
    complex,
    str,
    len,
    round,
    operator.index,
    bytes,
    lambda value: list(reversed(value)),
    lambda value: f"{value:>5}",
    lambda value: isinstance(value, int),
    lambda value: value.__class__,
    lambda value: dir(value),
    lambda value: value.real,
    lambda value: value.nothing,
    lambda value: getattr(value, "upper", None) is None,
    lambda value: value.__doc__,
    lambda value: value.__name__,
    copy.copy,
]


def put_first(value: Any, other: Any) -> None:
    value[0] = other


BINARY: list[Callable[..., Any]] = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    divmod,
    operator.lshift,
    operator.rshift,
    operator.and_,
    operator.or_,
    operator.xor,
    operator.eq,
    operator.ne,
    operator.lt,
    operator.ge,
    operator.contains,
    operator.getitem,
    operator.iadd,
    operator.isub,
    operator.imul,
    operator.iand,
    operator.ior,
    operator.ixor,
    operator.matmul,
    operator.call,
    lambda value, other: setattr(value, "attribute", other),
    put_first,
    lambda value, other: operator.delitem(value, other),
]


def bare(value: Any) -> Any:
    """What is at the end of a chain of proxies."""
    while issubclass(type(value), BaseObjectProxy | CompatBaseObjectProxy):
        value = value.__wrapped__
    if type(value) in (list, tuple, set):
        return type(value)(map(bare, value))
    if type(value) is dict:
        return {bare(key): bare(item) for key, item in value.items()}
    return value


def outcome(operation: Callable[[], Any]) -> Any:
    """A result, or the class of an error."""
    try:
        return bare(operation())
    except Exception as error:
        return type(error)


def allowed(operation: Any, chain: list[int]) -> bool:
    """Whether a chain of proxies does the same: wrapt's family refuses copies, and works in place on any proxy that it wraps;
    and only some proxies can be called.
    """
    layers = [LAYERS[place] for place in chain]
    if operation is copy.copy:
        return not COMPATIBLE.intersection(layers)
    if operation in IN_PLACE and len(layers) > 1:
        return not COMPATIBLE.intersection(layers)
    return operation is not operator.call or CALLABLE.issuperset(layers)


def program(data: st.DataObject) -> None:
    start = data.draw(values)
    chain = data.draw(layers)
    real, proxied = copy.deepcopy(start), wrap(copy.deepcopy(start), chain)
    for _ in range(data.draw(st.integers(1, 8))):
        operation = data.draw(st.sampled_from(UNARY + BINARY))
        if not allowed(operation, chain):
            continue
        plain, layered = [], []
        if operation in BINARY:
            other = data.draw(values)
            # A number behaves the same behind any proxy; what a builtin would iterate over does not (that is for subclasses).
            number = isinstance(other, int | float)
            # A text that formats takes a proxy for a mapping, because it has `__getitem__`.
            number = number and not (operation is operator.mod and isinstance(start, str | bytes))
            # What is stored stays a proxy, and is shown as one.
            number = number and operation is not put_first
            plain.append(other)
            layered.append(wrap(copy.deepcopy(other), data.draw(layers) if number else []))
        expected = outcome(functools.partial(operation, real, *plain))
        got = outcome(functools.partial(operation, proxied, *layered))
        assert repr(got) == repr(expected) or got == expected, operation
    assert repr(bare(proxied)) == repr(bare(real))


@pytest.mark.parametrize("number", SEEDS)
def test_programs_give_what_they_give_without_proxies(number: int) -> None:
    @seed(number)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        program(data)

    run()
