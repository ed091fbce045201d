"""The compatibility matrix: each row is a consumer, each column a kind of call. `make matrix` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from . import standard, third_party  # noqa: F401  (their rows register themselves)
from .rows import ROWS, WORKS, Row
from .subjects import Subject


@pytest.fixture(scope="module", autouse=True)
def _pools() -> Iterator[None]:
    yield
    standard.shut_down_pools()


@pytest.mark.parametrize("row, subject", [(row, subject) for row in ROWS for subject in row.subjects], ids=str)
def test_cell(row: Row, subject: Subject, record_property: Callable[[str, object], None]) -> None:
    if row.absent:
        pytest.skip(f"{row.package} is not installed")
    record_property("cell", row.check(subject) or WORKS)
