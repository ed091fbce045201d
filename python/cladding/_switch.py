"""Switching policies off at run time: in a block, by configuration, or by an environment variable."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from cladding import _native, _stack
from cladding._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

ENVIRONMENT = "CLADDING_DISABLED"
POLICY_NAMES = ("cache_result", "memory_guard", "monitor", "noop", "retry", "timer", "validate_input")


def _rules_for(what: str | Callable[..., Any] | object) -> list[str]:
    if not isinstance(what, str):
        return [policy.switch for policy in _stack.of(what).policies]
    if what == "all" or what in POLICY_NAMES:
        return [what]
    function, _, policy = what.partition(":")
    if "." in function and (not policy or policy in POLICY_NAMES):
        return [what]
    message = (
        f"disabled: `what` must be a decorated function, 'all', one of {', '.join(POLICY_NAMES)}, 'module.function' or "
        f"'module.function:policy', got {what!r}"
    )
    raise ConfigurationError(message)


class disabled:  # noqa: N801 - used as a verb: ``with cladding.disabled("retry"):``
    """Switches policies off while a ``with`` block runs, in every thread and task of the process.

    Blocks may overlap and nest; a policy is on again when the last of them that names it has ended.

    Args:
        what: decorated functions, policy names such as ``"retry"``, full function names such as
            ``"package.module.function"``, or both as ``"package.module.function:retry"``. Nothing at all means everything.

    Raises:
        ConfigurationError: a name that is neither a policy nor has the form of a function's full name.
        TypeError: a function that carries no policy.
    """

    def __init__(self, *what: str | Callable[..., Any] | object) -> None:
        self._rules = [rule for each in what or ("all",) for rule in _rules_for(each)]

    def __enter__(self) -> None:
        for rule in self._rules:
            _native.switch(rule, off=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for rule in self._rules:
            _native.switch(rule, off=False)


_configured: list[str] = []


def configure(*, disabled: Iterable[str | Callable[..., Any]] = ()) -> None:
    """Sets what is switched off from now on, instead of what an earlier call or the environment has set.

    Args:
        disabled: as for :class:`cladding.disabled`; ``("all",)`` switches everything off, ``()`` nothing.

    Raises:
        ConfigurationError: as for :class:`cladding.disabled`; nothing is changed then.
        TypeError: a function that carries no policy, or a single string in place of several.
    """
    if isinstance(disabled, str):
        message = f"configure: `disabled` must be several names, such as ({disabled!r},), got {disabled!r}"
        raise TypeError(message)
    rules = [rule for each in disabled for rule in _rules_for(each)]
    for rule in rules:
        _native.switch(rule, off=True)
    for rule in _configured:
        _native.switch(rule, off=False)
    _configured[:] = rules


def read_environment() -> None:
    """Applies ``CLADDING_DISABLED``: names separated by commas. A wrong one is warned about, not fatal."""
    text = os.environ.get(ENVIRONMENT, "").strip()
    names = [name.strip() for name in text.split(",") if name.strip()]
    good = []
    for name in names:
        try:
            _rules_for("all" if name == "1" else name)
        except ConfigurationError as error:
            warnings.warn(f"{ENVIRONMENT}: {error}", RuntimeWarning, stacklevel=2)
        else:
            good.append("all" if name == "1" else name)
    if good:
        configure(disabled=good)
