"""The parameters of ``retry``, as types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta
    from typing import Literal, TypeAlias, TypedDict

    from cladding._native import CircuitBreaker, RetryBudget
    from cladding._retry.events import RetryEvent

    Seconds: TypeAlias = float | timedelta
    Exceptions: TypeAlias = (
        type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool | float | timedelta]
    )
    Jitter: TypeAlias = Literal["full", "equal", "decorrelated", "none"]
    Schedule: TypeAlias = (
        Literal["exponential", "constant", "linear", "fibonacci"]
        | Iterable[float | timedelta]
        | Callable[[], Iterable[float | timedelta]]
    )
    IsFailure: TypeAlias = Callable[[Any], object]
    RetryAfter: TypeAlias = bool | Callable[[Exception], float | timedelta | None]
    Nested: TypeAlias = Literal["warn", "outer", "allow"]
    Hook: TypeAlias = Callable[[RetryEvent], object]

    class BlockOptions(TypedDict, total=False):
        """What ``retry.attempts`` takes besides the first three."""

        initial_delay: Seconds
        max_delay: Seconds
        jitter: Jitter | None
        schedule: Schedule
        deadline: Seconds | None
        retry_on_result: IsFailure | None
        retry_after: RetryAfter
        max_retry_after: Seconds | None
        budget: RetryBudget | None
        breaker: CircuitBreaker | None
        nested: Nested
        on_retry: Hook | None
        on_giveup: Hook | None
        on_success: Hook | None
        enabled: bool | Callable[[], bool]

    class Options(BlockOptions, total=False):
        """What ``retry`` takes besides the first three."""

        timeout: Seconds | None
        fallback: object
        hedge: Seconds | None


def given(parameters: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The parameters that are not as they are unless told."""

    def told(name: str, value: object) -> bool:
        default = defaults.get(name, defaults)
        return not (value is default or (isinstance(value, str) and value == default))

    return {name: value for name, value in parameters.items() if told(name, value)}
