"""Mistakes with generic functions. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from cladding import dispatch_on


@dispatch_on("left")
def combine(left: object, right: object = None) -> str:
    return "default"


@combine.register(int)
def combine_ints(left: int, right: object = None) -> str:
    return str(left)


combine()  # expect: call-arg reportCallIssue
combine_ints("3")  # expect: arg-type reportArgumentType
number: int = combine(3)  # expect: assignment reportAssignmentType
combine.register("int")  # expect: arg-type reportArgumentType
dispatch_on(3)  # expect: arg-type reportArgumentType
