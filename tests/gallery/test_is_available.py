"""`is_available`: that nothing is imported, what counts as there, and how versions are compared."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cladding
from cladding._gallery._versions import Version, clauses, satisfies
from cladding._gallery.is_available import is_available


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that modules are found in, with nothing remembered of it before and after."""
    monkeypatch.syspath_prepend(str(tmp_path))
    is_available.cache_clear()
    yield tmp_path
    is_available.cache_clear()


def package(site: Path, name: str, text: str = "raise SystemExit('imported')") -> Path:
    folder = site.joinpath(*name.split("."))
    folder.mkdir(parents=True)
    for parent in [folder, *folder.parents]:
        if parent == site:
            break
        (parent / "__init__.py").write_text(text)
    return folder


def distribution(site: Path, name: str, version: str, *modules: str) -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "top_level.txt").write_text("\n".join(modules))


def test_there_or_not() -> None:
    assert is_available("json")
    assert is_available("os.path")
    assert is_available("email.mime.text")
    assert not is_available("no_such_package")
    assert not is_available("json.no_such_module")
    assert not is_available("no_such_package.module")
    assert not is_available("math.module")


def test_nothing_is_imported(site: Path) -> None:
    package(site, "bomb.inner.deep")
    assert is_available("bomb")
    assert is_available("bomb.inner.deep")
    assert not is_available("bomb.other")
    assert not {name for name in sys.modules if name.startswith("bomb")}


def test_nothing_is_imported_by_a_new_interpreter() -> None:
    program = (
        "import sys; from cladding._gallery.is_available import is_available\n"
        "is_available('numpy>=1'); is_available('xml.etree.ElementTree'); is_available('asyncio.events')\n"
        "print([name for name in ('numpy', 'xml', 'asyncio', 'packaging') if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert process.stdout.strip() == "[]"


def test_a_folder_beside_a_script_is_no_library(site: Path) -> None:
    (site / "torch_like").mkdir()
    package(site, "spread.part")
    (site / "spread" / "__init__.py").unlink()
    assert not is_available("torch_like")
    assert not is_available("spread")
    assert is_available("spread.part")


def test_what_is_imported_or_blocked(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "made_up", types.ModuleType("made_up"))
    assert is_available("made_up")
    package(site, "blocked")
    monkeypatch.setitem(sys.modules, "blocked", None)
    assert not is_available("blocked")


def test_answers_are_kept_until_they_are_cleared(site: Path) -> None:
    assert not is_available("late")
    package(site, "late")
    assert not is_available("late")
    is_available.cache_clear()
    assert is_available("late")


def test_versions_of_distributions(site: Path) -> None:
    package(site, "alpha", "")
    package(site, "beta", "")
    package(site, "gamma", "__version__ = '3.5'")
    distribution(site, "alpha", "2.1.0+cu121", "alpha")
    distribution(site, "beta-of-another-name", "1.9", "beta")
    assert is_available("alpha>=2.1")
    assert is_available("alpha >= 2.1, < 3")
    assert is_available("alpha==2.1")
    assert not is_available("alpha>2.1")
    assert not is_available("alpha>=2.1,<2.1")
    assert is_available("beta<2")
    assert not is_available("beta>=2")
    assert is_available("gamma")
    assert not is_available("gamma>=3")
    importlib.import_module("gamma")
    is_available.cache_clear()
    assert is_available("gamma>=3")
    assert not is_available("gamma>=4")
    del sys.modules["gamma"]
    assert not is_available("absent>=0")


def test_metadata_without_a_module_is_not_enough(site: Path) -> None:
    distribution(site, "left-over", "1.0", "left_over")
    assert not is_available("left_over")
    assert not is_available("left_over>=1")


def test_threads(site: Path) -> None:
    package(site, "here")
    answers: list[list[bool]] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        answers.append([is_available(name) for name in ("here", "not_here") * 50])

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[True, False] * 50] * 8


@pytest.mark.parametrize(
    "wrong", ["", "a b", "scikit-learn", "a>=", "a>=x", "a~=1", "a>=1.*", "a[b]", "a;b", ".a", 3, None, ["a"]]
)
def test_wrong_requirements(wrong: Any) -> None:
    with pytest.raises(cladding.ConfigurationError, match="is_available: `requirement` must be"):
        is_available(wrong)


def test_what_it_is() -> None:
    assert pickle.loads(pickle.dumps(is_available)) is is_available
    assert repr(is_available) == "<function is_available>"


# ------------------------------------------------------------------------------------------------------------ versions

