"""What type checkers see of generic functions. Never run: `tests/test_typing.py` gives it to the checkers."""

from __future__ import annotations

from typing import assert_type

from cladding import dispatch_on


@dispatch_on("left", "right")
def combine(left: object, right: object = None) -> str:
    return "default"


@combine.register(int, int)
def combine_ints(left: int, right: int) -> str:
    return str(left + right)


assert_type(combine(1, right=2), str)
assert_type(combine_ints(1, 2), str)
assert_type(combine.dispatch_info(int, int), list[tuple[str, ...]])


class Writer:
    @dispatch_on("value")
    def write(self, value: object) -> bytes:
        return b""

    @write.register(int)
    def write_int(self, value: int) -> bytes:
        return b"%d" % value


assert_type(Writer().write(3), bytes)
assert_type(Writer().write_int(3), bytes)
