"""Tests of caches, cached properties, partials and wraps."""
