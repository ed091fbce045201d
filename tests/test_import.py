"""What importing the package brings along, what it offers, and whether each part of that says what it takes."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("cladding")

# Modules that a decorator library cannot do without, each of which other code has mostly imported already.
NEEDED = ("__future__", "collections.abc", "functools", "math", "types", "typing")


def _modules_after(statement: str) -> set[str]:
    """The modules that a new interpreter has imported after a statement."""
    program = f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(process.stdout.split())


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """The modules that come with the package and would not be there without it."""
    return _modules_after("import cladding") - _modules_after("pass")


def test_no_third_party_module_is_imported(imported: set[str]) -> None:
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == {"cladding"}


def test_little_of_the_standard_library_is_imported(imported: set[str]) -> None:
    more = imported - _modules_after(f"import {', '.join(NEEDED)}")
    assert sorted(name for name in more if name.partition(".")[0] != "cladding") == []


def test_using_it_imports_neither_an_event_loop_nor_a_framework() -> None:
    use = "import cladding\n@cladding.stack(cladding.monitor, cladding.retry)\ndef f(x): ...\nf(1)\ncladding.metrics_text()"
    assert _modules_after(use) & {"asyncio", "concurrent.futures", "numpy", "pydantic", "torch", "trio"} == set()


def test_nothing_is_left_of_importing() -> None:
    """No thread, no warning, no output, no file descriptor."""
    program = (
        "import os, sys, threading\n"
        "before = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0\n"
        "import cladding\n"
        "after = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0\n"
        "assert threading.active_count() == 1 and before == after"
    )
    process = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


# ------------------------------------------------------------------------------------------------------ what it offers


def test_public_names(cladding: Any) -> None:
    assert cladding.__all__ == sorted(set(cladding.__all__))
    assert set(cladding.__all__) <= set(dir(cladding))
    for name in cladding.__all__:
        assert getattr(cladding, name) is vars(cladding)[name]
    public = {name for name in vars(cladding) if not name.startswith("_")}
    assert public - {"compat", "testing"} == set(cladding.__all__)
    with pytest.raises(AttributeError, match="module 'cladding' has no attribute 'absent'"):
        _ = cladding.absent


def test_type_checkers_are_told_the_same_names(cladding: Any) -> None:
    stub = ast.parse(Path(cladding.__file__).with_suffix(".pyi").read_text())
    imported = [alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    (told,) = (node.value for node in stub.body if isinstance(node, ast.Assign))
    assert sorted(imported) == ast.literal_eval(told) == cladding.__all__


def test_star() -> None:
    import cladding

    star: dict[str, Any] = {}
    exec("from cladding import *", star)
    assert set(star) - {"__builtins__"} == set(cladding.__all__)


def _public() -> list[str]:
    import cladding

    return cladding.__all__


@pytest.mark.parametrize("name", _public())
def test_public_things_have_a_docstring(cladding: Any, name: str) -> None:
    thing = getattr(cladding, name)
    assert inspect.getdoc(thing)
    if not isinstance(thing, type):
        return
    for attribute, value in vars(thing).items():
        if not attribute.startswith("_") and isinstance(value, types.FunctionType | property | classmethod):
            assert inspect.getdoc(value), f"{name}.{attribute} has no docstring"


def _described(doc: str) -> list[str]:
    """The parameters that a docstring describes under ``Args:``, in their order."""
    section = re.search(r"^Args:\n((?: +.*\n?|\n)+)", doc, re.MULTILINE)
    return re.findall(r"^    (\w+): ", section[1], re.MULTILINE) if section else []


def _takes_parameters(name: str) -> bool:
    """Whether a public name is called with parameters by users: no exception, and no type that only cladding calls."""
    import cladding

    thing = getattr(cladding, name)
    is_exception = isinstance(thing, type) and issubclass(thing, BaseException)
    return not is_exception and thing.__module__ not in ("cladding", "cladding._native")


@pytest.mark.parametrize("name", [name for name in _public() if _takes_parameters(name)])
def test_parameters_are_described(cladding: Any, name: str) -> None:
    thing = getattr(cladding, name)
    parameters = [parameter for parameter in inspect.signature(thing).parameters if parameter != "self"]
    assert _described(inspect.getdoc(thing) or "") == parameters


@pytest.mark.parametrize("name", _public())
def test_names_and_modules_lead_back(cladding: Any, name: str) -> None:
    thing = getattr(cladding, name)
    assert thing.__name__ == {"Async": "background"}.get(name, name)
    assert thing.__module__.partition(".")[0] == "cladding"
