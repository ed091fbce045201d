"""The typed face of ``fallback``, and what is awaited for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cladding._native import strip_handled
from cladding._policy import MISSING, make

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cladding._native import Policy


def fallback(
    value: object = MISSING,
    *,
    exceptions: type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool] = Exception,
    enabled: bool | Callable[[], bool] = True,
) -> Policy:
    """Gives something else where the call fails.

    What does not derive from ``Exception`` (cancellation, ``KeyboardInterrupt``, ``SystemExit``) always passes. If the
    fallback fails itself, its exception is the call's, with the first one as its ``__context__``.

    ``f.cladding.fallback.stats`` has ``calls`` and ``fallbacks`` (calls that were answered by the fallback).

    >>> from cladding import fallback
    >>> @fallback(lambda user: ["bestsellers"], exceptions=ConnectionError)
    ... def recommend(user):
    ...     raise ConnectionError("the model is away")
    >>> recommend(7)
    ['bestsellers']

    Args:
        value: needed: what the call gives: any value, the same object each time; or something callable, which is called with the
            call's own arguments and gives the value. On coroutine functions it may be a coroutine function, and is awaited.
            (So this decorator cannot be written without parentheses.)
        exceptions: an exception type, a tuple of them, or a callable that takes the exception and answers whether to fall
            back. Every ``Exception`` unless told. Types have to derive from ``Exception``.
        enabled: ``False`` leaves the function alone; a callable is asked at each call.

    Raises:
        ConfigurationError: ``value`` is missing; a parameter is of the wrong kind; the function is a generator, which has no one result that
            could be replaced; a coroutine function is to be the fallback of a plain function. Also from a call, where the
            callable of ``exceptions`` answers anything but a bool.
    """
    parameters: dict[str, Any] = {"exceptions": exceptions, "enabled": enabled}
    if value is not MISSING:
        parameters = {"value": value, **parameters}
    made: Policy = make("fallback", MISSING, parameters)
    return made


class Answer:
    """What a fallback gave to be awaited, and then its result."""

    __slots__ = ("_awaitable", "_failure", "value")

    value: Any

    def __init__(self, awaitable: Awaitable[Any], failure: BaseException) -> None:
        self._awaitable: Awaitable[Any] | None = awaitable
        self._failure: BaseException | None = failure

    async def __call__(self) -> None:
        awaitable, failure = self._awaitable, self._failure
        # Taken away, so that no frame that the failure remembers is kept alive from here.
        self._awaitable = self._failure = None
        assert awaitable is not None
        assert failure is not None
        try:
            self.value = await awaitable
        except BaseException as error:
            chain(error, failure)
            strip_handled()
            raise
        finally:
            del awaitable, failure


def chain(error: BaseException, failure: BaseException) -> None:
    """Shows ``failure`` above ``error``, as an error that is raised in an ``except`` clause shows what was handled there."""
    known = {id(each) for each in _with_contexts(failure)}
    last = error
    for each in _with_contexts(error):
        if id(each) in known:
            return
        last = each
    last.__context__ = failure


def _with_contexts(error: BaseException) -> list[BaseException]:
    """An exception and those that were being handled when it was raised, up to the first that comes again."""
    found: dict[int, BaseException] = {}
    each: BaseException | None = error
    while each is not None and id(each) not in found:
        found[id(each)] = each
        each = each.__context__
    return list(found.values())
