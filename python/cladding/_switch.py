"""Switching policies off at run time: in a block, by configuration, or by an environment variable."""

from __future__ import annotations

import os
from _thread import allocate_lock
from typing import TYPE_CHECKING

from cladding import _native, _stack
from cladding._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from cladding._policy import Target

ENVIRONMENT = "CLADDING_DISABLED"


def _rules_for(what: str | Target, asker: str) -> list[str]:
    if not isinstance(what, str):
        return [policy.switch for policy in _stack.of(what).policies]
    if what == "all" or what in _stack.POLICY_NAMES:
        return [what]
    function, colon, policy = what.partition(":")
    if "." in function and all(function.split(".")) and (not colon or policy in _stack.POLICY_NAMES):
        return [what]
    message = (
        f"{asker}: each must be a decorated function, 'all', one of {', '.join(_stack.POLICY_NAMES)}, 'module.function' "
        f"or 'module.function:policy', got {what!r}"
    )
    raise ConfigurationError(message)


class disabled:  # noqa: N801 - used as a verb: ``with cladding.disabled("retry"):``
    """Switches policies off while a ``with`` block runs, in every thread and task of the process.

    Blocks may overlap and nest; a policy is on again when the last of them that names it has ended. A call that is under
    way goes on as it began.

    >>> import cladding
    >>> @cladding.timer
    ... def double(x):
    ...     return 2 * x
    >>> with cladding.disabled("timer"):
    ...     double(4)
    8
    >>> double.cladding.timer.stats["calls"]
    0

    Args:
        what: decorated functions, policy names such as ``"retry"``, full function names such as
            ``"package.module.function"``, or both as ``"package.module.function:retry"``. Nothing at all, and ``"all"``,
            mean everything. A function's name need not be known yet.

    Raises:
        ConfigurationError: a name that is neither a policy nor has the form of a function's full name.
        TypeError: a function that carries no policy.
    """

    def __init__(self, *what: str | Target) -> None:
        self._rules = [rule for each in what or ("all",) for rule in _rules_for(each, "disabled")]

    def __enter__(self) -> None:
        for rule in self._rules:
            _native.switch(rule, off=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for rule in self._rules:
            _native.switch(rule, off=False)


_configured: list[str] = []
_configuring = allocate_lock()


def configure(*, disabled: Iterable[str | Target] = ()) -> None:
    """Sets what is switched off from now on, instead of what an earlier call or the environment has set.

    Args:
        disabled: as for :class:`cladding.disabled`; ``("all",)`` switches everything off, ``()`` nothing.

    Raises:
        ConfigurationError: as for :class:`cladding.disabled`; nothing is changed then.
        TypeError: a function that carries no policy, or a single name or function in place of several.
    """
    if isinstance(disabled, str) or callable(disabled):
        message = f"configure: `disabled` must be several names or functions, such as ({disabled!r},), got {disabled!r}"
        raise TypeError(message)
    rules = [rule for each in disabled for rule in _rules_for(each, "configure: `disabled`")]
    with _configuring:
        for rule in rules:
            _native.switch(rule, off=True)
        for rule in _configured:
            _native.switch(rule, off=False)
        _configured[:] = rules


def read_environment() -> None:
    """Applies ``CLADDING_DISABLED``: names separated by commas. A wrong one is warned about, not fatal."""
    names = [name.strip() for name in os.environ.get(ENVIRONMENT, "").split(",")]
    good = []
    for name in ("all" if name == "1" else name for name in names if name):
        try:
            _rules_for(name, ENVIRONMENT)
        except ConfigurationError as error:
            import warnings

            warnings.warn(str(error), RuntimeWarning, stacklevel=3)
        else:
            good.append(name)
    if good:
        configure(disabled=good)
