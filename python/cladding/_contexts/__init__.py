"""Context managers made from generators, which also decorate functions of every kind."""

from cladding._contexts.managers import asynccontextmanager, contextmanager

__all__ = ["asynccontextmanager", "contextmanager"]
