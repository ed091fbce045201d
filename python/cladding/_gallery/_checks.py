"""Refusing what a decorator of the gallery is told wrongly."""

from __future__ import annotations

import logging
from typing import Any

from cladding._errors import ConfigurationError


def refuse(name: str, target: Any, wanted: str) -> TypeError:
    """The error for a target that a decorator makes no sense on."""
    return TypeError(f"{name} cannot decorate {target!r}: {wanted}")


def wrong(name: str, parameter: str, allowed: str, value: object) -> ConfigurationError:
    """The error for a wrong parameter of a decorator."""
    return ConfigurationError(f"{name}: `{parameter}` must be {allowed}, got {value!r}")


def check_enabled(name: str, enabled: object) -> None:
    """Refuses an ``enabled`` that is neither a bool nor something to ask."""
    if not isinstance(enabled, bool) and not callable(enabled):
        raise wrong(name, "enabled", "a bool, or a callable that is asked at each call", enabled)


def level_number(name: str, level: int | str) -> int:
    """A logging level as a number."""
    number: Any = logging.getLevelNamesMapping().get(level.upper()) if isinstance(level, str) else level
    if not isinstance(number, int) or isinstance(number, bool):
        raise wrong(name, "level", "a number or the name of a logging level", level)
    return number


def check_flag(name: str, parameter: str, value: object) -> None:
    """Refuses what is no bool."""
    if not isinstance(value, bool):
        raise wrong(name, parameter, "a bool", value)


def check_number(name: str, parameter: str, value: object, least: int) -> None:
    """Refuses what is no int, or too small a one."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise wrong(name, parameter, f"an int of at least {least}", value)


def check_kind(name: str, parameter: str, value: object, kind: Any, words: str) -> None:
    """Refuses what is not of a type."""
    if not isinstance(value, kind):
        raise wrong(name, parameter, words, value)