# In the order of the specification.
ORDERED = (
    "0!0.1.dev1", "1.0.dev1", "1.0a1.dev1", "1.0a1", "1.0a1.post1.dev2", "1.0a1.post1", "1.0a2", "1.0b1", "1.0rc1.dev3", "1.0rc1",
    "1.0rc2", "1.0", "1.0+abc", "1.0+abc.1", "1.0+1", "1.0+10", "1.0.post1.dev1", "1.0.post1", "1.0.post2", "1.0.1", "1.1",
    "1.2.0", "1.10", "2024.1", "1!0.1",
)  # fmt: skip


def test_order() -> None:
    versions = [Version(text) for text in ORDERED]
    for place, one in enumerate(versions):
        for other_place, other in enumerate(versions):
            assert (one < other, one == other, one > other) == (
                place < other_place, place == other_place, place > other_place,
            ), (one.text, other.text)  # fmt: skip


@pytest.mark.parametrize(
    "one, other",
    [
        ("1.0", "1"), ("1.0.0", "1"), ("v1.0", "1"), ("1.0-1", "1.0.post1"), ("1.0ALPHA1", "1.0a1"), ("1.0_preview_2", "1.0rc2"),
        ("1.0.c1", "1.0rc1"), ("1.0.rev3", "1.0.post3"), ("1.0dev", "1.0.dev0"), ("0!1", "1"), ("1.0+a_b", "1.0+A.b"), (" 1.0 ", "1"),
        ("01.02", "1.2"),
    ],
)  # fmt: skip
def test_ways_to_write_the_same(one: str, other: str) -> None:
    assert Version(one) == Version(other)
    assert hash(Version(one)) == hash(Version(other))


@pytest.mark.parametrize("text", ["", "x", "1.", "1..2", "1.0+", "1.0-alpha-beta", "1.0.dev1.post1", "1 2", "\uff11.0"])
def test_no_versions(text: str) -> None:
    with pytest.raises(ValueError, match="is no version"):
        Version(text)


@pytest.mark.parametrize(
    "version, conditions, answer",
    [
        ("2.1", ">=2.1", True), ("2.1.0", "==2.1", True), ("2.1+cu121", "==2.1", True), ("2.1+cu121", "==2.1+cpu", False),
        ("2.1+cu121", ">2.1", False), ("2.1+cu121", "<=2.1", True), ("2.1.post1", ">2.1", False), ("2.1.post1", ">2.1.post0", True),
        ("2.1rc1", "<2.1", False), ("2.1rc1", "<2.1rc2", True), ("2.1rc1", ">=2.1", False), ("2.2rc1", ">=2.1", True),
        ("2.2.0.dev20240101+cu121", ">=2.1", True), ("2.1.5", "==2.1.*", True), ("2.10", "==2.1.*", False), ("2.1", "!=2.1.*", False),
        ("2.1rc1", "==2.1.*", True), ("2.2.5", "~=2.2", True), ("3.0", "~=2.2", False), ("2.2.5", "~=2.2.0", True),
        ("2.3", "~=2.2.0", False), ("2.10", ">2.9", True), ("1!1.0", ">2024", True), ("2.0", ">1,<2", False),
        ("weird-build", ">=0", False), ("weird-build", "===weird-build", True), ("2", "==2.0.*", True),
    ],
)  # fmt: skip
def test_conditions(version: str, conditions: str, answer: bool) -> None:
    assert satisfies(version, clauses(conditions)) is answer


numbers = st.integers(0, 12).map(str)
versions = st.builds(
    lambda epoch, release, pre, post, dev, local: f"{epoch}{'.'.join(release)}{pre}{post}{dev}{local}",
    st.sampled_from(["", "", "", "1!"]),
    st.lists(numbers, min_size=1, max_size=4),
    st.sampled_from(["", "", "a1", "b2", "rc1", "rc10"]),
    st.sampled_from(["", "", ".post1", ".post2"]),
    st.sampled_from(["", "", ".dev0", ".dev3"]),
    st.sampled_from(["", "", "+cpu", "+cu121", "+1.2"]),
)


@given(versions, versions)
def test_order_against_packaging(one: str, other: str) -> None:
    reference = pytest.importorskip("packaging.version").Version
    assert (Version(one) < Version(other)) is (reference(one) < reference(other))
    assert (Version(one) == Version(other)) is (reference(one) == reference(other))


@given(versions, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~="]), versions, st.booleans())
def test_conditions_against_packaging(version: str, operator: str, wanted: str, star: bool) -> None:
    specifiers = pytest.importorskip("packaging.specifiers")
    condition = operator + wanted + (".*" if star and operator in ("==", "!=") else "")
    try:
        reference = specifiers.SpecifierSet(condition)
    except specifiers.InvalidSpecifier:
        with pytest.raises(ValueError):
            clauses(condition)
        return
    assert satisfies(version, clauses(condition)) is reference.contains(version, prereleases=True)
