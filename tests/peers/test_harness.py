"""The harness itself: what it lets pass, and what it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from . import sdists, shimmed, suites

LATER = f"requires Python 3.{sys.version_info.minor + 1}+"


def report(
    passed: tuple[str, ...] = (), failed: tuple[str, ...] = (), skipped: dict[str, str] | None = None
) -> suites.Report:
    return suites.Report(frozenset(passed), dict.fromkeys(failed, "why"), skipped or {}, "the output")


@pytest.mark.parametrize(
    "found, exceptions",
    [
        (report(passed=("a", "b")), {}),
        (report(passed=("a",), failed=("b",)), {"b": "a reason"}),
        (report(skipped={"a": LATER}), {}),
    ],
)
def test_accepted(found: suites.Report, exceptions: dict[str, str]) -> None:
    suites.judge(found, exceptions)


@pytest.mark.parametrize(
    "found, exceptions, message",
    [
        (report(), {}, "no test ran:\nthe output"),
        (report(passed=("a",), failed=("b",)), {}, "b: why"),
        (report(passed=("a", "b")), {"b": "a reason"}, "yet they did not fail: ['b']"),
        (report(passed=("a",)), {"gone": "a reason"}, "yet they did not fail: ['gone']"),
        (report(passed=("a",), skipped={"b": "no C extension"}), {}, "{'b': 'no C extension'}"),
        (report(passed=("a",), skipped={"b": "requires Python 3.8"}), {}, "{'b': 'requires Python 3.8'}"),
    ],
)
def test_refused(found: suites.Report, exceptions: dict[str, str], message: str) -> None:
    with pytest.raises(AssertionError) as raised:
        suites.judge(found, exceptions)
    assert message in str(raised.value)


LEFT_OUT = shimmed.File(cases=1, through_cladding=0, noticing=0, left_out={"b": "a reason"})


@pytest.mark.parametrize(
    "found",
    [
        report(passed=("a",), failed=("b",)),
        report(passed=("a",), failed=("b[1]", "b[2]")),
        report(passed=("a[1]",), failed=("b[1]",), skipped={"b[2]": "why"}),
    ],
)
def test_accepted_of_what_is_left_out(found: suites.Report) -> None:
    shimmed.judge(found, LEFT_OUT)


@pytest.mark.parametrize(
    "found, message",
    [
        (report(), "no test ran:\nthe output"),
        (report(passed=("a",)), "are not there, or a case of theirs passed: ['b']"),
        (report(passed=("a", "b[1]"), failed=("b[2]",)), "are not there, or a case of theirs passed: ['b']"),
        (report(passed=("a",), failed=("b", "c")), "c: why"),
        (report(passed=("a",), failed=("b",), skipped={"c[1]": "not today"}), "c[1]: not today"),
        (report(passed=("a", "c"), failed=("b",)), "2 passed, 1 were expected"),
        (report(failed=("b",)), "0 passed, 1 were expected"),
    ],
)
def test_refused_of_what_is_left_out(found: suites.Report, message: str) -> None:
    with pytest.raises(AssertionError) as raised:
        shimmed.judge(found, LEFT_OUT)
    assert message in str(raised.value)


@pytest.mark.slow
def test_a_report_is_read(tmp_path: Path) -> None:
    file = tmp_path / "test_some.py"
    file.write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "@pytest.fixture\n"
        "def broken(): raise ValueError\n"
        "def test_error(broken): pass\n"
        "@pytest.mark.skip(reason='because')\n"
        "def test_skipped(): pass\n"
    )
    found = suites.run(file, tmp_path, "peer_in_place", environment={"CLADDING_PEERS": "real"})
    assert found.passed == {"test_some.test_good"}
    assert set(found.failed) == {"test_some.test_bad", "test_some.test_error"}
    assert found.skipped == {"test_some.test_skipped": "because"}


@pytest.mark.slow
def test_a_file_that_cannot_be_imported_is_no_success(tmp_path: Path) -> None:
    file = tmp_path / "test_broken.py"
    file.write_text("import no_such_module\n")
    found = suites.run(file, tmp_path, "peer_in_place", environment={"CLADDING_PEERS": "real"})
    with pytest.raises(AssertionError, match="no_such_module"):
        suites.judge(found, {})


@pytest.mark.slow
@pytest.mark.parametrize("peer", ["decorator", "wrapt"])
def test_the_real_packages_are_hidden(tmp_path: Path, peer: str) -> None:
    file = tmp_path / "test_hidden.py"
    file.write_text(
        f"import {peer}, sys\n"
        f"def test_it():\n"
        f"    assert {peer}.__name__ == 'cladding.compat.{peer}'\n"
        f"    mine = [name for name in sys.modules if name.partition('.')[0] == {peer!r}]\n"
        f"    assert all(sys.modules[name].__name__.startswith('cladding.compat.{peer}') for name in mine)\n"
    )
    found = suites.run(file, tmp_path, "peer_in_place", environment={"CLADDING_PEER": peer})
    suites.judge(found, {})


@pytest.mark.slow
@pytest.mark.parametrize("peer", [shimmed.TENACITY, shimmed.STAMINA], ids=lambda peer: peer.name)
def test_the_real_loops_are_not_there(tmp_path: Path, peer: shimmed.Peer) -> None:
    """A shim takes strategies and hooks from the real package, but nothing that repeats calls."""
    file = tmp_path / "test_hidden.py"
    file.write_text(
        f"import {peer.name}, sys\n"
        f"def test_it():\n"
        f"    assert 'shims' in {peer.name}.__file__\n"
        f"    mine = [module for name, module in sys.modules.items() if name.startswith('{peer.name}.') and module]\n"
        f"    theirs = sorted(module.__name__ for module in mine if 'shims' not in module.__file__)\n"
        f"    assert not [name for name in theirs if name.endswith(('_core', '.asyncio', 'tornadoweb'))]\n"
        f"    assert theirs\n"
    )
    environment = {"CLADDING_PEER": peer.name, "CLADDING_PEER_SOURCES": str(peer.sources())}
    suites.judge(suites.run(file, tmp_path, "shim_in_place", environment=environment), {})


def test_a_release_that_is_there_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in ("1.9", "1.10", "2.0"):
        (tmp_path / f"thing-{number}.tar.gz").touch()
    monkeypatch.setattr(sdists, "SDISTS", tmp_path)
    newest = sdists._newest("thing", "1.*")
    assert newest is not None
    assert newest.name == "thing-1.10.tar.gz"
    assert sdists._newest("thing", "3.*") is None


def test_what_cannot_be_fetched_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdists, "SDISTS", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(sdists.NotFetchedError, match=r"decorator==0\.0\.\* could not be fetched by"):
        sdists._fetch("decorator", "0.0.*")
    assert list(tmp_path.iterdir()) == []
