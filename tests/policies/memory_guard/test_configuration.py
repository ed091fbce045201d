"""`memory_guard` as it is written down: what is refused, and policies as values."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

from cladding import ConfigurationError, memory_guard

from .helpers import body, linux_only

pytestmark = linux_only


def test_bare_and_configured() -> None:
    bare = memory_guard(body)
    assert bare(3) == 3
    assert bare.cladding.memory_guard.parameters == memory_guard().parameters
    assert memory_guard(0.5) == memory_guard(threshold=0.5) != memory_guard()
    assert memory_guard(0.5, on_pressure=("warn",)) == pickle.loads(
        pickle.dumps(memory_guard(0.5, on_pressure=("warn",)))
    )
    assert memory_guard(wait=timedelta(seconds=1), interval=timedelta(0))(body)(1) == 1


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": 1.01}, "threshold"),
        ({"threshold": -0.5}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"threshold": "85%"}, "threshold"),
        ({"on_pressure": ()}, "on_pressure"),
        ({"on_pressure": "raise"}, "on_pressure"),
        ({"on_pressure": ("raise", "raise")}, "on_pressure"),
        ({"on_pressure": ("retry",)}, "on_pressure"),
        ({"on_pressure": (1,)}, "on_pressure"),
        ({"on_pressure": None}, "on_pressure"),
        ({"wait": -1}, "wait"),
        ({"wait": None}, "wait"),
        ({"wait": float("inf")}, "wait"),
        ({"interval": -1}, "interval"),
        ({"interval": float("nan")}, "interval"),
        ({"interval": 1e10}, "interval"),
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": "0B"}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "2 apples"}, "limit"),
        ({"limit": 2**64}, "limit"),
        ({"limit": "99999999TB"}, "limit"),
        ({"limit": "\ud800"}, "limit"),
        ({"enabled": 3}, "enabled"),
    ],
    ids=repr,
)
def test_a_wrong_configuration_is_refused_by_name(parameters: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"memory_guard: `{name}` must be .*, got ") as caught:
        memory_guard(**parameters)
    shown = repr(parameters[name]).replace("'", "").replace('"', "")
    assert shown in str(caught.value).replace("'", "").replace('"', "")


@pytest.mark.parametrize("threshold", [0, 1.01, float("nan"), True, "0.85", None])
def test_what_a_threshold_can_be_is_always_told(threshold: Any) -> None:
    with pytest.raises(ConfigurationError, match="`threshold` must be a fraction above 0 and at most 1, got "):
        memory_guard(threshold)


@pytest.mark.parametrize("limit", [0, 10**30, 1.5, "0B", "99999999TB"])
def test_what_a_limit_can_be_is_always_told(limit: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"`limit` must be .*from 1 to 2\*\*64 - 1 bytes"):
        memory_guard(limit=limit)
