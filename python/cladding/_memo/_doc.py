"""Docstrings of objects that stand for a function, apart from that of their class."""

from __future__ import annotations

from typing import Any


class DocOfFunction:
    """The docstring of the class, and on an instance that of the function in one of its attributes."""

    def __init__(self, own: str | None, attribute: str) -> None:
        self.own = own
        self.attribute = attribute

    def __get__(self, instance: Any, owner: type) -> str | None:
        if instance is None:
            return self.own
        doc: str | None = getattr(instance, self.attribute).__doc__
        return doc
