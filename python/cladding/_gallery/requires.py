"""``requires``: who may call."""

from __future__ import annotations

import inspect
import types
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from cladding._errors import AccessDeniedError, ConfigurationError
from cladding._gallery import _steps
from cladding._gallery._checks import check_kind, refuse, wrong
from cladding._gallery._wrapping import Subject, around, signature_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

F = TypeVar("F")

_OWNER = "requires"


def requires(
    *checks: Callable[..., bool | Awaitable[bool]],
    caller: ContextVar[Any] | None = None,
    message: str | None = None,
) -> Callable[[F], F]:
    """Asks, before any of a function's own code runs, whether it may be called.

    A check is called with those of the call's arguments that its parameters name, defaults included; with ``caller``, its
    first parameter is who calls: the value of that context variable. Where the variable has no value, nobody may call. All
    checks have to answer ``True``; the first that answers ``False`` ends the call. An exception that a check raises ends it
    as well.

    A coroutine function, generator or async generator asks when it begins to run, with who calls then. The checks of a
    coroutine function or async generator may be coroutine functions.

    Args:
        checks: what is asked, in this order.
        caller: a ``contextvars.ContextVar`` that holds who calls.
        message: what the error says; unless told, the names of function and check. Never the arguments.

    Raises:
        ConfigurationError: no check, one that cannot be called, a parameter of one that the function does not have, or an
            asynchronous check for a function that is not; at a call, if a check answers anything but a bool.
        AccessDeniedError: at a call that is not allowed. It is a ``PermissionError``.
        TypeError: what is decorated cannot be.
    """
    if not checks:
        message = "requires: `checks` must be one callable at least, got none"
        raise ConfigurationError(message)
    for check in checks:
        if not callable(check):
            raise wrong(_OWNER, "checks", "callables", check)
    check_kind(_OWNER, "caller", caller, ContextVar | None, "a contextvars.ContextVar or None")
    check_kind(_OWNER, "message", message, str | None, "a string or None")

    def decorate(target: F) -> F:
        decorated: F = around(target, lambda subject: _Gate(subject, checks, caller, message).caller(), name=_OWNER)
        return decorated

    return decorate


class _Check:
    """One check, and which arguments it wants."""

    def __init__(self, check: Callable[..., Any], subject: Subject, *, by_caller: bool) -> None:
        self.ask = check
        self.name: str = getattr(check, "__qualname__", None) or type(check).__qualname__
        signature = signature_of(check)
        if signature is None:
            raise wrong(_OWNER, "checks", "callables that tell their parameters", check)
        parameters = list(signature.parameters.values())
        self.by_caller = by_caller
        if by_caller:
            if not parameters or parameters[0].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
                raise wrong(_OWNER, "checks", "callables whose first parameter takes who calls", check)
            parameters = parameters[1:]
        self.positional: list[str] = []
        self.keywords: list[str] = []
        for each in parameters:
            if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
                continue
            if each.name in subject.parameters:
                (self.positional if each.kind is each.POSITIONAL_ONLY else self.keywords).append(each.name)
            elif each.default is each.empty:
                wants = f"the check {self.name} wants `{each.name}`, which {subject.name} has no parameter for"
                raise ConfigurationError(f"requires: {wants}")


class _Gate:
    """What stands before one function."""

    def __init__(
        self,
        subject: Subject,
        checks: tuple[Callable[..., Any], ...],
        caller: ContextVar[Any] | None,
        message: str | None,
    ) -> None:
        if not subject.told:
            raise refuse(_OWNER, subject.target, "it does not tell its parameters")
        self._subject = subject
        self._caller = caller
        self._message = message
        self._checks = [_Check(check, subject, by_caller=caller is not None) for check in checks]
        if subject.kind not in ("coroutine", "async_generator"):
            for check in checks:
                if inspect.iscoroutinefunction(check) or inspect.iscoroutinefunction(getattr(check, "__call__", None)):  # noqa: B004
                    allowed = f"plain functions for {subject.name}, which is not asynchronous"
                    raise wrong(_OWNER, "checks", allowed, check)

    def _ask(self, check: _Check, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        first: list[Any] = []
        if self._caller is not None:
            try:
                first.append(self._caller.get())
            except LookupError:
                raise self._denied(check) from None
        value_of = self._subject.value_of
        first += [value_of(name, args, kwargs) for name in check.positional]
        return check.ask(*first, **{name: value_of(name, args, kwargs) for name in check.keywords})

    def _judge(self, check: _Check, answer: object) -> None:
        if answer is False:
            raise self._denied(check)
        if answer is not True:
            if isinstance(answer, types.CoroutineType):
                answer.close()
            message = f"requires: the check {check.name} must answer True or False, got a {type(answer).__qualname__}"
            raise ConfigurationError(message)

    def _denied(self, check: _Check) -> AccessDeniedError:
        error = AccessDeniedError(self._message or f"{self._subject.name} may not be called: {check.name} refuses")
        error.function, error.check = self._subject.name, check.name
        return error

    def _pass(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for check in self._checks:
            self._judge(check, self._ask(check, args, kwargs))

    async def _pass_async(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for check in self._checks:
            answer = self._ask(check, args, kwargs)
            self._judge(check, await answer if inspect.isawaitable(answer) else answer)

    def caller(self) -> Callable[..., Any]:
        """What is called for each call."""
        return _steps.beginning_with(self._subject.kind, self._pass, self._pass_async)
