"""Saying of a function what it does not say itself: another signature, another documentation."""

from cladding._overrides.decorators import with_doc, with_signature

__all__ = ["with_doc", "with_signature"]
