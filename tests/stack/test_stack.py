"""Policies as data, and several decorators on one function as one stack."""

from __future__ import annotations

import concurrent.futures
import copy
import functools
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import cladding
from carrier.kinds import KINDS, Kind
from cladding import Policy, Stack, of, retry, stack, timer

all_kinds = pytest.mark.parametrize("kind", KINDS, ids=str)
all_protocols = pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))

AGAIN = retry(max_retries=2, exceptions=RuntimeError, initial_delay=0)


def yes() -> bool:
    """An ``enabled`` that can be pickled."""
    return True


def names(decorated: Any) -> list[str]:
    """The policies on something, outermost first."""
    return [policy.name for policy in of(decorated).policies]


def calls(policy: Any) -> int:
    """How many calls a policy has seen."""
    return policy.stats["calls"]


class Fails:
    """Fails for the first so many calls."""

    def __init__(self, times: int) -> None:
        self.times, self.calls = times, 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.times:
            raise RuntimeError(self.calls)
        return self.calls


# ------------------------------------------------------------------------------------------------- policies as data


def test_a_decorator_without_a_function_is_a_policy() -> None:
    policy = retry(max_retries=5)
    assert type(policy) is Policy
    assert policy.name == "retry"
    assert policy.max_retries == policy.parameters["max_retries"] == 5


def test_equal_policies_are_those_of_equal_parameters() -> None:
    assert retry(max_retries=5) == retry(max_retries=5)
    assert retry() == retry(max_retries=3)
    assert timer() == timer(enabled=True)
    assert retry(max_retries=5) != retry(max_retries=4)
    assert timer() != retry()
    assert timer() != "timer"
    assert len({retry(max_retries=5), retry(max_retries=5), retry(max_retries=4), timer()}) == 3


def test_policies_cannot_be_changed() -> None:
    policy = retry()
    with pytest.raises(TypeError):
        policy.parameters["max_retries"] = 1
    for name in ("name", "parameters", "max_retries", "other"):
        with pytest.raises(AttributeError):
            setattr(policy, name, 1)
    assert policy == retry()


def test_policies_keep_their_own_parameters() -> None:
    given = {"enabled": yes}
    policy = Policy("timer", given)
    given.clear()
    assert dict(policy.parameters) == {"enabled": yes}


def test_unknown_parameters_and_policies_are_named() -> None:
    with pytest.raises(TypeError, match=r"timer\(\) has no parameter \"max_retries\""):
        Policy("timer", {"max_retries": 1})
    with pytest.raises(cladding.ConfigurationError, match='no policy "timr"'):
        Policy("timr", {})
    with pytest.raises(AttributeError, match='timer has no parameter "max_retries"'):
        timer().max_retries


@all_protocols
def test_pickled_policies_are_equal(protocol: int) -> None:
    for policy in (timer(), timer(enabled=yes), AGAIN):
        assert pickle.loads(pickle.dumps(policy, protocol)) == policy
        assert copy.copy(policy) == copy.deepcopy(policy) == policy


def test_repr_of_policies() -> None:
    assert repr(timer()) == "timer()"
    assert repr(retry(max_retries=7)).startswith("retry(max_retries=7, backoff_factor=2.0, ")


# --------------------------------------------------------------------------------------------------- stacks as data


def test_stacks_are_flat_and_outermost_first() -> None:
    inner = stack(AGAIN, timer())
    outer = stack(timer, inner, retry(max_retries=1))
    assert outer.policies == (timer(), AGAIN, timer(), retry(max_retries=1))
    assert list(outer) == list(outer.policies)
    assert len(outer) == 4
    assert stack() == stack(stack(), stack())
    assert len(stack()) == 0


def test_adding() -> None:
    whole = stack(timer(), AGAIN)
    assert stack(timer()) + AGAIN == whole
    assert stack(timer()) + stack(AGAIN) == whole
    assert timer() + stack(AGAIN) == whole
    assert timer() + AGAIN == timer + AGAIN == whole
    assert timer + stack(AGAIN) == whole
    assert stack(AGAIN) + timer == stack(AGAIN, timer())
    first = stack(timer())
    second = first
    second += AGAIN
    assert (first, second) == (stack(timer()), whole)


