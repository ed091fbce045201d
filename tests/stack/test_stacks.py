"""Stacks as data: made, added, compared, printed, pickled, and never changed."""

from __future__ import annotations

import concurrent.futures
import copy
import multiprocessing
import pickle
from typing import Any

import pytest

import cladding
from cladding import Policy, Stack, retry, stack, timer

from .helpers import AGAIN, Fails, all_protocols, calls, yes

# --------------------------------------------------------------------------------------------------------------- values


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


# ---------------------------------------------------------------------------------------------------------- wrong input


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
