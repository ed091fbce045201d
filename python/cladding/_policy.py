"""What every decorator's face has in common: making its policy, and decorating at once when used bare."""

from __future__ import annotations

from typing import Any

from cladding._native import Policy


def make(name: str, target: Any, parameters: dict[str, Any]) -> Any:
    """The policy, or ``target`` decorated with it when the decorator was written without parentheses."""
    if parameters.get("enabled") is True:
        del parameters["enabled"]
    policy = Policy(name, parameters)
    return policy if target is None else policy(target)
