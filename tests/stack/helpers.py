"""What the tests of stacks share: kinds of calls, policies, and what those have seen."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from carrier.kinds import KINDS
from cladding import of, retry

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


def all_calls(decorated: Any) -> list[int]:
    """How many calls each policy has seen, outermost first."""
    return [policy.stats["calls"] for policy in of(decorated).policies]
