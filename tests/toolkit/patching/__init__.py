"""Patching in place, hooks for imports, and chains of wrappers."""
