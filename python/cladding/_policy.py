"""What every decorator's face has in common: making its policy, and decorating at once when used bare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cladding._native import Policy

if TYPE_CHECKING:
    import functools
    from collections.abc import Callable

    # What a decorator can be put on, apart from what its first parameter can be.
    Target = (
        Callable[..., Any]
        | classmethod[Any, Any, Any]
        | staticmethod[Any, Any]
        | property
        | functools.cached_property[Any]
        | functools.partialmethod[Any]
    )


class _Missing:
    """The type of :data:`MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final[Any] = _Missing()
"""Stands for a target that was not given, because ``None`` could be one by mistake."""


def is_target(value: object) -> bool:
    """Whether the first argument of a decorator is what is to be decorated: a callable, or a descriptor around one."""
    return callable(value) or hasattr(type(value), "__get__")


def make(name: str, target: Any, parameters: dict[str, Any]) -> Any:
    """The policy, or ``target`` decorated with it when the decorator was written without parentheses."""
    if parameters.get("enabled") is True:
        del parameters["enabled"]
    policy = Policy(name, parameters)
    return policy if target is MISSING else policy(target)


def never() -> bool:
    """An ``enabled`` for what was switched off, but runs inside its policy all the same."""
    return False
