"""Switching policies off at run time: in a block, by configuration, or by an environment variable."""

from __future__ import annotations

import functools
import os
from _thread import allocate_lock
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cladding import _native, _stack, _trampoline
from cladding._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from types import TracebackType

    from cladding._policy import Target

F = TypeVar("F", bound="Callable[..., Any]")

ENVIRONMENT = "CLADDING_DISABLED"
EVERYTHING, NOTHING = ("all", "1", "true"), ("", "0", "false")

# What a message tells of the names that there are; `noop` is for the benchmark alone.
_NAMES = (
    f"'all', one of {', '.join(name for name in _stack.POLICY_NAMES if name != 'noop')}, 'module.function' or "
    f"'module.function:policy'"
)


def _is_name(what: str) -> bool:
    if what == "all" or what in _stack.POLICY_NAMES:
        return True
    function, colon, policy = what.partition(":")
    return "." in function and all(function.split(".")) and (not colon or policy in _stack.POLICY_NAMES)


def _rules_for(what: str | Target, asker: str) -> list[str]:
    if not isinstance(what, str):
        # A lock is no extra, so it is switched off only by its name.
        return [policy.switch for policy in _stack.of(what).policies if policy.name != "synchronized"]
    if _is_name(what):
        return [what]
    message = f"{asker}: each must be a decorated function, {_NAMES}, got {what!r}"
    raise ConfigurationError(message)


class disabled:  # noqa: N801 - used as a verb: ``with cladding.disabled("retry"):``
    """Switches policies off while a ``with`` block runs, in every thread and task of the process.

    As a decorator it does so for each call of a function, from its beginning until it returns, a coroutine is done or a
    generator is over. Blocks and calls may overlap and nest; a policy is on again when the last of them that names it has
    ended. A policy that a call has been through sees that call to its end; one that the call has yet to come to, at the
    next attempt of a retry, say, is left out from then on.

    >>> import cladding
    >>> @cladding.timer
    ... def double(x):
    ...     return 2 * x
    >>> with cladding.disabled("timer"):
    ...     double(4)
    8
    >>> double.cladding.timer.stats["calls"]
    0
    >>> @cladding.disabled("timer")
    ... def test_double():
    ...     assert double(4) == 8
    >>> test_double()
    >>> double.cladding.timer.stats["calls"]
    0

    Args:
        what: decorated functions, policy names such as ``"retry"``, full function names such as
            ``"package.module.function"``, or both as ``"package.module.function:retry"``. Nothing at all, and ``"all"``,
            mean everything. A function's name need not be known yet.

    Raises:
        ConfigurationError: a name that is neither a policy nor has the form of a function's full name.
        TypeError: a function that carries no policy; or, as a decorator, on anything but a function.
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

    def __call__(self, function: F, /) -> F:
        if isinstance(function, type | staticmethod) or not callable(function):
            message = f"disabled: it decorates functions, not {function!r}"
            raise TypeError(message)
        flags = function.__code__.co_flags if isinstance(function, FunctionType) else 0
        kind = _trampoline.kind_of_code(flags)
        if kind == "async_generator":
            message = (
                f"disabled: write a `with` block in {function!r}, as async generator functions cannot be decorated"
            )
            raise TypeError(message)
        return cast("F", functools.wraps(function)(_CALLERS[kind](self, function)))


def _call(block: disabled, function: Callable[..., Any]) -> Callable[..., Any]:
    def while_disabled(*args: Any, **kwargs: Any) -> Any:
        with block:
            return function(*args, **kwargs)

    return while_disabled


def _call_coroutine(block: disabled, function: Callable[..., Any]) -> Callable[..., Any]:
    async def while_disabled(*args: Any, **kwargs: Any) -> Any:
        with block:
            return await function(*args, **kwargs)

    return while_disabled


def _call_generator(block: disabled, function: Callable[..., Any]) -> Callable[..., Any]:
    def while_disabled(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with block:
            return (yield from function(*args, **kwargs))

    return while_disabled


_CALLERS = {"function": _call, "coroutine": _call_coroutine, "generator": _call_generator}

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
    good = []
    for name in map(str.strip, os.environ.get(ENVIRONMENT, "").split(",")):
        if name.lower() in NOTHING:
            continue
        if name.lower() in EVERYTHING:
            good.append("all")
        elif _is_name(name):
            good.append(name)
        else:
            import warnings

            message = f"{ENVIRONMENT}: a name in it must be {_NAMES}, got {name!r}, which switches nothing off"
            warnings.warn(message, RuntimeWarning, stacklevel=3)
    if good:
        configure(disabled=good)
