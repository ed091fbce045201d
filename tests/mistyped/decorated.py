"""Mistakes that type checkers find. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

import cladding
from cladding import Stack, monitor, of, retry, stack, timer


@timer
def function(x: int) -> str:
    return str(x)


@monitor
@retry(max_retries=1)
async def coroutine(x: int) -> str:
    return str(x)


class Service:
    @timer
    def method(self, x: int) -> str:
        return str(x)


@stack(timer, retry)
def stacked(x: int) -> str:
    return str(x)


# Calls that the bare function would refuse.
function("3")  # expect: arg-type reportArgumentType
function()  # expect: call-arg reportCallIssue
function(3, 4)  # expect: call-arg reportCallIssue
function(y=3)  # expect: call-arg reportCallIssue
coroutine("3")  # expect: arg-type,unused-coroutine reportArgumentType,reportUnusedCoroutine
Service().method("3")  # expect: arg-type reportArgumentType
Service().method()  # expect: call-arg reportCallIssue
stacked("3")  # expect: arg-type reportArgumentType
number: int = function(3)  # expect: assignment reportAssignmentType

# Parameters of decorators.
timer(enabled="yes")  # expect: call-overload reportArgumentType
timer(True)  # expect: call-overload reportArgumentType
retry(max_retries="many")  # expect: call-overload reportArgumentType
retry(jitter="some")  # expect: call-overload reportArgumentType
retry(exceptions=KeyboardInterrupt)  # expect: arg-type reportArgumentType
retry(retries=3)  # expect: call-overload reportCallIssue
monitor(name=3)  # expect: call-overload reportArgumentType
monitor(labels={"team": 3})  # expect: dict-item reportArgumentType

# Stacks.
stack(3)  # expect: arg-type reportArgumentType
stack(print)  # expect: arg-type reportArgumentType
stack(function)  # expect: arg-type reportArgumentType
Stack("timer")  # expect: arg-type reportArgumentType
stack(timer) + 3  # expect: operator reportOperatorIssue
stack(timer).policies = ()  # expect: misc reportAttributeAccessIssue
of(function).policies = ()  # expect: misc reportAttributeAccessIssue
of(function).timer.enabled = "no"  # expect: assignment reportAttributeAccessIssue
of(3)  # expect: arg-type reportArgumentType

# Switches.
cladding.disabled(3)  # expect: arg-type reportArgumentType
cladding.configure(disabled=[3])  # expect: list-item reportArgumentType
cladding.configure(["timer"])  # expect: call-arg reportCallIssue
cladding.configure(enabled=["timer"])  # expect: call-arg reportCallIssue
