"""``decorator``: makes a decorator of one flat function that says what is to happen around a call."""

from __future__ import annotations

from cladding._decorating._decorator import Decorator, decorator

__all__ = ["Decorator", "decorator"]
