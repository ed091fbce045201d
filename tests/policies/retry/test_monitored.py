"""`retry` and `monitor` on one function: logs and labels come by themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from policies.kinds import Kind, all_kinds

from .helpers import Fails

Both = Callable[[Any, Any], Any]

either_order = pytest.mark.parametrize(
    "above",
    [True, False],
    ids=["monitor above", "monitor below"],
)


def put_on(cladding: Any, function: Any, above: bool, *, retry: Any = None, **monitored: Any) -> Any:
    retry = retry or cladding.retry(2, jitter="none")
    monitor = cladding.monitor(**monitored)
    return monitor(retry(function)) if above else retry(monitor(function))


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records if record.name == "cladding.retry"]


@either_order
@all_kinds
def test_retries_and_giving_up_are_logged(
    cladding: Any, waits: list[float], caplog: pytest.LogCaptureFixture, kind: Kind, above: bool
) -> None:
    f = put_on(cladding, kind.make(Fails(4)), above)
    name = f"{f.__module__}.{f.__qualname__}"
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(ConnectionError):
            kind.run(f)
        kind.run(f)
    lines = logged(caplog)
    levels, texts = [level for level, _ in lines], [text for _, text in lines]
    assert levels == [logging.INFO, logging.INFO, logging.WARNING, logging.INFO, logging.INFO]
    again = f"{name}: attempt %d ended with ConnectionError, the next follows in %.3f s"
    assert texts[0] == texts[3] == again % (1, 0.1)
    assert texts[1] == again % (2, 0.2)
    assert texts[2].startswith(f"{name}: gave up after attempt 3 ended with ConnectionError, 0.")
    assert texts[2].endswith(" s: max_retries=2")
    assert texts[4].startswith(f"{name}: attempt 2 succeeded, 0.")


@either_order
def test_nothing_is_logged_of_calls_that_just_work(
    cladding: Any, caplog: pytest.LogCaptureFixture, above: bool
) -> None:
    f = put_on(cladding, Fails(0), above, retry=cladding.retry(on_success=lambda event: None))
    with caplog.at_level(logging.DEBUG):
        f()
    assert logged(caplog) == []


def test_nothing_is_logged_without_a_monitor(
    cladding: Any, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    f = cladding.retry(2, on_retry=lambda event: None)(Fails(4))
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(ConnectionError):
            f()
        cladding.monitor(lambda: None)()  # another function's
        cladding.timer(f)()
    assert logged(caplog) == []


def test_an_unwanted_result_is_not_in_the_log(
    cladding: Any, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    retry = cladding.retry(1, jitter="none", retry_on_result=lambda result: True)
    f = put_on(cladding, lambda: "hunter2", True, retry=retry)
    with caplog.at_level(logging.DEBUG):
        assert f() == "hunter2"
    texts = [text for _, text in logged(caplog)]
    assert len(texts) == 2
    assert "attempt 1 ended with an unwanted result, the next follows in 0.100 s" in texts[0]
    assert "hunter2" not in caplog.text


@either_order
def test_metrics_have_the_monitors_labels(cladding: Any, waits: list[float], above: bool) -> None:
    name = f"retried and monitored {above}"
    f = put_on(cladding, Fails(4), above, name=name, labels={"team": "ranking"})
    with pytest.raises(ConnectionError):
        f()
    f()
    lines = [line for line in cladding.metrics_text().splitlines() if name in line and line.startswith("cladding_retr")]
    labels = f'{{function="{name}",team="ranking"}}'
    assert sorted(lines) == [
        f"cladding_retries_total{labels} 3",
        f"cladding_retry_gave_up_total{labels} 1",
        f"cladding_retry_recovered_total{labels} 1",
    ]


def test_the_log_comes_beside_the_users_own_hooks(
    cladding: Any, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []
    f = put_on(cladding, Fails(1), True, retry=cladding.retry(on_retry=told.append, on_success=told.append))
    with caplog.at_level(logging.DEBUG):
        f()
    assert [event.attempt for event in told] == [1, 2]
    assert len(logged(caplog)) == 2


def test_a_call_with_another_configuration_is_logged_too(
    cladding: Any, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    f = put_on(cladding, Fails(9), True)
    with caplog.at_level(logging.DEBUG), pytest.raises(ConnectionError):
        f.cladding.retry.replace(max_retries=1)()
    assert [level for level, _ in logged(caplog)] == [logging.INFO, logging.WARNING]


def test_a_monitor_that_is_switched_off_says_nothing_of_calls(
    cladding: Any, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    f = cladding.monitor(enabled=False)(cladding.retry(2)(Fails(1)))
    with caplog.at_level(logging.DEBUG):
        f()
    assert logged(caplog) == []
