"""The register of the matrix: a row is a consumer, and a function that uses it on one subject."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from .subjects import SUBJECTS, Subject

Check = Callable[[Subject], str | None]

WORKS = "works"
CLEAR_ERROR = "clear error"


@dataclass(frozen=True)
class Row:
    """A consumer; `check` asserts, and may answer that the consumer refuses the function with a clear error."""

    name: str
    check: Check
    subjects: tuple[Subject, ...]
    package: str | None

    def __str__(self) -> str:
        return self.name

    @property
    def absent(self) -> bool:
        """Whether the consumer is not installed here."""
        return self.package is not None and importlib.util.find_spec(self.package) is None

    @property
    def version(self) -> str:
        """The consumer's version, for one that is a package of its own."""
        return importlib.metadata.version(self.package) if self.package and not self.absent else ""


ROWS: list[Row] = []


def row(name: str, *subjects: Subject, package: str | None = None) -> Callable[[Check], Check]:
    """Registers a consumer for the given subjects, or for all."""

    def register(check: Check) -> Check:
        ROWS.append(Row(name, check, subjects or SUBJECTS, package))
        return check

    return register
