"""Mistakes in the use of the gallery. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from cladding import (
    accepts,
    attributes,
    is_available,
    log_once,
    provides,
    requires,
    returns,
    singleton,
    tail_recursive,
    trace,
    warn_once,
)


def is_known(x: int) -> bool:
    return x > 0


@trace
def traced(x: int) -> str:
    return str(x)


@accepts(int)
@returns(str)
@requires(is_known)
@attributes(owner="ranking")
def checked(x: int) -> str:
    return str(x)


@tail_recursive
def factorial(n: int, total: int = 1) -> int:
    return total if n <= 1 else factorial(n - 1, n * total)


@provides(object)
class Client:
    def __init__(self, name: str) -> None:
        self.name = name


class Service:
    @trace(to=print)
    def method(self, x: int) -> str:
        return str(x)


# Calls that the bare function would refuse.
traced("3")  # expect: arg-type reportArgumentType
checked("3")  # expect: arg-type reportArgumentType
checked()  # expect: call-arg reportCallIssue
factorial("3")  # expect: arg-type reportArgumentType
Client(3)  # expect: arg-type reportArgumentType
Service().method("3")  # expect: arg-type reportArgumentType
number: int = checked(3)  # expect: assignment reportAssignmentType

# Parameters of decorators.
trace(to=3)  # expect: call-overload reportArgumentType
trace(level=None)  # expect: call-overload reportArgumentType
trace(max_length="long")  # expect: call-overload reportArgumentType
trace(depth=3)  # expect: call-overload reportCallIssue
accepts(elements="yes")  # expect: arg-type reportArgumentType
returns(int, str)  # expect: arg-type,call-arg reportCallIssue
requires(3)  # expect: arg-type reportArgumentType
requires(lambda: True, caller="me")  # expect: arg-type reportArgumentType
provides("Engine")  # expect: arg-type reportArgumentType
provides(object)(3)  # expect: type-var reportArgumentType
attributes(["owner"])  # expect: arg-type reportArgumentType
tail_recursive(3)  # expect: type-var reportArgumentType
warn_once(3)  # expect: arg-type reportArgumentType
warn_once("old", ValueError)  # expect: arg-type reportArgumentType
warn_once.at_call()  # expect: call-arg reportCallIssue
log_once(3, "info", "a")  # expect: arg-type reportArgumentType
log_once("models", 1.5, "a")  # expect: arg-type reportArgumentType
is_available(3)  # expect: arg-type reportArgumentType
is_available("torch").cache_clear()  # expect: attr-defined reportAttributeAccessIssue,reportUnknownMemberType
singleton(3)  # expect: type-var reportArgumentType
