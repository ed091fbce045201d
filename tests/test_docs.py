"""Every example that is shown to a reader runs, and gives what is shown."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
INDEX = ROOT / "docs" / "index.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What a page shows the import of, and another test may have imported.
IMPORTED_LATE = ("colorsys",)

pytestmark = pytest.mark.usefixtures("cladding")


def _page_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _blocks(path: Path) -> Iterator[tuple[int, str]]:
    """The ``python`` blocks of a page: line and text."""
    text = path.read_text()
    for match in FENCE.finditer(text):
        if match[1] == "python":
            yield text.count("\n", 0, match.start()) + 2, match[2]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The namespace of a new ``__main__``, as a reader has it who types in what a page shows."""
    for late in IMPORTED_LATE:
        monkeypatch.delitem(sys.modules, late, raising=False)
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    return vars(main)


def _check(test: doctest.DocTest) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    result = runner.run(test, out=said.append, clear_globs=False)
    assert result.failed == 0, "".join(said)


@pytest.mark.parametrize("path", PAGES, ids=_page_name)
def test_sessions_of_pages(path: Path, names: dict[str, Any]) -> None:
    """The ``>>>`` examples of a page, from top to bottom in one namespace."""
    sessions = [(line, text) for line, text in _blocks(path) if text.lstrip().startswith(">>>")]
    for line, text in sessions:
        name = f"{_page_name(path)}, line {line}"
        test = doctest.DocTestParser().get_doctest(text, {}, name, str(path), line - 1)
        test.globs = names  # rather than a copy, so that a block sees what the ones before it have made
        _check(test)


def test_every_python_block_of_a_page_is_a_session() -> None:
    """Only a page that is run as scripts may show Python without prompts."""
    silent = [
        f"{_page_name(path)}:{line}"
        for path in PAGES[1:]
        for line, text in _blocks(path)
        if not text.lstrip().startswith(">>>")
    ]
    assert silent == []


class _Model:
    """What the README takes for granted."""

    def classify(self, row: Any, features: Any) -> int:
        return 7


async def _features(row: Any) -> None: ...


README_BLOCKS = [block for block in _blocks(PAGES[0]) if not block[1].lstrip().startswith(">>>")]


@pytest.mark.parametrize("line, text", README_BLOCKS, ids=[f"line {line}" for line, _ in README_BLOCKS])
def test_scripts_of_the_readme(line: int, text: str, names: dict[str, Any]) -> None:
    pytest.importorskip("numpy")
    names.update(model=_Model(), features=_features)
    exec(compile(text, f"<README.md, line {line}>", "exec"), names)


def test_the_example_of_the_readme_predicts(names: dict[str, Any]) -> None:
    import asyncio

    numpy = pytest.importorskip("numpy")
    import cladding

    text = README_BLOCKS[0][1]
    assert len([line for line in text.splitlines() if line.strip()]) <= 12
    names.update(model=_Model(), features=_features)
    exec(text, names)
    predict = names["predict"]
    with pytest.raises(cladding.ValidationError):
        asyncio.run(predict(numpy.zeros(3, "float32")))
    assert predict.cladding.monitor.stats["calls"] == 1
    assert 'cladding_calls_total{function="__main__.predict"' in cladding.metrics_text()


def _links(path: Path) -> Iterator[Path]:
    """The files that the relative links of a page lead to."""
    for match in LINK.finditer(FENCE.sub("", path.read_text())):
        if "://" not in match[1]:
            yield (path.parent / match[1]).resolve()


@pytest.mark.parametrize("path", PAGES, ids=_page_name)
def test_links_lead_to_files(path: Path) -> None:
    assert [link for link in _links(path) if not link.exists()] == []


def test_every_page_can_be_reached_from_the_first() -> None:
    reached: set[Path] = set()
    ahead = {INDEX.resolve()}
    while ahead:
        path = ahead.pop()
        reached.add(path)
        ahead.update(link for link in _links(path) if link.suffix == ".md" and link not in reached)
    assert {page.resolve() for page in PAGES[1:]} - reached == set()


def test_the_index_of_the_gallery_names_every_page() -> None:
    index = ROOT / "docs" / "gallery" / "index.md"
    assert {page.resolve() for page in index.parent.glob("*.md")} - {index.resolve(), *_links(index)} == set()


def _modules() -> list[str]:
    import cladding

    found = pkgutil.walk_packages(cladding.__path__, "cladding.")
    return ["cladding", *sorted(module.name for module in found)]


@pytest.fixture
def examples() -> list[doctest.DocTest]:
    """The docstrings of the package that have an example."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for name in _modules() for test in finder.find(importlib.import_module(name), name) if test.examples]


def test_examples_of_docstrings(examples: list[doctest.DocTest]) -> None:
    import cladding

    sources = [path.read_text() for path in Path(cladding.__file__).parent.rglob("*.py")]
    written = sum(len(re.findall(r"^ *>>> ", source, re.MULTILINE)) for source in sources)
    assert sum(len(test.examples) for test in examples) == written > 0, "an example is not found"
    for test in examples:
        _check(test)
