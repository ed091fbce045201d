"""`bulkhead` as it is written down: what is refused, and places that functions share."""

from __future__ import annotations

import copy
import pickle
import threading
from datetime import timedelta
from typing import Any

import pytest


def test_the_policy_apart_from_any_function(cladding: Any) -> None:
    policy = cladding.bulkhead(5, max_waiting=3)
    assert policy == cladding.bulkhead(max_concurrent=5, max_waiting=3) != cladding.bulkhead(5)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert repr(policy) == "bulkhead(max_concurrent=5, max_waiting=3, max_wait=None)"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("max_concurrent", value) for value in (0, -1, 1.5, "3", True, None, 2**70, print)),
        *(("max_waiting", value) for value in (-1, 1.5, "2", True)),
        *(("max_wait", value) for value in (-1, "1", float("nan"), float("inf"), 2e9, timedelta(seconds=-1), True)),
        ("enabled", "yes"),
    ],
)
def test_wrong_parameters_are_refused_by_name(cladding: Any, parameter: str, value: object) -> None:
    with pytest.raises(cladding.ConfigurationError, match=f"^bulkhead: `{parameter}` must be "):
        cladding.bulkhead(**{"max_concurrent": 1, parameter: value})
    if parameter != "enabled":
        with pytest.raises(cladding.ConfigurationError, match=f"^Bulkhead: `{parameter}` must be "):
            cladding.Bulkhead(**{"max_concurrent": 1, parameter: value})


def test_what_is_needed(cladding: Any) -> None:
    for use in (cladding.bulkhead, lambda: cladding.stack(cladding.bulkhead)):
        with pytest.raises(cladding.ConfigurationError, match=r"^bulkhead: `max_concurrent` is needed"):
            use()
    with pytest.raises(cladding.ConfigurationError, match=r"^bulkhead: `max_waiting` must be left to the Bulkhead"):
        cladding.bulkhead(cladding.Bulkhead(1), max_waiting=3)


def test_what_places_tell(cladding: Any) -> None:
    places = cladding.Bulkhead(3, max_waiting=4, max_wait=timedelta(seconds=5))
    told = (places.max_concurrent, places.max_waiting, places.max_wait, places.running, places.waiting)
    assert told == (3, 4, timedelta(seconds=5), 0, 0)
    assert repr(cladding.Bulkhead(3)) == "Bulkhead(max_concurrent=3, max_waiting=None, max_wait=None)"
    with pytest.raises(AttributeError):
        places.max_concurrent = 4


def test_a_copy_of_places_is_the_places(cladding: Any) -> None:
    places = cladding.Bulkhead(2, max_wait=1)
    assert copy.copy(places) is copy.deepcopy(places) is places
    again, policy = pickle.loads(pickle.dumps([places, cladding.bulkhead(places)]))
    assert again is places
    assert policy == cladding.bulkhead(places)


def test_the_error_can_be_pickled(cladding: Any) -> None:
    entered, done = threading.Event(), threading.Event()

    @cladding.bulkhead(1, max_wait=0)
    def f() -> None:
        entered.set()
        assert done.wait(30)

    thread = threading.Thread(target=f)
    thread.start()
    assert entered.wait(30)
    with pytest.raises(cladding.BulkheadFullError) as caught:
        f()
    done.set()
    thread.join()
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.args, vars(error)) == (caught.value.args, vars(caught.value))
    assert vars(error).keys() == {"function", "running", "waiting"}
    assert isinstance(error, RuntimeError)
    assert isinstance(error, cladding.CladdingError)


def test_switched_off(cladding: Any) -> None:
    @cladding.bulkhead(1, max_wait=0)
    def items() -> Any:
        yield 1

    first, second = items(), items()
    next(first)
    with cladding.disabled("bulkhead"):
        assert next(second) == 1


def test_metrics(cladding: Any) -> None:
    @cladding.bulkhead(1, max_wait=0)
    def measured() -> Any:
        yield 1

    items = measured()
    next(items)
    with pytest.raises(cladding.BulkheadFullError):
        next(measured())
    name = f"{measured.__module__}.{measured.__qualname__}"
    text = cladding.metrics_text()
    assert f'cladding_bulkhead_waits_total{{function="{name}"}} 0' in text
    assert f'cladding_bulkhead_rejected_total{{function="{name}"}} 1' in text
    assert f'cladding_bulkhead_running{{function="{name}"}} 1' in text
    assert f'cladding_bulkhead_waiting{{function="{name}"}} 0' in text
