"""`f.cladding` and `of(f)`: what they are found on, and what they tell."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import pytest

from cladding import of, retry, stack, timer

from .helpers import AGAIN, Fails, all_protocols, calls


class Specimen:
    """Something decorated of every sort."""

    @timer
    def method(self) -> int:
        return 1

    @timer
    @classmethod
    def above_class_method(cls) -> int:
        return 1

    @classmethod
    @timer
    def below_class_method(cls) -> int:
        return 1

    @timer
    @staticmethod
    def above_static_method() -> int:
        return 1

    @staticmethod
    @timer
    def below_static_method() -> int:
        return 1

    @timer
    @property
    def above_property(self) -> int:
        return 1

    @property
    @timer
    def below_property(self) -> int:
        return 1

    @timer
    @functools.cached_property
    def above_cached_property(self) -> int:
        return 1

    part = timer(functools.partialmethod(lambda self, x: x, 1))


@timer
class Made:
    """A decorated class."""


@pytest.mark.parametrize(
    "name",
    [
        "method", "above_class_method", "below_class_method", "above_static_method", "below_static_method",
        "above_property", "below_property", "above_cached_property", "part",
    ],
)  # fmt: skip
def test_of_descriptors(name: str) -> None:
    descriptor = Specimen.__dict__[name]
    policies = of(descriptor).policies
    before = calls(policies[0])
    got = getattr(Specimen(), name)
    assert (got() if callable(got) else got) == 1
    assert calls(policies[0]) == before + 1
    assert of(descriptor).policies[0] is policies[0]


@pytest.mark.parametrize(
    "name",
    ["method", "above_class_method", "below_class_method", "above_static_method", "below_static_method"],
)
@pytest.mark.parametrize("owner", [Specimen, Specimen()], ids=["class", "instance"])
def test_the_handle_of_methods(owner: Any, name: str) -> None:
    found = getattr(owner, name)
    assert found.cladding is of(found) is of(Specimen.__dict__[name])


def test_the_handle_of_a_class() -> None:
    before = calls(of(Made).timer)
    instance = Made()
    assert Made.cladding is instance.cladding is of(Made)
    assert calls(Made.cladding.timer) == before + 1
    with pytest.raises(TypeError, match="carries no cladding policy"):
        of(instance)

    class Derived(Made): ...

    with pytest.raises(TypeError, match="carries no cladding policy"):
        of(Derived)


@pytest.mark.parametrize(
    "target", [len, lambda: None, int, Specimen, Specimen(), None, "f", property(), timer, timer()]
)
def test_of_what_is_not_decorated(target: Any) -> None:
    with pytest.raises(TypeError, match="carries no cladding policy"):
        of(target)


def test_policies_by_name() -> None:
    decorated = stack(retry(max_retries=1), timer, retry(max_retries=2))(Fails(0))
    bound = decorated.cladding
    assert bound.timer == bound.policies[1]
    assert bound.retry == bound.policies[0] != bound.policies[2], "the outermost of that name"
    assert bound.retry.max_retries == 1
    for missing in ("monitor", "max_retries", "stats"):
        with pytest.raises(AttributeError):
            getattr(bound, missing)


def test_bound_policies_tell_what_they_are() -> None:
    bound = AGAIN(Specimen.method).cladding.policies[0]
    assert (bound.name, bound.policy, dict(bound.parameters)) == ("retry", AGAIN, dict(AGAIN.parameters))
    assert bound.max_retries == 2
    assert bound.enabled is True
    assert (bound.target.module, bound.target.qualname) == (__name__, "Specimen.method")
    assert (bound.target.kind, bound.target.parameters) == ("function", ("self",))


def test_repr_of_bound_policies_and_stacks() -> None:
    @timer
    @timer
    def function() -> None: ...

    name = f"{__name__}.test_repr_of_bound_policies_and_stacks.<locals>.function"
    assert repr(function.cladding) == f"<cladding of {name}: timer() timer()>"
    assert repr(function.cladding.timer) == f"<timer() on {name}>"
    assert repr(of(Made)) == f"<cladding of {__name__}.Made: timer()>"


def test_the_handle_cannot_be_written_to() -> None:
    decorated = timer(Fails(0))
    for name in ("policies", "wrapped", "target", "timer"):
        with pytest.raises(AttributeError):
            setattr(decorated.cladding, name, None)
    with pytest.raises(AttributeError):
        decorated.cladding.timer.stats = {}
    decorated.cladding.timer.stats["calls"] = 9
    assert calls(decorated.cladding.timer) == 0, "what is read is a copy"


@all_protocols
def test_a_pickled_handle_starts_afresh(protocol: int) -> None:
    decorated = stack(timer, AGAIN)(Fails(0))
    decorated()
    sent = pickle.loads(pickle.dumps(decorated.cladding, protocol))
    assert [policy.policy for policy in sent.policies] == [timer(), AGAIN]
    assert [calls(policy) for policy in sent.policies] == [0, 0]
    assert sent() == 2
    assert calls(sent.timer) == 1
    assert calls(decorated.cladding.timer) == 1
