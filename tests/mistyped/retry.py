"""Mistakes with `retry`. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

import cladding.testing
from cladding import retry


@retry
def bare(x: int) -> str:
    return str(x)


@retry(max_retries=5)
async def coroutine(x: int) -> str:
    return str(x)


class Client:
    @retry
    def method(self, key: str) -> int:
        return len(key)


def judges(error: Exception) -> str:
    return str(error)


def hears_nothing() -> None: ...


bare("3")  # expect: arg-type reportArgumentType
bare()  # expect: call-arg reportCallIssue
Client().method(3)  # expect: arg-type reportArgumentType
Client.method("k")  # expect: arg-type,call-arg reportCallIssue

retry(max_retries="3")  # expect: call-overload reportArgumentType
retry(3, 2.0, OSError, 0.1)  # expect: call-overload reportCallIssue
retry(exceptions=OSError())  # expect: call-overload reportArgumentType
retry(exceptions="OSError")  # expect: call-overload reportArgumentType
retry(exceptions=[OSError])  # expect: call-overload reportArgumentType
retry(exceptions=KeyboardInterrupt)  # expect: arg-type reportArgumentType
retry(exceptions=judges)  # expect: arg-type reportArgumentType
retry(jitter="some")  # expect: call-overload reportArgumentType
retry(schedule="geometric")  # expect: arg-type reportArgumentType
retry(schedule=3)  # expect: call-overload reportArgumentType
retry(deadline="3")  # expect: call-overload reportArgumentType
retry(nested="inner")  # expect: call-overload reportArgumentType
retry(on_retry=hears_nothing)  # expect: arg-type reportArgumentType
retry(tries=3)  # expect: call-overload reportCallIssue

retry.call(bare, "3")  # expect: arg-type reportArgumentType
retry.call(bare)  # expect: call-arg reportCallIssue
retry(5).call(bare, "3")  # expect: arg-type reportArgumentType
retry.replace(bare, max_retries="3")  # expect: arg-type reportArgumentType
retry.replace(bare, tries=3)  # expect: call-arg reportCallIssue
retry.replace(bare, max_retries=3)("3")  # expect: arg-type reportArgumentType
retry.replace(Client().method, max_retries=3)(3)  # expect: arg-type reportArgumentType
retry.attempts(timeout=3)  # expect: call-arg reportCallIssue
retry.attempts(fallback=3)  # expect: call-arg reportCallIssue
retry.attempts(max_retries="3")  # expect: arg-type reportArgumentType


async def waits() -> None:
    await coroutine("3")  # expect: arg-type reportArgumentType


for attempt in retry.attempts():
    attempt.number = 3  # expect: misc reportAttributeAccessIssue
    attempt.result = 3  # expect: attr-defined reportAttributeAccessIssue

cladding.testing.fast_retries(attempts="2")  # expect: arg-type reportArgumentType
