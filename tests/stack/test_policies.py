"""Policies as data: compared, printed, pickled, and never changed."""

from __future__ import annotations

import copy
import pickle

import pytest

import cladding
from cladding import Policy, retry, timer

from .helpers import AGAIN, all_protocols, yes


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
