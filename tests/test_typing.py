"""What mypy and pyright, both at their strictest, make of code that uses the installed package."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RIGHT = sorted((HERE / "typing").glob("*.py"))
WRONG = sorted((HERE / "mistyped").glob("*.py"))

# `# expect: MYPY PYRIGHT` at the end of a line: the codes of each, joined by commas; a dash for none.
EXPECTED = re.compile(r"# expect: (\S+) (\S+)$")

Found = set[tuple[int, str]]


def _run(*command: str, cwd: Path) -> str:
    process = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, timeout=280)
    assert process.returncode in (0, 1), process.stdout + process.stderr
    return process.stdout


def _mypy(file: Path, folder: Path) -> Found:
    """The errors of mypy in a file: line and code."""
    options = ("--strict", "--config-file=", "--cache-dir", str(folder / "cache"), "--output=json")
    lines = [json.loads(line) for line in _run("mypy", *options, str(file), cwd=folder).splitlines() if line]
    return {(line["line"], line["code"]) for line in lines if line["severity"] == "error"}


def _pyright(file: Path, folder: Path) -> Found:
    """The errors of pyright in a file: line and rule."""
    shutil.copy(file, folder)
    settings = {"typeCheckingMode": "strict", "include": [file.name], "reportUnusedExpression": "none"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    report = json.loads(_run("pyright", "--outputjson", "--pythonpath", sys.executable, cwd=folder))
    assert report["summary"]["filesAnalyzed"] == 1
    return {(found["range"]["start"]["line"] + 1, found["rule"]) for found in report["generalDiagnostics"]}


def _checker(name: str, check: Callable[[Path, Path], Found], group: int) -> object:
    missing = importlib.util.find_spec(name) is None
    marks = [pytest.mark.slow, pytest.mark.timeout(300)]
    marks.append(pytest.mark.skipif(missing, reason=f"{name} is not installed (requirements/lint.txt)"))
    return pytest.param(check, group, id=name, marks=marks)


checkers = pytest.mark.parametrize("check, group", [_checker("mypy", _mypy, 1), _checker("pyright", _pyright, 2)])


@checkers
@pytest.mark.parametrize("file", RIGHT, ids=lambda file: file.stem)
def test_right_code_is_accepted(check: Callable[[Path, Path], Found], group: int, file: Path, tmp_path: Path) -> None:
    assert check(file, tmp_path) == set()


@checkers
@pytest.mark.parametrize("file", WRONG, ids=lambda file: file.stem)
def test_mistakes_are_found(check: Callable[[Path, Path], Found], group: int, file: Path, tmp_path: Path) -> None:
    expected = {
        (number, code)
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if (match := EXPECTED.search(line))
        for code in match[group].split(",")
        if code != "-"
    }
    assert expected
    assert check(file, tmp_path) == expected
