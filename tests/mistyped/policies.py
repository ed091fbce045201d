"""Mistakes in the parameters of single decorators. Each line that is wrong says what mypy and what pyright calls it."""

from __future__ import annotations

from cladding import Array, Range, cache_result, memory_guard, validate_input


@cache_result
def cached(x: int) -> str:
    return str(x)


@cache_result(ttl=60)
async def cached_coroutine(x: int) -> str:
    return str(x)


@validate_input(x=Range(0, 1))
def validated(x: float) -> str:
    return str(x)


@memory_guard
def guarded(x: int) -> str:
    return str(x)


cached("3")  # expect: arg-type reportArgumentType
cached.cache_infos()  # expect: attr-defined reportAttributeAccessIssue,reportUnknownMemberType
validated("3")  # expect: arg-type reportArgumentType
guarded("3")  # expect: arg-type reportArgumentType

cache_result(ttl="60")  # expect: call-overload reportArgumentType
cache_result(size=60)  # expect: call-overload reportCallIssue
cache_result(typed="yes")  # expect: call-overload reportArgumentType
cache_result(key="x")  # expect: call-overload reportArgumentType
cache_result(ignore=5)  # expect: call-overload reportArgumentType
cache_result(version=1.5)  # expect: call-overload reportArgumentType
validate_input(x=3)  # expect: arg-type reportArgumentType
validate_input(enabled="no")  # expect: arg-type reportArgumentType
memory_guard(threshold="85%")  # expect: call-overload reportArgumentType
memory_guard(on_pressure=("panic",))  # expect: arg-type reportArgumentType
Array(shape=3)  # expect: arg-type reportArgumentType
Range("0", 1)  # expect: arg-type reportArgumentType


@validate_input  # expect: arg-type reportArgumentType
def bare(x: int) -> str:
    return str(x)
