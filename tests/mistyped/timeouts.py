"""Mistakes with `timeout` and `hedge`. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from cladding import hedge, timeout


@timeout(1)
def limited(x: int) -> str:
    return str(x)


@hedge(1)
async def hedged(x: int) -> str:
    return str(x)


limited("3")  # expect: arg-type reportArgumentType
hedged("3")  # expect: arg-type,unused-coroutine reportArgumentType,reportUnusedCoroutine

timeout()  # expect: call-arg reportCallIssue
timeout("1")  # expect: arg-type reportArgumentType
timeout(None)  # expect: arg-type reportArgumentType
hedge(1, 2)  # expect: call-arg reportCallIssue
hedge(1, max_hedges="2")  # expect: arg-type reportArgumentType
