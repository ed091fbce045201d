"""`monitor`: what is counted when, for each way in which a call can end, and how it is told."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .kinds import KINDS, Kind

all_kinds = pytest.mark.parametrize("kind", KINDS, ids=str)
KEYS = ["calls", "errors", "cancelled", "in_flight", "p50", "p95", "p99", "total_seconds"]


def stats(f: Any) -> dict[str, Any]:
    found: dict[str, Any] = f.cladding.monitor.stats
    return found


def ended(f: Any) -> tuple[int, dict[str, int], int, int]:
    found = stats(f)
    return found["calls"], found["errors"], found["cancelled"], found["in_flight"]


class Failure(Exception):
    """The function's own failure."""


# ------------------------------------------------------------------------------------------------- how calls can end


@all_kinds
def test_calls_are_counted(cladding: Any, kind: Kind) -> None:
    f = cladding.monitor(kind.make(lambda x: x))
    assert ended(f) == (0, {}, 0, 0)
    for x in range(3):
        assert kind.run(f, x) == x
    assert ended(f) == (3, {}, 0, 0)
    assert list(stats(f)) == KEYS


@all_kinds
def test_errors_are_counted_by_type(cladding: Any, kind: Kind) -> None:
    def fail(error: Exception) -> None:
        raise error

    f = cladding.monitor(kind.make(fail))
    for error in (ValueError(), KeyError(), ValueError(), Failure()):
        with pytest.raises(type(error)) as caught:
            kind.run(f, error)
        assert caught.value is error
    assert ended(f) == (4, {"ValueError": 2, "KeyError": 1, f"{__name__}.Failure": 1}, 0, 0)


@all_kinds
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_is_no_failure_is_cancelled(cladding: Any, kind: Kind, error: type[BaseException]) -> None:
    def interrupted() -> None:
        raise error

    f = cladding.monitor(kind.make(interrupted))
    with pytest.raises(error):
        kind.run_bare(f)
    assert ended(f) == (1, {}, 1, 0)


@all_kinds
def test_in_flight_while_it_runs(cladding: Any, kind: Kind) -> None:
    seen: list[int] = []

    def body(depth: int) -> None:
        seen.append(stats(f)["in_flight"])
        if depth:
            kind.run_bare(f, depth - 1)

    f = cladding.monitor(kind.make(body))
    kind.run_bare(f, 3)
    assert seen == [1, 2, 3, 4]
    assert ended(f) == (4, {}, 0, 0)


def test_a_generator_counts_from_its_first_item_to_its_end(cladding: Any) -> None:
    @cladding.monitor
    def items() -> Iterator[int]:
        yield 1
        yield 2

    never_started = items()
    assert ended(items) == (0, {}, 0, 0)
    steps = items()
    next(steps)
    assert ended(items) == (0, {}, 0, 1)
    assert list(steps) == [2]
    assert ended(items) == (1, {}, 0, 0)
    del never_started
    assert ended(items) == (1, {}, 0, 0)


def test_a_closed_generator_has_ended_well(cladding: Any) -> None:
    @cladding.monitor
    def items() -> Iterator[int]:
        yield 1
        yield 2

    closed, dropped, thrown = items(), items(), items()
    for steps in (closed, dropped, thrown):
        next(steps)
    closed.close()
    assert ended(items) == (1, {}, 0, 2)
    del dropped, steps
    assert ended(items) == (2, {}, 0, 1)
    with pytest.raises(KeyboardInterrupt):
        thrown.throw(KeyboardInterrupt())
    assert ended(items) == (3, {}, 1, 0)


def test_a_closed_async_generator_has_ended_well(cladding: Any) -> None:
    @cladding.monitor
    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def main() -> None:
        closed, broken = items(), items()
        await anext(closed)
        await anext(broken)
        assert ended(items) == (0, {}, 0, 2)
        await closed.aclose()
        assert ended(items) == (1, {}, 0, 1)
        with pytest.raises(Failure):
            await broken.athrow(Failure())

    asyncio.run(main())
    assert ended(items) == (2, {f"{__name__}.Failure": 1}, 0, 0)


