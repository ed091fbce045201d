"""Modules to patch, made for one test each."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """A module ``patched_here`` with a function, a class and a subclass, imported already."""
    made = types.ModuleType("patched_here")
    text = """
class Base:
    kept = "kept"

    def method(self, x, *, y=0):
        return (self, x, y)

    @classmethod
    def made(cls, x):
        return (cls, x)

    @staticmethod
    def plain(x):
        return x

    @property
    def shown(self):
        return "shown"

class Derived(Base):
    pass

def function(x, *, y=0):
    return (x, y)
"""
    exec(text, vars(made))
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], str]]:
    """Writes a module that can be imported, and gives its name back."""
    monkeypatch.syspath_prepend(tmp_path)
    written: list[str] = []

    def write(name: str, text: str) -> str:
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name.removesuffix(".__init__"), None)
