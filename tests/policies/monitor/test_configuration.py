"""`monitor` as it is written down: what is refused, and labels as values."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest


def test_labels_are_copied(cladding: Any) -> None:
    labels = {"a": "1"}
    policy = cladding.monitor(labels=MappingProxyType(labels))
    labels["a"] = "2"
    assert policy.labels == {"a": "1"}
    assert policy == cladding.monitor(labels={"a": "1"}) != cladding.monitor()
    assert repr(policy) == "monitor(name=None, labels={'a': '1'})"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("name", value) for value in (3, "", b"x", True, "a\ud800")),
        *(
            ("labels", value)
            for value in ([], "a", 3, [("a", "b")], {"a": 1}, {"a": None}, {1: "a"}, {"a": b"x"}, {"a": "\ud800"})
        ),
        ("enabled", "yes"),
    ],
)
def test_wrong_parameters_are_refused_by_name(cladding: Any, parameter: str, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.monitor(**{parameter: value})
    assert str(caught.value).startswith(f"monitor: `{parameter}` must be ")
    assert str(caught.value).endswith(f"got {value!r}")


@pytest.mark.parametrize(
    "label", ["", "a-b", "a b", "1a", "é", "a:b", "__name__", "le", "quantile", "function", "outcome", "type"]
)
def test_wrong_label_names_are_refused(cladding: Any, label: str) -> None:
    with pytest.raises(cladding.ConfigurationError) as caught:
        cladding.monitor(labels={"good": "x", label: "y"})
    start = "`labels` must not have" if label in {"function", "outcome", "type"} else "a name in `labels` must be"
    assert str(caught.value).startswith(f"monitor: {start} ")
    assert f'"{label}"' in str(caught.value)


def test_unknown_parameters_are_refused(cladding: Any) -> None:
    with pytest.raises(TypeError):
        cladding.monitor(tags={})
    with pytest.raises(TypeError):
        cladding.monitor("name", {}, True)