def test_comparing_and_hashing() -> None:
    assert stack(timer, AGAIN) == stack(timer(), AGAIN)
    assert stack(timer, AGAIN) != stack(AGAIN, timer)
    assert stack(timer) != timer()
    assert stack(timer) != (timer(),)
    assert {stack(timer, AGAIN): 1}[stack(timer(), AGAIN)] == 1


def test_repr_of_stacks() -> None:
    assert repr(stack()) == "stack()"
    assert repr(stack(timer, timer)) == "stack(timer(), timer())"
    assert repr(stack(timer, AGAIN)) == f"stack(timer(), {AGAIN!r})"


def test_stacks_cannot_be_changed() -> None:
    whole = stack(timer)
    for name in ("policies", "other"):
        with pytest.raises(AttributeError, match=f"cannot be changed.*{name}"):
            setattr(whole, name, ())
        with pytest.raises(AttributeError, match=f"cannot be changed.*{name}"):
            delattr(whole, name)
    assert whole == stack(timer)


@all_protocols
def test_pickled_stacks_are_equal_and_work(protocol: int) -> None:
    whole = stack(timer(enabled=yes), AGAIN)
    sent = pickle.loads(pickle.dumps(whole, protocol))
    assert type(sent) is Stack
    assert sent == whole
    assert sent(Fails(2))() == 3
    assert copy.copy(whole) == copy.deepcopy(whole) == whole


def apply(policies: Stack, times: int) -> tuple[int, int]:
    """What a worker does with a stack that it is sent."""
    decorated = policies(Fails(times))
    return decorated(), calls(decorated.cladding.timer)


@pytest.mark.slow
def test_a_stack_sent_to_another_process() -> None:
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(apply, stack(AGAIN, timer), 2).result() == (3, 3)
        assert pool.submit(apply, stack(timer, AGAIN), 2).result() == (3, 1)


@pytest.mark.parametrize(
    "part", [None, 3, "retry", print, len, stack, cladding.configure, cladding.disabled, Policy, lambda: timer(), []]
)
def test_wrong_parts_are_refused(part: Any) -> None:
    with pytest.raises(TypeError, match=r"stack\(\) takes policies such as cladding\.retry\(\)"):
        stack(timer(), part)
    with pytest.raises(TypeError, match=r"stack\(\) takes policies such as cladding\.retry\(\)"):
        stack(timer()) + part


def test_a_decorated_function_is_no_part() -> None:
    @timer
    def function() -> None: ...

    with pytest.raises(TypeError, match=r"stack\(\) takes policies"):
        stack(function)
    assert calls(function.cladding.timer) == 0


def test_what_a_stack_cannot_decorate_is_refused() -> None:
    with pytest.raises(TypeError, match="timer and retry cannot decorate 3"):
        stack(timer, AGAIN)(3)


# ---------------------------------------------------------------------------------------------- stacks on functions


@all_kinds
def test_reuse_leaves_each_function_its_own_state(kind: Kind) -> None:
    whole = stack(timer, AGAIN)
    one = whole(kind.build("x", "x"))
    two = whole(kind.build("x", "x"))
    for _ in range(3):
        kind.run(one, 1)
    kind.run(two, 1)
    assert [calls(policy) for policy in one.cladding.policies] == [3, 3]
    assert [calls(policy) for policy in two.cladding.policies] == [1, 1]
    assert whole == stack(timer, AGAIN)


@all_kinds
def test_a_stack_and_the_decorators_one_by_one_are_the_same(kind: Kind) -> None:
    function = kind.build("x, *, y=2", "(x, y)")
    at_once = stack(timer, AGAIN, timer)(function)
    one_by_one = timer(AGAIN(timer(function)))
    for decorated in (at_once, one_by_one):
        assert kind.run(decorated, 1) == kind.run(function, 1)
        assert names(decorated) == ["timer", "retry", "timer"]
        assert [calls(policy) for policy in decorated.cladding.policies] == [1, 1, 1]
        assert decorated.cladding.wrapped is function
    assert at_once.__wrapped__ is function


