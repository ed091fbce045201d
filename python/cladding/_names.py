"""Dotted names, as users give them."""

from __future__ import annotations


def is_dotted(name: object) -> bool:
    """Whether something is a string of names with dots between them: no end is bare, no dots meet."""
    return isinstance(name, str) and all(name.split("."))
