"""CPython's own tests of `functools` and `contextlib`, run against cladding's tools of the same names."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from . import suites

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("cladding")]

SUITES = {"test_functools": "functools", "test_contextlib": "contextlib", "test_contextlib_async": "contextlib"}

# Each name that is replaced, and the suite that must notice if the replacement is no good.
REPLACED = [
    *(
        (name, "test_functools")
        for name in ("lru_cache", "cache", "cached_property", "partial", "update_wrapper", "wraps")
    ),
    ("contextmanager", "test_contextlib"),
    ("asynccontextmanager", "test_contextlib_async"),
]


# These suites are written for unittest, to which a class of tests that is no TestCase is but a base of others.
UNITTEST_ALONE = ("-o", "python_classes=-", "-o", "python_functions=-")


def _run(suite: str, *options: str, **settings: str) -> suites.Report:
    spec = importlib.util.find_spec(f"test.{suite}") if importlib.util.find_spec("test") else None
    if spec is None or spec.origin is None:
        pytest.skip(f"this Python ships no test.{suite}")
    file = Path(spec.origin)
    environment = {"CLADDING_MODULE": SUITES[suite], **settings}
    return suites.run(
        file, file.parent, "standard_in_place", *UNITTEST_ALONE, *options, environment=environment, limit=250
    )


@pytest.mark.parametrize("suite", SUITES)
def test_suite(suite: str) -> None:
    suites.judge(_run(suite), {})


@pytest.mark.parametrize("name, suite", REPLACED)
def test_the_suite_reaches_ours(name: str, suite: str) -> None:
    """With a tool in the place of ours that always fails, the suite fails, and says so with that tool's own error."""
    report = _run(suite, "--maxfail=1", CLADDING_SABOTAGE=name)
    assert "SabotagedError" in report.output
