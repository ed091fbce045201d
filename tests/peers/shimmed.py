"""Running the tests of a package for retries against cladding's, by way of a shim in `shims/`, and judging the report."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from . import sdists, suites


class File(NamedTuple):
    """What is expected of a file of tests."""

    cases: int  # that pass
    through_cladding: int  # of these, that fail where cladding's retry is replaced by one that raises
    noticing: int  # of these, that also fail where it is replaced by one that never tries again
    left_out: Mapping[str, str] = {}  # tests, without parameters, all of whose cases fail: why that is


class Peer(NamedTuple):
    """A package whose tests are run."""

    name: str
    version: str
    plugins: tuple[str, ...] = ()  # of pytest's, which its tests are written for
    timed: tuple[str, ...] = ()  # tests that bound the time of a call from above, and fail on a machine that is busy

    def sources(self) -> Path:
        """Its unpacked source distribution."""
        return sdists.sources(self.name, self.version)

    def files(self) -> list[str]:
        """Its files of tests."""
        return sorted(path.name for path in (self.sources() / "tests").glob("test_*.py"))


TENACITY = Peer("tenacity", "9.2.1", timed=("test_sleeps",))  # by 1.1 ms
STAMINA = Peer("stamina", "26.1.0", plugins=("anyio.pytest_plugin",))


@functools.cache
def run(peer: Peer, file: str, sabotage: str = "") -> suites.Report:
    """Runs a file of the tests of a peer, possibly against a retry of cladding's that does not do what it should."""
    root = peer.sources()
    environment = {"CLADDING_PEER": peer.name, "CLADDING_PEER_SOURCES": str(root)}
    if sabotage:
        environment["CLADDING_SABOTAGE"] = sabotage
    options = [option for plugin in peer.plugins for option in ("-p", plugin)]
    if peer.timed:
        options += ["-k", " and ".join(f"not {name}" for name in peer.timed)]
    # No header: stamina's shows the versions of installed packages.
    return suites.run(
        root / "tests" / file, root, "shim_in_place", "--no-header", *options, environment=environment, limit=120
    )


def judge(report: suites.Report, expected: File) -> None:
    """Demands that no case of the tests that are left out passes, and all of the others, as many as are expected."""
    assert report.passed | report.failed.keys() | report.skipped.keys(), f"no test ran:\n{report.output}"
    others = {**report.failed, **report.skipped}
    unexpected = {name: why for name, why in others.items() if _test(name) not in expected.left_out}
    assert not unexpected, "\n\n".join(f"{name}: {why}" for name, why in unexpected.items())
    passed, there = _tests(report.passed), _tests(others)
    needless = [name for name in expected.left_out if name in passed or name not in there]
    assert not needless, f"left out, yet they are not there, or a case of theirs passed: {needless}"
    assert len(report.passed) == expected.cases, f"{len(report.passed)} passed, {expected.cases} were expected"


def _test(case: str) -> str:
    """The test that a case belongs to."""
    return case.partition("[")[0]


def _tests(cases: Iterable[str]) -> set[str]:
    return {_test(case) for case in cases}


def judge_sabotage(peer: Peer, file: str, expected: File) -> None:
    """Demands that as many cases as are expected notice a retry that raises, and one that never tries again."""
    passed = run(peer, file).passed
    through = passed - run(peer, file, "raise").passed
    noticing = passed - run(peer, file, "once").passed
    assert (len(through), len(noticing)) == (expected.through_cladding, expected.noticing)
    assert noticing <= through
