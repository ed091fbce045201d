"""`monitor` on the page that Prometheus reads."""

from __future__ import annotations

import gc
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .helpers import series, spin, stats


def test_the_page(cladding: Any) -> None:
    @cladding.monitor(name="page", labels={"model": "digits", "stage": "test"})
    def f(error: type[BaseException] | None) -> None:
        found = series(cladding, "cladding_calls_in_flight", **own)
        assert found == {frozenset(): 1}
        if error is not None:
            raise error

    own = {"function": "page", "model": "digits", "stage": "test"}
    for error in (None, ValueError, None, KeyError, ValueError, KeyboardInterrupt):
        try:
            f(error)
        except BaseException as raised:
            assert type(raised) is error

    def found(name: str) -> dict[str, float]:
        """The samples by the value of their one further label."""
        samples = series(cladding, name, **own)
        return {next((value for _, value in labels), ""): value for labels, value in samples.items()}

    assert found("cladding_calls_total") == {"ok": 2, "error": 3, "cancelled": 1}
    assert found("cladding_errors_total") == {"ValueError": 2, "KeyError": 1}
    assert found("cladding_calls_in_flight") == {"": 0}
    assert found("cladding_call_duration_seconds_count") == {"": 6}
    assert found("cladding_call_duration_seconds_sum")[""] == pytest.approx(stats(f)["total_seconds"])
    buckets = sorted((float(bound), count) for bound, count in found("cladding_call_duration_seconds_bucket").items())
    assert buckets[-1] == (math.inf, 6)
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert [bound for bound, _ in buckets][:2] == [1e-05, 1e-04]
    assert [bound for bound, _ in buckets][-2] == 60


def test_durations_are_in_the_right_bucket(cladding: Any) -> None:
    f = cladding.monitor(name="bucket")(spin)
    f(0.003)
    buckets = series(cladding, "cladding_call_duration_seconds_bucket", function="bucket")
    counts = {float(dict(labels)["le"]): count for labels, count in buckets.items()}
    assert counts[0.0025] == 0
    assert counts[60] == counts[math.inf] == 1


def test_the_name_is_the_functions_own_unless_told(cladding: Any) -> None:
    class Model:
        @cladding.monitor
        def predict(self) -> None:
            pass

    Model().predict()
    name = f"{__name__}.{Model.__qualname__}.predict"
    assert sum(series(cladding, "cladding_calls_total", function=name).values()) == 1


def test_functions_of_one_name_are_one_series(cladding: Any) -> None:
    def make() -> Any:
        return cladding.monitor("shared", {"b": "2", "a": "1"})(spin)

    first, second = make(), make()
    other_order = cladding.monitor("shared", {"a": "1", "b": "2"})(spin)
    other_label = cladding.monitor("shared", {"a": "9", "b": "2"})(spin)
    twice = cladding.monitor("shared", {"a": "9", "b": "2"})(other_label)
    for f in (first, first, second, other_order, twice):
        f(0.0)
    with pytest.raises(TypeError):
        second("x")
    labels = {"function": "shared", "a": "1", "b": "2"}
    calls = series(cladding, "cladding_calls_total", **labels)
    assert {dict(key)["outcome"]: value for key, value in calls.items()} == {"ok": 4, "error": 1, "cancelled": 0}
    assert series(cladding, "cladding_errors_total", **labels) == {frozenset({("type", "TypeError")}): 1}
    assert series(cladding, "cladding_call_duration_seconds_count", **labels) == {frozenset(): 5}
    whole = sum(stats(f)["total_seconds"] for f in (first, second, other_order))
    assert series(cladding, "cladding_call_duration_seconds_sum", **labels)[frozenset()] == pytest.approx(whole)
    # Two monitors on one function have both seen its call.
    assert series(cladding, "cladding_call_duration_seconds_count", function="shared", a="9") == {
        frozenset({("b", "2")}): 2
    }
    assert stats(first)["calls"] == 2  # the statistics stay apart


def test_a_function_that_is_gone_leaves_the_page(cladding: Any) -> None:
    f = cladding.monitor("gone")(lambda: None)
    f()
    assert series(cladding, "cladding_calls_total", function="gone")
    del f
    gc.collect()
    assert series(cladding, "cladding_calls_total", function="gone") == {}


@given(name=st.text(min_size=1), value=st.text())
def test_any_text_is_a_name_and_a_value(cladding: Any, name: str, value: str) -> None:
    f = cladding.monitor(name, {"note": value})(lambda: None)
    f()
    assert sum(series(cladding, "cladding_calls_total", function=name, note=value).values()) == 1
