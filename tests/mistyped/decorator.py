"""Mistakes with decorators made by `decorator` that type checkers find, and what they call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cladding import decorator


@decorator
def universal(
    wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], level: str = "info"
) -> Any:
    return wrapped(*args, **kwargs), level


@universal
def bare(x: int) -> str:
    return str(x)


@universal(level="debug")
async def configured(x: int) -> str:
    return str(x)


class Service:
    @universal
    def method(self, x: int) -> str:
        return str(x)


bare("3")  # expect: arg-type reportArgumentType
bare()  # expect: call-arg reportCallIssue
configured("3")  # expect: arg-type,unused-coroutine reportArgumentType,reportUnusedCoroutine
Service().method("3")  # expect: arg-type reportArgumentType
universal(level=3)  # expect: - reportArgumentType
universal(levle="x")  # expect: - reportCallIssue
decorator(kind=3)  # expect: call-overload reportArgumentType