def test_a_closed_generator_that_a_plain_function_returned(cladding: Any) -> None:
    @cladding.monitor
    def make() -> Iterator[int]:
        return iter(x for x in range(3))

    steps = make()
    next(steps)
    assert ended(make)[3] == 1
    steps.close()  # type: ignore[attr-defined]
    assert ended(make) == (1, {}, 0, 0)


def test_a_cancelled_task(cladding: Any) -> None:
    @cladding.monitor
    async def work() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        assert ended(work) == (0, {}, 0, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended(work) == (1, {}, 1, 0)


def test_an_abandoned_coroutine(cladding: Any) -> None:
    @cladding.monitor
    async def work() -> None:
        await asyncio.sleep(0)

    begun, closed = work(), work()
    begun.send(None)
    closed.send(None)
    assert ended(work) == (0, {}, 0, 2)
    closed.close()
    assert ended(work) == (1, {}, 1, 1)
    del begun
    gc.collect()
    assert ended(work) == (2, {}, 2, 0)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_coroutine_that_was_never_awaited(cladding: Any) -> None:
    @cladding.monitor
    async def work() -> None:
        pass

    work()
    gc.collect()
    assert ended(work) == (0, {}, 0, 0)


def test_a_wrong_call_never_began_or_is_an_error(cladding: Any) -> None:
    @cladding.monitor
    def f(x: int) -> int:
        return x

    with pytest.raises(TypeError, match=r"f\(\) missing 1 required positional argument: 'x'"):
        f()
    assert stats(f)["in_flight"] == 0


# -------------------------------------------------------------------------------------------------------- durations


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_durations(cladding: Any) -> None:
    f = cladding.monitor(spin)
    begin = time.perf_counter()
    for _ in range(18):
        f(0.0005)
    f(0.01)
    f(0.02)
    elapsed = time.perf_counter() - begin
    found = stats(f)
    assert 0.0385 <= found["total_seconds"] <= elapsed
    assert 0.00048 <= found["p50"] <= found["p95"] <= found["p99"] <= elapsed
    assert found["p95"] >= 0.0096
    assert found["p99"] >= 0.0192


def test_nothing_is_known_before_the_first_call(cladding: Any) -> None:
    found = stats(cladding.monitor(lambda: None))
    assert all(math.isnan(found[key]) for key in ("p50", "p95", "p99"))
    assert found["total_seconds"] == 0


def test_waits_inside_count(cladding: Any) -> None:
    attempts = 0

    @cladding.monitor
    @cladding.retry(initial_delay=0.002, jitter="none")
    def f() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ConnectionError

    f()
    assert stats(f)["total_seconds"] >= 0.006


# ---------------------------------------------------------------------------------------------- it never breaks a call


def test_types_of_errors_are_bounded(cladding: Any) -> None:
    @cladding.monitor
    def f(index: int) -> None:
        raise type(f"Error{index}", (Exception,), {"__module__": "many"})

    for index in range(100):
        with pytest.raises(Exception, match=r"^$"):
            f(index)
    errors = stats(f)["errors"]
    assert errors["many.Error0"] == 1
    assert len(errors) == 65
    assert errors["other"] == 36
    assert sum(errors.values()) == stats(f)["calls"] == 100


def test_odd_names_of_error_types(cladding: Any) -> None:
    class Hostile(type):
        def __getattribute__(cls, name: str) -> Any:
            if name in {"__module__", "__qualname__", "__name__"}:
                raise RuntimeError
            return super().__getattribute__(name)

    class Odd(Exception, metaclass=Hostile):
        pass

    nowhere = type("Nowhere", (Exception,), {"__module__": 5})
    quoted = type("Quoted", (Exception,), {"__module__": 'quote"\n\\'})

    @cladding.monitor
    def f(error: Exception) -> None:
        raise error

    for error in (Odd(), nowhere(), quoted()):
        with pytest.raises(type(error)) as caught:
            f(error)
        assert caught.value is error
        assert caught.value.__context__ is None
    assert ended(f)[0] == 3
    assert sum(stats(f)["errors"].values()) == 3
    parse(cladding.metrics_text())


# ------------------------------------------------------------------------------------------------------------- many


def test_threads_count_exactly(cladding: Any) -> None:
    threads, calls = 8, 2000

    @cladding.monitor
    def f(x: int) -> int:
        if x % 10 == 0:
            raise Failure
        return x

    def work() -> None:
        for x in range(calls):
            try:
                f(x)
            except Failure:
                pass

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    total = threads * calls
    assert ended(f) == (total, {f"{__name__}.Failure": total // 10}, 0, 0)


def test_tasks_in_flight(cladding: Any) -> None:
    @cladding.monitor
    async def work(go: asyncio.Event) -> None:
        await go.wait()

    async def main() -> None:
        go = asyncio.Event()
        tasks = [asyncio.create_task(work(go)) for _ in range(50)]
        await asyncio.sleep(0)
        assert ended(work) == (0, {}, 0, 50)
        go.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert ended(work) == (50, {}, 0, 0)


def test_where_it_stands_decides_what_it_sees(cladding: Any) -> None:
    attempts = 0

    @cladding.monitor
    @cladding.retry(initial_delay=0)
    @cladding.monitor
    def f() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ConnectionError

    f()
    outer, _, inner = f.cladding.policies
    assert (outer.stats["calls"], outer.stats["errors"]) == (1, {})
    assert (inner.stats["calls"], inner.stats["errors"]) == (3, {"ConnectionError": 2})


def test_on_methods_and_classes(cladding: Any) -> None:
    @cladding.monitor
    class Model:
        @cladding.monitor
        def predict(self, x: int) -> int:
            return x

        @cladding.monitor
        @classmethod
        def load(cls) -> Model:
            return cls()

        @staticmethod
        @cladding.monitor
        def clean(x: int) -> int:
            return x

    model = Model.load()
    assert model.predict(Model.clean(4)) == 4
    for f in (Model, Model.predict, Model.load, Model.clean):
        assert stats(f)["calls"] == 1


def test_switched_off_meanwhile(cladding: Any) -> None:
    @cladding.monitor
    def f() -> None:
        if stats(f)["calls"] == 0:
            f.cladding.monitor.enabled = False

    f()  # was begun while it was on, so it counts
    f()
    assert ended(f) == (1, {}, 0, 0)


# ----------------------------------------------------------------------------------------------------- Prometheus text


def parse(text: str) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """Samples by name and labels; no series may be there twice."""
    parser = pytest.importorskip("prometheus_client.parser")
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    families = Counter[str]()
    for family in parser.text_string_to_metric_families(text):
        families[family.name] += 1
        for sample in family.samples:
            series = found.setdefault(sample.name, {})
            labels = frozenset(sample.labels.items())
            assert labels not in series, f"{sample.name} {sample.labels} is there twice"
            series[labels] = sample.value
    assert max(families.values(), default=1) == 1
    return found


def series(cladding: Any, name: str, **labels: str) -> dict[frozenset[tuple[str, str]], float]:
    """The samples of one metric that have these labels, by their other labels."""
    wanted = frozenset(labels.items())
    return {own - wanted: value for own, value in parse(cladding.metrics_text()).get(name, {}).items() if wanted <= own}


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


# ------------------------------------------------------------------------------------------------- parameters


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
        *(("name", value) for value in (3, "", b"x", True)),
        *(("labels", value) for value in ([], "a", 3, [("a", "b")], {"a": 1}, {"a": None}, {1: "a"}, {"a": b"x"})),
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
    assert str(caught.value).startswith("monitor: `labels` must ")
    assert f'"{label}"' in str(caught.value)


def test_unknown_parameters_are_refused(cladding: Any) -> None:
    with pytest.raises(TypeError):
        cladding.monitor(tags={})
    with pytest.raises(TypeError):
        cladding.monitor("name", {}, True)
