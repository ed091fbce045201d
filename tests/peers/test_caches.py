"""The tests of `lru_cache` and of cachetools' decorators, run against `cache_result`, as far as they mean the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from . import sdists, suites

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("cladding")]

UNITTEST_ALONE = ("-o", "python_classes=-", "-o", "python_functions=-", "-k", "TestLRUC")

LEFT_OUT = {
    "TestLRUC.test_kwargs_order": "the order of keywords is no part of a key",
    "TestLRUC.test_lru": "a bound of 0, and of 1 with an order that only LRU keeps, is no bound of cache_result's",
    "TestLRUC.test_lru_cache_parameters": "cache_parameters() has the names of cache_result's parameters",
    "TestLRUC.test_lru_cache_threaded2": "two threads are to compute one key at a time, which is what cache_result prevents",
    "TestLRUC.test_lru_method": "what leaves, with room for two, is chosen by another order",
    "TestLRUC.test_lru_type_error": "lists have a key, by their content",
    "TestLRUC.test_lru_with_maxsize_negative": "a negative bound is an error",
    "TestLRUC.test_lru_with_types": "an argument by position and the same by keyword are one key",
}


def _run(**settings: str) -> suites.Report:
    spec = importlib.util.find_spec("test.test_functools") if importlib.util.find_spec("test") else None
    if spec is None or spec.origin is None:
        pytest.skip("this Python ships no test.test_functools")
    file = Path(spec.origin)
    return suites.run(file, file.parent, "results_in_place", *UNITTEST_ALONE, environment=settings, limit=250)


def test_suite_of_lru_cache() -> None:
    suites.judge(_run(), LEFT_OUT)


def test_the_suite_reaches_ours() -> None:
    report = _run(CLADDING_SABOTAGE="lru_cache")
    assert "SabotagedError" in report.output


CACHETOOLS = "6.*"

LEFT_OUT_OF_CACHETOOLS = {
    f"{case}.{name}": why
    for case in ("LRUDecoratorTest", "TTLDecoratorTest")
    for name, why in {
        "test_decorator_nocache": "a bound of 0 is an error",
    }.items()
}


def _run_cachetools(**settings: str) -> suites.Report:
    sources = sdists.sources("cachetools", CACHETOOLS)
    environment = {"CLADDING_SOURCES": str(sources / "src"), **settings}
    options = (*UNITTEST_ALONE[:-1], "LRUDecoratorTest or TTLDecoratorTest")
    return suites.run(
        sources / "tests" / "test_func.py", sources, "results_of_cachetools", *options, environment=environment
    )


def test_suite_of_cachetools() -> None:
    suites.judge(_run_cachetools(), LEFT_OUT_OF_CACHETOOLS)


def test_the_suite_of_cachetools_reaches_ours() -> None:
    report = _run_cachetools(CLADDING_SABOTAGE="ttl_cache")
    assert "SabotagedError" in report.output