def test_an_empty_stack_is_no_decoration() -> None:
    def function() -> None: ...

    assert stack()(function) is function


@all_kinds
def test_the_way_down(kind: Kind) -> None:
    function = kind.build("x", "x")
    low = AGAIN(function)
    middle = timer(low)
    high = timer(middle)
    assert high.__wrapped__ is middle
    assert middle.__wrapped__ is low
    assert low.__wrapped__ is function
    assert not hasattr(function, "cladding")
    assert [names(each) for each in (high, middle, low)] == [["timer", "timer", "retry"], ["timer", "retry"], ["retry"]]
    assert high.cladding.wrapped is middle.cladding.wrapped is low.cladding.wrapped is function


@all_kinds
def test_the_carrier_above_shares_the_state_of_the_one_below(kind: Kind) -> None:
    low = timer(kind.build("x", "x"))
    high = timer(low)
    assert high.cladding.policies[1] is low.cladding.policies[0]
    assert high.cladding.policies[0] is not low.cladding.policies[0]
    kind.run(low, 1)
    kind.run(high, 1)
    kind.run(high, 1)
    assert [calls(policy) for policy in high.cladding.policies] == [2, 3]


@all_kinds
def test_two_carriers_above_one_share_what_is_below_alone(kind: Kind) -> None:
    low = timer(kind.build("x", "x"))
    left, right = timer(low), timer(low)
    kind.run(left, 1)
    kind.run(right, 1)
    assert calls(left.cladding.timer) == calls(right.cladding.timer) == 1
    assert calls(low.cladding.timer) == 2


def test_a_subclass_that_decorates_the_base_method_again() -> None:
    class Base:
        @timer
        def method(self) -> str:
            return type(self).__name__

    class Derived(Base):
        method = AGAIN(Base.method)

    assert (Base().method(), Derived().method()) == ("Base", "Derived")
    assert names(Derived.method) == ["retry", "timer"]
    assert calls(of(Base.method).timer) == 2


@pytest.mark.parametrize("times", [0, 1, 2])
def test_retry_outside_is_counted_inside(times: int) -> None:
    outside, inside = timer(AGAIN(Fails(times))), AGAIN(timer(Fails(times)))
    assert outside() == inside() == times + 1
    assert outside.cladding.timer.stats["errors"] == 0
    assert calls(outside.cladding.timer) == 1
    assert inside.cladding.timer.stats["errors"] == times
    assert calls(inside.cladding.timer) == times + 1


def test_order_with_a_policy_on_both_sides() -> None:
    twice = retry(max_retries=1, exceptions=RuntimeError, initial_delay=0)
    decorated = stack(timer, twice, timer, AGAIN, timer)(Fails(5))
    assert decorated() == 6
    # The inner retry makes three attempts of each of the outer one's two.
    assert [calls(policy) for policy in decorated.cladding.policies if policy.name == "timer"] == [1, 2, 6]


@all_kinds
def test_order_for_each_kind_of_call(kind: Kind) -> None:
    source = Fails(2)
    decorated = stack(timer, AGAIN, timer)(kind.build("", "source()", source=source))
    kind.run(decorated)
    assert source.calls == 3
    assert [calls(decorated.cladding.policies[place]) for place in (0, 2)] == [1, 3]


def test_a_deep_stack() -> None:
    decorated = stack(*[timer] * 200)(Fails(0))
    assert decorated() == 1
    assert {calls(policy) for policy in decorated.cladding.policies} == {1}


