"""What type checkers see of object proxies. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from types import ModuleType
from typing import Any, assert_type

from cladding import AutoObjectProxy, BaseObjectProxy, LazyObjectProxy, ObjectProxy, WeakFunctionProxy, lazy_import

numbers = ObjectProxy([1, 2])
assert_type(numbers, ObjectProxy[list[int]])
assert_type(numbers.__wrapped__, list[int])
assert_type(BaseObjectProxy("a").__wrapped__, str)
assert_type(AutoObjectProxy({1}).__wrapped__, set[int])
assert_type(len(numbers), int)


class Tagged(ObjectProxy[list[int]]):
    def __init__(self, wrapped: list[int], tag: str) -> None:
        super().__init__(wrapped)
        self._self_tag = tag


assert_type(Tagged([1], "a").__wrapped__, list[int])


def load() -> dict[str, int]:
    return {}


lazy = LazyObjectProxy(load, interface=dict)
assert_type(lazy, LazyObjectProxy[dict[str, int]])
assert_type(lazy.__wrapped__, dict[str, int])
assert_type(lazy_import("json"), LazyObjectProxy[ModuleType])
assert_type(lazy_import("json", "dumps"), LazyObjectProxy[Any])
WeakFunctionProxy(load, lambda gone: print(gone))
