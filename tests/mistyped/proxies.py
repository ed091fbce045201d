"""Mistakes with object proxies. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from cladding import LazyObjectProxy, ObjectProxy, lazy_import

numbers: list[str] = ObjectProxy([1]).__wrapped__  # expect: assignment reportAssignmentType
ObjectProxy()  # expect: call-arg reportCallIssue
LazyObjectProxy([1])  # expect: arg-type reportArgumentType
lazy_import(3)  # expect: call-overload reportArgumentType