def test_cache_outside_retry_and_inside() -> None:
    cache = cladding.cache_result(ttl=60)

    def fails_once() -> Callable[[int], int]:
        seen: list[int] = []

        def function(x: int) -> int:
            seen.append(x)
            if len(seen) == 1:
                raise RuntimeError
            return len(seen)

        return function

    outside, inside = stack(cache, timer, AGAIN)(fails_once()), stack(AGAIN, timer, cache)(fails_once())
    for decorated in (outside, inside):
        assert [decorated(1), decorated(1)] == [2, 2]
    # Outside, the second call never gets past the cache; inside, every attempt of both calls asks it.
    assert calls(outside.cladding.timer) == 1
    assert calls(inside.cladding.timer) == 3
    assert calls(outside.cladding.retry) == 1
    assert calls(inside.cladding.retry) == 2
    # A failure that is retried inside the cache is not its miss.
    assert outside.cache_info().misses == 1
    assert inside.cache_info().misses == 2


def test_validation_outside_and_inside() -> None:
    checks = cladding.validate_input(x=cladding.Range(0, 10))

    def function(x: int) -> int:
        return x

    outside, inside = stack(checks, timer)(function), stack(timer, checks)(function)
    for decorated in (outside, inside):
        assert decorated(3) == 3
        with pytest.raises(cladding.ValidationError):
            decorated(11)
    assert calls(outside.cladding.timer) == 1
    assert inside.cladding.timer.stats["calls"] == 2
    assert inside.cladding.timer.stats["errors"] == 1


def test_all_five_together() -> None:
    whole = stack(
        cladding.monitor,
        cladding.validate_input(x=cladding.Range(0, 10)),
        cladding.cache_result(ttl=60),
        cladding.memory_guard(threshold=1.0),
        AGAIN,
    )
    source = Fails(1)
    decorated = whole(lambda x: source())
    assert [decorated(1), decorated(1), decorated(x=1)] == [2, 2, 2]
    assert source.calls == 2
    with pytest.raises(cladding.ValidationError):
        decorated(11)
    assert names(decorated) == ["monitor", "validate_input", "cache_result", "memory_guard", "retry"]
    assert calls(decorated.cladding.monitor) == 4
    assert pickle.loads(pickle.dumps(whole)) == whole


# ------------------------------------------------------------------------------- the order in which Python does it all


def test_arguments_are_evaluated_from_the_top_and_decorators_applied_from_the_bottom() -> None:
    done: list[str] = []

    def note(what: str, policy: Any) -> Callable[[Any], Any]:
        done.append(f"evaluate {what}")

        def apply_it(function: Any) -> Any:
            done.append(f"apply {what}")
            return policy(function)

        return apply_it

    def value(name: str, number: float) -> float:
        done.append(name)
        return number

    @note("first", retry(max_retries=1, initial_delay=value("a", 0), max_delay=value("b", 1)))
    @note("second", timer())
    @note("third", retry(initial_delay=value("c", 0)))
    def function() -> None: ...

    assert done == [
        "a", "b", "evaluate first", "evaluate second", "c", "evaluate third",
        "apply third", "apply second", "apply first",
    ]  # fmt: skip
    assert names(function) == ["retry", "timer", "retry"]


def test_wrong_arguments_are_refused_before_anything_is_decorated() -> None:
    applied: list[str] = []

    with pytest.raises(cladding.ConfigurationError, match="max_retries"):

        @retry(max_retries=-1)
        @applied.append
        def function() -> None: ...

    assert applied == []


def test_decorators_that_are_not_ours_stay_where_they_are() -> None:
    def doubled(function: Callable[[], int]) -> Callable[[], int]:
        @functools.wraps(function)
        def wrapper() -> int:
            return function() + function()

        return wrapper

    source = Fails(0)

    @timer
    @doubled
    @timer
    def function() -> int:
        return source()

    assert function() == 3
    assert calls(function.cladding.policies[0]) == 1
    assert len(function.cladding.policies) == 1, "the foreign wrapper is the end of the upper stack"
    assert calls(of(function.__wrapped__.__wrapped__).policies[0]) == 2


# ---------------------------------------------------------------------------------------------- f.cladding and of(f)


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
    assert bound.timer is bound.policies[1]
    assert bound.retry is bound.policies[0], "the outermost of that name"
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
